//! The words of an instruction: keyword, flags, and arguments between blanks.
//!
//! Every place has a separator and quoting of its own (semantics §1.6, §4, §6); all of them are
//! linear, and what they return are slices of the logical line.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{take_till, take_till1, take_while, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{opt, recognize};
use nom::multi::{many0_count, many1_count};
use nom::{IResult, Parser};

use crate::lang::go::text::{is_blank, is_latin1_space, lossy};

/// `keyword [ blanks rest ]`: an instruction without surrounding white space.
pub(super) fn split_keyword(instruction: &str) -> (&str, &str) {
    let end = instruction.find(is_blank).unwrap_or(instruction.len());
    let (keyword, rest) = instruction.split_at(end);
    (keyword, rest.trim_start_matches(is_blank))
}

/// `{ not blank } { blanks { not blank } }`: nothing groups, nothing escapes. The text has no blanks
/// around it.
pub(super) fn split_blanks(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

/// A flag: how it is written, and without quotes and escapes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag<'l> {
    pub raw: &'l str,
    pub text: Cow<'l, str>,
}

/// `{ flag } [ "--" ]`: takes the flags off the front of what follows the keyword.
///
/// BuildKit reads bytes as if they were characters of Latin-1, so the bytes 85 and A0 separate
/// words, and values beyond ASCII come out as Latin-1. Where that would cut a character in two, the
/// rest of that character is dropped here.
pub(super) fn take_flags<'l>(text: &'l str, escape: char, flags: &mut Vec<Flag<'l>>) -> &'l str {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes[at..]
            .iter()
            .take_while(|b| is_latin1_space(**b))
            .count();
        if !bytes[at..].starts_with(b"--") {
            return from_boundary(text, at);
        }
        let (length, value) = flag(&bytes[at..], escape as u8);
        let end = at + length;
        let raw = from_boundary(text, at);
        let raw = &raw[..raw.len() - from_boundary(text, end).len()];
        let is_end = value.as_deref().unwrap_or(raw) == "--";
        at = end;
        if !is_end {
            let text = value.map_or(Cow::Borrowed(raw), Cow::Owned);
            flags.push(Flag { raw, text });
        } else if at < bytes.len() {
            return from_boundary(text, at);
        }
    }
}

/// The text from the first character that starts at or after a byte.
fn from_boundary(text: &str, mut at: usize) -> &str {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    &text[at..]
}

/// `flag = "--" { quoted | escape any | other }`: how long the word is, and its value where that
/// is not what is written. Quotes go; so does an escape character, which takes the next one
/// literally; both may be left open.
fn flag(word: &[u8], escape: u8) -> (usize, Option<String>) {
    let is_literal = |b: &u8| b.is_ascii() && !matches!(b, b'\'' | b'"') && *b != escape;
    let literal = word
        .iter()
        .take_while(|b| is_literal(b) && !is_latin1_space(**b))
        .count();
    if word.get(literal).is_none_or(|b| is_latin1_space(*b)) {
        return (literal, None);
    }
    let mut value = String::new();
    let mut quote = None;
    let mut at = 0;
    while let Some(&byte) = word.get(at) {
        at += 1;
        match quote {
            None if is_latin1_space(byte) => return (at - 1, Some(value)),
            None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
            Some(open) if byte == open => quote = None,
            _ if byte == escape => {
                // At the end of the line an escape character is dropped.
                if let Some(&escaped) = word.get(at) {
                    value.push(char::from(escaped));
                    at += 1;
                }
            }
            _ => value.push(char::from(byte)),
        }
    }
    (at, Some(value))
}

/// The words of `ENV`, `LABEL` and `ARG`. Quotes and escapes stay in them; an escape character at
/// the very end does not. Quotes may be left open.
pub(super) fn split_quoted(text: &str, escape: char) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let blanks = take_while(char::is_whitespace);
        let (after, (_, found)) = (blanks, quoted_word(escape)).parse(rest).ok()?;
        rest = after;
        Some(found)
    })
}

/// `word = { escape any | single | double | other }`, at least one.
fn quoted_word<'l>(
    escape: char,
) -> impl Parser<&'l str, Output = &'l str, Error = nom::error::Error<&'l str>> {
    let is_other = move |c: char| c != escape && c != '\'' && c != '"' && !c.is_whitespace();
    let piece = alt((
        take_while1(is_other),
        escaped(escape),
        single_quoted,
        double_quoted(escape),
    ));
    recognize(many1_count(piece))
}

/// `escape any`
fn escaped<'l>(
    escape: char,
) -> impl Parser<&'l str, Output = &'l str, Error = nom::error::Error<&'l str>> {
    recognize((char(escape), anychar))
}

/// `single = "'" { not "'" } [ "'" ]`: nothing escapes.
fn single_quoted(input: &str) -> IResult<&str, &str> {
    recognize((char('\''), take_till(|c| c == '\''), opt(char('\'')))).parse(input)
}

/// `double = '"' { escape any | not '"' } [ '"' ]`
fn double_quoted<'l>(
    escape: char,
) -> impl Parser<&'l str, Output = &'l str, Error = nom::error::Error<&'l str>> {
    let piece = alt((
        take_till1(move |c| c == '"' || c == escape),
        escaped(escape),
    ));
    recognize((char('"'), many0_count(piece), opt(char('"'))))
}

/// The type of a `HEALTHCHECK`, and what follows it. White space is that of Latin-1, as for flags.
pub(super) fn split_health(text: &str) -> (Cow<'_, str>, &str, &str) {
    let bytes = text.as_bytes();
    let is_space = |b: &u8| is_latin1_space(*b);
    let end = bytes.iter().position(is_space).unwrap_or(bytes.len());
    let blanks = bytes[end..].iter().take_while(|b| is_space(b)).count();
    let rest = from_boundary(text, end + blanks);
    let raw = &text[..text.len() - from_boundary(text, end).len()];
    (lossy(&bytes[..end]), raw, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_flags(text: &str, flags: &[&str], rest: &str) {
        let mut found = Vec::new();
        let after = take_flags(text, '\\', &mut found);
        let found: Vec<&str> = found.iter().map(|flag| &*flag.text).collect();
        assert_eq!((&*found, after), (flags, rest), "{text}");
    }

    #[test]
    fn takes_flags_off_the_front() {
        check_flags("--a=b --c d --e", &["--a=b", "--c"], "d --e");
        check_flags("--a='b c'\"d\" e", &["--a=b cd"], "e");
        check_flags(r"--a=b\ c\'\\ d", &[r"--a=b c'\"], "d");
        check_flags(r#"--a="b\"c d"#, &["--a=b\"c d"], "");
        check_flags(r"--a\", &["--a"], "");
        check_flags("-- --a b", &[], " --a b");
        check_flags("--", &[], "");
        check_flags("'--a' b", &[], "'--a' b");
        check_flags("- --a", &[], "- --a");
    }

    #[test]
    fn reads_flags_as_latin_1() {
        check_flags("--chown=é x y", &["--chown=Ã©"], "x y");
        check_flags("--chown=à x y", &["--chown=Ã"], "x y");
    }

    #[track_caller]
    fn check_quoted(text: &str, words: &[&str]) {
        assert_eq!(
            split_quoted(text, '\\').collect::<Vec<_>>(),
            words,
            "{text}"
        );
    }

    #[test]
    fn splits_around_quotes() {
        check_quoted("a=b  c\u{a0}d", &["a=b", "c", "d"]);
        check_quoted(r#"a='b c' "d \" e"f"#, &["a='b c'", r#""d \" e"f"#]);
        check_quoted(r"a\ b '\' c", &[r"a\ b", r"'\'", "c"]);
        check_quoted(r"a \", &["a"]);
        check_quoted("\"a\\", &["\"a"]);
        check_quoted("a='b c", &["a='b c"]);
        check_quoted("${A:-x y}", &["${A:-x", "y}"]);
    }
}
