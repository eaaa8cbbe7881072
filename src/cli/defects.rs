//! `carrylane gradcheck --defects`: what the notebooks' defects do to the gradient.

use super::Answer;
use super::args::VERSION;
use super::format::{Column, rows};
use super::output::{Output, fields, mark};
use carrylane::notebooks::{DefectRow, gradient_defects};

const COLUMNS: [Column<DefectRow>; 5] = [
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

pub(super) fn run(out: &mut Output) -> anyhow::Result<Answer> {
    let defects = gradient_defects();
    for defect in &defects {
        let line = fields! {
            "notebook": defect.notebook, "defect": defect.defect, "relative_error_with": defect.error_with,
            "relative_error_without": defect.error_without, "tolerance": MENDED, "ok": is_one(defect)
        };
        out.record("defect", &line)?;
    }
    out.say(rows(&COLUMNS, &defects))?;
    let what = "‖g − differences‖ / ‖differences‖ in f64, on one random net a row; other nets give other sizes";
    out.note(format!("\n{what} · carrylane {VERSION}"))?;
    let all = defects.iter().all(is_one);
    out.record("summary", &fields! { "ok": all, "defects": defects.len() })?;
    Ok(Answer::from(all))
}
