//! `carrylane prove`.

use super::args::{HELP, Machine, VERSION};
use super::format::{Column, at_least, count, duration, plural, rate, rows};
use super::output::{GOOD, Output, STRONG, fields, styled};
use super::proof::{afforded, automaton_table, tell};
use super::{Answer, values};
use carrylane::model::file::{self, Saved};
use carrylane::prove::{
    Certificate, Checked, CheckedCertificate, CheckedFloat, Findings, FixedPoint, FloatProof, MAX_Q, MAX_STATES,
    Theorem, WEIGHT_BITS, WalkSummary, prove,
};
use carrylane::report::automaton_svg;
use carrylane::run::model_path;
use carrylane::train::{Engine, EngineKind, Provenance};
use carrylane::{Error, Result, files};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Prove that a net adds correctly at every bit width.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Model file, or run folder, of `carrylane train --out DIR`.
    #[arg(value_name = "MODEL", required_unless_present = "check")]
    model: Option<PathBuf>,
    /// Fractional bits of the carried state, 0 to 6, for an LSTM to 4 [default: the first that is
    /// proved].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::whole::<u32>(0..=MAX_Q.into()), help_heading = "Proof")]
    q: Option<u32>,
    /// Largest c of a standard LSTM [default: 2, then as large as a byte holds].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<u8>(255), help_heading = "Proof")]
    cell_limit: Option<u8>,
    /// Give a format up after this many states.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_STATES), default_value = "1000000", help_heading = "Proof")]
    max_states: usize,
    /// Check a certificate instead, by independent code; with MODEL, also that it belongs to it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["q", "cell_limit", "max_states", "simd", "certificate", "svg", "float_certificate"], help_heading = "Proof")]
    check: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    /// Write the certificate of the integer network's proof; - is standard output, here and below.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    certificate: Option<PathBuf>,
    /// Write the certificate of the floats' proof.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    float_certificate: Option<PathBuf>,
    /// Write the proved theorems, and the theory they rest on, for the Coq proof assistant.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    coq: Option<PathBuf>,
    /// Draw the carry automaton.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    svg: Option<PathBuf>,
}

const DETAILS: &str = "\
Two theorems are tried. The floats: boxes of states are grown until every step leads from box to box with the right answer; then the net \
itself adds correctly at every bit width, wherever it runs, as long as no value in a step is off by more than ε times one plus its terms' magnitudes. \
The integer network: rounded to fixed point, a net is a finite machine. This walks every state it can reach, with the carry that is true there, \
under all inputs: if every answer is right, the integer network adds correctly at every bit width; if one is wrong, the path to it is \
the shortest addition that goes wrong. `carrylane add` runs the floats where they are proved, else the proved integer network.";

const AFTER_HELP: &str = "\
Examples:
  carrylane train --out run && carrylane prove run
  carrylane prove run --certificate run/model.proof --svg carry.svg
  carrylane prove --check run/model.proof
  carrylane prove run --coq theorem && cd theorem && coqc Theory.v && coqc Net.v

Exits with 0 if either theorem is proved (or the certificate holds), else with 1, with 65 for a certificate that does not hold.";

const COLUMNS: [Column<WalkSummary>; 6] = [
    ("q", |walk| walk.q.to_string()),
    ("c up to", |walk| if walk.cell_limit == u8::MAX { "a byte".into() } else { walk.cell_limit.to_string() }),
    ("<verdict", |walk| walk.verdict.to_string()),
    ("states", |walk| count(walk.states as u64)),
    ("depth", |walk| walk.depth.to_string()),
    ("transitions/s", |walk| rate(walk.transitions_per_s)),
];

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (level, threads) = (args.machine.level()?, args.machine.threads()?);
    if let Some(certificate) = &args.check {
        return check_file(certificate, args, out);
    }
    let path = &model_path(args.model.as_deref().expect("clap asks for it"));
    args.writes(&[path], out)?;
    let saved = file::load(path)?;
    let (model, config) = (&saved.model, saved.model.config);
    let formats = FixedPoint::chosen(&config, args.q, args.cell_limit)?;
    let stamp = Provenance::of(model, level, threads, seed(&saved));
    let max_states = afforded(args.max_states, &config, out)?;
    let (mut walks, mut printed) = (Vec::new(), Ok(()));
    let proof = prove(model, &formats, max_states, |proof| {
        let walk = WalkSummary::from(proof);
        if printed.is_ok() {
            printed = out.record("walk", &walk);
        }
        walks.push(walk);
    });
    let proof = proof.map_err(|error| Error::data(path, error.to_string()))?;
    printed?;
    out.say(format!("{} · {}", styled(STRONG, stamp.net()), path.display()))?;
    // The limit of c is shown where there is a choice.
    let limited = FixedPoint::has_limit(&config);
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(title, _)| limited || *title != "c up to").collect();
    out.say(format!("{}\n", rows(&columns, &walks)))?;
    let mut engine = Engine::new(&config, EngineKind::Fused, level, threads)?;
    engine.set_params(&model.params);
    let found = Findings::of(&proof, FloatProof::of(model), &mut engine).searched(&mut engine);
    args.keep(&found, out)?;
    tell(&found, out)?;
    if let Some(machine) = &found.automaton {
        automaton_table(machine, out)?;
    }
    let (made, time) = (plural(found.walk.transitions, "transition"), duration(found.walk.seconds));
    let per_s = found.walk.transitions_per_s;
    out.note(format!("{made} in {time}, {} transitions/s · network {}", rate(per_s), found.network_hash))?;
    out.note(stamp.line())?;
    if let Some(folder) = &args.coq {
        let floats = found.float_proof.as_ref().ok().map(FloatProof::certificate);
        let certificates = found.certificate.as_ref().map(Certificate::bytes).into_iter().chain(floats);
        keep_theorems(folder, &certificates.map(Theorem::of).collect::<Vec<_>>(), out)?;
    }
    let summary = fields! {
        "verdict": found.walk.verdict, "q": found.walk.q, "states": found.walk.states,
        "transitions_per_s": per_s, "network_hash": found.network_hash
    };
    out.record_with("summary", &summary, &stamp)?;
    Ok(Answer::from(found.proved()))
}

impl Args {
    /// Checks the files to write, and makes their folder.
    fn writes(&self, inputs: &[impl AsRef<Path>], out: &mut Output) -> Result<()> {
        let files = [&self.certificate, &self.float_certificate, &self.svg];
        let files = files.into_iter().flatten().cloned();
        let theorem = self.coq.iter().flat_map(|folder| Theorem::paths(folder));
        out.writes(inputs, &files.chain(theorem).collect::<Vec<_>>())?;
        self.coq.as_deref().map_or(Ok(()), files::make_folder)
    }

    /// Writes the files that were asked for, if there is something to write.
    fn keep(&self, found: &Findings, out: &mut Output) -> Result<()> {
        let picture = found.automaton.as_ref().map(|it| automaton_svg(it).into_bytes());
        let unproved = "that is not proved, so there is no certificate";
        let unseen = "no automaton without all states, see carrylane explain";
        let integer = found.certificate.as_ref().map(|it| it.bytes().to_vec());
        let floats = found.float_proof.as_ref().ok().map(|it| it.certificate().to_vec());
        for (path, bytes, missing) in [
            (&self.certificate, integer, unproved),
            (&self.float_certificate, floats, unproved),
            (&self.svg, picture, unseen),
        ] {
            match (path, bytes) {
                (Some(path), Some(bytes)) => out.file(path, &bytes)?,
                (Some(path), None) => out.warn(&format!("{missing}: {} is not written", path.display())),
                (None, _) => {}
            }
        }
        Ok(())
    }
}

/// Writes the theorems, if there are any, to a folder.
fn keep_theorems(folder: &Path, theorems: &[Theorem], out: &mut Output) -> Result<()> {
    let shown = folder.display();
    if theorems.is_empty() {
        out.warn(&format!("nothing is proved, so there is no theorem: nothing is written to {shown}"));
    }
    for theorem in theorems {
        theorem.save(folder)?;
        out.note(format!("theorem in {shown}; there, {} checks it", theorem.commands()))?;
    }
    Ok(())
}

/// The seed in a model's notes.
pub(super) fn seed(saved: &Saved) -> u64 {
    saved.notes.get("seed").and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

/// Checks a certificate, and that it belongs to the model.
fn check_file(path: &Path, args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let inputs = [Some(path.to_owned()), args.model.as_deref().map(model_path)];
    args.writes(&inputs.into_iter().flatten().collect::<Vec<_>>(), out)?;
    let started = Instant::now();
    let certificate = Certificate::read(path)?;
    let checked = CheckedCertificate::of(&certificate).map_err(|problem| Error::data(path, problem))?;
    if let Some(model) = &args.model
        && !checked.is_of(&file::load(&model_path(model))?.model)
    {
        let problem = format!("it is a certificate, but of another model than {}", model.display());
        return Err(Error::data(path, problem).into());
    }
    let (who, details, hash, mut line) = match &checked {
        CheckedCertificate::Network(Checked { hidden, q, states, depth, margin, network_hash, .. }) => {
            let margin = *margin as f64 / f64::from(1_u32 << (WEIGHT_BITS + q));
            let details = format!("q = {q}, {}, depth {depth}, least margin {margin:.3}", plural(*states, "state"));
            let line = fields! {
                "holds": true, "q": q, "hidden": hidden, "states": states, "depth": depth, "margin": margin,
                "network_hash": network_hash
            };
            (
                "integer network".to_owned(),
                format!("{hidden} hidden, {details}"),
                format!("network {network_hash}"),
                line,
            )
        }
        CheckedCertificate::Floats(CheckedFloat { hidden, boxes, epsilon, margin, room, net_hash }) => {
            let who = format!("net, evaluated in floats within ε = {},", at_least(*epsilon));
            let line = fields! {
                "holds": true, "floats": true, "epsilon": epsilon, "hidden": hidden, "boxes": boxes,
                "margin": margin, "room": room, "net_hash": net_hash
            };
            (who, format!("{hidden} hidden, {boxes} boxes, least margin {margin:.3}"), format!("net {net_hash}"), line)
        }
    };
    let holds = styled(GOOD, format!("holds: the {who} adds correctly at every bit width"));
    out.say(format!("{holds} ({details})"))?;
    out.note(format!("{hash} · {} · carrylane {VERSION}", path.display()))?;
    if let Some(folder) = &args.coq {
        keep_theorems(folder, &[Theorem::of(&certificate)], out)?;
    }
    line.0.extend(fields! { "certificate": path, "seconds": started.elapsed().as_secs_f64() }.0);
    out.record("summary", &line)?;
    Ok(Answer::Yes)
}
