//! A trained net: from a file, or made on the spot.

use super::args::{Machine, goes_with};
use super::format::{count, duration, plural};
use super::output::Output;
use super::values;
use carrylane::model::file;
use carrylane::model::{Cell, LstmForm, Model};
use carrylane::prove::{IntegerNet, train};
use carrylane::run::{model_path, proved_network, tells_of_proof};
use carrylane::train::{Engine, EngineKind, MemoryNeed, Outcome, Provenance, Settings, Spelling, Trainer};
use clap::Args;
use std::path::PathBuf;

/// The flags that choose a net.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetSource {
    /// Model file, or run folder, of `carrylane train --out DIR` [default: train one on the spot].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Cell of the net that is trained [default: elman].
    #[arg(long, conflicts_with = "model", value_parser = values::words(Cell::ALL))]
    cell: Option<Cell>,
    /// Form of the LSTM that is trained [default: standard].
    #[arg(long, value_name = "FORM", conflicts_with = "model", value_parser = values::words(LstmForm::ALL))]
    lstm_form: Option<LstmForm>,
    /// Key of all random numbers [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed())]
    seed: Option<u64>,
    #[command(flatten)]
    machine: Machine,
}

/// A net ready to answer, and where it comes from.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) engine: Engine<f32>,
    pub(super) stamp: Provenance,
    origin: String,
    pub(super) model: Model<f32>,
    /// The integer network that the training proved.
    pub(super) proved: Option<IntegerNet>,
}

impl NetSource {
    /// The key of all random numbers.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// Reads or trains the net. `random` tells whether the seed also makes additions.
    pub(super) fn get(&self, random: bool, out: &mut Output) -> anyhow::Result<Trained> {
        if self.model.is_some() && !random {
            let what = "random numbers, and there are none: the net is that of --model";
            goes_with(&[("seed", self.seed.is_some())], what)?;
        }
        let (level, threads) = (self.machine.level()?, self.machine.threads()?);
        let (model, origin, proved) = match &self.model {
            Some(path) => {
                let path = &model_path(path);
                let saved = file::load(path)?;
                let note = |name| saved.notes.get(name).map_or("?", String::as_str);
                let samples = note("samples").parse().map_or("?".to_owned(), count);
                let (path, bits, seed) = (path.display(), note("bits"), note("seed"));
                let origin = format!("{path}: {bits} bits, {samples} samples, seed {seed}");
                let proved = proved_network(&saved);
                if proved.is_none() && tells_of_proof(&saved) {
                    let tip = "its proof is not taken on trust; carrylane prove makes it anew";
                    out.warn(&format!("{path} was proved by another version of carrylane, {tip}"));
                }
                (saved.model, origin, proved)
            }
            None => {
                let (cell, form) = (self.cell.map(Cell::name), self.lstm_form.map(LstmForm::name));
                let said = [("cell", cell), ("lstm-form", form)].into_iter();
                let choices = said.filter_map(|(name, word)| Some((name, word?.into()))).collect();
                let settings = Settings::trained(choices, Spelling::Flags)?;
                self.train(Settings { seed: self.seed(), level, threads, ..settings }, out)?
            }
        };
        MemoryNeed::of_answers(&model.config).afforded()?;
        let mut engine = Engine::new(&model.config, EngineKind::Fused, level, threads)?;
        engine.set_params(&model.params);
        let stamp = Provenance::of(&model, level, threads, self.seed());
        Ok(Trained { engine, stamp, origin, model, proved })
    }

    fn train(&self, settings: Settings, out: &Output) -> anyhow::Result<(Model<f32>, String, Option<IntegerNet>)> {
        MemoryNeed::of(&settings).afforded()?;
        let (bits, seed) = (settings.bits, settings.seed);
        let mut trainer = Trainer::new(settings)?;
        let learned = train(&mut trainer, &mut ())?;
        let (report, proved) = (learned.report, learned.proved());
        if report.outcome != Outcome::Solved {
            let (wrong, total) = (report.score.wrong, report.score.total);
            out.warn(&format!("the net trained on the spot gets {wrong} of {total} pairs wrong; try another --seed"));
        }
        let (samples, time) = (plural(report.samples, "sample"), duration(report.seconds));
        let origin = format!("trained on the spot: {bits} bits, {samples}, {time}, seed {seed}");
        let net = learned.proof.filter(|_| proved).map(|proof| proof.net);
        Ok((trainer.model().clone(), origin, net))
    }
}

impl Trained {
    /// The net, and the engine that runs it, in two lines.
    pub(super) fn describe(&self) -> [String; 2] {
        [format!("{}, {}", self.stamp.net(), self.origin), self.stamp.line()]
    }
}
