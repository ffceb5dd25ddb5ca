//! How a build is held to what the lock file says: images by named contexts, all else by a source policy.

use std::collections::BTreeMap;

use crate::config::IMAGE_SCHEME;
use crate::lang::reference::Reference;
use crate::planner::external::{Kind, Locks, uses};
use crate::planner::resolve::{Resolved, hides};

/// What a plan says of an image's locked references.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Named contexts: what the builder looks up, and the image by its digest.
    pub(super) contexts: BTreeMap<String, String>,
    /// By source as BuildKit names it, what takes its place.
    pub(super) sources: BTreeMap<String, String>,
}

impl Bound {
    pub(super) fn new(image: &Resolved<'_>, locks: &Locks<'_>, mirror: Option<&str>) -> Self {
        let mut bound = Self::default();
        for used in uses(image) {
            let Some(held) = locks.held(&used) else {
                continue;
            };
            match (used.kind, used.context) {
                (Kind::Image, Some(context)) => {
                    let by_digest = by_digest(&held.name, &held.whole, mirror);
                    if by_digest == format!("{IMAGE_SCHEME}{}", held.name) {
                        // It names its digest, and comes from where it says.
                        continue;
                    }
                    let mut views = image.views.iter();
                    if views.any(|view| hides(&view.stages, &context).is_some()) {
                        let name = format!("{IMAGE_SCHEME}{}", held.name);
                        bound.sources.insert(name, by_digest);
                    } else {
                        bound.contexts.insert(context, by_digest);
                    }
                }
                // A named context of the configuration is bound where it stands.
                (Kind::Image, None) => {}
                (Kind::Frontend, _) => {
                    let name = format!("{IMAGE_SCHEME}{}", held.name);
                    let by_digest = by_digest(&held.name, &held.whole, mirror);
                    if by_digest != name {
                        bound.sources.insert(name, by_digest);
                    }
                }
                (Kind::Download, _) => {
                    bound.sources.insert(held.name, held.whole);
                }
                (Kind::Git, _) => {
                    let (name, by_commit) = git(&held.name, &held.whole);
                    bound.sources.insert(name, by_commit);
                }
            }
        }
        bound
    }
}

/// An image by its digest, in the registry that is to be asked.
pub(super) fn by_digest(name: &str, digest: &str, mirror: Option<&str>) -> String {
    let Ok(mut reference) = Reference::parse(name) else {
        // The lock file has checked it.
        return format!("{IMAGE_SCHEME}{name}");
    };
    reference.digest = Some(digest.to_owned());
    if let Some(mirror) = mirror {
        reference = reference.mirrored(mirror);
    }
    format!("{IMAGE_SCHEME}{reference}")
}

/// A git source as BuildKit names it, and the same at a commit.
fn git(key: &str, commit: &str) -> (String, String) {
    let (remote, reference) = match key.split_once('#') {
        Some((remote, reference)) => (remote, format!("#{reference}")),
        None => (key, String::new()),
    };
    let place = remote.split_once("://").map_or(remote, |(_, place)| place);
    (
        format!("git://{place}{reference}"),
        format!("git://{place}#{commit}"),
    )
}
