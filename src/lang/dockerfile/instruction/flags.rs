//! The flags of an instruction (semantics §4.4, §4.5).

use super::{Checker, Word};
use crate::lang::dockerfile::error::ErrorKind;
use crate::lang::dockerfile::keyword::Keyword;
use crate::lang::dockerfile::node::{Node, Token};

/// A flag that an instruction has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// The name, without dashes.
    pub name: &'static str,
    /// What kind of value it takes.
    pub kind: FlagKind,
}

/// What kind of value a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// None for true, else `true` or `false`.
    Bool,
    /// A text; may be empty.
    Text,
    /// A text; the flag may be there several times.
    List,
}

const fn bool(name: &'static str) -> Flag {
    let kind = FlagKind::Bool;
    Flag { name, kind }
}

const fn text(name: &'static str) -> Flag {
    let kind = FlagKind::Text;
    Flag { name, kind }
}

const fn list(name: &'static str) -> Flag {
    let kind = FlagKind::List;
    Flag { name, kind }
}

const ADD: &[Flag] = &[
    text("chown"),
    text("chmod"),
    bool("link"),
    bool("keep-git-dir"),
    text("checksum"),
    bool("unpack"),
    list("exclude"),
];

const COPY: &[Flag] = &[
    text("chown"),
    text("from"),
    text("chmod"),
    bool("link"),
    list("exclude"),
    bool("parents"),
];

const FROM: &[Flag] = &[text("platform")];

const HEALTHCHECK: &[Flag] = &[
    text("interval"),
    text("timeout"),
    text("start-period"),
    text("start-interval"),
    text("retries"),
];

const RUN: &[Flag] = &[
    list("mount"),
    list("device"),
    text("network"),
    text("security"),
];

/// The flags that an instruction has.
pub const fn of(keyword: Keyword) -> &'static [Flag] {
    match keyword {
        Keyword::Add => ADD,
        Keyword::Copy => COPY,
        Keyword::From => FROM,
        Keyword::Healthcheck => HEALTHCHECK,
        Keyword::Run => RUN,
        _ => &[],
    }
}

/// The valid flags of one instruction.
pub(super) struct Flags<'n> {
    /// Those that may be there once, valid or not.
    seen: Vec<&'static str>,
    given: Vec<(&'static str, Given<'n>)>,
}

/// What a flag is set to.
enum Given<'n> {
    Bool(bool),
    /// The flag, and its value.
    Text(&'n Token<'n>, Word<'n>),
}

impl<'n> Flags<'n> {
    /// Checks the flags of an instruction; what is wrong is reported and left out.
    pub(super) fn check(node: &'n Node<'n>, keyword: Keyword, checker: &mut Checker) -> Self {
        let mut flags = Self {
            seen: Vec::new(),
            given: Vec::new(),
        };
        for token in &node.flags {
            if let Err(kind) = flags.add(token, keyword) {
                checker.report(kind, token.span);
            }
        }
        flags
    }

    fn add(&mut self, token: &'n Token<'n>, keyword: Keyword) -> Result<(), ErrorKind> {
        let (dashed, value) = match token.text.split_once('=') {
            Some((dashed, value)) => (dashed, Some(value)),
            None => (&*token.text, None),
        };
        let name = dashed.strip_prefix("--").unwrap_or(dashed);
        let Some(flag) = of(keyword).iter().find(|flag| flag.name == name) else {
            return Err(ErrorKind::UnknownFlag(dashed.to_owned(), keyword));
        };
        if flag.kind != FlagKind::List {
            if self.seen.contains(&flag.name) {
                return Err(ErrorKind::DuplicateFlag(dashed.to_owned()));
            }
            self.seen.push(flag.name);
        }
        let given = match (flag.kind, value) {
            (FlagKind::Bool, None) => Given::Bool(true),
            (FlagKind::Bool, Some(value)) => Given::Bool(boolean(dashed, value)?),
            (_, None) => return Err(ErrorKind::FlagWithoutValue(dashed.to_owned())),
            (_, Some(value)) => Given::Text(token, token.word(value)),
        };
        self.given.push((flag.name, given));
        Ok(())
    }

    /// The value of a flag that is true or false, if it is there.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        self.given.iter().find_map(|(given, value)| match value {
            Given::Bool(value) if *given == name => Some(*value),
            _ => None,
        })
    }

    /// The value of a flag that takes a text. An empty one counts as none.
    pub(super) fn text(&self, name: &str) -> Option<Word<'n>> {
        self.list(name)
            .map(|(_, value)| value)
            .find(|value| !value.text.is_empty())
    }

    /// All values of a flag that takes texts, in order, each with the flag.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = (&'n Token<'n>, Word<'n>)> {
        self.given
            .iter()
            .filter_map(move |(given, value)| match value {
                Given::Text(token, value) if *given == name => Some((*token, *value)),
                _ => None,
            })
    }
}

fn boolean(flag: &str, value: &str) -> Result<bool, ErrorKind> {
    if value.is_empty() {
        Err(ErrorKind::FlagWithoutValue(flag.to_owned()))
    } else if value.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(ErrorKind::FlagNotBoolean(flag.to_owned(), value.to_owned()))
    }
}
