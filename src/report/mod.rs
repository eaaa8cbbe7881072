//! A sweep as one HTML page that needs no network; a single training likewise; pictures of what a
//! net has learned.
//!
//! The page holds its trials as columns of JSON, plotly.js as the `plotly` crate ships it, and the
//! scripts of this folder, which compute every chart from the trials that pass the filters. Shares
//! come with Wilson's intervals; nothing is averaged here that the page cannot take apart again.

mod columns;
mod picture;
mod training;

pub use picture::{automaton_svg, states_svg};
pub use training::write_training;

use crate::sweep::Results;
use crate::task::whole::count;
use crate::train::Times;
use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::sync::OnceLock;

/// What every page has around its own part.
const HEAD: &str = include_str!("head.html");
const FOOT: &str = include_str!("foot.html");
const STYLE: &str = include_str!("page.css");
const LOOK: &str = include_str!("look.js");

const BODY: &str = include_str!("page.html");
const SCRIPTS: [&str; 5] = [
    include_str!("stats.js"),
    include_str!("trials.js"),
    include_str!("filters.js"),
    include_str!("charts.js"),
    include_str!("page.js"),
];

/// The page of some results.
///
/// # Cost
/// 2.2 MB of plotly.js, and some 200 bytes a trial.
pub fn html(title: &str, results: &Results) -> String {
    let records = results.records();
    let missing = match results.missing() {
        0 => String::new(),
        n => format!(", {} more are missing", count(n as u64)),
    };
    let mut times = Times::default();
    records.iter().for_each(|record| times += record.machine.times);
    let times = Some(times.shares()).filter(|shares| !shares.is_empty());
    let times = times.map_or(String::new(), |shares| format!("; of their time {shares}"));
    let about =
        format!("{} trials{missing}{times}; carrylane {}", count(records.len() as u64), env!("CARGO_PKG_VERSION"));
    page(BODY, title, &about, &columns::json(&records), &SCRIPTS.concat(), &[])
}

/// A page of its own part, the JSON its scripts read, the scripts, and what else the part names.
fn page(body: &str, title: &str, about: &str, data: &str, scripts: &str, more: &[(&str, &str)]) -> String {
    let mut parts = vec![
        ("style", STYLE.to_owned()),
        ("title", escaped(title)),
        ("about", escaped(about)),
        // Scripts end at the first `</`, whatever it stands in.
        ("data", data.replace("</", "<\\/")),
        ("plotly", plotly_js().to_owned()),
        ("script", [LOOK, scripts].concat()),
    ];
    parts.extend(more.iter().map(|(name, text)| (*name, escaped(text))));
    fill(&[HEAD, body, FOOT].concat(), &parts)
}

/// The template with each `{{name}}` replaced, once; what is put in is not looked at again.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("a template of this crate");
        let (_, value) = parts.iter().find(|(part, _)| *part == name).expect("a part of this crate's template");
        page.push_str(before);
        page.push_str(value);
        rest = after;
    }
    page.push_str(rest);
    page
}

/// plotly.js, packed by gzip and written as base64; `look.js` unpacks it. The crate's second
/// script, for formulas, is left out.
fn plotly_js() -> &'static str {
    static PACKED: OnceLock<String> = OnceLock::new();
    PACKED.get_or_init(|| {
        let scripts = plotly::Plot::offline_js_sources();
        let (_, script) = scripts.split_once('>').expect("a script tag");
        let script = script.split("</script>").next().expect("its end");
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(script.as_bytes()).and_then(|()| packed.finish()).expect("memory takes all");
        BASE64_STANDARD.encode(packed)
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_template_is_filled_once() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("1{{a}}2{{b}}3", &parts), "1{{b}}2x3");
    }

    #[test]
    fn plotly_is_packed_whole_and_alone() {
        let packed = BASE64_STANDARD.decode(plotly_js()).expect("base64");
        assert!(packed.len() < 2_000_000, "{} bytes", packed.len());
        let mut script = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut script).expect("a whole archive");
        assert!(script.len() > 3_000_000 && script.contains("Plotly"), "{} bytes", script.len());
        assert!(!script.contains("<script") && !script.contains("</script>"), "one script, without its tag");
    }
}
