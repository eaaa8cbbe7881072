//! A panic is a bug of carrylane: it prints one line and has its own exit code.

use super::output;
use carrylane::error::panic_text;
#[cfg(unix)]
use signal_hook::{consts::SIGABRT, flag::register_conditional_shutdown};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

/// The exit code of a bug.
pub(super) const BUG: u8 = 70;
/// The exit code of a system that refuses.
pub(super) const SYSTEM: u8 = 74;

/// Runs a program to its exit code, [`BUG`] if it panics.
pub(super) fn run(program: impl FnOnce() -> u8) -> ExitCode {
    let bug = Arc::new(AtomicBool::new(false));
    codes_of_aborts(&bug);
    set_hook(Box::new(move |panic| {
        bug.store(true, Ordering::SeqCst);
        // All worker threads may fail at once, and one line is enough.
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            let what = panic_text(panic.payload()).replace('\n', " ");
            let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
            output::bug(&format!(
                "this is a bug of carrylane {}, please report it: {what}{place}",
                crate::cli::args::VERSION
            ));
        });
    }));
    ExitCode::from(catch(program))
}

/// Gives an abort an exit code. If an unforeseen allocation fails, Rust prints a line and aborts,
/// and no safe code can change that. An abort after a panic is a bug.
#[cfg(unix)]
fn codes_of_aborts(bug: &Arc<AtomicBool>) {
    let always = Arc::new(AtomicBool::new(true));
    for (code, when) in [(BUG, bug), (SYSTEM, &always)] {
        let registered = register_conditional_shutdown(SIGABRT, code.into(), Arc::clone(when));
        debug_assert!(registered.is_ok(), "an abort may be listened for: {registered:?}");
    }
}

#[cfg(not(unix))]
fn codes_of_aborts(_: &Arc<AtomicBool>) {}

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
