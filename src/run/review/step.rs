//! What will happen to an image.

use anstyle::{AnsiColor, Style};

use crate::plan::Action;
use crate::run::exec::Outcome;

pub(super) const BUILD: Style = AnsiColor::Green.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const PLAIN: Style = Style::new();

/// What a plan, or a run that only looks, says will happen to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Build,
    /// Use it where it exists, else build it.
    Ensure,
    Fetch,
    Join,
    Retag,
    /// Nothing.
    Keep,
    /// It is not known what; only a run that cannot do all its work has such an image.
    Leave,
}

impl Step {
    /// In the order in which they are counted.
    pub(super) const ALL: [Self; 7] = [
        Self::Build,
        Self::Ensure,
        Self::Fetch,
        Self::Join,
        Self::Retag,
        Self::Keep,
        Self::Leave,
    ];

    /// After the number of images.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Build => Outcome::Built.word_ahead(),
            Self::Ensure => "to use or build",
            Self::Fetch => Outcome::Fetched.word_ahead(),
            Self::Join => Outcome::Joined.word_ahead(),
            Self::Retag => Outcome::Retagged.word_ahead(),
            Self::Keep => Outcome::Skipped.word_ahead(),
            Self::Leave => Outcome::NotBuilt.word_ahead(),
        }
    }

    /// Before the names of images that are not listed by cause or wave.
    pub(super) fn heading(self) -> Option<&'static str> {
        match self {
            Self::Build | Self::Ensure => None,
            Self::Fetch => Some("fetch"),
            Self::Join => Some("join"),
            Self::Retag => Some("re-tag"),
            Self::Keep => Some("keep"),
            Self::Leave => Some("leave"),
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Build | Self::Ensure => BUILD,
            _ => PLAIN,
        }
    }
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        match action {
            Action::Build => Self::Build,
            Action::Ensure => Self::Ensure,
            Action::Retag => Self::Retag,
        }
    }
}

impl From<Outcome> for Step {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Built => Self::Build,
            Outcome::Fetched => Self::Fetch,
            Outcome::Joined => Self::Join,
            Outcome::Retagged => Self::Retag,
            Outcome::Skipped => Self::Keep,
            Outcome::Failed | Outcome::Stopped | Outcome::NotBuilt => Self::Leave,
        }
    }
}
