//! The curves of a training as one HTML page that needs no network.

use super::page;
use crate::error::Result;
use crate::files;
use crate::run::{CONFIG, Curves, ENVIRONMENT, REPORT, read_config};
use crate::task::whole::count;
use serde_json::json;
use std::path::Path;

const BODY: &str = include_str!("training.html");
const SCRIPT: &str = include_str!("training.js");

/// The page of a training of `bits` bits. `config` and `environment` are shown as they are.
///
/// # Cost
/// 30 kB, and some 400 bytes a row.
fn html(title: &str, bits: usize, curves: &Curves, config: &str, environment: &str) -> String {
    let about = match (&curves.end, curves.rows.last()) {
        (Some(end), _) => {
            let fault = end.fault.as_ref().map_or(String::new(), |fault| format!(": {fault}"));
            let [updates, wrong, total] = [end.update, end.pairs_wrong, end.pairs_total].map(count);
            let times = Some(end.times.shares()).filter(|shares| !shares.is_empty());
            let times = times.map_or(String::new(), |shares| format!("; of the time {shares}"));
            format!("{} after {updates} updates{fault}; {wrong} of {total} pairs wrong{times}", end.outcome)
        }
        (None, Some(row)) => format!("under way, or interrupted, after {} updates", count(row.update)),
        (None, None) => "not begun".to_owned(),
    };
    let about = format!("{about}; carrylane {}", env!("CARGO_PKG_VERSION"));
    let data = json!({ "bits": bits, "rows": curves.rows, "checks": curves.checks }).to_string();
    page(BODY, title, &about, &data, SCRIPT, &[("config", config), ("environment", environment)])
}

/// Writes the page of a run so far.
pub fn write_training(run: &Path) -> Result<()> {
    let read = |name: &str| files::read_text(&run.join(name), files::TEXT);
    let (config, environment, curves) = (read(CONFIG)?, read(ENVIRONMENT)?, Curves::of(run)?);
    let choices = read_config(&run.join(CONFIG))?;
    let bits = choices.get("bits").and_then(|bits| usize::try_from(bits.as_u64()?).ok());
    let places = curves.rows.last().map_or(0, |row| row.bit_error_by_position.len());
    let page = html(&run.display().to_string(), bits.unwrap_or(places), &curves, &config, &environment);
    files::write(&run.join(REPORT), page.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_no_network_and_holds_what_it_is_given() {
        let curves = Curves { checks: vec![(7, true)], ..Curves::default() };
        let page = html("runs/<x>", 8, &curves, "lr = 0.03 # </pre>", "{}");
        assert!(page.contains("runs/&lt;x&gt;") && page.contains("lr = 0.03 # &lt;/pre&gt;"), "escaped");
        assert!(page.contains(r#"{"bits":8,"checks":[[7,true]],"rows":[]}"#), "the data");
        assert!(!page.contains("src=") && !page.contains("http:") && !page.contains("https:"), "no network");
        assert!(!page.contains("{{"), "nothing is left to fill in");
    }
}
