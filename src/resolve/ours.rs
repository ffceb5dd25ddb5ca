//! Which references mean an image of the plan.

use std::collections::BTreeMap;

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
    pinned: Pinned,
}

impl Ours {
    /// Indexes images by their names, which are legal.
    pub(super) fn new<'d>(
        definitions: impl IntoIterator<Item = &'d Definition>,
        pinned: Pinned,
    ) -> Self {
        let entries = definitions
            .into_iter()
            .enumerate()
            .filter_map(|(index, image)| {
                let reference = Reference::parse(&image.name).ok()?;
                Some((reference.repository(), index))
            });
        Self {
            by_repository: entries.collect(),
            pinned,
        }
    }

    /// What a reference of a Dockerfile means.
    ///
    /// Only the whole repository counts. No tag, `latest` and a tag that came from a variable mean
    /// ours; another tag is a pin, and a digest always means the registry.
    pub(super) fn meaning(&self, image: &ImageUse) -> Meaning {
        let reference = &image.reference;
        let Some(&index) = self.by_repository.get(&reference.repository()) else {
            return Meaning::External;
        };
        let floating = matches!(reference.tag.as_deref(), None | Some("latest"));
        let ours = floating || image.tag_from_variable || self.pinned == Pinned::Internal;
        if ours && reference.digest.is_none() {
            Meaning::Ours(index)
        } else {
            Meaning::Pinned(index)
        }
    }
}
