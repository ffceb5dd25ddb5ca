//! What a terminal writes by itself when a person presses Ctrl-C.
#![expect(
    clippy::disallowed_methods,
    reason = "the display is drawn on standard error"
)]

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Keeps the terminal of standard error from writing `^C`, which would move the lines of a live display, for
/// as long as this lives.
#[derive(Debug)]
pub(super) struct NoEcho {
    before: Option<Termios>,
}

impl NoEcho {
    /// From now on; nothing where standard error is no terminal.
    pub(super) fn new() -> Self {
        let before = tcgetattr(io::stderr()).ok();
        if let Some(before) = &before {
            let mut modes = before.clone();
            modes.local_modes.remove(LocalModes::ECHOCTL);
            set(&modes);
        }
        Self { before }
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            set(before);
        }
    }
}

/// A terminal that refuses shows `^C`, and everything else as well. One that belongs to another job is left
/// alone: the system would stop this process for asking.
fn set(modes: &Termios) {
    let foreground = tcgetpgrp(io::stderr());
    if foreground.is_ok_and(|group| group != getpgrp()) {
        return;
    }
    let _ = tcsetattr(io::stderr(), OptionalActions::Now, modes);
}
