//! `carrylane gradcheck --defects`: what the notebooks' defects do to the gradient.

use super::Answer;
use super::args::VERSION;
use super::format::{table, text};
use super::output::{FAINT, Output, mark, styled};
use carrylane::notebooks::gradient_defects;
use serde::Serialize;

/// The error a mended gradient may have against differences.
const MENDED: f64 = 1e-8;

/// A JSON line for each defect.
#[derive(Debug, Serialize)]
struct Record<'a> {
    notebook: &'a str,
    defect: &'a str,
    relative_error_with: f64,
    relative_error_without: f64,
    tolerance: f64,
    ok: bool,
}

/// The last JSON line.
#[derive(Debug, Serialize)]
struct Totals {
    ok: bool,
    defects: usize,
    version: &'static str,
}

pub(super) fn run(out: &mut Output) -> anyhow::Result<Answer> {
    let rows = gradient_defects();
    let mut shown = table(&["notebook", "defect", "error with it", "mended", ""], &[0, 1, 4]);
    let mut all = true;
    for row in &rows {
        // A defect that did no harm would be none: it has to be seen, and to be gone when mended.
        let ok = row.error_without <= MENDED && row.error_with > 0.01;
        all &= ok;
        let errors = [format!("{:.3}", row.error_with), format!("{:.0e}", row.error_without)];
        let [with, without] = errors;
        shown.add_row([row.notebook.to_owned(), row.defect.to_owned(), with, without, mark(ok)]);
        out.record(
            "defect",
            &Record {
                notebook: row.notebook,
                defect: row.defect,
                relative_error_with: row.error_with,
                relative_error_without: row.error_without,
                tolerance: MENDED,
                ok,
            },
        )?;
    }
    out.say(text(&shown))?;
    let what = "‖g − differences‖ / ‖differences‖ in f64, on one random net a row; other nets give other sizes";
    out.say(styled(FAINT, format!("\n{what} · carrylane {VERSION}")))?;
    out.record("summary", &Totals { ok: all, defects: rows.len(), version: VERSION })?;
    Ok(Answer::from(all))
}
