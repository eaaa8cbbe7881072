//! A training's progress, line by line.

use super::format::{count, percent, plural};
use super::output::Output;
use carrylane::Result;
use carrylane::train::{Event, Observer, Settings, Until};

/// Prints the error as it falls: at updates 1, 2, 4 … 512, then at every fourth power.
#[derive(Debug)]
pub(super) struct Trace<'a> {
    settings: &'a Settings,
    out: &'a mut Output,
    /// Whether it is told that a training for a proof has solved the task.
    solved: bool,
    /// The last update, if it is not shown yet.
    last: Option<Event>,
}

impl<'a> Trace<'a> {
    pub(super) fn of(settings: &'a Settings, out: &'a mut Output) -> Self {
        Self { settings, out, solved: false, last: None }
    }

    /// Removes the bar, and shows the last update.
    pub(super) fn finish(mut self) -> Result<()> {
        self.out.progress_done();
        self.show_last()
    }

    fn show_last(&mut self) -> Result<()> {
        let Some(last @ Event::Update { update, samples, loss, bit_error, .. }) = self.last.take() else {
            return Ok(());
        };
        let (update, samples, wrong) = (count(update), count(samples), percent(bit_error));
        self.out.say(format!("{update:>10} {samples:>13} {loss:>10.4} {wrong:>12}"))?;
        self.out.record("update", &last)
    }
}

impl Observer for Trace<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        let (update, samples, loss, bit_error, seconds) = match *event {
            Event::Update { update, samples, loss, bit_error, seconds } => (update, samples, loss, bit_error, seconds),
            Event::Epoch { epoch, .. } if epoch.is_power_of_two() => return self.out.record("epoch", event),
            Event::Check { update, passed: true }
                if matches!(self.settings.until, Until::Proved { .. }) && !self.solved =>
            {
                self.solved = true;
                let line = format!("{:>10}   solved; it learns on, with noise, until it is proved", count(update));
                return self.out.note(line);
            }
            Event::Epoch { .. } | Event::Check { .. } => return Ok(()),
        };
        self.last = Some(*event);
        if update.is_power_of_two() && (update <= 512 || update.trailing_zeros() % 2 == 1) {
            self.show_last()?;
        }
        // Small nets take 30 µs an update, so the clock is asked rarely.
        let Settings { batch, ref config, until, .. } = *self.settings;
        if update.is_multiple_of(16) || batch * config.hidden > 1 << 16 {
            let (done, total) = match until {
                Until::Solved { budget } | Until::Proved { budget, .. } => (update, budget),
                Until::Updates(updates) => (update, updates),
                Until::Epochs(epochs) => (samples, epochs.saturating_mul(self.settings.set_samples())),
                Until::Time(time) => (millis(seconds), millis(time.as_secs_f64())),
            };
            self.out.progress(done, total, &|| {
                format!("{}, loss {loss:.4}, {} of bits wrong", plural(update, "update"), percent(bit_error))
            });
        }
        Ok(())
    }

    fn checking(&mut self, done: u64, pairs: u64) {
        self.out.progress(done, pairs, &|| format!("check, {} of {} tried", count(done), plural(pairs, "pair")));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of a bar; too large ones saturate")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}
