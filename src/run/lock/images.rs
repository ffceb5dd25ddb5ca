//! Images: which manifest a reference names, and of each platform that is built for what it says.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Entry, Question, World};
use crate::config::lock::{LockedImage, LockedPlatform, USUAL_PLATFORMS, is_version_of};
use crate::lang::reference::Reference;
use crate::run::registry::{Named, Refused, Why};

impl World<'_> {
    /// What an image's reference means now, or meant where the entry is kept.
    pub(super) fn image(
        &self,
        question: &Question,
        old: Option<&LockedImage>,
    ) -> Result<Answer, Refused> {
        let key = &question.key;
        let reference =
            Reference::parse(key).map_err(|error| Refused::new(Why::Final, error.to_string()))?;
        let is_fixed = reference.digest.is_some();
        let kept = old.filter(|old| covers(old, question));
        if let Some(old) = kept.filter(|_| is_fixed || !question.renew) {
            return Ok(Answer::Is(Entry::Image(old.clone())));
        }
        // What lacks a platform is completed from what it was, not from what its tag is by now.
        let wanted = match old {
            Some(old) if !question.renew => at(&reference, &old.digest),
            _ => reference.clone(),
        };
        if let Some(old) = kept
            && self
                .asked(&reference, |place| self.registry.digest_now(place))?
                .as_ref()
                == Some(&old.digest)
        {
            return Ok(Answer::Is(Entry::Image(old.clone())));
        }
        let Some(named) = self.asked(&wanted, |place| self.registry.named(place))? else {
            return Ok(Answer::Gone);
        };
        let (chosen, lacking) = choose(&named, question);
        if let Some(old) = kept.filter(|_| !lacking.is_empty()) {
            // What it was has all that is built for, and builds go on with it.
            return Ok(Answer::Lacks(Entry::Image(old.clone()), lacking));
        }
        let mut platforms = BTreeMap::new();
        for (platform, digest) in chosen {
            let known = old.and_then(|old| {
                let mut known = old.platforms.iter();
                known.find(|(_, known)| known.digest == digest)
            });
            let (own, facts) = match known {
                Some((own, facts)) => (own.clone(), facts.clone()),
                None => self.facts(&at(&reference, &digest), &digest)?,
            };
            platforms.insert(platform.unwrap_or(own), facts);
        }
        let entry = Entry::Image(LockedImage {
            digest: named.digest,
            platforms,
        });
        Ok(if lacking.is_empty() {
            Answer::Is(entry)
        } else {
            Answer::Lacks(entry, lacking)
        })
    }

    /// What the image of a platform says of itself.
    pub(super) fn facts(
        &self,
        reference: &Reference,
        digest: &str,
    ) -> Result<(String, LockedPlatform), Refused> {
        let facts = self.asked(reference, |place| {
            self.registry.facts(place, digest).map(Some)
        });
        facts?.ok_or_else(|| Refused::new(Why::Final, "it is gone"))
    }

    /// Asks the mirror, and the image's own registry where the mirror has no answer.
    pub(super) fn asked<T>(
        &self,
        reference: &Reference,
        ask: impl Fn(&str) -> Result<Option<T>, Refused>,
    ) -> Result<Option<T>, Refused> {
        if let Some(mirror) = self.mirror
            && let Ok(Some(found)) = ask(&reference.mirrored(mirror).to_string())
        {
            return Ok(Some(found));
        }
        ask(&reference.to_string())
    }
}

/// The image of a digest in the repository of a reference.
pub(super) fn at(reference: &Reference, digest: &str) -> Reference {
    Reference {
        tag: None,
        digest: Some(digest.to_owned()),
        ..reference.clone()
    }
}

/// Whether an entry has all platforms that it must have.
fn covers(entry: &LockedImage, question: &Question) -> bool {
    let is_single = entry
        .platforms
        .values()
        .any(|one| one.digest == entry.digest);
    let has = |platform: &str| {
        let mut keys = entry.platforms.keys();
        keys.any(|key| is_version_of(key, platform))
    };
    let explicit = question.platforms.iter().all(|platform| has(platform));
    let usual = !question.any_platform || USUAL_PLATFORMS.iter().all(|platform| has(platform));
    is_single || explicit && usual
}

/// A platform, none for a single manifest, and the digest of its image.
type Chosen = (Option<String>, String);

/// The images of what a reference names that somebody builds for, and the platforms that it lacks.
fn choose(named: &Named, question: &Question) -> (Vec<Chosen>, BTreeSet<String>) {
    if let [(None, _)] = &named.images[..] {
        return (named.images.clone(), BTreeSet::new());
    }
    let mut chosen = Vec::new();
    let mut lacking = BTreeSet::new();
    for platform in &question.platforms {
        let found = for_platform(named, platform);
        if found.is_empty() {
            lacking.insert(platform.clone());
        }
        chosen.extend(found);
    }
    if question.any_platform {
        let before = chosen.len();
        chosen.extend(
            USUAL_PLATFORMS
                .iter()
                .flat_map(|platform| exactly(named, platform)),
        );
        if chosen.len() == before {
            chosen.extend(named.images.iter().cloned());
        }
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|(platform, _)| seen.insert(platform.clone()));
    (chosen, lacking)
}

fn exactly(named: &Named, platform: &str) -> Vec<Chosen> {
    let mut seen = BTreeSet::new();
    let found = named.images.iter().filter(|(key, _)| {
        let key = key.as_deref().unwrap_or_default();
        // Of two for one platform a builder takes the first.
        is_version_of(key, platform) && seen.insert(key)
    });
    found.cloned().collect()
}

/// The images that a builder takes for a platform: its own, else one that runs there too.
pub(super) fn for_platform(named: &Named, platform: &str) -> Vec<Chosen> {
    let found = exactly(named, platform);
    if !found.is_empty() {
        return found;
    }
    let others: &[&str] = match platform {
        "linux/arm64" => &[
            "linux/arm/v8",
            "linux/arm/v7",
            "linux/arm/v6",
            "linux/arm/v5",
        ],
        "linux/arm/v8" => &["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"],
        "linux/arm/v7" => &["linux/arm/v6", "linux/arm/v5"],
        "linux/arm/v6" => &["linux/arm/v5"],
        "linux/amd64/v4" => &[
            "linux/amd64/v3",
            "linux/amd64/v2",
            "linux/amd64",
            "linux/386",
        ],
        "linux/amd64/v3" => &["linux/amd64/v2", "linux/amd64", "linux/386"],
        "linux/amd64/v2" => &["linux/amd64", "linux/386"],
        "linux/amd64" => &["linux/386"],
        _ => &[],
    };
    let mut found = others.iter().map(|other| exactly(named, other));
    let found = found.find(|found| !found.is_empty()).unwrap_or_default();
    // The entry says for which platform it stands.
    let as_asked = |(_, digest): Chosen| (Some(platform.to_owned()), digest);
    found.into_iter().map(as_asked).collect()
}
