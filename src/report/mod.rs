//! A sweep as one HTML page that needs no network; a single training likewise; pictures of what a
//! net has learned.
//!
//! The page holds its trials as columns of JSON, and the scripts of this folder. They compute every
//! chart from the trials that pass the filters, shares with Wilson's intervals, and draw it
//! (`draw.js`). Nothing is averaged before it is in the page.

mod columns;
mod picture;
mod training;

pub use picture::{automaton_svg, states_svg};
pub use training::write_training;

use crate::sweep::Results;
use crate::task::whole::count;
use crate::train::Times;

/// The parts that all pages share.
const HEAD: &str = include_str!("head.html");
const FOOT: &str = include_str!("foot.html");
const STYLE: &str = include_str!("page.css");
const LOOK: &str = include_str!("look.js");
const DRAW: &str = include_str!("draw.js");

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
/// 40 kB, and some 200 bytes a trial.
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

/// A page around `body`: with the JSON that its scripts read, the scripts, and more parts by name.
fn page(body: &str, title: &str, about: &str, data: &str, scripts: &str, more: &[(&str, &str)]) -> String {
    let mut parts = vec![
        ("style", STYLE.to_owned()),
        ("title", escaped(title)),
        ("about", escaped(about)),
        // A script ends at its first `</`, even inside a string.
        ("data", data.replace("</", "<\\/")),
        ("script", [LOOK, DRAW, scripts].concat()),
    ];
    parts.extend(more.iter().map(|(name, text)| (*name, escaped(text))));
    fill(&[HEAD, body, FOOT].concat(), &parts)
}

/// The template with each `{{name}}` replaced once; inserted text is not searched again.
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("1{{a}}2{{b}}3", &parts), "1{{b}}2x3");
    }
}
