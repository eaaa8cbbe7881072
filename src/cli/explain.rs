//! `carrylane explain`.

use super::Answer;
use super::args::{HELP, Machine};
use super::format::{Column, percent, rows};
use super::output::{Output, STRONG, fields, styled};
use super::proof::{afforded, automaton_table, tell};
use super::prove::seed;
use super::values;
use carrylane::files;
use carrylane::model::file;
use carrylane::prove::{Automaton, Explanation, Findings, FixedPoint, FloatProof, Unit, Verdict, Walk, explain, prove};
use carrylane::report::{automaton_svg, states_svg};
use carrylane::run::model_path;
use carrylane::train::{Engine, EngineKind, Provenance};
use carrylane::{Error, Result};
use std::path::{Path, PathBuf};

/// Show what a net has learned: where it keeps the carry, and the smallest machine that does the
/// same.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Model file, or run folder, of `carrylane train --out DIR`.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Give up after this many states.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(1 << 22), default_value = "200000", help_heading = "Proof")]
    max_states: usize,
    #[command(flatten)]
    machine: Machine,
    /// Write automaton.svg and states.svg to this folder.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  carrylane explain run/model.safetensors
  carrylane explain run/model.safetensors --out pictures

States are those of the integer network that is proved, or of the finest one tried; states.svg frames the boxes of the floats' proof. \
The machine of a refuted net has its errors too, and the states along its shortest failing addition \
are shown. Exits with 1 unless the net is proved.";

/// Names of the pictures.
const PICTURES: [&str; 2] = ["automaton.svg", "states.svg"];

const COLUMNS: [Column<Unit>; 4] = [
    ("unit", |unit| unit.unit.to_string()),
    ("<", |unit| unit.value.to_owned()),
    ("correlation with the carry", |unit| format!("{:+.3}", unit.correlation)),
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 20")]
    ("<", |unit| "━".repeat((unit.correlation.abs() * 20.0).round() as usize)),
];

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (level, threads) = (args.machine.level()?, args.machine.threads()?);
    let path = &model_path(&args.model);
    let pictures = args.out.iter().flat_map(|folder| PICTURES.map(|name| folder.join(name))).collect::<Vec<_>>();
    out.writes(&[path], &pictures)?;
    let saved = file::load(path)?;
    let (config, seed) = (saved.model.config, seed(&saved));
    let stamp = Provenance::of(&saved.model, level, threads, seed);
    let max_states = afforded(args.max_states, &config, out)?;
    let proof = prove(&saved.model, &FixedPoint::all(&config), max_states, |_| {});
    let proof = proof.map_err(|error| Error::data(path, error.to_string()))?;
    out.say(format!("{} · {}", styled(STRONG, stamp.net()), path.display()))?;
    let mut engine = Engine::new(&config, EngineKind::Fused, level, threads)?;
    engine.set_params(&saved.model.params);
    let found = Findings::of(&proof, FloatProof::of(&saved.model), &mut engine);
    tell(&found, out)?;

    let explanation = explain(&proof.net, seed);
    tell_units(&explanation, config.hidden, out)?;
    let machine = found.automaton.or_else(|| Automaton::of(&Walk::past_errors(&proof.net, max_states)));
    match &machine {
        Some(machine) => automaton_table(machine, out)?,
        None => {
            out.say(format!("carry automaton: not all states were seen within --max-states {}", args.max_states))?
        }
    }
    let failing_path = machine.as_ref().zip(proof.failing_inputs()).map(|(machine, inputs)| machine.path(&inputs));
    if let Some(path) = &failing_path {
        let states: Vec<String> = path.iter().map(usize::to_string).collect();
        out.say(format!("the failing addition leads through the states {}", states.join(" → ")))?;
    }
    if let Some(folder) = &args.out {
        let areas = found.float_proof.map_or(Vec::new(), |proof| explanation.areas(&proof));
        keep(folder, machine.as_ref(), &states_svg(&explanation, &areas))?;
        out.say(format!("pictures in {}", folder.display()))?;
    }
    out.note(stamp.line())?;
    let summary = fields! {
        "verdict": found.walk.verdict, "q": found.walk.q, "automaton_states": machine.as_ref().map(Automaton::states),
        "full_adder": machine.as_ref().is_some_and(Automaton::is_full_adder), "failing_path": failing_path,
        "variance_shares": explanation.shares, "network_hash": found.network_hash
    };
    out.record_with("summary", &summary, &stamp)?;
    Ok(Answer::from(proof.verdict == Verdict::Proved))
}

/// Prints the carried values that tell the carry, the clearest first.
fn tell_units(explanation: &Explanation, hidden: usize, out: &mut Output) -> Result<()> {
    const SHOWN: usize = 16;
    let units = explanation.units(hidden);
    units.iter().try_for_each(|unit| out.record("unit", unit))?;
    out.say(format!("\n{}", rows(&COLUMNS, units.iter().take(SHOWN))))?;
    let [one, two] = explanation.shares.map(percent);
    out.say(format!("principal components of the states: {one} and {two} of the variance\n"))
}

fn keep(folder: &Path, machine: Option<&Automaton>, picture: &str) -> Result<()> {
    let [svg, states] = PICTURES.map(|name| folder.join(name));
    files::make_folder(folder)?;
    if let Some(machine) = machine {
        files::write(&svg, automaton_svg(machine).as_bytes())?;
    }
    files::write(&states, picture.as_bytes())
}
