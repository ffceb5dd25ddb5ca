//! Why an image is built, or is not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an action was chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// What it is about.
    pub kind: ReasonKind,
    /// The path, instruction, argument or image.
    pub detail: String,
}

impl Reason {
    /// A reason of that kind.
    pub fn new(kind: ReasonKind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { kind, detail }
    }

    /// Whether it says that something has changed, and not only what exists.
    pub(crate) fn is_change(&self) -> bool {
        !matches!(
            self.kind,
            ReasonKind::Built | ReasonKind::Missing | ReasonKind::Unchanged
        )
    }
}

/// What a reason is about; a plan has it in small letters, with `_` between words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// A base image, or another thing from elsewhere.
    Base,
    /// The value of a build argument.
    BuildArg,
    /// The content reference exists.
    Built,
    /// The files of a named context.
    Context,
    /// An image of the plan that is needed.
    Dependency,
    /// The Dockerfile.
    Dockerfile,
    /// The epoch.
    Epoch,
    /// Something that is not known more exactly.
    Fingerprint,
    /// An input file.
    Input,
    /// Which inputs git-lfs keeps.
    Lfs,
    /// The content reference does not exist.
    Missing,
    /// The network mode.
    Network,
    /// The image was not there.
    New,
    /// The triggers that the image leaves to those built on it.
    Onbuild,
    /// The platforms.
    Platform,
    /// Nothing differs.
    Unchanged,
    /// One that another version of the program knows.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
