//! What the terminal can show, if there is one.

use std::io::IsTerminal;

use crate::run::review::Screen;

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// Whether a stream shows colours: a terminal that can, unless `NO_COLOR` is set; anything where
/// `FORCE_COLOR` is set.
pub(super) fn shows_colour(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("FORCE_COLOR").is_some_and(|value| value != "0") {
        return true;
    }
    stream.is_terminal() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Standard output as a screen for people.
pub(super) fn stdout() -> Screen {
    let width = terminal_size::terminal_size_of(std::io::stdout());
    Screen {
        width: width.map_or(WIDTH, |(width, _)| usize::from(width.0)),
        colour: shows_colour(&std::io::stdout()),
    }
}
