//! The instructions that the language knows, by name.

use std::borrow::Cow;

use crate::lang::go::text::lower;

/// What an instruction starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyword {
    /// `ADD`
    Add,
    /// `ARG`
    Arg,
    /// `CMD`
    Cmd,
    /// `COPY`
    Copy,
    /// `ENTRYPOINT`
    Entrypoint,
    /// `ENV`
    Env,
    /// `EXPOSE`
    Expose,
    /// `FROM`
    From,
    /// `HEALTHCHECK`
    Healthcheck,
    /// `LABEL`
    Label,
    /// `MAINTAINER`
    Maintainer,
    /// `ONBUILD`
    Onbuild,
    /// `RUN`
    Run,
    /// `SHELL`
    Shell,
    /// `STOPSIGNAL`
    Stopsignal,
    /// `USER`
    User,
    /// `VOLUME`
    Volume,
    /// `WORKDIR`
    Workdir,
}

impl Keyword {
    /// All of them, by name.
    pub const ALL: [Self; 18] = [
        Self::Add,
        Self::Arg,
        Self::Cmd,
        Self::Copy,
        Self::Entrypoint,
        Self::Env,
        Self::Expose,
        Self::From,
        Self::Healthcheck,
        Self::Label,
        Self::Maintainer,
        Self::Onbuild,
        Self::Run,
        Self::Shell,
        Self::Stopsignal,
        Self::User,
        Self::Volume,
        Self::Workdir,
    ];

    /// The name, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Arg => "ARG",
            Self::Cmd => "CMD",
            Self::Copy => "COPY",
            Self::Entrypoint => "ENTRYPOINT",
            Self::Env => "ENV",
            Self::Expose => "EXPOSE",
            Self::From => "FROM",
            Self::Healthcheck => "HEALTHCHECK",
            Self::Label => "LABEL",
            Self::Maintainer => "MAINTAINER",
            Self::Onbuild => "ONBUILD",
            Self::Run => "RUN",
            Self::Shell => "SHELL",
            Self::Stopsignal => "STOPSIGNAL",
            Self::User => "USER",
            Self::Volume => "VOLUME",
            Self::Workdir => "WORKDIR",
        }
    }

    /// The keyword that a word spells, in any mixture of cases.
    pub fn parse(word: &str) -> Option<Self> {
        let word = if word.is_ascii() {
            Cow::Borrowed(word)
        } else {
            lower(word)
        };
        let mut all = Self::ALL.into_iter();
        all.find(|keyword| word.eq_ignore_ascii_case(keyword.name()))
    }

    /// Whether heredoc bodies can follow it (semantics §8.1).
    pub const fn takes_heredocs(self) -> bool {
        matches!(self, Self::Add | Self::Copy | Self::Run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignores_case_as_go_does() {
        assert_eq!(Keyword::parse("fRoM"), Some(Keyword::From));
        // The Kelvin sign and the dotted capital I are lowered to `k` and `i`.
        assert_eq!(Keyword::parse("WOR\u{212A}DIR"), Some(Keyword::Workdir));
        assert_eq!(Keyword::parse("ONBU\u{130}LD"), Some(Keyword::Onbuild));
        assert_eq!(Keyword::parse("FRÖM"), None);
        assert_eq!(Keyword::parse(""), None);
    }
}
