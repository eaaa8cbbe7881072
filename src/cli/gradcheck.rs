//! `carrylane gradcheck`.

use super::Answer;
use super::args::{HELP, Net, VERSION};
use super::defects;
use super::format::{count, plural, table, text};
use super::output::{BAD, FAINT, GOOD, Output, mark, styled};
use super::values::{self, Simd};
use carrylane::model::MAX_HIDDEN;
use carrylane::train::{MAX_BATCH, MAX_BITS, Need};
use carrylane::verify::{Comparison, Grid, Worst, gradcheck};
use serde::Serialize;

/// Check gradients: differences against reference, reference against kernel.
#[derive(Debug, clap::Args)]
#[command(help_template = HELP, before_help = DETAILS, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Hidden sizes.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_HIDDEN),
        default_value = "1,2,3,8,16,17,64,100",
        help_heading = "Grid"
    )]
    hidden: Vec<usize>,
    /// Widths in bits.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_BITS),
        default_value = "1,2,8,33,64",
        help_heading = "Grid"
    )]
    bits: Vec<usize>,
    /// Additions in a minibatch.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = values::upto::<usize>(MAX_BATCH),
        default_value = "1,63,64,65,256",
        help_heading = "Grid"
    )]
    batch: Vec<usize>,
    /// Levels; `auto` is the best and `all` every one of this machine.
    #[arg(
        long, value_name = "LIST", value_delimiter = ',', value_parser = values::levels(), default_value = "all",
        help_heading = "Grid"
    )]
    simd: Vec<Simd>,
    /// Key of the random nets and additions.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = values::seed(), default_value = "0", help_heading = "Grid")]
    seed: u64,
    #[command(flatten)]
    net: Net,
    /// Show instead what each defect of the notebooks does to the gradient, and the gradient mended.
    #[arg(long, conflicts_with_all = ["hidden", "bits", "batch", "simd", "seed", "Net"], help_heading = "Notebooks")]
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

/// The most failures that are told one by one.
const TOLD: usize = 20;

/// A JSON line for each comparison.
#[derive(Debug, Serialize)]
struct Record<'a> {
    cell: String,
    against: String,
    precision: String,
    level: Option<String>,
    hidden: usize,
    bits: usize,
    batch: usize,
    max_relative_error: f64,
    tolerance: f64,
    ok: bool,
    engine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<Entry<'a>>,
}

/// The entry that is furthest off.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    tensor: &'a str,
    index: usize,
    found: f64,
    expected: f64,
}

/// The last JSON line.
#[derive(Debug, Serialize)]
struct Totals {
    ok: bool,
    comparisons: usize,
    failed: usize,
    levels: Vec<String>,
    seed: u64,
    version: &'static str,
}

impl<'a> From<&'a Comparison> for Record<'a> {
    fn from(c: &'a Comparison) -> Self {
        Self {
            cell: c.config.cell.to_string(),
            against: c.against.to_string(),
            precision: c.precision.to_string(),
            level: c.level.map(|level| level.to_string()),
            hidden: c.config.hidden,
            bits: c.bits,
            batch: c.batch,
            max_relative_error: c.max_relative_error,
            tolerance: c.tolerance,
            ok: c.ok(),
            engine: c.engine.to_string(),
            worst: c.worst.as_ref().map(|&Worst { tensor, index, found, expected }| Entry {
                tensor,
                index,
                found,
                expected,
            }),
        }
    }
}

/// Comparisons of one kind, and the one that came closest to its tolerance, or furthest beyond.
#[derive(Debug)]
struct Group {
    kind: [String; 4],
    comparisons: u64,
    failed: u64,
    worst: Comparison,
}

impl Args {
    fn grid(&self) -> carrylane::Result<Grid> {
        Ok(Grid {
            configs: self.hidden.iter().map(|&hidden| self.net.config(hidden)).collect::<carrylane::Result<_>>()?,
            bits: self.bits.clone(),
            batches: self.batch.clone(),
            levels: Simd::resolve(&self.simd)?,
            seed: self.seed,
        })
    }
}

pub(super) fn run(args: &Args, out: &mut Output) -> anyhow::Result<Answer> {
    if args.defects {
        return defects::run(out);
    }
    let grid = args.grid()?;
    for config in &grid.configs {
        for (&bits, &batch) in grid.bits.iter().flat_map(|bits| grid.batches.iter().map(move |batch| (bits, batch))) {
            Need::of_gradcheck(config, bits, batch).afforded()?;
        }
    }
    // A comparison with differences; the fused engine at each level and blas at one, in two precisions.
    let total = grid.configs.len() * grid.bits.len() * grid.batches.len() * (1 + 2 * (grid.levels.len() + 1));
    let (mut groups, mut failures, mut done) = (Vec::<Group>::new(), Vec::new(), 0_u64);
    let mut printed = Ok(());
    let summary = gradcheck(&grid, |comparison| {
        done += 1;
        out.progress(done, total as u64, || place(comparison));
        if printed.is_ok() {
            printed = out.record("gradcheck", &Record::from(comparison));
        }
        collect(&mut groups, comparison);
        if !comparison.ok() && failures.len() < TOLD {
            failures.push(failure(comparison));
        }
    })?;
    out.progress_done();
    printed?;
    out.say(text_of(&groups))?;
    for line in &failures {
        out.say(line)?;
    }
    if summary.failed > failures.len() {
        out.say(format!("… and {} more", count((summary.failed - failures.len()) as u64)))?;
    }
    let levels: Vec<String> = grid.levels.iter().map(ToString::to_string).collect();
    let verdict = match summary.failed {
        0 => styled(GOOD, "all within tolerance"),
        n => styled(BAD, format!("{} above tolerance", count(n as u64))),
    };
    out.say(format!("\n{}, {verdict}", plural(summary.comparisons as u64, "comparison")))?;
    let cell = grid.configs.first().map_or(String::new(), |config| config.cell.to_string());
    out.say(styled(FAINT, format!("{cell} · seed {} · {} · carrylane {VERSION}", grid.seed, levels.join(", "))))?;
    let ok = summary.failed == 0;
    let (comparisons, failed, seed) = (summary.comparisons, summary.failed, grid.seed);
    out.record("summary", &Totals { ok, comparisons, failed, levels, seed, version: VERSION })?;
    Ok(Answer::from(ok))
}

fn collect(groups: &mut Vec<Group>, comparison: &Comparison) {
    let level = comparison.level.map_or_else(|| "–".into(), |level| level.to_string());
    let (engine, against) = (comparison.engine.to_string(), comparison.against.to_string());
    let kind = [engine, level, comparison.precision.to_string(), against];
    let Some(group) = groups.iter_mut().find(|group| group.kind == kind) else {
        groups.push(Group { kind, comparisons: 1, failed: u64::from(!comparison.ok()), worst: comparison.clone() });
        return;
    };
    group.comparisons += 1;
    group.failed += u64::from(!comparison.ok());
    let severity = |c: &Comparison| c.max_relative_error / c.tolerance;
    if severity(comparison).total_cmp(&severity(&group.worst)).is_gt() {
        group.worst = comparison.clone();
    }
}

fn text_of(groups: &[Group]) -> String {
    let header = ["engine", "level", "precision", "against", "checks", "worst error", "tolerance", "", "worst at"];
    let mut rows = table(&header, &[0, 1, 2, 3, 7, 8]);
    for group in groups {
        let mut row: Vec<String> = group.kind.to_vec();
        let worst = &group.worst;
        let errors = [worst.max_relative_error, worst.tolerance].map(|error| format!("{error:.1e}"));
        row.push(count(group.comparisons));
        row.extend(errors);
        row.extend([mark(group.failed == 0), place(worst)]);
        rows.add_row(row);
    }
    text(&rows)
}

/// Net, sizes and entry of a comparison.
fn place(c: &Comparison) -> String {
    let entry = c.worst.as_ref().map_or(String::new(), |worst| format!(", {}[{}]", worst.tensor, worst.index));
    format!("hidden {}, {}, batch {}{entry}", c.config.hidden, plural(c.bits as u64, "bit"), c.batch)
}

/// What went wrong, in a line.
fn failure(c: &Comparison) -> String {
    let level = c.level.map_or(String::new(), |level| format!(" {level}"));
    let values = c.worst.as_ref().map_or(String::new(), |w| format!(" = {:.6e}, expected {:.6e}", w.found, w.expected));
    let (error, tolerance) = (c.max_relative_error, c.tolerance);
    let what = format!("{} {}{level} {}", c.engine, c.precision, c.config.cell);
    format!("{} {what}, {}{values}: error {error:.1e} > {tolerance:.1e}", mark(false), place(c))
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
