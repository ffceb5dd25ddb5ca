//! The exec form: a JSON array of strings, with the answers of Go's decoder (semantics §5).
//!
//! What is not JSON is shell form; what is JSON, but not an array of strings, is an error. So the
//! reader has to agree with Go on what JSON is, down to nesting and the size of numbers.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while_m_n, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{all_consuming, map_opt};
use nom::multi::{fold_many0, separated_list0};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};
use serde::de::IgnoredAny;

/// How deep Go lets arrays and objects nest.
const MAX_DEPTH: usize = 10_000;

/// What a text that starts with `[` is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Array<'a> {
    /// An array of strings.
    Strings(Vec<Text<'a>>),
    /// Valid JSON, but something in it is not a string.
    NotStrings,
    /// Not JSON.
    NotJson,
}

/// A string: what is between the quotes, and what that means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    pub raw: &'a str,
    pub value: Cow<'a, str>,
}

/// Reads a text that starts with `[`.
pub(super) fn array(input: &str) -> Array<'_> {
    if let Ok((_, strings)) = all_consuming(strings).parse(input) {
        Array::Strings(strings)
    } else if is_json(input) {
        Array::NotStrings
    } else {
        Array::NotJson
    }
}

/// The string under `key` of a text that is one JSON object.
pub(super) fn member(input: &str, key: &str) -> Option<String> {
    if !input.trim_start_matches(is_space).starts_with('{') {
        return None;
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(input).ok()?;
    object.get(key)?.as_str().map(str::to_owned)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// `space = { " " | TAB | LF | CR }`
fn space(input: &str) -> IResult<&str, &str> {
    take_while(is_space)(input)
}

/// `strings = "[" [ string { "," string } ] "]"`, with space between all of them.
fn strings(input: &str) -> IResult<&str, Vec<Text<'_>>> {
    let list = separated_list0(char(','), delimited(space, string, space));
    delimited((char('['), space), list, (char(']'), space)).parse(input)
}

/// `string = '"' { characters | escape } '"'`
fn string(input: &str) -> IResult<&str, Text<'_>> {
    delimited(char('"'), content, char('"')).parse(input)
}

/// What stands between the quotes: as it is unless there is an escape in it.
fn content(input: &str) -> IResult<&str, Text<'_>> {
    let (after, literal) = take_while(is_character)(input)?;
    if !after.starts_with('\\') {
        let value = Cow::Borrowed(literal);
        return Ok((
            after,
            Text {
                raw: literal,
                value,
            },
        ));
    }
    let piece = alt((characters.map(Piece::Text), escape.map(Piece::Char)));
    let (after, value) = fold_many0(piece, String::new, Piece::append).parse(input)?;
    let raw = &input[..input.len() - after.len()];
    let value = Cow::Owned(value);
    Ok((after, Text { raw, value }))
}

/// A part of a string's value.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Text(&'a str),
    Char(char),
}

impl Piece<'_> {
    fn append(mut text: String, piece: Self) -> String {
        match piece {
            Self::Text(more) => text.push_str(more),
            Self::Char(c) => text.push(c),
        }
        text
    }
}

/// `characters`: anything but quotes, backslashes and control characters.
fn characters(input: &str) -> IResult<&str, &str> {
    take_while1(is_character)(input)
}

fn is_character(c: char) -> bool {
    c != '"' && c != '\\' && c >= ' '
}

/// `escape = "\" ( '"' | "\" | "/" | "b" | "f" | "n" | "r" | "t" | unicode )`
fn escape(input: &str) -> IResult<&str, char> {
    let simple = one_of("\"\\/bfnrt").map(|c| match c {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    });
    preceded(char('\\'), alt((simple, unicode))).parse(input)
}

/// `unicode = "u" hex hex hex hex`, or two of them that make one character. Half of such a pair
/// becomes U+FFFD.
fn unicode(input: &str) -> IResult<&str, char> {
    let (after, first) = code_unit(input)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Ok((after, c));
    }
    let second = preceded(char('\\'), code_unit);
    let mut pair = map_opt(second, |second| {
        char::decode_utf16([first, second]).next()?.ok()
    });
    if let Ok(found) = pair.parse(after) {
        return Ok(found);
    }
    Ok((after, char::REPLACEMENT_CHARACTER))
}

/// `"u" hex hex hex hex`
fn code_unit(input: &str) -> IResult<&str, u16> {
    let digits = take_while_m_n(4, 4, |c: char| c.is_ascii_hexdigit());
    let value = map_opt(digits, |digits: &str| u16::from_str_radix(digits, 16).ok());
    preceded(char('u'), value).parse(input)
}

/// Whether Go decodes the text: valid JSON, not too deep, no number beyond a float.
fn is_json(input: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(input).is_ok() && is_within_limits(input)
}

/// Whether text that is valid JSON stays within the limits of Go's decoder.
fn is_within_limits(json: &str) -> bool {
    let is_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    let mut rest = json;
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '-' | '0'..='9' => {
                let length = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
                if rest[..length].parse().is_ok_and(f64::is_infinite) {
                    return false;
                }
                length
            }
            '[' | '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return false;
                }
                1
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => c.len_utf8(),
        };
        rest = &rest[length..];
    }
    true
}

/// How long the string at the start of valid JSON is, with its quotes.
fn string_length(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_strings(input: &str, values: &[&str]) {
        let Array::Strings(strings) = array(input) else {
            panic!("{input} is no array of strings");
        };
        assert_eq!(
            strings.iter().map(|s| &*s.value).collect::<Vec<_>>(),
            values
        );
    }

    #[test]
    fn reads_strings() {
        check_strings("[]", &[]);
        check_strings("[ \t] ", &[]);
        check_strings(r#"["a" ,"é\n\u00e9\/"]"#, &["a", "é\né/"]);
        check_strings(r#"["\u0000"]"#, &["\0"]);
        check_strings(r#"["\ud83d\ude00"]"#, &["😀"]);
        check_strings(
            r#"["\ud83dx\udE00\ud83d\u0041"]"#,
            &["\u{fffd}x\u{fffd}\u{fffd}A"],
        );
    }

    #[test]
    fn tells_other_json_from_text() {
        for json in [
            "[1]",
            r#"["a", null]"#,
            r#"[["\ud800"]]"#,
            "[{}]",
            "[-0.5e3]",
        ] {
            assert_eq!(array(json), Array::NotStrings, "{json}");
        }
        for text in [
            "['a']",
            r#"["a",]"#,
            r#"["a"] b"#,
            r#"["c:\x"]"#,
            "[\"a\tb\"]",
            r#"["a"#,
            r#"["\u12"]"#,
            "[1e999]",
            r#"["a", {"b": [-1e999]}]"#,
            "[01]",
            "[\u{a0}]",
        ] {
            assert_eq!(array(text), Array::NotJson, "{text}");
        }
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(array(&nested(10_000)), Array::NotStrings);
        assert_eq!(array(&nested(10_001)), Array::NotJson);
    }
}
