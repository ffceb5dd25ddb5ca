//! The wish to stop, from a signal or from the program itself.
#![allow(
    clippy::disallowed_methods,
    reason = "signals are waited for on a thread of their own"
)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::child;

/// Whether a run should stop: shared by all who look at it, and never taken back.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asked for by the first Ctrl-C, `SIGTERM` or `SIGHUP`. The second ends the process at once,
    /// wherever it is, with all that it has started: a registry that does not answer must not be
    /// able to hold anybody.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::new();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let asked = stop.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                if asked.requested() {
                    child::kill_all();
                    signal_hook::low_level::exit(128 + signal);
                }
                asked.request();
            }
        });
        Ok(stop)
    }

    /// Asks for it.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody has asked.
    pub(crate) fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
