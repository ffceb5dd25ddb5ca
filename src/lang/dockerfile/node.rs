//! The generic syntax tree (layer 2): keyword, flags and arguments of every instruction, as written.
//!
//! It promises that the instruction is well formed, not that it is valid: keywords may be unknown,
//! flags unchecked and arguments too few. [`super::instruction`] checks that. Nothing is expanded.

use std::borrow::Cow;
use std::ops::Range;

use super::error::Error;
use super::instruction::Word;
use super::keyword::Keyword;
use super::lines::rejoin;
use super::span::{LineRange, Span};

/// A Dockerfile as layers 1 and 2 read it.
///
/// Comments, nodes and white space together are the whole file: whatever lies between two of the
/// former is white space, or the byte order mark.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast<'a> {
    /// The file.
    pub text: &'a str,
    /// The escape character: a backslash or a backtick.
    pub escape: char,
    /// What `# syntax=` asks for, if it is there.
    pub syntax: Option<DirectiveValue<'a>>,
    /// What `# check=` asks for, if it is there.
    pub check: Option<DirectiveValue<'a>>,
    /// All comment lines outside of instructions, parser directives among them.
    pub comments: Vec<Comment<'a>>,
    /// The instructions, in the order of the file; those with errors are left out.
    pub nodes: Vec<Node<'a>>,
    /// What BuildKit warns about while it reads.
    pub warnings: Vec<Warning>,
    /// Everything that is wrong, in the order of the file. BuildKit reports the first alone.
    pub errors: Vec<Error>,
    /// How many physical lines were read.
    pub line_count: usize,
}

/// The value of a parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectiveValue<'a> {
    /// The value up to the first space: for `syntax`, the frontend's image.
    pub value: Cow<'a, str>,
    /// The whole value: for `syntax`, the frontend's command line.
    pub full: Cow<'a, str>,
    /// Where the line stands; the whole file where it is a JSON object with the key.
    pub span: Span,
}

/// A comment line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment<'a> {
    /// What it says: without the line's first byte and surrounding white space, as BuildKit cuts it
    /// (so an indented comment keeps its `#`).
    pub text: Cow<'a, str>,
    /// From the `#` to the end of the line, without the line end.
    pub span: Span,
    /// Whether it is a parser directive.
    pub directive: bool,
}

/// Something that BuildKit warns about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// In BuildKit's words.
    pub message: String,
    /// The line that BuildKit names: the last of the instruction.
    pub line: usize,
    /// The instruction, without heredoc bodies.
    pub span: Span,
}

/// A piece of an instruction: its value, and where that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// The value, after joining lines and, where its kind has them, after quotes and escapes.
    /// Borrowed exactly where the file has it literally, at `span`.
    pub text: Cow<'a, str>,
    /// Where it is written, quotes and continuations included.
    pub span: Span,
}

impl Token<'_> {
    /// A part of the value, which must be a slice of `text`, as a word.
    pub fn word<'n>(&'n self, part: &'n str) -> Word<'n> {
        Word {
            text: part,
            span: self.span_of(part),
        }
    }

    /// Where a part of the value is written: `part` must be a slice of `text`. The whole token where
    /// the file does not have the value literally.
    pub fn span_of(&self, part: &str) -> Span {
        match &self.text {
            Cow::Borrowed(text) => {
                let at = part.as_ptr() as usize - text.as_ptr() as usize;
                Span::new(self.span.start + at, self.span.start + at + part.len())
            }
            Cow::Owned(_) => self.span,
        }
    }
}

/// One instruction.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The first word, in its own spelling. Empty where continuations lead to nothing.
    pub word: Token<'a>,
    /// What that word means; `None` if it is not an instruction.
    pub keyword: Option<Keyword>,
    /// The leading words that start with `--`, without quotes and escapes. Not checked.
    pub flags: Vec<Token<'a>>,
    /// What follows the flags.
    pub arguments: Arguments<'a>,
    /// The heredocs, in order.
    pub heredocs: Vec<Heredoc<'a>>,
    /// The logical line: from the first character of the instruction to the end of the last line
    /// that belongs to it, without heredoc bodies.
    pub line: Span,
    /// All of it, with heredoc bodies and terminators.
    pub span: Span,
    /// The physical lines of all of it.
    pub lines: LineRange,
    /// Which of [`Ast::comments`] describe it: those since the previous instruction or empty
    /// comment. Parser directives may be among them and do not count.
    pub comments: Range<usize>,
}

/// What follows keyword and flags, by the shape that the keyword asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// Nothing is there.
    None,
    /// One text: shell form, `WORKDIR`, `USER`, `STOPSIGNAL`, `MAINTAINER`.
    Text(Token<'a>),
    /// Words: `FROM`, `COPY`, `ADD`, `VOLUME`, `EXPOSE`, `ARG`.
    Words(Vec<Token<'a>>),
    /// A JSON array of strings; may be empty.
    Json(Vec<Token<'a>>),
    /// `ENV` and `LABEL`.
    Pairs(Vec<Pair<'a>>),
    /// `HEALTHCHECK`: the type (`CMD`, `NONE`), and the command in shell or exec form.
    Health {
        /// The type, in its own spelling.
        kind: Token<'a>,
        /// [`Arguments::None`], [`Arguments::Text`] or [`Arguments::Json`].
        command: Box<Arguments<'a>>,
    },
    /// `ONBUILD`: the instruction to run later. It has no heredocs of its own; the outer one has.
    Trigger(Box<Node<'a>>),
    /// The keyword is unknown, so nobody can tell.
    Unknown,
}

/// A name and a value of `ENV` or `LABEL`, quotes and escapes kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The name.
    pub name: Token<'a>,
    /// The value.
    pub value: Token<'a>,
    /// Whether it is in the old form, `ENV name value`.
    pub legacy: bool,
}

/// An inline file: `<<NAME`, with its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc<'a> {
    /// The terminator, without quotes and escapes.
    pub name: String,
    /// The file descriptor that is written before `<<`, else 0.
    pub descriptor: u64,
    /// Whether variables in the body are expanded: no part of the name is quoted.
    pub expand: bool,
    /// Whether leading tabs are cut: `<<-`.
    pub chomp: bool,
    /// The body, raw, with its line ends and tabs.
    pub content: &'a str,
    /// Where the body is.
    pub span: Span,
    /// Where the line that ends it is, without the line end.
    pub terminator: Span,
}

impl<'a> Ast<'a> {
    /// A node as one line: continuations joined, comments and heredoc bodies left out.
    pub fn original(&self, node: &Node<'_>) -> Cow<'a, str> {
        rejoin(self.text, node.line, self.escape)
    }

    /// What the comments above a node say, line by line.
    pub fn description<'s>(&'s self, node: &Node<'_>) -> impl Iterator<Item = &'s str> {
        let comments = self.comments.get(node.comments.clone()).unwrap_or_default();
        let comments = comments.iter().filter(|comment| !comment.directive);
        comments.map(|comment| &*comment.text)
    }
}

impl<'a> Node<'a> {
    /// Whether the arguments are a JSON array.
    pub fn is_json(&self) -> bool {
        match &self.arguments {
            Arguments::Json(_) => true,
            Arguments::Health { command, .. } => matches!(**command, Arguments::Json(_)),
            _ => false,
        }
    }

    /// The trigger of an `ONBUILD`.
    pub fn trigger(&self) -> Option<&Node<'a>> {
        match &self.arguments {
            Arguments::Trigger(node) => Some(node),
            _ => None,
        }
    }
}
