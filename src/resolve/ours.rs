//! Which references mean an image of the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Pinned;
use crate::dockerfile::stages::ImageUse;
use crate::images::Definition;
use crate::reference::Reference;

/// What a reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The image of that index.
    Ours(usize),
    /// A published one of the image of that index: its repository, with a tag or digest of its own.
    Pinned(usize),
    /// An image that others make.
    External,
}

/// The images of the plan by the repositories that Dockerfiles call them by.
#[derive(Debug)]
pub(super) struct Ours {
    by_repository: BTreeMap<String, usize>,
    /// Images whose name has no namespace: an official image may have it too.
    bare: BTreeSet<usize>,
    pinned: Pinned,
}

impl Ours {
    /// Indexes images by their names, which are legal.
    pub(super) fn new<'d>(
        definitions: impl IntoIterator<Item = &'d Definition>,
        pinned: Pinned,
    ) -> Self {
        let mut ours = Self {
            by_repository: BTreeMap::new(),
            bare: BTreeSet::new(),
            pinned,
        };
        for (index, image) in definitions.into_iter().enumerate() {
            if let Ok(reference) = Reference::parse(&image.name) {
                ours.by_repository.insert(reference.repository(), index);
            }
            if !image.name.contains('/') {
                ours.bare.insert(index);
            }
        }
        ours
    }

    /// What a reference of a Dockerfile means.
    ///
    /// Only the whole repository counts. No tag, `latest` and a tag that came from a variable mean
    /// ours; another tag is a pin, and a digest always means the registry. In the folder `redis`,
    /// with no namespace anywhere, `FROM redis` can only mean the official image.
    pub(super) fn meaning(&self, image: &ImageUse, used_in: usize) -> Meaning {
        let reference = &image.reference;
        let Some(&index) = self.by_repository.get(&reference.repository()) else {
            return Meaning::External;
        };
        if index == used_in && self.bare.contains(&index) {
            return Meaning::External;
        }
        let floating = matches!(reference.tag.as_deref(), None | Some("latest"));
        let ours = floating || image.tag_from_variable || self.pinned == Pinned::Internal;
        if ours && reference.digest.is_none() {
            Meaning::Ours(index)
        } else {
            Meaning::Pinned(index)
        }
    }
}
