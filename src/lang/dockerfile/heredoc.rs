//! Heredocs: which words of a line announce one, and the bodies behind the line (semantics §8).

use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, digit0};
use nom::combinator::{all_consuming, opt, verify};
use nom::{IResult, Parser};

use super::error::ErrorKind;
use super::expand::Lexer;
use super::lines::Lines;
use super::node::Heredoc;
use super::span::Span;
use crate::lang::go::text::is_regex_space;

/// A heredoc as its word announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    pub descriptor: u64,
    pub chomp: bool,
    pub name: String,
    pub expand: bool,
}

/// The heredocs that a logical line announces, in order. A line whose quotes are unbalanced
/// announces none.
pub(super) fn redirections(line: &str) -> Result<Vec<Redirection>, ErrorKind> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    let words = Lexer::as_written(true, true)
        .split(line)
        .unwrap_or_default();
    let found = words
        .iter()
        .filter_map(|word| redirection(word).transpose());
    found.collect()
}

/// The heredoc that a word announces, if it does.
pub(super) fn redirection(word: &str) -> Result<Option<Redirection>, ErrorKind> {
    let Ok((_, (digits, chomp, rest))) = operator(word) else {
        return Ok(None);
    };
    if rest.is_empty() {
        return Ok(None);
    }
    let words = |keep_quotes| {
        Lexer::as_written(keep_quotes, false)
            .split(rest)
            .map_err(ErrorKind::HeredocName)
    };
    let Ok([name]) = <[String; 1]>::try_from(words(false)?) else {
        return Ok(None);
    };
    let Ok([quoted]) = <[String; 1]>::try_from(words(true)?) else {
        return Err(ErrorKind::HeredocWords(rest.to_owned()));
    };
    let count = |text: &str| text.matches(['\'', '"']).count();
    Ok(Some(Redirection {
        // Go's answer to a number that is too large.
        descriptor: match digits {
            "" => 0,
            digits => digits.parse().unwrap_or(u64::MAX),
        },
        chomp,
        expand: count(&name) == count(&quoted),
        name,
    }))
}

/// `operator = { digit } "<<" [ "-" ] S* { not "<" }`, the whole word.
fn operator(word: &str) -> IResult<&str, (&str, bool, &str)> {
    let name = verify(nom::combinator::rest, |rest: &str| !rest.contains('<'));
    let operator = (
        digit0,
        tag("<<"),
        opt(char('-')),
        take_while(is_regex_space),
        name,
    );
    all_consuming(operator)
        .map(|(digits, _, dash, _, name)| (digits, dash.is_some(), name))
        .parse(word)
}

/// Reads the body up to the line that is the name and nothing else. `None` at the end of the file.
pub(super) fn body<'a>(
    redirection: Redirection,
    file: &'a str,
    lines: &mut Lines<'a>,
) -> Result<Heredoc<'a>, ErrorKind> {
    let start = lines.offset();
    for line in lines {
        let text = line.text();
        let candidate = if redirection.chomp {
            text.trim_start_matches('\t')
        } else {
            text
        };
        if candidate == redirection.name {
            let span = Span::new(start, line.start);
            return Ok(Heredoc {
                name: redirection.name,
                descriptor: redirection.descriptor,
                expand: redirection.expand,
                chomp: redirection.chomp,
                content: &file[span.range()],
                span,
                terminator: line.span(),
            });
        }
    }
    Err(ErrorKind::UnterminatedHeredoc(redirection.name))
}

/// A body without the tabs at the start of its lines.
pub(super) fn without_tabs(body: &str) -> String {
    body.split_inclusive('\n')
        .map(|line| line.trim_start_matches('\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<(u64, bool, &str, bool)>) {
        let found = redirection(word).expect("a word");
        let found = found.as_ref();
        assert_eq!(
            found.map(|r| (r.descriptor, r.chomp, &*r.name, r.expand)),
            expected,
            "{word}"
        );
    }

    #[test]
    fn recognises_a_redirection() {
        check("<<E", Some((0, false, "E", true)));
        check("3<<-E", Some((3, true, "E", true)));
        check("<< E", Some((0, false, "E", true)));
        check("<<'E'", Some((0, false, "E", false)));
        check("<<\"a b\"c", Some((0, false, "a bc", false)));
        check("<<\\E", Some((0, false, "E", true)));
        check("<<$E|cat", Some((0, false, "$E|cat", true)));
        check(
            "99999999999999999999<<E",
            Some((u64::MAX, false, "E", true)),
        );
        check("<<", None);
        check("<<''", None);
        check("<<<E", None);
        check("a<<E", None);
    }

    #[test]
    fn cuts_tabs_of_every_line() {
        assert_eq!(without_tabs("\t\ta\n\tb\tc\n\n\t"), "a\nb\tc\n\n");
    }
}
