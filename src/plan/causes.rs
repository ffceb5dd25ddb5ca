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

/// Every set of reasons that an image has of its own, with all images that it reaches; those that
/// reach most first. `images` are in build order, each with its name and its reasons.
pub(crate) fn first<'a>(images: impl IntoIterator<Item = (&'a str, &'a [Reason])>) -> Vec<Cause> {
    // By image, the images whose own reasons reach it.
    let mut origins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut reached: BTreeMap<Vec<Reason>, Vec<String>> = BTreeMap::new();
    let mut own_reasons: BTreeMap<&str, Vec<Reason>> = BTreeMap::new();
    for (name, reasons) in images {
        let (inherited, own): (Vec<_>, Vec<_>) = reasons
            .iter()
            .partition(|reason| reason.kind == ReasonKind::Dependency);
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
