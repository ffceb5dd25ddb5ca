//! What images take from the world outside: the references that a build would ask a registry, a server
//! or a git host for.

mod locks;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::lock::key_of;
use crate::planner::resolve::Resolved;

pub(crate) use locks::{Held, Locks, missing, unused};
pub(crate) use uses::{SYNTAX_ARGUMENT, base_platform, fetched, frontend, platform, uses};

/// The kinds of things that come from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An image that something is taken from.
    Image,
    /// The image of a program that reads a Dockerfile.
    Frontend,
    /// A file that is downloaded.
    Download,
    /// A git repository.
    Git,
}

/// Something from elsewhere, and what takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Images and the programs that read Dockerfiles: the full name; downloads: the URL; git: `URL#REF`.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// The platforms that it is built for, as keys of a lock file.
    pub platforms: BTreeSet<String>,
    /// Whether it is built for the engine's own platform too, which nobody knows here.
    pub any_platform: bool,
    /// Whether it looks like an image of this repository, but none has this name.
    pub looks_ours: bool,
    /// What takes it.
    pub takers: Vec<Taker>,
}

/// An instruction that takes something from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taker {
    /// Name of the image.
    pub image: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
    /// `FROM`, `COPY --from`, `RUN --mount`, `ADD` or `# syntax`.
    pub instruction: &'static str,
    /// The line that it begins on, from 1; 0 where it stands in none.
    pub line: usize,
}

/// Everything that some images take from elsewhere, by kind and name, without what the configuration
/// keeps out of the lock file.
pub(crate) fn all<'r, 'a: 'r>(
    images: impl Iterator<Item = &'r Resolved<'a>>,
    locks: &Locks<'_>,
) -> Vec<External> {
    let mut all: BTreeMap<(bool, Kind, String), External> = BTreeMap::new();
    for image in images {
        for used in uses(image) {
            if locks.keeps_out(&used.key) {
                continue;
            }
            // A program that reads Dockerfiles may be a base too, and has one entry.
            let is_image = matches!(used.kind, Kind::Image | Kind::Frontend);
            let kind = if is_image { Kind::Image } else { used.kind };
            let external = all
                .entry((!is_image, kind, used.key.clone()))
                .or_insert_with(|| External {
                    key: used.key.clone(),
                    kind: used.kind,
                    platforms: BTreeSet::new(),
                    any_platform: false,
                    looks_ours: false,
                    takers: Vec::new(),
                });
            external.kind = external.kind.min(used.kind);
            external.looks_ours |= image.unmatched.contains(&used.key);
            match &used.platform {
                Some(platform) => {
                    external.platforms.insert(key_of(platform));
                }
                None => external.any_platform = true,
            }
            let taker = Taker {
                image: image.definition.name.clone(),
                dockerfile: image.definition.dockerfile.clone(),
                instruction: used.instruction,
                line: used.line,
            };
            if !external.takers.contains(&taker) {
                external.takers.push(taker);
            }
        }
    }
    all.into_values().collect()
}

fn is_image(external: &External) -> bool {
    matches!(external.kind, Kind::Image | Kind::Frontend)
}
