//! The grammar of references (semantics §18): `[domain/]path[:tag][@digest]`.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1, one_of};
use nom::combinator::{all_consuming, opt, recognize, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// Longest tag, in bytes.
const MAX_TAG: usize = 128;
/// Fewest digits of a digest.
const MIN_DIGITS: usize = 32;

/// A reference in its parts, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    pub(super) domain: Option<&'t str>,
    pub(super) path: &'t str,
    pub(super) tag: Option<&'t str>,
    pub(super) digest: Option<&'t str>,
}

/// The parts of a reference; none where the text is no reference. What could be a domain is one.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let domain = terminated(domain, char('/')).map(Some);
    let with_domain = all_consuming((domain, name, opt(version), opt(digest)));
    let without = all_consuming((name, opt(version), opt(digest)))
        .map(|(path, tag, digest)| (None, path, tag, digest));
    let (_, (domain, path, tag, digest)) = alt((with_domain, without)).parse(text).ok()?;
    Some(Parts {
        domain,
        path,
        tag,
        digest,
    })
}

/// A host, with its port if it has one.
fn domain(text: &str) -> IResult<&str, &str> {
    let names = (label, many0_count((char('.'), label)));
    let is_address = |c: char| c.is_ascii_hexdigit() || c == ':';
    let address = delimited(char('['), take_while1(is_address), char(']'));
    let host = alt((recognize(names), recognize(address)));
    recognize((host, opt((char(':'), digit1)))).parse(text)
}

fn label(text: &str) -> IResult<&str, &str> {
    let letters = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let is_label = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    verify(letters, is_label).parse(text)
}

/// The path of a repository.
fn name(text: &str) -> IResult<&str, &str> {
    recognize((component, many0_count((char('/'), component)))).parse(text)
}

fn component(text: &str) -> IResult<&str, &str> {
    let separator = alt((tag("__"), tag("_"), tag("."), take_while1(|c| c == '-')));
    recognize((word, many0_count((separator, word)))).parse(text)
}

fn word(text: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).parse(text)
}

fn version(text: &str) -> IResult<&str, &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let version = verify(take_while_m_n(1, MAX_TAG, is_part), |tag: &str| {
        !tag.starts_with(['.', '-'])
    });
    preceded(char(':'), version).parse(text)
}

fn digest(text: &str) -> IResult<&str, &str> {
    let algorithm = (part, many0_count((one_of("-_+."), part)));
    let digits = take_while_m_n(MIN_DIGITS, usize::MAX, |c: char| c.is_ascii_hexdigit());
    preceded(char('@'), recognize((algorithm, char(':'), digits))).parse(text)
}

/// A part of a digest's algorithm.
fn part(text: &str) -> IResult<&str, &str> {
    let part = take_while1(|c: char| c.is_ascii_alphanumeric());
    verify(part, |part: &str| {
        !part.starts_with(|c: char| c.is_ascii_digit())
    })
    .parse(text)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The expression by which Docker's own library (`distribution/reference`) reads them.
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
        let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
        let host = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])");
        let component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
        let tag = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}";
        let algorithm = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*";
        let expression = format!(
            "^(?:({host}(?::[0-9]+)?)/)?({component}(?:/{component})*)\
             (?::({tag}))?(?:@({algorithm}:[0-9a-fA-F]{{32,}}))?$"
        );
        Regex::new(&expression).expect("it is one")
    });

    fn by_expression(text: &str) -> Option<Parts<'_>> {
        let groups = EXPRESSION.captures(text)?;
        let group = |index| groups.get(index).map(|found| found.as_str());
        Some(Parts {
            domain: group(1),
            path: group(2).unwrap_or_default(),
            tag: group(3),
            digest: group(4),
        })
    }

    #[test]
    fn the_longest_tag_and_the_shortest_digest() {
        for (tag, digits) in [(1, 32), (128, 31), (129, 32), (0, 32), (128, 64)] {
            let text = format!("a:{}@sha256:{}", "t".repeat(tag), "0".repeat(digits));
            assert_eq!(parts(&text), by_expression(&text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_grammar_reads_what_the_expression_reads(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just("/"), Just(":"), Just("@"), Just("."), Just("_"), Just("__"), Just("-"),
                    Just("["), Just("]"), Just("a"), Just("b1"), Just("0"), Just("A"), Just("é"),
                    Just("localhost:5000/"), Just("a.b/"), Just("[::1]:80/"), Just("\n"), Just("+"),
                    Just("@sha256:0123456789abcdef0123456789abcdef"), Just(":v1"),
                ],
                0..9,
            ),
        ) {
            let text = pieces.concat();
            prop_assert_eq!(parts(&text), by_expression(&text));
        }
    }
}
