//! `HEALTHCHECK`.

use super::check::{Checker, command_of};
use super::flags::Flags;
use super::{Command, Healthcheck};
use crate::lang::dockerfile::error::ErrorKind;
use crate::lang::dockerfile::keyword::Keyword;
use crate::lang::dockerfile::node::{Arguments, Node};
use crate::lang::go::{self, text::upper};

/// In nanoseconds.
const MILLISECOND: i64 = 1_000_000;

/// Checks a `HEALTHCHECK`. The flags of `HEALTHCHECK NONE` are not looked at.
pub(super) fn check<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<Healthcheck<'n>> {
    let Arguments::Health { kind, command } = &node.arguments else {
        checker.report(ErrorKind::NoArguments(Keyword::Healthcheck), node.line);
        return None;
    };
    let name = upper(&kind.text);
    let command = command_of(command, node);
    let is_empty = match &command {
        Command::Shell(text) => text.text.is_empty(),
        Command::Exec(words) => words.is_empty(),
    };
    if name == "NONE" {
        if !is_empty {
            checker.report(ErrorKind::HealthcheckNone, node.line);
        }
        return Some(Healthcheck::None);
    }
    let flags = Flags::check(node, Keyword::Healthcheck, checker);
    if name != "CMD" {
        checker.report(ErrorKind::HealthcheckType(name), kind.span);
    } else if is_empty {
        checker.report(ErrorKind::HealthcheckCommand, node.line);
    }
    let mut interval = |flag| {
        let Some(value) = flags.text(flag) else {
            return 0;
        };
        checker
            .accept(duration(value.text, flag), value.span)
            .unwrap_or_default()
    };
    let interval_length = interval("interval");
    let timeout = interval("timeout");
    let start_period = interval("start-period");
    let start_interval = interval("start-interval");
    let retries = flags
        .text("retries")
        .and_then(|value| checker.accept(retries(value.text), value.span));
    Some(Healthcheck::Check {
        command,
        interval: interval_length,
        timeout,
        start_period,
        start_interval,
        retries: retries.unwrap_or_default(),
    })
}

/// A duration of at least a millisecond, or 0, in nanoseconds.
fn duration(text: &str, flag: &'static str) -> Result<i64, ErrorKind> {
    let length = go::duration::parse(text).map_err(ErrorKind::Duration)?;
    if length != 0 && length < MILLISECOND {
        return Err(ErrorKind::IntervalTooShort(flag));
    }
    Ok(length)
}

/// A number of at most 31 bits.
fn retries(text: &str) -> Result<u32, ErrorKind> {
    let fail = |why| ErrorKind::RetriesNotNumber(text.to_owned(), why);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fail("invalid syntax"));
    }
    let number: i32 = text.parse().map_err(|_| fail("value out of range"))?;
    u32::try_from(number).map_err(|_| ErrorKind::RetriesNegative(number.into()))
}
