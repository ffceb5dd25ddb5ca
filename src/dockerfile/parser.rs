//! Layers 1 and 2 put together: a file → its comments and nodes.

use std::borrow::Cow;

use super::directives::{self, Directives};
use super::error::{Error, ErrorKind};
use super::gotext::lossy;
use super::heredoc;
use super::json::{self, Array};
use super::keyword::Keyword;
use super::lines::{Line, Lines, LogicalLine, PhysicalLine};
use super::node::{Arguments, Ast, Comment, Node, Pair, Token, Warning};
use super::span::{LineRange, Span};
use super::words;

/// How many `ONBUILD` may follow each other before the rest is not looked into. Two are an error
/// already, on layer 3; the limit keeps a file from nesting without end.
const MAX_TRIGGERS: usize = 64;

/// Reads a Dockerfile down to its nodes. What is wrong is in the result, and reading goes on behind
/// it where possible.
pub fn parse(text: &str) -> Ast<'_> {
    let mut parser = Parser {
        lines: Lines::new(text, 0),
        directives: Directives::default(),
        logical: LogicalLine::default(),
        described_from: 0,
        ast: Ast {
            text,
            escape: '\\',
            syntax: directives::syntax(text),
            check: directives::check(text),
            comments: Vec::new(),
            nodes: Vec::new(),
            warnings: Vec::new(),
            errors: Vec::new(),
            line_count: 0,
        },
    };
    while let Some(line) = parser.lines.next() {
        parser.line(line);
    }
    parser.finish()
}

struct Parser<'a> {
    lines: Lines<'a>,
    directives: Directives,
    logical: LogicalLine,
    /// The first comment that would describe the next instruction.
    described_from: usize,
    ast: Ast<'a>,
}

impl<'a> Parser<'a> {
    /// What starts with this physical line: a comment, an instruction or nothing.
    fn line(&mut self, line: PhysicalLine<'a>) {
        let text = line.text().trim_start();
        let end = line.span().end;
        let span = Span::new(end - text.len(), end);
        let directive = self.directive(text, span);
        if text.starts_with('#') {
            self.comment(line, span, directive);
        } else if !text.is_empty() {
            self.instruction(text, span.start);
        }
    }

    /// Whether the line is a parser directive, which takes effect here.
    fn directive(&mut self, text: &'a str, span: Span) -> bool {
        let kind = match self.directives.next(text, "#") {
            Ok(None) => return false,
            Ok(Some(found)) => match (found.key, found.value) {
                ("escape", "\\") => {
                    self.ast.escape = '\\';
                    return true;
                }
                ("escape", "`") => {
                    self.ast.escape = '`';
                    return true;
                }
                ("escape", other) => ErrorKind::InvalidEscape(other.to_owned()),
                _ => return true,
            },
            Err(key) => ErrorKind::DuplicateDirective(key),
        };
        // BuildKit has not counted the line yet.
        let before = self.lines.count - 1;
        let lines = LineRange::new(before, before);
        self.ast.errors.push(Error { kind, span, lines });
        false
    }

    fn comment(&mut self, line: PhysicalLine<'a>, span: Span, directive: bool) {
        // BuildKit cuts one byte off the line where it means to cut the `#`.
        let text = match line.raw.get(1..) {
            Some(text) => Cow::Borrowed(text.trim()),
            None => Cow::Owned(lossy(&line.raw.as_bytes()[1..]).trim().to_owned()),
        };
        let is_empty = text.is_empty();
        self.ast.comments.push(Comment {
            text,
            span,
            directive,
        });
        if is_empty {
            self.described_from = self.ast.comments.len();
        }
    }

    /// Reads an instruction with its continuations and heredocs.
    fn instruction(&mut self, first: &'a str, start: usize) {
        let first_line = self.lines.count;
        self.logical
            .read(start, first, &mut self.lines, self.ast.escape);
        let line = self.logical.line(self.ast.text);
        let line_span = self.logical.span();
        if self.logical.has_blank_line {
            self.ast.warnings.push(Warning {
                message: format!("Empty continuation line found in: {}", line.text),
                line: self.lines.count,
                span: line_span,
            });
        }
        let context = Context {
            line,
            end: line_span.end,
            escape: self.ast.escape,
        };
        let read = context.node(line.text, MAX_TRIGGERS).and_then(|mut node| {
            node.span = line_span;
            node.line = line_span;
            add_heredocs(&mut node, line, self.ast.text, &mut self.lines)?;
            Ok(node)
        });
        let comments = self.described_from..self.ast.comments.len();
        self.described_from = comments.end;
        let lines = LineRange::new(first_line, self.lines.count);
        match read {
            Ok(mut node) => {
                node.lines = lines;
                node.comments = comments;
                self.ast.nodes.push(node);
            }
            Err((kind, span)) => self.ast.errors.push(Error { kind, span, lines }),
        }
    }

    fn finish(mut self) -> Ast<'a> {
        let last = LineRange::new(self.lines.count, self.lines.count);
        let end = self.ast.text.len();
        if self.ast.nodes.is_empty() && self.ast.errors.is_empty() {
            self.ast.errors.push(Error {
                kind: ErrorKind::NoInstructions,
                span: Span::new(end, end),
                lines: last,
            });
        } else if let Some(span) = self.lines.too_long {
            self.ast.errors.push(Error {
                kind: ErrorKind::LineTooLong,
                span,
                lines: last,
            });
        }
        self.ast.line_count = self.lines.count;
        self.ast
    }
}

/// What is wrong, and where.
type Failure = (ErrorKind, Span);

/// Reads the bodies of the heredocs that an instruction's line announces.
fn add_heredocs<'a>(
    node: &mut Node<'a>,
    line: Line<'a, '_>,
    file: &'a str,
    lines: &mut Lines<'a>,
) -> Result<(), Failure> {
    let carrier = node.trigger().unwrap_or(node);
    if !carrier.keyword.is_some_and(Keyword::takes_heredocs) || carrier.is_json() {
        return Ok(());
    }
    let at_line = |kind| (kind, node.line);
    for redirection in heredoc::redirections(line.text).map_err(at_line)? {
        let heredoc = heredoc::body(redirection, file, lines).map_err(at_line)?;
        node.span.end = heredoc.terminator.end;
        node.heredocs.push(heredoc);
    }
    Ok(())
}

/// The logical line that nodes are cut from.
#[derive(Clone, Copy)]
struct Context<'a, 'b> {
    line: Line<'a, 'b>,
    /// Where it ends in the file.
    end: usize,
    escape: char,
}

impl<'a, 'b> Context<'a, 'b> {
    /// `instruction = keyword [ blanks { flag } arguments ]`
    ///
    /// The lines and the comments are the caller's to fill in; a trigger has none of its own.
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
            flags: flags.into_iter().map(|flag| self.flag(flag)).collect(),
            arguments: self.arguments(keyword, rest, depth)?,
            heredocs: Vec::new(),
            line: span,
            span,
            lines: LineRange::default(),
            comments: 0..0,
        })
    }

    fn flag(self, flag: words::Flag<'b>) -> Token<'a> {
        let token = self.line.token(flag.raw);
        match flag.text {
            Cow::Borrowed(_) => token,
            Cow::Owned(text) => Token {
                text: Cow::Owned(text),
                span: token.span,
            },
        }
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
                let tokens = strings.into_iter().map(|string| {
                    let token = self.line.token(string.raw);
                    match string.value {
                        Cow::Borrowed(_) => token,
                        Cow::Owned(text) => Token {
                            text: Cow::Owned(text),
                            span: token.span,
                        },
                    }
                });
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
        let token = self.line.token(raw);
        let command = if command.is_empty() {
            Arguments::None
        } else {
            self.json_or(command, Self::text)?
        };
        Ok(Arguments::Health {
            kind: match kind {
                Cow::Borrowed(_) => token,
                Cow::Owned(text) => Token {
                    text: Cow::Owned(text),
                    span: token.span,
                },
            },
            command: Box::new(command),
        })
    }
}
