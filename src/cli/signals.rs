//! SIGINT and SIGTERM: either ends any command within a second, with exit code 75.
//!
//! A command that works in steps looks at a [`flag`] between two of them, writes down where it is
//! and ends in order. One that is in the middle of a long step when [`GRACE`] is over, or that has
//! no steps, is ended by the thread that waits for signals. No file suffers: each is written under
//! a temporary name and renamed, or a line at a time.

use super::{Answer, output};
use carrylane::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Set by the first signal.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// What is said of a command that is cut off, if it tries to end in order before.
static CUT_OFF: Mutex<Option<String>> = Mutex::new(None);

/// How long a command may take to end in order.
const GRACE: Duration = Duration::from_millis(700);
/// How long the last words may take: whoever reads them may be asleep.
const WORDS: Duration = Duration::from_millis(100);

/// Listens from here on. A second signal ends the program at once.
pub(super) fn listen() -> Result<()> {
    let failed = |source| Error::io("signals", "listen for", source);
    let code = Answer::Interrupted.code();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, code.into(), Arc::clone(&STOP))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&STOP)))
            .map_err(failed)?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let wait = move || {
        signals.forever().next();
        let ends_in_order = words().is_some();
        if ends_in_order {
            thread::sleep(GRACE);
        }
        let words = words().unwrap_or_else(|| "interrupted; run the same command again".to_owned());
        let (said, heard) = channel();
        thread::spawn(move || {
            output::interrupted(&words);
            said.send(())
        });
        heard.recv_timeout(WORDS).ok();
        std::process::exit(code.into())
    };
    thread::Builder::new().name("signals".into()).spawn(wait).map_err(failed)?;
    Ok(())
}

/// What is said if the command is cut off.
fn words() -> Option<String> {
    CUT_OFF.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The flag that a signal sets, for a command that looks at it between its steps. `cut_off` is said
/// if it cannot end in order in time.
pub(super) fn flag(cut_off: impl Into<String>) -> Arc<AtomicBool> {
    *CUT_OFF.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut_off.into());
    Arc::clone(&STOP)
}
