//! A panic is a bug of ours: one line, and its own exit code.

use super::output;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::Once;

/// The exit code of a bug.
pub(super) const BUG: u8 = 70;

/// Runs a program to its exit code, [`BUG`] if it panics.
pub(super) fn run(program: impl FnOnce() -> u8) -> ExitCode {
    set_hook(Box::new(|panic| {
        // Worker threads may all fail at once, and one line says it.
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            let what = words(panic.payload()).replace('\n', " ");
            let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
            output::bug(&format!(
                "this is a bug of carrylane {}, please report it: {what}{place}",
                crate::cli::args::VERSION
            ));
        });
    }));
    ExitCode::from(catch(program))
}

/// What a panic says: a literal or a formatted text.
fn words(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}

fn catch(program: impl FnOnce() -> u8) -> u8 {
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(BUG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_the_code_of_a_bug() {
        assert_eq!(catch(|| 3), 3, "no panic");
        assert_eq!(catch(|| panic!("on purpose")), BUG, "a panic");
    }
}
