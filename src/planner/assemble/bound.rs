//! How a build is held to what the lock file says: images by named contexts, all else by a source policy.

use std::collections::BTreeMap;

use crate::config::IMAGE_SCHEME;
use crate::lang::reference::Reference;
use crate::paths;
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
    /// What is bound for an image; `mirror` is the registry that images are taken from in place of their own.
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
                    let (name, by_commit) = git(&held.name, &used.subdir, &held.whole);
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

/// A git source as BuildKit names it, and the same at a commit: the host and the path, whatever the
/// protocol.
fn git(key: &str, subdir: &str, commit: &str) -> (String, String) {
    let (remote, reference) = key.split_once('#').unwrap_or((key, ""));
    let place = match remote.split_once("://") {
        Some((_, place)) => place.to_owned(),
        // `git@host:path`
        None => remote.replacen(':', "/", 1),
    };
    let (host, path) = place.split_once('/').unwrap_or((&place, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let place = format!("git://{host}/{}", paths::within_root(path));
    let before = match format!("{reference}{subdir}").as_str() {
        "" => place.clone(),
        fragment => format!("{place}#{fragment}"),
    };
    (before, format!("{place}#{commit}{subdir}"))
}

#[cfg(test)]
mod tests {
    use super::git;

    #[test]
    fn a_git_source_is_named_by_host_and_path() {
        for (key, subdir, before, after) in [
            (
                "https://e.com/x.git#v1",
                "",
                "git://e.com/x.git#v1",
                "git://e.com/x.git#c",
            ),
            (
                "https://e.com/x.git",
                "",
                "git://e.com/x.git",
                "git://e.com/x.git#c",
            ),
            (
                "http://e.com:1/a//x.git#v1",
                ":s",
                "git://e.com:1/a/x.git#v1:s",
                "git://e.com:1/a/x.git#c:s",
            ),
            (
                "git@e.com:a/x.git#v1",
                "",
                "git://e.com/a/x.git#v1",
                "git://e.com/a/x.git#c",
            ),
            (
                "ssh://git@e.com/x.git",
                ":s",
                "git://e.com/x.git#:s",
                "git://e.com/x.git#c:s",
            ),
        ] {
            let found = git(key, subdir, "c");
            assert_eq!(found, (before.to_owned(), after.to_owned()), "{key}");
        }
    }
}
