//! What the lock file says of what images take from elsewhere, what it lacks, and what nothing takes.

use std::collections::{BTreeMap, BTreeSet};

use super::uses::{Use, fetched, uses};
use super::{External, Kind, is_image};
use crate::config::Config;
use crate::config::lock::{Lock, LockFile, LockedImage, LockedPlatform, is_version_of, key_of};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::stages::Download;
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths::Globs;
use crate::planner::resolve::Resolved;

/// What a lock file says of references, where there is one.
#[derive(Debug, Default)]
pub(crate) struct Locks<'l> {
    lock: Option<&'l Lock>,
    /// References that stay out of it.
    unlocked: Globs,
}

/// Content to which the lock file holds a reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// As [`External::key`].
    pub(crate) name: String,
    /// What the reference names, for people: of an image the digest of its own manifest.
    pub(crate) whole: String,
    /// What counts: of an image the digests of platforms, else all there is.
    pub(crate) parts: BTreeMap<String, String>,
}

impl<'l> Locks<'l> {
    /// The facts of a lock file, without what the configuration keeps out of it.
    pub(crate) fn new(lock: Option<&'l Lock>, config: &Config) -> Self {
        // The configuration has checked them.
        let unlocked = config.unlocked.iter().map(|pattern| &*pattern.value);
        Self {
            lock,
            unlocked: Globs::new(unlocked),
        }
    }

    /// Whether there is a lock file, and this belongs into it.
    fn wants(&self, key: &str) -> bool {
        self.lock.is_some() && !self.keeps_out(key)
    }

    /// Whether the configuration keeps a reference out.
    pub(crate) fn keeps_out(&self, key: &str) -> bool {
        let short = || Reference::parse(key).map(|reference| reference.familiar());
        self.unlocked.is_match(key) || short().is_ok_and(|short| self.unlocked.is_match(&short))
    }

    /// What is known of an image, by its full name.
    pub(crate) fn image(&self, name: &str) -> Option<&'l LockedImage> {
        self.lock?
            .images
            .get(name)
            .filter(|_| !self.keeps_out(name))
    }

    /// The content to which a place is held; none where the lock file does not say it.
    pub(crate) fn held(&self, used: &Use) -> Option<Held> {
        match used.kind {
            Kind::Image | Kind::Frontend => self.held_image(&used.key, used.platform.as_ref()),
            Kind::Download | Kind::Git => self.held_fetch(used.kind, &used.key),
        }
    }

    /// The same for what an `ADD` fetches.
    pub(crate) fn held_fetch(&self, kind: Kind, key: &str) -> Option<Held> {
        let lock = self.lock.filter(|_| !self.keeps_out(key))?;
        let whole = match kind {
            Kind::Git => lock.git.get(key)?.commit.clone(),
            _ => lock.downloads.get(key)?.checksum.clone(),
        };
        let name = key.to_owned();
        let parts = BTreeMap::from([(String::new(), whole.clone())]);
        Some(Held { name, whole, parts })
    }

    /// Whether the content of a download is known.
    pub(crate) fn has(&self, download: &Download) -> bool {
        fetched(download).is_some_and(|(kind, key)| self.held_fetch(kind, &key).is_some())
    }

    /// The same for an image on a platform; on all that the lock file has where none is given.
    pub(crate) fn held_image(&self, name: &str, platform: Option<&Platform>) -> Option<Held> {
        let image = self.image(name)?;
        let parts = parts(image, platform)?;
        Some(Held {
            name: name.to_owned(),
            whole: image.digest.clone(),
            parts: parts
                .into_iter()
                .map(|(key, found)| (key.clone(), found.digest.clone()))
                .collect(),
        })
    }
}

/// The images of a locked one that a platform may get: one, or one for each version of its operating
/// system; all where no platform is given.
fn parts<'l>(
    image: &'l LockedImage,
    platform: Option<&Platform>,
) -> Option<BTreeMap<&'l String, &'l LockedPlatform>> {
    let Some(platform) = platform else {
        return Some(image.platforms.iter().collect());
    };
    let key = key_of(platform);
    let found: BTreeMap<_, _> = image
        .platforms
        .iter()
        .filter(|(found, _)| is_version_of(found, &key))
        .collect();
    if !found.is_empty() {
        return Some(found);
    }
    image.on(platform)?;
    Some(image.platforms.iter().collect())
}

/// An error for each reference that the lock file lacks, or lacks for a platform.
pub(crate) fn missing<'r, 'a: 'r>(
    images: impl Iterator<Item = &'r Resolved<'a>>,
    locks: &Locks<'_>,
) -> Diagnostics {
    let mut seen = BTreeSet::new();
    let mut problems = Diagnostics::new();
    for image in images {
        for used in uses(image) {
            if !locks.wants(&used.key) || locks.held(&used).is_some() {
                continue;
            }
            let platform = used.platform.as_ref().map(key_of);
            let has_entry = locks.image(&used.key).is_some();
            if !seen.insert((used.key.clone(), platform.clone().filter(|_| has_entry))) {
                continue;
            }
            let key = &used.key;
            let message = match platform.filter(|_| has_entry) {
                Some(platform) => {
                    format!("`shipwright.lock` has no entry of `{key}` for {platform}")
                }
                None => format!("`shipwright.lock` has no entry of `{key}`"),
            };
            let problem =
                Diagnostic::new(Code::LockMissing, message).at(image.source, used.span.clone(), "");
            problems.push(if image.unmatched.contains(key) {
                problem
                    .help("it looks like an image of this repository, but none has this name")
                    .help(format!(
                        "if it is an external image: `shipwright lock --update {key}`"
                    ))
            } else {
                problem.help("`shipwright lock` adds it")
            });
        }
    }
    problems
}

/// A warning for each entry of the lock file that no image takes.
pub(crate) fn unused(file: &LockFile, externals: &[External]) -> Diagnostics {
    let taken: BTreeSet<(bool, &str)> = externals
        .iter()
        .map(|external| (is_image(external), external.key.as_str()))
        .collect();
    let lock = &file.lock;
    let images = lock.images.keys().map(|key| (true, key));
    let others = lock.downloads.keys().chain(lock.git.keys());
    let unused = images
        .chain(others.map(|key| (false, key)))
        .filter(|(is_image, key)| !taken.contains(&(*is_image, key.as_str())));
    let mut warnings = Diagnostics::new();
    warnings.extend(unused.map(|(_, key)| {
        let span = file.keys.get(key).cloned().unwrap_or_default();
        Diagnostic::new(Code::LockUnused, format!("no image uses `{key}`"))
            .at(&file.source, span, "")
            .because_of("unused")
            .help("`shipwright lock` removes it")
    }));
    warnings
}
