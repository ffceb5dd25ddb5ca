//! Whether what a lock file says of images is what their registries have.
//!
//! The content of a digest never changes, so each registry's answer is one for good.

use super::images::{at, for_platform};
use super::{World, host_of_image};
use crate::config::lock::{Lock, LockedImage, LockedPlatform};
use crate::lang::reference::Reference;
use crate::run::registry::{Refused, Why};

/// Why an entry cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The registry does not have its digest (any more).
    Gone,
    /// The registry says something else; what that is.
    Differs(String),
    /// The registry could not be asked.
    Unknown(Refused),
}

impl World<'_> {
    /// Holds the entries of these images against their registries; gives those that cannot be relied on.
    pub(crate) fn check<'n>(&self, lock: &Lock, names: &[&'n str]) -> Vec<(&'n str, Trouble)> {
        let entries: Vec<(&str, &LockedImage)> = names
            .iter()
            .filter_map(|name| Some((*name, lock.images.get(*name)?)))
            .collect();
        let step = |(name, entry): &(&str, &LockedImage)| self.check_image(name, entry);
        let troubles = self.each(&entries, |(name, _)| host_of_image(name), step, &|_| {});
        let troubles = entries.into_iter().zip(troubles);
        troubles
            .filter_map(|((name, _), trouble)| match trouble {
                Ok(trouble) => trouble.map(|trouble| (name, trouble)),
                Err(refused) if refused.why == Why::Final => {
                    Some((name, Trouble::Differs(refused.message)))
                }
                Err(refused) => Some((name, Trouble::Unknown(refused))),
            })
            .collect()
    }

    fn check_image(&self, name: &str, entry: &LockedImage) -> Result<Option<Trouble>, Refused> {
        let reference =
            Reference::parse(name).map_err(|error| Refused::new(Why::Final, error.to_string()))?;
        let whole = at(&reference, &entry.digest);
        let Some(named) = self.asked(&whole, |place| self.registry.named(place))? else {
            return Ok(Some(Trouble::Gone));
        };
        let differs = |what: String| Ok(Some(Trouble::Differs(what)));
        for (platform, locked) in &entry.platforms {
            let is_there = match &named.images[..] {
                [(None, only)] => *only == locked.digest,
                _ => for_platform(&named, platform)
                    .iter()
                    .any(|(_, digest)| *digest == locked.digest),
            };
            if !is_there {
                let digest = &locked.digest;
                return differs(format!("the index does not have {digest} for {platform}"));
            }
            let (_, found) = self.facts(&at(&reference, &locked.digest), &locked.digest)?;
            if let Some(what) = difference(locked, &found) {
                return differs(format!("for {platform} the registry has {what}"));
            }
        }
        Ok(None)
    }
}

/// What a registry says otherwise than a lock file, where that matters to a build.
fn difference(locked: &LockedPlatform, found: &LockedPlatform) -> Option<String> {
    let names = locked.env.keys().chain(found.env.keys());
    let mut names = names.filter(|name| locked.env.get(*name) != found.env.get(*name));
    if let Some(name) = names.next() {
        return Some(match found.env.get(name) {
            Some(value) => format!("`ENV {name}={value}`"),
            None => format!("no variable `{name}`"),
        });
    }
    if locked.onbuild == found.onbuild {
        return None;
    }
    Some(match &found.onbuild[..] {
        [] => "no `ONBUILD` triggers".to_owned(),
        triggers => format!("`ONBUILD {}`", triggers.join("`, `ONBUILD ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matters_to_a_build_is_a_difference() {
        let facts = |env: &[(&str, &str)], onbuild: &[&str], created: &str| LockedPlatform {
            created: Some(created.to_owned()),
            digest: "sha256:1".to_owned(),
            env: env
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            onbuild: onbuild.iter().map(|text| (*text).to_owned()).collect(),
        };
        let locked = facts(&[("A", "1")], &["RUN true"], "then");
        for (found, expected) in [
            (facts(&[("A", "1")], &["RUN true"], "now"), None),
            (
                facts(&[("A", "2")], &["RUN true"], "then"),
                Some("`ENV A=2`"),
            ),
            (facts(&[], &["RUN true"], "then"), Some("no variable `A`")),
            (
                facts(&[("A", "1"), ("B", "")], &["RUN true"], "then"),
                Some("`ENV B=`"),
            ),
            (
                facts(&[("A", "1")], &[], "then"),
                Some("no `ONBUILD` triggers"),
            ),
            (
                facts(&[("A", "1")], &["RUN a", "RUN b"], "then"),
                Some("`ONBUILD RUN a`, `ONBUILD RUN b`"),
            ),
        ] {
            assert_eq!(difference(&locked, &found).as_deref(), expected);
        }
    }
}
