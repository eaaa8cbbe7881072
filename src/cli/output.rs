//! The only place that prints: results to standard output, all else to standard error.
//!
//! Text is for people, JSON lines are for programs. A command says both, and [`Output`] prints the
//! one that was asked for. Colour and bars appear on terminals only. A closed pipe is no error.

use super::args::VERSION;
use super::format::percent;
use anstyle::{AnsiColor, Style};
use carrylane::{Error, Result, files};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Version of the JSON lines. It grows when a field is removed or changes its meaning.
const SCHEMA: u32 = 1;

/// Styles of text.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// Text in a style.
pub(super) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A green ✓ or a red ✗.
pub(super) fn mark(right: bool) -> String {
    if right { styled(GOOD, '✓') } else { styled(BAD, '✗') }
}

/// Where a command's results and progress go.
#[derive(Debug)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
    /// Whether the command continues after standard output is closed, because it also writes a
    /// file.
    must_finish: bool,
    closed: bool,
    /// Whether standard output takes a file; text then goes to standard error.
    taken: bool,
    started: Instant,
    shown: Instant,
    /// Whether a bar is shown.
    bar: bool,
}

/// One JSON line.
#[derive(Serialize)]
struct Line<'a, T, M> {
    r#type: &'a str,
    schema: u32,
    version: &'static str,
    #[serde(flatten)]
    data: &'a T,
    #[serde(flatten)]
    more: &'a M,
}

/// Names and values, as one JSON object in this order.
pub(super) struct Fields(pub(super) Vec<(&'static str, Box<RawValue>)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// [`Fields`], written as in JSON.
macro_rules! fields {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::cli::output::Fields(vec![$(($name, serde_json::value::to_raw_value(&$value).expect("a JSON form"))),*])
    };
}
pub(super) use fields;

impl Output {
    /// Text, or JSON lines; with progress and warnings, or without.
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        let now = Instant::now();
        Self { json, quiet, must_finish: false, closed: false, taken: false, started: now, shown: now, bar: false }
    }

    /// Makes the command run to its end even if standard output is closed.
    pub(super) fn must_finish(&mut self) {
        self.must_finish = true;
    }

    /// Checks that no file is written over another, and makes the command run to its end if it
    /// writes one. To be called before the command reads and writes.
    pub(super) fn writes(&mut self, inputs: &[impl AsRef<Path>], outputs: &[impl AsRef<Path>]) -> Result<()> {
        files::apart(inputs, outputs)?;
        self.must_finish |= !outputs.is_empty();
        self.taken = outputs.iter().any(|output| files::is_stdout(output.as_ref()));
        Ok(())
    }

    /// Writes a file that [`Output::writes`] checked; `-` is standard output.
    pub(super) fn file(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        if files::is_stdout(path) {
            let mut stdout = io::stdout().lock();
            self.heard(stdout.write_all(bytes).and_then(|()| stdout.flush()))
        } else {
            files::write(path, bytes)
        }
    }

    /// Prints a line for people.
    pub(super) fn say(&mut self, text: impl Display) -> Result<()> {
        if self.json { Ok(()) } else { self.write(&text.to_string()) }
    }

    /// Prints a line for people who look closer.
    pub(super) fn note(&mut self, text: impl Display) -> Result<()> {
        self.say(styled(FAINT, text))
    }

    /// Prints a line for programs.
    pub(super) fn record(&mut self, r#type: &str, data: &impl Serialize) -> Result<()> {
        self.record_with(r#type, data, &None::<()>)
    }

    /// Prints a line for programs, of two parts as one object.
    pub(super) fn record_with(&mut self, r#type: &str, data: &impl Serialize, more: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let line = Line { r#type, schema: SCHEMA, version: VERSION, data, more };
        self.write(&serde_json::to_string(&line).expect("a line has a JSON form"))
    }

    fn write(&mut self, line: &str) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        self.progress_done();
        self.heard(match (self.taken, self.quiet) {
            (false, _) => writeln!(anstream::stdout(), "{line}"),
            (true, false) => writeln!(anstream::stderr(), "{line}"),
            (true, true) => Ok(()),
        })
    }

    /// The result of writing to standard output, where a closed pipe is no error.
    fn heard(&mut self, written: io::Result<()>) -> Result<()> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                if !self.must_finish {
                    std::process::exit(0);
                }
                self.closed = true;
                Ok(())
            }
            other => other.map_err(|source| Error::io("standard output", "write", source)),
        }
    }

    /// Shows the progress of long work: a bar on a terminal, a line every ten seconds elsewhere.
    pub(super) fn progress(&mut self, done: u64, total: u64, message: &dyn Fn() -> String) {
        const REDRAW: Duration = Duration::from_millis(100);
        const LONG: Duration = Duration::from_millis(400);
        const LINE: Duration = Duration::from_secs(10);
        if self.quiet {
            return;
        }
        let now = Instant::now();
        if now - self.shown < REDRAW || now - self.started < LONG {
            return;
        }
        if io::stderr().is_terminal() {
            let width = terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into());
            write!(io::stderr(), "{CLEARED}{}", bar(done, total, &message(), width)).ok();
            self.bar = true;
            self.shown = now;
        } else if now - self.shown >= LINE {
            to_stderr(&progress_line(now - self.started, done, total, &message()));
            self.shown = now;
        }
    }

    /// Removes the bar.
    pub(super) fn progress_done(&mut self) {
        self.cleared();
        self.bar = false;
    }

    /// Clears the line of a bar, so that another takes its place.
    fn cleared(&self) {
        if self.bar {
            write!(io::stderr(), "{CLEARED}").ok();
        }
    }

    /// Prints a warning.
    pub(super) fn warn(&self, text: &str) {
        if !self.quiet {
            self.cleared();
            to_stderr(&warning(text));
        }
    }

    /// Prints why a command failed.
    pub(super) fn error(&mut self, text: &str) {
        self.progress_done();
        bug(text);
    }
}

/// Puts the cursor where a bar began, on an empty line.
const CLEARED: &str = "\r\x1b[K";

/// A bar, its share and a message, on one line of a terminal.
fn bar(done: u64, total: u64, message: &str, width: usize) -> String {
    const WIDTH: u128 = 30;
    let of = |whole: u128| u128::from(done.min(total)) * whole / u128::from(total.max(1));
    let cell = |place| if place < of(WIDTH) { '━' } else { '─' };
    let told = format!(" {:>3} % {message}", of(100));
    (0..WIDTH).map(cell).chain(told.chars()).take(width.saturating_sub(1)).collect()
}

/// A line of progress.
fn progress_line(time: Duration, done: u64, total: u64, message: &str) -> String {
    let share = percent(done as f64 / total.max(1) as f64);
    format!("{} s, {share}: {message}", time.as_secs())
}

/// Sets when text and help have colour.
pub(super) fn color(choice: clap::ColorChoice) {
    match choice {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Prints an error line where there is no [`Output`].
pub(super) fn bug(text: &str) {
    to_stderr(&format!("{}: {text}", styled(BAD, "error")));
}

/// Prints why a command was interrupted, unless the command line asks for quiet.
pub(super) fn interrupted(text: &str) {
    if std::env::args_os().any(|word| word == "--quiet") {
        return;
    }
    if io::stderr().is_terminal() {
        write!(io::stderr(), "{CLEARED}").ok();
    }
    to_stderr(&warning(text));
}

/// The line of a warning.
fn warning(text: &str) -> String {
    format!("{}: {text}", styled(AnsiColor::Yellow.on_default().bold(), "warning"))
}

/// Prints a line to standard error. If that is closed too, nobody can be told.
fn to_stderr(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Prints clap's help, or its error as one line, and returns the exit code.
pub(super) fn refuse(refusal: &clap::Error) -> u8 {
    if !refusal.use_stderr() {
        let printed = refusal.print().and_then(|()| io::stdout().flush());
        return match printed {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let error = Error::io("standard output", "write", error);
                bug(&error.to_string());
                super::exit_code(&error.into())
            }
            _ => 0,
        };
    }
    if refusal.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        refusal.print().ok();
    } else {
        bug(&one_line(&refusal.to_string()));
    }
    2
}

/// Clap's message in one line: the problem and the tip, without the usage.
fn one_line(message: &str) -> String {
    let kept =
        message.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let mut text = String::new();
    for line in kept.filter(|line| !line.is_empty()) {
        let joint = match line {
            _ if text.is_empty() => "",
            _ if line.starts_with("tip:") => "; ",
            _ => " ",
        };
        text.push_str(joint);
        text.push_str(line);
    }
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress_names_the_share_that_is_done() {
        let line = progress_line(Duration::from_secs(10), 16, 262_144, "16 bits, exhaustive");
        assert_eq!(line, "10 s, 0.006 %: 16 bits, exhaustive");
        assert_eq!(progress_line(Duration::from_secs(20), 1, 8, "all"), "20 s, 12.5 %: all");
    }

    #[test]
    fn a_bar_has_its_share_and_never_more_than_a_line() {
        assert_eq!(bar(1, 8, "4 s left", 80), format!("{}{}  12 % 4 s left", "━".repeat(3), "─".repeat(27)));
        assert_eq!(bar(9, 8, "", 80), format!("{} 100 % ", "━".repeat(30)));
        assert_eq!(bar(0, 0, "none", 20), "─".repeat(19));
    }

    #[test]
    fn a_refusal_is_one_line() {
        let message = "error: invalid value 'lstn' for '--cell <CELL>'\n  [possible values: elman, lstm]\n\n  \
                       tip: a similar value exists: 'lstm'\n\nFor more information, try '--help'.\n";
        let line = "invalid value 'lstn' for '--cell <CELL>' [possible values: elman, lstm]; tip: a similar value exists: 'lstm'";
        assert_eq!(one_line(message), line);
    }
}
