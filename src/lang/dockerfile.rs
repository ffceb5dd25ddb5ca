//! The Dockerfile language: text → generic nodes → typed instructions, as BuildKit reads it.
//!
//! [`parse`] reads lines and nodes (layers 1 and 2), [`Dockerfile::new`] checks and types the
//! instructions (layer 3). Both go on after an error, so that a run can report all of them;
//! [`Dockerfile::first_error`] is the one that BuildKit stops at. The grammar is in
//! `docs/grammar.md`. Variables, stages and references are other modules' business.

mod check_options;
mod directives;
pub mod dump;
pub mod error;
pub mod expand;
mod heredoc;
pub mod instruction;
mod json;
mod keyword;
mod lines;
pub mod node;
mod nodes;
mod parser;
mod parts;
pub mod report;
mod span;
pub mod stages;
mod words;

pub use error::{Error, ErrorKind};
pub use instruction::{Instruction, Kind, Word};
pub use keyword::Keyword;
pub use node::Ast;
pub use parser::parse;
pub use span::{LineRange, Span};

/// A Dockerfile as typed instructions, checked one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Dockerfile<'n> {
    /// The lines, comments and nodes that it was made of.
    pub ast: &'n Ast<'n>,
    /// The valid instructions, in the order of the file.
    pub instructions: Vec<Instruction<'n>>,
    /// What is wrong with the others, in the order in which BuildKit would find it.
    pub errors: Vec<Error>,
}

impl<'n> Dockerfile<'n> {
    /// Checks the instructions of a file.
    pub fn new(ast: &'n Ast<'n>) -> Self {
        let (instructions, errors) = instruction::check::all(ast);
        Self {
            ast,
            instructions,
            errors,
        }
    }

    /// Everything that is wrong on layers 1 to 3, what BuildKit would find first in front.
    pub fn all_errors(&self) -> impl Iterator<Item = &Error> {
        self.ast.errors.iter().chain(&self.errors)
    }

    /// The error that BuildKit reports, if there is one.
    pub fn first_error(&self) -> Option<&Error> {
        self.all_errors().next()
    }
}
