//! A step that is taken again where that may help.
#![allow(clippy::disallowed_methods, reason = "waiting between attempts")]

use std::thread;
use std::time::Duration;

use super::stop::Stop;

/// How long to wait before each further attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
];
/// The longest wait that a server may ask for; one that asks for more is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How often a wait looks whether the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// Whether it may help to take a failed step again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// After a while, or after the time that was asked for.
    After(Option<Duration>),
}

impl Again {
    /// After a while, if that may help at all.
    pub(super) fn if_it_may_help(may_help: bool) -> Self {
        if may_help {
            Self::After(None)
        } else {
            Self::Never
        }
    }
}

/// Takes a step, and again after a while where the failure may pass, and nobody wishes to stop.
pub(super) fn retry<T, E>(
    stop: &Stop,
    mut step: impl FnMut() -> Result<T, E>,
    again: impl Fn(&E) -> Again,
) -> Result<T, E> {
    for pause in PAUSES {
        match step() {
            Err(error) => match again(&error) {
                Again::After(asked)
                    if !stop.requested() && asked.is_none_or(|wait| wait <= LONGEST_WAIT) =>
                {
                    wait(asked.unwrap_or(pause), stop);
                }
                _ => return Err(error),
            },
            done => return done,
        }
    }
    step()
}

fn wait(pause: Duration, stop: &Stop) {
    let mut left = pause;
    while !left.is_zero() && !stop.requested() {
        let part = left.min(GLANCE);
        thread::sleep(part);
        left -= part;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often a step that fails is taken.
    #[track_caller]
    fn check(stopped: bool, again: Again, expected: usize) {
        let stop = Stop::new();
        if stopped {
            stop.request();
        }
        let count = Cell::new(0);
        let step = || {
            count.set(count.get() + 1);
            Err::<(), ()>(())
        };
        assert_eq!(retry(&stop, step, |()| again), Err(()));
        assert_eq!(count.get(), expected);
    }

    #[test]
    fn a_step_is_taken_again_only_where_that_may_help() {
        let soon = Again::After(Some(Duration::from_millis(1)));
        check(false, Again::Never, 1);
        check(true, Again::After(None), 1);
        check(false, soon, 4);
        check(true, soon, 1);
        let too_long = Duration::from_secs(3600);
        check(false, Again::After(Some(too_long)), 1);
    }
}
