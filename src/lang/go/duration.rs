//! Durations as Go writes them: `1h30m`, `1.5s`, `-2ms`.

use std::fmt::Write as _;

use nom::bytes::complete::take_while;
use nom::character::complete::{char, digit0};
use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// The greatest magnitude, of negative durations.
const LIMIT: u64 = 1 << 63;

/// Reads a duration as nanoseconds. An error is Go's message.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (after, (whole, fraction, unit)) = component(rest).map_err(|_| invalid())?;
        if whole.is_empty() && fraction.is_none_or(str::is_empty) {
            return Err(invalid());
        }
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(scale) = nanoseconds(unit) else {
            return Err(format!(
                "time: unknown unit {} in duration {}",
                quote(unit),
                quote(text)
            ));
        };
        let length = length(whole, fraction.unwrap_or_default(), scale).ok_or_else(invalid)?;
        total = total
            .checked_add(length)
            .filter(|total| *total <= LIMIT)
            .ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        Ok(0_i64.wrapping_sub_unsigned(total))
    } else {
        i64::try_from(total).map_err(|_| invalid())
    }
}

/// `component = { digit } [ "." { digit } ] { not ( digit | "." ) }`
fn component(input: &str) -> IResult<&str, (&str, Option<&str>, &str)> {
    let unit = take_while(|c: char| c != '.' && !c.is_ascii_digit());
    (digit0, opt(preceded(char('.'), digit0)), unit).parse(input)
}

/// How many nanoseconds a unit is.
fn nanoseconds(unit: &str) -> Option<u64> {
    match unit {
        "ns" => Some(1),
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    }
}

/// A number of units in nanoseconds, rounded down; nothing where it is too large.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the arithmetic of Go, where the fraction of a unit is a float"
)]
fn length(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut digits = 0_u64;
    let mut scale = 1_f64;
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        // Digits that do not fit have no weight.
        if digits > (LIMIT - 1) / 10 || digits * 10 + digit > LIMIT {
            break;
        }
        digits = digits * 10 + digit;
        scale *= 10.0;
    }
    let part = digits as f64 * (unit as f64 / scale);
    whole
        .checked_mul(unit)?
        .checked_add(part as u64)
        .filter(|length| *length <= LIMIT)
}

/// Quotes a text as Go's `time` does: what is not plain ASCII as bytes.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if c.is_ascii() && c >= ' ' {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(quoted, "\\x{byte:02x}").expect("writing to a string cannot fail");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("1h2m3s", Ok(3_723_000_000_000)),
            ("1.5s", Ok(1_500_000_000)),
            (".5ms", Ok(500_000)),
            ("5.us", Ok(5_000)),
            ("2µs", Ok(2_000)),
            ("-1ns", Ok(-1)),
            ("9223372036854775807ns", Ok(i64::MAX)),
            ("-9223372036854775808ns", Ok(i64::MIN)),
            ("0.3333333333333333333333h", Ok(1_200_000_000_000)),
            (
                "9223372036854775808ns",
                Err("invalid duration \"9223372036854775808ns\""),
            ),
            ("", Err("invalid duration \"\"")),
            ("s", Err("invalid duration \"s\"")),
            (".s", Err("invalid duration \".s\"")),
            ("5", Err("missing unit in duration \"5\"")),
            (
                "5é\\",
                Err("unknown unit \"\\xc3\\xa9\\\\\" in duration \"5\\xc3\\xa9\\\\\""),
            ),
        ] {
            let expected = expected.map_err(|message: &str| format!("time: {message}"));
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
