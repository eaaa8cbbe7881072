//! The library's one error type.
//!
//! Every message says what was asked, what was found and what to do; values are included. The variants follow the exit codes
//! of the command line: a wrong request is [`Error::Usage`], a file that is not what it should be is [`Error::Data`],
//! a failing disk is [`Error::Io`], and memory that is not given [`Error::Memory`].

use std::path::PathBuf;

/// What can go wrong in carrylane.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be carried out as asked: a size of zero, a rate that is not a number, a level the machine lacks.
    #[error("{0}")]
    Usage(String),
    /// A file was read and is not what it should be.
    #[error("{}: {problem}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        problem: String,
    },
    /// The operating system refused memory.
    #[error("{0}")]
    Memory(String),
    /// The operating system refused to read or write.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// A wrong request.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A file that is not what it should be.
    pub fn data(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Data { path: path.into(), problem: problem.into() }
    }

    /// A refusal by the operating system.
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }
}

/// A result whose error is [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// One setting of a TOML file, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Counted from 1.
    pub(crate) line: usize,
    /// The table it is in; empty for none.
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: toml::Value,
}

/// The settings of a TOML text, in its order; or what is wrong with it, and in which line.
pub(crate) fn toml_entries(text: &str) -> std::result::Result<Vec<Entry>, String> {
    use toml::de::{DeTable, DeValue};
    let line = |place: usize| 1 + text.bytes().take(place).filter(|&byte| byte == b'\n').count();
    let refused = |e: toml::de::Error| {
        let line = e.span().map_or(1, |span| line(span.start));
        format!("line {line}: {}", e.message().replace('\n', "; "))
    };
    let values: toml::Table = text.parse().map_err(refused)?;
    let mut entries = Vec::new();
    for (name, value) in DeTable::parse(text).map_err(refused)?.get_ref() {
        let (table, known) = (name.get_ref().to_string(), &values[name.get_ref().as_ref()]);
        let entry =
            |table, key, place, value: &toml::Value| Entry { line: line(place), table, key, value: value.clone() };
        match (value.get_ref(), known) {
            (DeValue::Table(keys), toml::Value::Table(known)) => entries.extend(keys.keys().map(|key| {
                entry(table.clone(), key.get_ref().to_string(), key.span().start, &known[key.get_ref().as_ref()])
            })),
            _ => entries.push(entry(String::new(), table, name.span().start, known)),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}
