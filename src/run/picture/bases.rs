//! What is known of external base images: what they are bound to, and when that was made.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::lock::told;
use crate::lang::reference::Reference;
use crate::plan::Image;

/// What a lock file says of an external image.
#[derive(Debug, Clone)]
pub(crate) struct Locked {
    /// What the reference names.
    pub digest: String,
    /// When that was made, as it says itself.
    pub created: Option<String>,
}

impl Locked {
    /// The first digits, and the day.
    pub(super) fn told(&self) -> String {
        told(&self.digest, self.created.as_deref())
    }
}

/// An external base image, for the page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Base<'p> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'p str>,
}

impl<'p> Base<'p> {
    fn new(name: &str, locked: &'p BTreeMap<String, Locked>) -> Self {
        let known = locked.get(name);
        Self {
            name: name.to_owned(),
            digest: known.map(|known| &*known.digest),
            created: known.and_then(|known| known.created.as_deref()),
        }
    }
}

/// The external base images of these images, by full name.
pub(super) fn bases<'p>(
    images: impl IntoIterator<Item = &'p Image>,
    locked: &'p BTreeMap<String, Locked>,
) -> BTreeMap<String, Base<'p>> {
    let mut bases = BTreeMap::new();
    for image in images {
        let bound = image.bases.iter().map(|(name, bound)| {
            let digest = bound.rsplit_once('@').map(|(_, digest)| digest);
            (name, digest)
        });
        let named = image.base_images.iter().map(|name| (name, None));
        for (name, digest) in named.chain(bound) {
            let name = full(name);
            let new = || Base::new(&name, locked);
            let base = bases.entry(name.clone()).or_insert_with(new);
            // A stored plan has the digests too.
            base.digest = digest.or(base.digest);
        }
    }
    bases
}

/// A reference as a lock file has it.
fn full(name: &str) -> String {
    let parsed = Reference::parse(name);
    parsed.map_or_else(
        |_| name.to_owned(),
        |reference| reference.with_default_tag().to_string(),
    )
}
