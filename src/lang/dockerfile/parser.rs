//! Layers 1 and 2 put together: a file → its comments and nodes, heredocs included.

use std::borrow::Cow;

use super::check_options::CheckOptions;
use super::directives::{self, Directives};
use super::error::{Error, ErrorKind};
use super::heredoc;
use super::keyword::Keyword;
use super::lines::{Line, Lines, LogicalLine, PhysicalLine};
use super::node::{Ast, Comment, Node, Warning};
use super::nodes::{self, Failure};
use super::span::{LineRange, Span};
use crate::lang::go::text::lossy;

/// Reads a Dockerfile down to its nodes. What is wrong is in the result, and reading goes on behind
/// it where possible.
pub fn parse(text: &str) -> Ast<'_> {
    let too_large = Error::too_large(text.len());
    // Nothing is looked at of a file that no builder reads.
    let text = if too_large.is_some() { "" } else { text };
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
    if let Some(error) = too_large {
        parser.ast.errors.push(error);
        return parser.ast;
    }
    parser.check_options();
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
    /// Reads the options of `# check=`.
    fn check_options(&mut self) {
        let Some(check) = &self.ast.check else { return };
        if let Err(why) = CheckOptions::parse(&check.value) {
            self.ast.errors.push(Error {
                kind: ErrorKind::CheckOptions(why),
                span: check.span,
                lines: LineRange::default(),
            });
        }
    }

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
        let read = nodes::node(line, line_span.end, self.ast.escape).and_then(|mut node| {
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
