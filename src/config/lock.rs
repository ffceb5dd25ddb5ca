//! `shipwright.lock`: what references to the world outside meant when it was written.
//!
//! Plain data. `docs/lock.md` describes the format; [`Lock::parse`] reads it with the place of every
//! problem, [`Lock::to_json`] writes the one text of its facts.

mod conflict;
mod read;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use crate::diagnostics::{SourceText, escape};
use crate::lang::digest::short;
use crate::lang::platform::Platform;

/// Where the file stands, relative to the root of the plan.
pub const PATH: &str = "shipwright.lock";

/// The version of the format that this program writes and reads.
const VERSION: u32 = 1;

/// The platforms that an entry has where no image asks for one: those of engines.
pub(crate) const USUAL_PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// The facts of a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// By full name: images, and programs that read Dockerfiles (`# syntax=`).
    pub images: BTreeMap<String, LockedImage>,
    /// By URL, as written: what `ADD` downloads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub downloads: BTreeMap<String, LockedDownload>,
    /// By repository and reference, `URL#REF`: what `ADD` takes with git.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub git: BTreeMap<String, LockedGit>,
}

/// An image: its own manifest, and those of platforms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockedImage {
    /// What the reference names: an index, or the manifest of one image.
    pub digest: String,
    /// By platform, normalised, with `:` and the version of the operating system where there is one.
    pub platforms: BTreeMap<String, LockedPlatform>,
}

/// An image for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockedPlatform {
    /// When it was made, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Its manifest.
    pub digest: String,
    /// The variables that it sets.
    pub env: BTreeMap<String, String>,
    /// The instructions that run in a build on top of it, in order.
    pub onbuild: Vec<String>,
}

/// A file that is downloaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockedDownload {
    /// SHA-256 of its bytes.
    pub checksum: String,
    /// The server's own name for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When they last changed, as the server has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LockedGit {
    /// Its id.
    pub commit: String,
}

/// A lock file as it was read.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// Its facts.
    pub lock: Lock,
    /// Its text.
    pub(crate) source: SourceText,
    /// Where the key of each entry stands.
    pub(crate) keys: BTreeMap<String, Range<usize>>,
}

impl LockedImage {
    /// What is known of the image for a platform; the one that there is, where it has only one.
    pub(crate) fn on(&self, platform: &Platform) -> Option<&LockedPlatform> {
        let exact = self.platforms.get(&key_of(platform));
        exact.or_else(|| {
            let only = self.platforms.values().next()?;
            (self.platforms.len() == 1 && only.digest == self.digest).then_some(only)
        })
    }

    /// When the newest of its platforms was made, as they say themselves.
    pub(crate) fn created(&self) -> Option<&str> {
        let created = self.platforms.values();
        created.filter_map(|one| one.created.as_deref()).max()
    }

    /// Whether what it says of itself differs from platform to platform.
    pub(crate) fn varies(&self) -> bool {
        let mut all = self.platforms.values();
        let first = all.next();
        all.any(|other| {
            first.is_some_and(|first| (&first.env, &first.onbuild) != (&other.env, &other.onbuild))
        })
    }
}

/// Content for people: the first digits of a digest, a checksum or a commit, and the day it was made.
pub(crate) fn told(content: &str, created: Option<&str>) -> String {
    let digits = short(content);
    let day = created.and_then(|created| created.get(..10));
    match day.filter(|day| day.starts_with(|c: char| c.is_ascii_digit())) {
        Some(day) => format!("{digits} ({day})"),
        None => digits.to_owned(),
    }
}

/// A platform as a key of [`LockedImage::platforms`].
pub(crate) fn key_of(platform: &Platform) -> String {
    let platform = platform.normalized();
    let name = platform.without_os_version();
    if platform.os_version.is_empty() {
        name
    } else {
        format!("{name}:{}", platform.os_version)
    }
}

/// Whether a key of [`LockedImage::platforms`] is that platform, perhaps with a version of its operating
/// system.
pub(crate) fn is_version_of(key: &str, platform: &str) -> bool {
    let rest = key.strip_prefix(platform);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

impl Lock {
    /// The one text of these facts: keys sorted, two-space indent, one fact a line.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct File<'l> {
            version: u32,
            #[serde(flatten)]
            lock: &'l Lock,
        }
        let file = File {
            version: VERSION,
            lock: self,
        };
        let mut text =
            serde_json::to_string_pretty(&file).expect("a lock holds nothing that JSON cannot");
        text.push('\n');
        escape::json(&text).into_owned()
    }

    /// Whether it has no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.images.is_empty() && self.downloads.is_empty() && self.git.is_empty()
    }
}
