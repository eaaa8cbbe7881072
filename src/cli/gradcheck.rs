//! `carrylane gradcheck`.

use super::Answer;
use super::args::{HELP, NetFlags, Sizes, VERSION};
use super::format::{Column, count, plural, rows};
use super::output::{BAD, GOOD, Output, fields, mark, styled};
use super::values::levels_of;
use carrylane::notebooks::{DefectRow, gradient_defects};
use carrylane::train::MemoryNeed;
use carrylane::verify::{Comparison, GradcheckGroup, Grid, gradcheck};

/// Check gradients: differences against reference, reference against kernel.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
#[command(mut_arg("hidden", |arg| arg.default_value("1,2,3,8,16,17,64,100")), mut_arg("bits", |arg| arg.default_value("1,2,8,33,64")))]
#[command(mut_arg("batch", |arg| arg.default_value("1,63,64,65,256")), mut_arg("simd", |arg| arg.default_value("all")))]
pub(super) struct Args {
    #[command(flatten)]
    sizes: Sizes,
    #[command(flatten)]
    net: NetFlags,
    /// Show instead what each defect of the notebooks does to the gradient, and mended gradients.
    #[arg(long, conflicts_with_all = ["Sizes", "Net"], help_heading = "Notebooks")]
    defects: bool,
}

const DETAILS: &str = "\
Each gradient is held against the one below it: central differences and the scalar reference in f64, then the kernel \
in f64 and f32 at every level of this machine. The error is that of a whole tensor, relative to its norm; the \
tolerance follows from the lengths of the sums.";

const AFTER_HELP: &str = "\
Examples:
  carrylane gradcheck
  carrylane gradcheck --hidden 16,100 --bits 8 --batch 65 --activation tanh
  carrylane gradcheck --simd avx2 --json | tail -1
  carrylane gradcheck --defects

Exits with 1 if any error is above its tolerance.";

/// The most failures that are printed one by one.
const TOLD: usize = 20;

const COLUMNS: [Column<GradcheckGroup>; 9] = [
    ("<engine", |group| group.kind[0].clone()),
    ("<level", |group| group.kind[1].clone()),
    ("<precision", |group| group.kind[2].clone()),
    ("<against", |group| group.kind[3].clone()),
    ("checks", |group| count(group.comparisons as u64)),
    ("worst error", |group| format!("{:.1e}", group.worst.max_relative_error)),
    ("tolerance", |group| format!("{:.1e}", group.worst.tolerance)),
    ("<", |group| mark(group.failed == 0)),
    ("<worst at", |group| place(&group.worst)),
];

impl Args {
    fn grid(&self) -> carrylane::Result<Grid> {
        let Sizes { hidden, bits, batch, simd, seed } = &self.sizes;
        let configs = hidden.iter().map(|&hidden| self.net.config(hidden)).collect::<carrylane::Result<_>>()?;
        let levels = levels_of(simd)?;
        Ok(Grid { configs, bits: bits.clone(), batches: batch.clone(), levels, seed: *seed })
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    if args.defects {
        return run_defects(out);
    }
    let grid = args.grid()?;
    for config in &grid.configs {
        args.sizes
            .minibatches()
            .try_for_each(|(bits, batch)| MemoryNeed::of_gradcheck(config, bits, batch).afforded())?;
    }
    // A comparison with differences; the fused engine at each level and blas at one, in two
    // precisions.
    let total = grid.configs.len() * grid.bits.len() * grid.batches.len() * (1 + 2 * (grid.levels.len() + 1));
    let (mut failures, mut done) = (Vec::new(), 0_u64);
    let mut printed = Ok(());
    let summary = gradcheck(&grid, |comparison| {
        done += 1;
        out.progress(done, total as u64, &|| place(comparison));
        if printed.is_ok() {
            printed = record(comparison, out);
        }
        if !comparison.ok() && failures.len() < TOLD {
            failures.push(failure(comparison));
        }
    })?;
    out.progress_done();
    printed?;
    out.say(rows(&COLUMNS, &summary.groups))?;
    for line in &failures {
        out.say(line)?;
    }
    let (comparisons, failed, seed) = (summary.comparisons, summary.failed, grid.seed);
    if failed > failures.len() {
        out.say(format!("… and {} more", count((failed - failures.len()) as u64)))?;
    }
    let levels: Vec<String> = grid.levels.iter().map(ToString::to_string).collect();
    let verdict = match failed {
        0 => styled(GOOD, "all within tolerance"),
        n => styled(BAD, format!("{} above tolerance", count(n as u64))),
    };
    out.say(format!("\n{}, {verdict}", plural(comparisons as u64, "comparison")))?;
    let cell = grid.configs.first().map_or(String::new(), |config| config.cell.to_string());
    out.note(format!("{cell} · seed {seed} · {} · carrylane {VERSION}", levels.join(", ")))?;
    let totals = fields! {
        "ok": failed == 0, "comparisons": comparisons, "failed": failed, "levels": levels, "seed": seed
    };
    out.record("summary", &totals)?;
    Ok(Answer::from(failed == 0))
}

/// The JSON line of a comparison.
fn record(c: &Comparison, out: &mut Output) -> carrylane::Result<()> {
    let line = fields! {
        "cell": c.config.cell, "against": c.against, "precision": c.precision,
        "level": c.level.map(|level| level.to_string()), "hidden": c.config.hidden, "bits": c.bits, "batch": c.batch,
        "max_relative_error": c.max_relative_error, "tolerance": c.tolerance, "ok": c.ok(),
        "engine": c.engine.to_string(), "worst": c.worst
    };
    out.record("gradcheck", &line)
}

/// Net, sizes and entry of a comparison.
fn place(c: &Comparison) -> String {
    let entry = c.worst.as_ref().map_or(String::new(), |worst| format!(", {}[{}]", worst.tensor, worst.index));
    format!("hidden {}, {}, batch {}{entry}", c.config.hidden, plural(c.bits as u64, "bit"), c.batch)
}

/// The failure, in a line.
fn failure(c: &Comparison) -> String {
    let level = c.level.map_or(String::new(), |level| format!(" {level}"));
    let values = c.worst.as_ref().map_or(String::new(), |w| format!(" = {:.6e}, expected {:.6e}", w.found, w.expected));
    let (error, tolerance) = (c.max_relative_error, c.tolerance);
    let what = format!("{} {}{level} {}", c.engine, c.precision, c.config.cell);
    format!("{} {what}, {}{values}: error {error:.1e} > {tolerance:.1e}", mark(false), place(c))
}

const DEFECT_COLUMNS: [Column<DefectRow>; 5] = [
    ("<notebook", |defect| defect.notebook.to_owned()),
    ("<defect", |defect| defect.defect.to_owned()),
    ("error with it", |defect| format!("{:.3}", defect.error_with)),
    ("mended", |defect| format!("{:.0e}", defect.error_without)),
    ("<", |defect| mark(is_one(defect))),
];

/// Tolerance of a mended gradient against differences.
const MENDED: f64 = 1e-8;

/// Whether a defect shows in the gradient, and mending removes it.
fn is_one(defect: &DefectRow) -> bool {
    defect.error_without <= MENDED && defect.error_with > 0.01
}

/// What the notebooks' defects do to the gradient.
fn run_defects(out: &mut Output) -> anyhow::Result<Answer> {
    let defects = gradient_defects();
    for defect in &defects {
        let line = fields! {
            "notebook": defect.notebook, "defect": defect.defect, "relative_error_with": defect.error_with,
            "relative_error_without": defect.error_without, "tolerance": MENDED, "ok": is_one(defect)
        };
        out.record("defect", &line)?;
    }
    out.say(rows(&DEFECT_COLUMNS, &defects))?;
    let what = "‖g − differences‖ / ‖differences‖ in f64, on one random net a row; other nets give other sizes";
    out.note(format!("\n{what} · carrylane {VERSION}"))?;
    let all = defects.iter().all(is_one);
    out.record("summary", &fields! { "ok": all, "defects": defects.len() })?;
    Ok(Answer::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_default_grid_is_that_of_the_library() {
        let alone = Alone::parse_from(["gradcheck"]);
        assert_eq!(alone.args.grid().expect("defaults are in range"), Grid::default());
    }
}
