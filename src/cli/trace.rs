//! A training's progress, line by line.

use super::format::{count, percent, plural};
use super::output::Output;
use super::sparkline::sparkline;
use carrylane::train::{Event, Settings, Until, has_row};

/// The error as it falls: at updates 1, 2, 4 … 512, then at every fourth power.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The last update shown.
    shown: u64,
    last: Option<Event>,
    /// Losses at the updates that curves are made of.
    losses: Vec<f64>,
}

impl Trace {
    /// The trace of a training that had these losses before.
    pub(super) fn after(losses: Vec<f64>) -> Self {
        Self { losses, ..Self::default() }
    }

    /// The loss as a line of blocks; `None` for a training too short.
    pub(super) fn curve(&self) -> Option<String> {
        let last = match self.last {
            Some(Event::Update { update, loss, .. }) if !has_row(update) => Some(loss),
            _ => None,
        };
        let losses: Vec<f64> = self.losses.iter().copied().chain(last).collect();
        let (first, last) = (losses.first()?, losses.last()?);
        Some(format!("loss {} {first:.4} to {last:.4}", sparkline(&losses)?))
    }

    /// Shows an event, if it is one to show.
    pub(super) fn show(&mut self, event: &Event, settings: &Settings, out: &mut Output) -> carrylane::Result<()> {
        let (update, samples, loss, bit_error, seconds) = match *event {
            Event::Update { update, samples, loss, bit_error, seconds } => (update, samples, loss, bit_error, seconds),
            Event::Epoch { epoch, .. } if epoch.is_power_of_two() => return out.record("epoch", event),
            Event::Epoch { .. } | Event::Check { .. } => return Ok(()),
        };
        self.last = Some(*event);
        if has_row(update) {
            self.losses.push(loss);
        }
        if update.is_power_of_two() && (update <= 512 || update.trailing_zeros() % 2 == 1) {
            self.show_last(out)?;
        }
        // Small nets take 30 µs an update, so the clock is asked rarely.
        if update.is_multiple_of(16) || settings.batch * settings.config.hidden > 1 << 16 {
            let (done, total) = match settings.until {
                Until::Solved { budget } | Until::Proved { budget, .. } => (update, budget),
                Until::Updates(updates) => (update, updates),
                Until::Epochs(epochs) => (samples, epochs.saturating_mul(settings.set_samples())),
                Until::Time(time) => (millis(seconds), millis(time.as_secs_f64())),
            };
            out.progress(done, total, || {
                format!("{}, loss {loss:.4}, {} of bits wrong", plural(update, "update"), percent(bit_error))
            });
        }
        Ok(())
    }

    /// Shows the last update, if it is not shown yet.
    pub(super) fn show_last(&mut self, out: &mut Output) -> carrylane::Result<()> {
        let Some(last @ Event::Update { update, samples, loss, bit_error, .. }) = self.last else { return Ok(()) };
        if update <= self.shown {
            return Ok(());
        }
        self.shown = update;
        let (update, samples, wrong) = (count(update), count(samples), percent(bit_error));
        out.say(format!("{update:>10} {samples:>13} {loss:>10.4} {wrong:>12}"))?;
        out.record("update", &last)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of a bar; too large ones saturate")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}
