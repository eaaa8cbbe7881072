//! SIGINT and SIGTERM end any command within a second, with exit code 75.
//!
//! A command that works in steps looks at a [`flag`] between them, saves its state and ends in
//! order. If it does not end within [`GRACE`], the thread that waits for signals ends it. No file
//! suffers: each is written under a temporary name and renamed, or line by line.

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
/// The message of a command that works in steps and is cut off.
static CUT_OFF: Mutex<Option<String>> = Mutex::new(None);

/// How long a command may take to end in order.
const GRACE: Duration = Duration::from_millis(700);
/// How long the message may take to print: its reader may be asleep.
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

/// The message of a command that is cut off.
fn words() -> Option<String> {
    CUT_OFF.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The flag that a signal sets, for a command that looks at it between its steps. `cut_off` is the
/// message if the command does not end in order in time.
pub(super) fn flag(cut_off: impl Into<String>) -> Arc<AtomicBool> {
    *CUT_OFF.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut_off.into());
    Arc::clone(&STOP)
}
