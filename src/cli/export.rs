//! `carrylane export`.

use super::Answer;
use super::args::{HELP, VERSION, goes_with};
use super::output::{Output, STRONG, fields, styled};
use super::values;
use carrylane::exchange::{Evidence, FileFormat, to_bytes};
use carrylane::model::file::{self, Saved};
use carrylane::model::{Model, config_hash, weights_hash};
use carrylane::prove::FloatProof;
use carrylane::run::model_path;
use carrylane::train::{EngineKind, MAX_BATCH, MAX_BITS};
use std::path::{Path, PathBuf};

/// Write a net for PyTorch, numpy or an ONNX runtime.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Model file, or run folder, of `carrylane train --out DIR`.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Format of the file.
    #[arg(long, value_parser = values::words(FileFormat::ALL), help_heading = "Output")]
    format: FileFormat,
    /// File to write; - is standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    /// Add to an npz a minibatch, with outputs, loss and gradients in f32 and f64.
    #[arg(long, help_heading = "Gradients")]
    gradients: bool,
    /// Width of the minibatch's additions [default: 8].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BITS), requires = "gradients", help_heading = "Gradients")]
    bits: Option<usize>,
    /// Additions in the minibatch [default: 64].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::upto::<usize>(MAX_BATCH), requires = "gradients", help_heading = "Gradients")]
    batch: Option<usize>,
    /// Key of the minibatch's random stream [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), requires = "gradients", help_heading = "Gradients")]
    seed: Option<u64>,
    /// Engine that computes the gradients [default: fused].
    #[arg(long, value_name = "NAME", value_parser = values::words(EngineKind::ALL), requires = "gradients", help_heading = "Gradients")]
    engine: Option<EngineKind>,
    /// Instruction set of the engine [default: auto, the best of this machine].
    #[arg(long, value_name = "LEVEL", value_parser = values::levels(&["auto"]), requires = "gradients", help_heading = "Gradients")]
    simd: Option<String>,
}

const DETAILS: &str = "\
safetensors-torch: the state dict of a module with self.rnn = nn.RNN(2, H) or nn.LSTM(2, H) and self.out = \
nn.Linear(H, 1). npz: w_ih, w_hh, b_h, w_ho, b_o as carrylane has them, h = φ(x @ w_ih + h @ w_hh + b_h), and the \
config as bytes of JSON. onnx: x [batch, bits, 2] to y [batch, bits], least significant bit first, any sizes.";

const AFTER_HELP: &str = "\
Examples:
  carrylane export run/model.safetensors --format onnx -o net.onnx
  carrylane export run/model.safetensors --format safetensors-torch -o torch.safetensors
  carrylane export run/model.safetensors --format npz -o net.npz --gradients --bits 8 --batch 64";

/// Prints what was written to a file.
pub(super) fn tell(
    kind: &str,
    path: &Path,
    format: FileFormat,
    saved: &Saved,
    out: &mut Output,
) -> carrylane::Result<()> {
    let Model { config, params } = &saved.model;
    let (format, path, cell, hidden) = (format.to_string(), path.display().to_string(), config.cell, config.hidden);
    let (config_hash, weights_hash) = (config_hash(config), weights_hash(config, params));
    out.say(format!("{}, written to {path}", styled(STRONG, format!("{cell}, {hidden} hidden"))))?;
    let line = format!("{format} · config {config_hash} · weights {weights_hash} · carrylane {VERSION}");
    out.note(line)?;
    let line = fields! {
        "format": format, "path": path, "cell": cell, "hidden": hidden, "config_hash": config_hash,
        "weights_hash": weights_hash
    };
    out.record(kind, &line)
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    let (bits, batch) = (args.bits.unwrap_or(8), args.batch.unwrap_or(64));
    if args.format != FileFormat::Npz {
        goes_with(&[("gradients", args.gradients)], format!("--format npz, the format is {}", args.format))?;
    }
    let model = model_path(&args.model);
    out.writes(&[&model], &[&args.output])?;
    let mut saved = file::load(&model)?;
    if let Ok(proof) = FloatProof::instantly(&saved.model) {
        let epsilon = format!("{:?}", proof.checked.epsilon);
        saved.notes.extend([("float_certificate".into(), proof.hash()), ("float_epsilon".into(), epsilon)]);
    }
    let evidence = if args.gradients {
        let level = values::level_of(args.simd.as_deref())?;
        let engine = args.engine.unwrap_or(EngineKind::Fused);
        Some(Evidence::new(&saved.model, bits, batch, args.seed.unwrap_or(0), engine, level)?)
    } else {
        None
    };
    out.file(&args.output, &to_bytes(args.format, &saved, evidence.as_ref())?)?;
    tell("export", &args.output, args.format, &saved, out)?;
    Ok(Answer::Yes)
}
