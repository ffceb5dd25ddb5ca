//! Layer 2: the text of a logical line → a node, by a table of what every keyword is followed by.

use super::error::ErrorKind;
use super::json::{self, Array};
use super::keyword::Keyword;
use super::lines::Line;
use super::node::{Arguments, Node, Pair};
use super::span::{LineRange, Span};
use super::words;

/// How many `ONBUILD` may follow each other before the rest is not looked into. Two are an error
/// already, on layer 3; the limit keeps a file from nesting without end.
const MAX_TRIGGERS: usize = 64;

/// What is wrong, and where.
pub(super) type Failure = (ErrorKind, Span);

/// Reads the node of a logical line that ends at `end` in the file. Heredocs, lines and comments
/// are the caller's to fill in.
pub(super) fn node<'a>(line: Line<'a, '_>, end: usize, escape: char) -> Result<Node<'a>, Failure> {
    let grammar = Grammar { line, end, escape };
    grammar.node(line.text, MAX_TRIGGERS)
}

/// The grammar of nodes, over one logical line.
#[derive(Clone, Copy)]
struct Grammar<'a, 'b> {
    line: Line<'a, 'b>,
    end: usize,
    escape: char,
}

impl<'a, 'b> Grammar<'a, 'b> {
    /// `instruction = keyword [ blanks { flag } arguments ]`
    fn node(self, text: &'b str, depth: usize) -> Result<Node<'a>, Failure> {
        let text = text.trim();
        let (word, rest) = words::split_keyword(text);
        let keyword = Keyword::parse(word);
        let mut flags = Vec::new();
        let rest = words::take_flags(rest, self.escape, &mut flags).trim();
        let word = self.line.token(word);
        let span = Span::new(word.span.start, self.end);
        Ok(Node {
            word,
            keyword,
            flags: flags
                .into_iter()
                .map(|flag| self.line.token_of_value(flag.raw, flag.text))
                .collect(),
            arguments: self.arguments(keyword, rest, depth)?,
            heredocs: Vec::new(),
            line: span,
            span,
            lines: LineRange::default(),
            comments: 0..0,
        })
    }

    /// What follows the flags, in the shape that the keyword asks for (semantics §4.6).
    fn arguments(
        self,
        keyword: Option<Keyword>,
        rest: &'b str,
        depth: usize,
    ) -> Result<Arguments<'a>, Failure> {
        let Some(keyword) = keyword else {
            return Ok(Arguments::Unknown);
        };
        if rest.is_empty() {
            return Ok(Arguments::None);
        }
        match keyword {
            Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Shell => {
                self.json_or(rest, Self::text)
            }
            Keyword::Add | Keyword::Copy | Keyword::Volume => self.json_or(rest, Self::words),
            Keyword::From | Keyword::Expose => Ok(self.words(rest)),
            Keyword::Arg => {
                let words = words::split_quoted(rest, self.escape);
                Ok(Arguments::Words(
                    words.map(|word| self.line.token(word)).collect(),
                ))
            }
            Keyword::Env | Keyword::Label => self.pairs(keyword, rest),
            Keyword::Workdir | Keyword::User | Keyword::Stopsignal | Keyword::Maintainer => {
                Ok(self.text(rest))
            }
            Keyword::Healthcheck => self.health(rest),
            Keyword::Onbuild if depth == 0 => Ok(Arguments::Unknown),
            Keyword::Onbuild => Ok(Arguments::Trigger(Box::new(self.node(rest, depth - 1)?))),
        }
    }

    fn text(self, rest: &'b str) -> Arguments<'a> {
        Arguments::Text(self.line.token(rest))
    }

    fn words(self, rest: &'b str) -> Arguments<'a> {
        let words = words::split_blanks(rest);
        Arguments::Words(words.map(|word| self.line.token(word)).collect())
    }

    /// A JSON array of strings, or what the instruction has instead.
    fn json_or(
        self,
        rest: &'b str,
        otherwise: impl FnOnce(Self, &'b str) -> Arguments<'a>,
    ) -> Result<Arguments<'a>, Failure> {
        let array = rest.trim_start();
        if !array.starts_with('[') {
            return Ok(otherwise(self, rest));
        }
        match json::array(array) {
            Array::Strings(strings) => {
                let tokens = strings
                    .into_iter()
                    .map(|string| self.line.token_of_value(string.raw, string.value));
                Ok(Arguments::Json(tokens.collect()))
            }
            Array::NotStrings => Err((ErrorKind::JsonNotStrings, self.line.span(rest))),
            Array::NotJson => Ok(otherwise(self, rest)),
        }
    }

    /// `pairs = { name "=" value } | name blanks value`
    fn pairs(self, keyword: Keyword, rest: &'b str) -> Result<Arguments<'a>, Failure> {
        let mut pairs = Vec::new();
        for word in words::split_quoted(rest, self.escape) {
            if let Some((name, value)) = word.split_once('=') {
                pairs.push(Pair {
                    name: self.line.token(name),
                    value: self.line.token(value),
                    legacy: false,
                });
            } else if pairs.is_empty() {
                return self.legacy_pair(keyword, rest);
            } else {
                let kind = ErrorKind::MissingEquals(word.to_owned());
                return Err((kind, self.line.span(word)));
            }
        }
        if pairs.is_empty() {
            return Ok(Arguments::None);
        }
        Ok(Arguments::Pairs(pairs))
    }

    fn legacy_pair(self, keyword: Keyword, rest: &'b str) -> Result<Arguments<'a>, Failure> {
        let (name, value) = words::split_keyword(rest);
        if value.is_empty() {
            return Err((ErrorKind::MissingValue(keyword), self.line.span(rest)));
        }
        Ok(Arguments::Pairs(vec![Pair {
            name: self.line.token(name),
            value: self.line.token(value),
            legacy: true,
        }]))
    }

    fn health(self, rest: &'b str) -> Result<Arguments<'a>, Failure> {
        let (kind, raw, command) = words::split_health(rest);
        let command = if command.is_empty() {
            Arguments::None
        } else {
            self.json_or(command, Self::text)?
        };
        Ok(Arguments::Health {
            kind: self.line.token_of_value(raw, kind),
            command: Box::new(command),
        })
    }
}
