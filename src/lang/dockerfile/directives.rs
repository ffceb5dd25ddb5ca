//! Parser directives: `# key=value` in an unbroken run from the first line (semantics §2).
//!
//! They are read twice, by slightly different rules: once line by line for `escape`, where a
//! repeated key is an error, and once over the whole file for `syntax` and `check`, which also skips
//! a first line `#!…` and, for `syntax`, tries `//` and a JSON object.

use std::borrow::Cow;

use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, satisfy};
use nom::combinator::{opt, recognize, rest, verify};
use nom::sequence::{delimited, preceded, separated_pair, terminated};
use nom::{IResult, Parser};

use super::json;
use super::lines::{BYTE_ORDER_MARK, Lines};
use super::node::DirectiveValue;
use super::span::Span;
use crate::lang::go::text::is_regex_space;

/// The keys that are directives.
const KEYS: [&str; 3] = ["syntax", "escape", "check"];

/// One directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    pub key: &'static str,
    pub value: &'a str,
}

/// Where in the run of directives a reader is.
#[derive(Debug, Default)]
pub(super) struct Directives {
    seen: Vec<&'static str>,
    done: bool,
}

impl Directives {
    /// The directive on the next line, which is given without its line end; an error is the key that
    /// is there for the second time. The first line that is no directive ends the run.
    pub(super) fn next<'a>(
        &mut self,
        line: &'a str,
        prefix: &str,
    ) -> Result<Option<Directive<'a>>, &'static str> {
        if self.done {
            return Ok(None);
        }
        let Ok((_, found)) = directive(prefix).parse(line) else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&found.key) {
            return Err(found.key);
        }
        self.seen.push(found.key);
        Ok(Some(found))
    }
}

/// `directive = prefix space* key S* "=" value`
fn directive<'a>(
    prefix: &str,
) -> impl Parser<&'a str, Output = Directive<'a>, Error = nom::error::Error<&'a str>> {
    let key = terminated(known_key, take_while(is_regex_space));
    preceded(
        (tag(prefix), take_while(char::is_whitespace)),
        separated_pair(key, char('='), value),
    )
    .map(|(key, value)| Directive { key, value })
}

/// `key = letter { letter | digit }`, one of the known ones in any case.
fn known_key(input: &str) -> IResult<&str, &'static str> {
    let name = recognize((
        satisfy(|c| c.is_ascii_alphabetic()),
        take_while(|c: char| c.is_ascii_alphanumeric()),
    ));
    name.map_opt(|name: &str| KEYS.into_iter().find(|key| key.eq_ignore_ascii_case(name)))
        .parse(input)
}

/// `value = S* text S*`, where the text is at least one character: of white space alone the last.
fn value(input: &str) -> IResult<&str, &str> {
    let text = rest.map(|all: &str| match all.trim_matches(is_regex_space) {
        "" => &all[all.len().saturating_sub(1)..],
        text => text,
    });
    verify(text, |text: &str| !text.is_empty()).parse(input)
}

/// What the file sets `syntax` to. A value there replaces the whole frontend.
pub(super) fn syntax(text: &str) -> Option<DirectiveValue<'_>> {
    let body = body(text);
    value_of("syntax", text, body, "#")
        .or_else(|| value_of("syntax", text, body, "//"))
        .or_else(|| {
            let value = json::member(&text[body..], "syntax")?;
            Some(DirectiveValue {
                value: Cow::Owned(value.clone()),
                full: Cow::Owned(value),
                span: Span::new(body, text.len()),
            })
        })
}

/// What the file sets `check` to.
pub(super) fn check(text: &str) -> Option<DirectiveValue<'_>> {
    value_of("check", text, body(text), "#")
}

/// Where the file starts, without byte order mark and without a first line `#!…`.
fn body(text: &str) -> usize {
    let start = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let shebang: IResult<&str, &str> =
        delimited(tag("#!"), take_while(|c| c != '\n'), opt(char('\n'))).parse(start);
    text.len() - shebang.map_or(start, |(after, _)| after).len()
}

/// The value of the directive with this key, where the comments start with this prefix.
fn value_of<'a>(
    key: &str,
    text: &'a str,
    start: usize,
    prefix: &str,
) -> Option<DirectiveValue<'a>> {
    let mut directives = Directives::default();
    for line in Lines::new(text, start) {
        let raw = line.raw.strip_suffix('\n').unwrap_or(line.raw);
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let found = directives.next(raw, prefix).ok()??;
        if found.key == key {
            let value = found.value.split(' ').next().unwrap_or_default();
            return Some(DirectiveValue {
                value: Cow::Borrowed(value),
                full: Cow::Borrowed(found.value),
                span: line.span(),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, expected: Option<(&str, &str)>) {
        let found = Directives::default().next(line, "#").expect("one line");
        assert_eq!(found.map(|d| (d.key, d.value)), expected, "{line:?}");
    }

    #[test]
    fn reads_a_directive() {
        check_line("# escape=`", Some(("escape", "`")));
        check_line("#\u{a0}Syntax \t=  a b=c ", Some(("syntax", "a b=c")));
        check_line("#check=\u{b}", Some(("check", "\u{b}")));
        check_line("# escape= \t", Some(("escape", "\t")));
        check_line("# escape=", None);
        check_line("## escape=`", None);
        check_line("# other=x", None);
        check_line("# escape2=x", None);
        check_line("FROM a", None);
    }

    #[test]
    fn are_read_a_second_time_by_other_rules() {
        for (file, expected) in [
            ("# syntax=a b\n", Some(("a", "a b"))),
            ("\u{feff}#!/x\n# syntax=a\n", Some(("a", "a"))),
            ("// syntax=a\n", Some(("a", "a"))),
            (
                "{\"x\": [1, {}], \"syntax\": \"a b\"}",
                Some(("a b", "a b")),
            ),
            (" # syntax=a\n", None),
            ("# check=x\n\n# syntax=a\n", None),
            ("", None),
        ] {
            let found = syntax(file);
            let found = found.as_ref().map(|s| (&*s.value, &*s.full));
            assert_eq!(found, expected, "{file:?}");
        }
        assert!(check("// check=x").is_none());
    }
}
