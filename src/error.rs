//! The library's one error type.
//!
//! Every message says what was asked, what was found and what to do; values are included. The
//! variants follow the exit codes of the command line: a wrong request is [`Error::Usage`], a file
//! that is not what it should be is [`Error::Data`], a failing disk is [`Error::Io`], and memory
//! that is not given [`Error::Memory`].

use std::any::Any;
use std::path::PathBuf;

/// What can go wrong in carrylane.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be carried out as asked: a size of zero, a rate that is not a number, a
    /// level the machine lacks.
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

/// The message of a panic: a literal or a formatted text.
pub fn panic_text(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}

/// A result whose error is [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;
