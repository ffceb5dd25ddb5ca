//! First causes: what changed in the repository itself, and all that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Reason, ReasonKind};

/// Something that changed in the repository, and the images that it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// What changed.
    pub reasons: Vec<Reason>,
    /// Names of the images that change because of it, in build order; some may have other causes too.
    pub images: Vec<String>,
}

/// Every set of changes that an image has of its own, with all images that it reaches; those that
/// reach most first. `images` are in build order, each with its name and its reasons. What exists and what
/// does not is no cause: every image has its own content reference.
pub(crate) fn first<'a>(images: impl IntoIterator<Item = (&'a str, &'a [Reason])>) -> Vec<Cause> {
    // By image, the images whose own reasons reach it.
    let mut origins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut reached: BTreeMap<Vec<Reason>, Vec<String>> = BTreeMap::new();
    let mut own_reasons: BTreeMap<&str, Vec<Reason>> = BTreeMap::new();
    for (name, reasons) in images {
        let changes = reasons.iter().filter(|reason| reason.is_change());
        let (inherited, own): (Vec<_>, Vec<_>) =
            changes.partition(|reason| reason.kind == ReasonKind::Dependency);
        let needs = inherited
            .iter()
            .filter_map(|reason| origins.get(reason.detail.as_str()));
        let mut from: BTreeSet<&str> = needs.flatten().copied().collect();
        if !own.is_empty() {
            own_reasons.insert(name, own.into_iter().cloned().collect());
            from.insert(name);
        }
        let causes: BTreeSet<&Vec<Reason>> = from.iter().map(|name| &own_reasons[name]).collect();
        for cause in causes {
            reached
                .entry(cause.clone())
                .or_default()
                .push(name.to_owned());
        }
        origins.insert(name, from);
    }
    let mut causes: Vec<Cause> = reached
        .into_iter()
        .map(|(reasons, images)| Cause { reasons, images })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.images.len()));
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_is_no_cause() {
        use ReasonKind::{Built, Dependency, Input, Missing};
        let reasons = |kinds: &[(ReasonKind, &str)]| -> Vec<Reason> {
            let kinds = kinds.iter().cloned();
            kinds
                .map(|(kind, detail)| Reason::new(kind, detail))
                .collect()
        };
        let images = [
            ("base", reasons(&[(Input, "motd"), (Missing, "base:sw-1")])),
            (
                "app",
                reasons(&[(Dependency, "base"), (Missing, "app:sw-1")]),
            ),
            ("new", reasons(&[(Missing, "new:sw-1")])),
            ("old", reasons(&[(Built, "old:sw-1")])),
        ];
        let causes = first(images.iter().map(|(name, reasons)| (*name, &**reasons)));
        let expected = Cause {
            reasons: reasons(&[(Input, "motd")]),
            images: vec!["base".to_owned(), "app".to_owned()],
        };
        assert_eq!(causes, [expected]);
    }
}
