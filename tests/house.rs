//! The rule of the house: rooms import only from rooms to their left.
//!
//! `error < files < task < model < {reference, kernel} < train < {verify, prove, exchange} < {run, sweep} < report < cli < main`;
//! rooms in the same braces never see each other. `notebooks` stands apart: it imports only
//! `error`. Read from the sources, comments and tests apart.

mod common;

use common::report;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by rank; rooms of one rank do not see each other.
const RANKS: &[&[&str]] = &[
    &["error"],
    &["words", "files", "protobuf"],
    &["task"],
    &["model"],
    &["reference", "kernel"],
    &["train"],
    &["verify", "prove", "exchange"],
    &["run", "sweep"],
    &["report", "notebooks", "book"],
    &["cli"],
    &["main"],
];

/// A file of the library or the program.
struct Source {
    path: PathBuf,
    room: String,
    /// Its lines but for comments, up to its tests.
    code: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    let read = |path: PathBuf| {
        let inside = path.strip_prefix(&root).expect("below src").to_owned();
        let room = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let text = fs::read_to_string(&path).expect("readable");
        let lines = (1..).zip(text.lines()).take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
        let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
        let code = code.map(|(number, line)| (number, line.to_owned())).collect();
        Source { room: room.trim_end_matches(".rs").to_owned(), path: inside, code }
    };
    files.into_iter().map(read).collect()
}

fn rank(room: &str) -> Option<usize> {
    RANKS.iter().position(|rooms| rooms.contains(&room))
}

/// Rooms that a line names, as `crate::room` or `carrylane::room`, one by one or in braces.
fn named(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for root in ["crate::", "carrylane::"] {
        for (at, _) in line.match_indices(root) {
            let rest = &line[at + root.len()..];
            let names = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
            let several = rest.starts_with('{');
            for name in names.split(',').take(if several { usize::MAX } else { 1 }) {
                let end = name.trim().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.trim().len());
                rooms.push(&name.trim()[..end]);
            }
        }
    }
    rooms
}

#[test]
fn rooms_import_only_from_their_left() {
    let mut failures = Vec::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        let Some(own) = rank(&source.room) else {
            failures.push(format!("src/{}: no room of the house", source.path.display()));
            continue;
        };
        for (number, line) in &source.code {
            for room in named(line) {
                // A second opinion borrows nothing from the first.
                let apart = source.room == "notebooks" && !["error", "words"].contains(&room);
                let allowed = room == source.room || rank(room).is_none_or(|other| other < own && !apart);
                if !allowed {
                    failures.push(format!("src/{}:{number}: {} imports {room}", source.path.display(), source.room));
                }
            }
        }
    }
    report(&failures);
}

/// Files of a room that import each other, and are meant to.
const MEANT: &[&str] = &[
    // Who looks on at a training is told events and may ask the trainer.
    "train/event train/trainer",
];

/// Modules of its own room that a file names, as paths below `src` without the ending.
fn siblings(source: &Source, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let own = source.path.with_extension("").to_string_lossy().trim_end_matches("/mod").to_owned();
    let code: Vec<&str> = source.code.iter().map(|(_, line)| line.trim()).collect();
    let (code, mut found) = (code.join(" "), BTreeSet::new());
    for (at, _) in code.match_indices("::") {
        // Where a path begins, and from which module.
        let root = ["super", "crate"].into_iter().find(|root| code[..at].ends_with(root));
        let Some(root) = root.filter(|root| !code[..at - root.len()].ends_with("::")) else { continue };
        let mut from = if root == "crate" { "" } else { own.rsplit_once('/').map_or("", |(folder, _)| folder) };
        let mut rest = &code[at + 2..];
        while let Some(up) = rest.strip_prefix("super::") {
            (from, rest) = (from.rsplit_once('/').map_or("", |(folder, _)| folder), up);
        }
        let list = rest.strip_prefix('{').map_or(rest, |list| list.split(';').next().unwrap_or(list));
        let words = list.split(|c: char| !c.is_alphanumeric() && !"_:".contains(c));
        for word in words.take(if rest.starts_with('{') { usize::MAX } else { 1 }) {
            let path = format!("{from}/{}", word.replace("::", "/"));
            let path = path.trim_matches('/');
            let mut prefixes = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
            found.extend(prefixes.rfind(|prefix| modules.contains(*prefix)).map(str::to_owned));
        }
    }
    found.retain(|other| *other != own && other.starts_with(&format!("{}/", source.room)));
    found
}

/// Modules that one imports, and those that they import, and so on.
fn reached<'a>(start: &'a String, edges: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a String> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![start]);
    while let Some(next) = left.pop() {
        left.extend(edges[next].iter().filter(|other| seen.insert(*other)));
    }
    seen
}

#[test]
fn files_of_a_room_import_in_circles_only_where_it_is_meant() {
    let sources = sources();
    let name = |source: &Source| source.path.with_extension("").to_string_lossy().trim_end_matches("/mod").to_owned();
    let modules: BTreeSet<String> = sources.iter().map(name).collect();
    let edges: BTreeMap<String, _> = sources.iter().map(|source| (name(source), siblings(source, &modules))).collect();
    let reach: BTreeMap<&String, _> = edges.keys().map(|module| (module, reached(module, &edges))).collect();
    let circle = |module: &&String| {
        let all = reach[module].iter().filter(|other| reach[**other].contains(module));
        all.map(|other| other.as_str()).collect::<Vec<_>>().join(" ")
    };
    let circles: BTreeSet<String> = edges.keys().map(|module| circle(&module)).filter(|it| !it.is_empty()).collect();
    assert_eq!(circles.iter().map(String::as_str).collect::<Vec<_>>(), MEANT, "circles of imports");
}

/// Where any of `words` stands, outside the files for which `allowed` holds.
fn misplaced(words: &[&str], allowed: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !allowed(source)) {
        for (number, line) in &source.code {
            if let Some(word) = words.iter().find(|&&word| line.contains(word)) {
                found.push(format!("src/{}:{number}: {word}", source.path.display()));
            }
        }
    }
    found
}

#[test]
fn threads_are_in_train_and_sweep_only() {
    // One waits for signals, and computes nothing.
    let signals = Path::new("cli").join("signals.rs");
    report(&misplaced(&["rayon", "thread::spawn", "thread::scope", "thread::Builder"], |source| {
        ["train", "sweep"].contains(&source.room.as_str()) || source.path == signals
    }));
}

#[test]
fn only_the_output_of_the_command_line_prints() {
    let macros = ["print!(", "println!(", "eprint!(", "eprintln!(", "stdout()", "stderr()", "dbg!("];
    report(&misplaced(&macros, |source| source.path == Path::new("cli").join("output.rs")));
}

#[test]
fn no_training_looks_at_the_clock_on_the_wall() {
    // It may jump; where it is told, nothing depends on it.
    let told = [Path::new("sweep").join("run.rs"), Path::new("run").join("environment.rs")];
    report(&misplaced(&["SystemTime", "UNIX_EPOCH"], |source| told.contains(&source.path)));
}

#[test]
fn files_are_read_and_written_in_one_room() {
    // There they have a cap, and outputs follow links. What the kernel says of the machine has
    // neither need.
    report(&misplaced(&["fs::read(", "fs::write(", "File::open(", "File::create("], |source| source.room == "files"));
    report(&misplaced(&["fs::read_to_string("], |source| source.path == Path::new("train/machine.rs")));
}

#[test]
fn nothing_is_unsafe() {
    let uses = ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code)", "expect(unsafe_code)"];
    report(&misplaced(&uses, |_| false));
    for root in ["src/lib.rs", "src/main.rs"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(root)).expect("readable");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{root} does not forbid unsafe code");
    }
}

#[test]
fn the_reader_of_imports_reads_them() {
    assert_eq!(named("use crate::model::Config;"), ["model"], "one");
    assert_eq!(named("use crate::{kernel::SimdLevel, task, error::Error};"), ["kernel", "task", "error"], "several");
    assert_eq!(named("let x = crate::reference::gradient(carrylane::train::y);"), ["reference", "train"], "in code");
}

#[test]
fn the_readme_shows_the_librarys_own_example() {
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("readable");
    // The lines of the first block of Rust, but for comments and what is hidden.
    let block = |text: &str, open: &str| -> Vec<String> {
        let inside = text.lines().skip_while(|line| *line != open).skip(1).take_while(|line| !line.starts_with("```"));
        let code = inside.filter(|line| !line.starts_with("//") && !line.starts_with("# ") && !line.is_empty());
        code.map(str::to_owned).collect()
    };
    let library = read("src/lib.rs")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim_start())
        .collect::<Vec<_>>()
        .join("\n");
    let (wanted, found) = (block(&library, "```"), block(&read("README.md"), "```rust"));
    assert!(!wanted.is_empty(), "the documentation of the library has an example");
    assert_eq!(found, wanted, "the example of README.md");
}

/// The text of a file of the crate.
fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn comments_have_100_columns_and_docs_stand_alone() {
    // Beginnings that need the item above.
    const LEANING: [&str; 5] = ["The same", "Its ", "Those ", "That of ", "Of "];
    let mut failures = Vec::new();
    for path in sources().iter().map(|source| format!("src/{}", source.path.display())) {
        let (text, mut code, mut inside) = (text(&path), false, false);
        for (number, line) in (1..).zip(text.lines()) {
            let comment = line.trim_start();
            let Some(words) = comment.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']).trim_start())
            else {
                (code, inside) = (false, false);
                continue;
            };
            code ^= words.starts_with("```");
            if !code && !words.starts_with('|') && line.chars().count() > 100 {
                failures.push(format!("{path}:{number}: {} columns", line.chars().count()));
            }
            let doc = comment.starts_with("///");
            if doc && !inside && LEANING.iter().any(|word| words.starts_with(word)) {
                failures.push(format!("{path}:{number}: {words}"));
            }
            inside = doc;
        }
    }
    report(&failures);
}

#[test]
fn the_readme_is_one_page_whose_links_lead_somewhere() {
    let readme = text("README.md");
    assert!(readme.lines().count() <= 180, "{} lines", readme.lines().count());
    assert!(readme.split_whitespace().count() <= 1800, "{} words", readme.split_whitespace().count());
    let mut code = false;
    for line in readme.lines() {
        code ^= line.starts_with("```");
        let free = code || line.starts_with('|') || line.starts_with('!');
        assert!(free || line.chars().count() <= 110, "{} columns: {line}", line.chars().count());
    }
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
        assert!(target.starts_with("https://") || here.exists(), "{target} is not there");
    }
}

#[test]
fn every_script_is_in_the_list_of_scripts() {
    let list = text("scripts/README.md");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")).expect("scripts") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(
            name == "README.md" || name.starts_with("__") || list.contains(&format!("`{name}")),
            "{name} is not in scripts/README.md"
        );
    }
    for script in list.split('`').filter(|span| [".sh", ".py", ".js"].iter().any(|end| span.ends_with(end))) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script).exists(), "{script} is not there");
    }
}

#[test]
fn the_readmes_figures_are_those_of_the_record_it_cites() {
    let readme = text("README.md");
    let record = readme.split('`').find(|span| span.starts_with("benches/record/")).expect("a record is cited");
    let record = text(&format!("{record}/peers.md"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = readme.lines().skip_while(|line| !line.contains("× best peer")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(rows.len() > 5, "{rows:?}");
    for row in rows {
        // Cell and hidden units, which tell the line; and what it says of speed.
        let found = record.lines().map(cells).any(|line| line.len() > 8 && row.iter().all(|cell| line.contains(cell)));
        assert!(found, "no line of the record has all of {row:?}");
    }
}
