//! Plans as JSON: written, and read again with what contradicts itself refused.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Plan, VERSION};
use crate::diagnostics::escape;

/// Why a text is not a plan that this program can run.
#[derive(Debug)]
pub enum ReadError {
    /// Not JSON, or not of the plan's shape; says line and column.
    Malformed(serde_json::Error),
    /// A plan of another version of the format.
    Version(u64),
    /// A value cannot be one of a plan, or two contradict each other.
    Inconsistent(String),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "this is not a plan: {error}"),
            Self::Version(version) => write!(
                f,
                "this plan has version {version}; this program reads version {VERSION}"
            ),
            Self::Inconsistent(what) => write!(f, "this plan cannot be run: {what}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl Plan {
    /// The plan as its file: two-space indent, one final newline; characters that a terminal or a CI
    /// runner would take for a command are escaped.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a plan holds nothing that JSON cannot");
        text.push('\n');
        match escape::json(&text) {
            Cow::Owned(safe) => safe,
            Cow::Borrowed(_) => text,
        }
    }

    /// Reads a plan that [`Plan::to_json`] or another program wrote.
    ///
    /// # Errors
    /// When the text is not JSON, is of another version, does not have the plan's shape, names no full
    /// revision, or its images contradict each other (two of one name, a dependency that comes after what
    /// depends on it).
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Header {
            version: u64,
        }
        let header: Header = serde_json::from_str(text).map_err(ReadError::Malformed)?;
        if header.version != u64::from(VERSION) {
            return Err(ReadError::Version(header.version));
        }
        let plan: Self = serde_json::from_str(text).map_err(ReadError::Malformed)?;
        plan.check_revisions()?;
        plan.check_order()?;
        Ok(plan)
    }

    /// A branch or `HEAD` would be another revision tomorrow.
    fn check_revisions(&self) -> Result<(), ReadError> {
        let full = |id: &str| {
            matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let source = &self.source;
        let revisions = [
            ("revision", Some(&source.revision)),
            ("since", source.since.as_ref()),
        ];
        for (field, revision) in revisions {
            if let Some(text) = revision.filter(|text| !full(text)) {
                let what = format!("`source.{field}` is `{text}`, which is not the id of a commit");
                return Err(ReadError::Inconsistent(what));
            }
        }
        Ok(())
    }

    fn check_order(&self) -> Result<(), ReadError> {
        let mut position = BTreeMap::new();
        for (index, image) in self.images.iter().enumerate() {
            if position.insert(image.name.as_str(), index).is_some() {
                let what = format!("`{}` is listed twice", image.name);
                return Err(ReadError::Inconsistent(what));
            }
        }
        for (index, image) in self.images.iter().enumerate() {
            for dependency in &image.dependencies {
                if position.get(dependency.image.as_str()) >= Some(&index) {
                    let what = format!(
                        "`{}` depends on `{}`, which is not listed before it",
                        image.name, dependency.image
                    );
                    return Err(ReadError::Inconsistent(what));
                }
            }
        }
        Ok(())
    }
}
