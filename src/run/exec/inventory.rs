//! What the engine and the registries hold already, and what of it is usable.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Host;
use super::options::{Options, Push};
use crate::plan::{Image, Plan};
use crate::run::found::Found;
use crate::run::registry::names_host;

/// What is there already, by reference.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// In the engine.
    pub(super) local: BTreeMap<String, Found>,
    /// In the registries, as far as they were asked.
    pub(super) remote: BTreeMap<String, Found>,
    /// The references of which a registry did not say whether it holds them, where that matters.
    pub(super) unknown: BTreeSet<String>,
}

impl Inventory {
    /// Whether the engine or a registry holds it.
    pub(super) fn has(&self, reference: &str) -> bool {
        self.local.contains_key(reference) || self.remote.contains_key(reference)
    }
}

/// Every reference that a run asks the engine for.
pub(super) fn references(plan: &Plan) -> BTreeSet<&str> {
    let mut references = BTreeSet::new();
    for image in &plan.images {
        references.insert(image.reference.as_str());
        references.extend(image.tags.iter().map(String::as_str));
        references.extend(
            image
                .dependencies
                .iter()
                .filter_map(|d| d.content.as_deref()),
        );
    }
    references
}

/// The content references that registries are asked for: of what is pushed, of what the engine lacks
/// and may be fetched, and for a builder that takes from registries alone of everything.
pub(super) fn asked_remotely<'a>(
    plan: &'a Plan,
    local: &BTreeMap<String, Found>,
    host: &Host,
    options: &Options,
) -> BTreeSet<&'a str> {
    let pushed = match options.push {
        Some(Push::Clean | Push::Dirty) => plan.pushed(),
        None => BTreeSet::new(),
    };
    let may_fetch = |repository: &str| {
        let from_registry = options.from_registry;
        from_registry.unwrap_or_else(|| names_host(repository))
            || (!host.shares_images && options.push.is_some())
    };
    let is_lacking = |found: bool| !found || !host.shares_images;
    let mut asked = BTreeSet::new();
    for image in &plan.images {
        let found = local.get(&image.reference);
        let lacking = is_lacking(found.is_some_and(|found| usable(image, found, host)));
        if pushed.contains(image.name.as_str()) || (lacking && may_fetch(&image.repository)) {
            asked.insert(image.reference.as_str());
        }
        let left_out = image.dependencies.iter();
        let left_out = left_out.filter_map(|dependency| dependency.content.as_deref());
        asked.extend(left_out.filter(|content| {
            let found = local.get(*content);
            let is_there = found.is_some_and(|found| says(found, content));
            // What is built here to be pushed finds there what other machines pushed.
            is_lacking(is_there) && (options.push.is_some() || may_fetch(content))
        }));
    }
    asked
}

/// Whether the image's label agrees with the part of the fingerprint in its content reference.
pub(super) fn says(inventory: &Found, content: &str) -> bool {
    let digits = content.rsplit_once(":sw-").map(|(_, digits)| digits);
    // A part has its platform behind them.
    let digits = digits.map(|digits| digits.split('-').next().unwrap_or(digits));
    digits.is_some_and(|digits| {
        inventory
            .fingerprint
            .as_ref()
            .is_some_and(|fingerprint| fingerprint.starts_with(digits))
    })
}

/// Whether what stands under a content reference is the image that the plan means, for an engine
/// that is to use it.
pub(super) fn usable(image: &Image, inventory: &Found, host: &Host) -> bool {
    labelled_as_planned(image, inventory, Some(host))
}

/// Whether what stands under a content reference is the image that the plan means.
///
/// A reference is only a name: the label says what was built, and an image of another machine's
/// architecture may stand under it where the plan asks for no platform.
pub(super) fn labelled_as_planned(image: &Image, inventory: &Found, host: Option<&Host>) -> bool {
    let same = inventory.fingerprint.as_ref() == Some(&image.fingerprint);
    let native = host.is_none_or(|host| inventory.architecture == host.architecture);
    same && (!image.platforms.is_empty() || native)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::tests::{found, host, image};

    #[test]
    fn only_the_same_image_is_usable() {
        let native = image("a", &[]);
        let mut asked = image("a", &[]);
        asked.platforms = vec!["linux/arm64".to_owned()];
        for (image, fingerprint, architecture, expected) in [
            (&native, Some("a"), "amd64", true),
            (&native, Some("b"), "amd64", false),
            (&native, None, "amd64", false),
            (&native, Some("a"), "arm64", false),
            (&asked, Some("a"), "arm64", true),
        ] {
            let inventory = found(fingerprint, architecture);
            assert_eq!(
                usable(image, &inventory, &host()),
                expected,
                "{inventory:?}"
            );
        }
    }
}
