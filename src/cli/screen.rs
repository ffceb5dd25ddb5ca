//! What the terminal can show, if there is one.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU8, Ordering};

use super::args::Color;
use crate::run::review::Screen;

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// What was asked for, for the whole run.
static COLOUR: AtomicU8 = AtomicU8::new(AUTO);
const AUTO: u8 = 0;
const ALWAYS: u8 = 1;
const NEVER: u8 = 2;

/// Says when to show colours.
pub(super) fn set_colour(when: Color) {
    let when = match when {
        Color::Auto => AUTO,
        Color::Always => ALWAYS,
        Color::Never => NEVER,
    };
    COLOUR.store(when, Ordering::Relaxed);
}

/// Whether a stream shows colours, where nothing was asked for: a terminal that can, unless `NO_COLOR` is
/// set; anything where `FORCE_COLOR` is set.
pub(super) fn shows_colour(stream: &impl IsTerminal) -> bool {
    match COLOUR.load(Ordering::Relaxed) {
        ALWAYS => return true,
        NEVER => return false,
        _ => {}
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("FORCE_COLOR").is_some_and(|value| value != "0") {
        return true;
    }
    stream.is_terminal() && set("TERM").is_none_or(|term| term != "dumb")
}

/// The columns of standard output, where it is a terminal.
pub(super) fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}

/// Standard output as a screen for people.
pub(super) fn stdout() -> Screen {
    Screen {
        width: width().unwrap_or(WIDTH),
        colour: shows_colour(&std::io::stdout()),
    }
}
