//! Inputs that git puts through a filter on their way into the working tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::NamedContext;
use crate::paths::join;
use crate::planner::resolve::Resolved;
use crate::tree::attributes::Attributes;
use crate::tree::snapshot::Folder;

/// An input that git puts through a filter.
pub(super) struct Filtered {
    /// The named context that it is in; none for the build context.
    context: Option<String>,
    /// From the context.
    below: String,
    /// From the root of the plan.
    pub(super) path: String,
    pub(super) filter: String,
}

impl Filtered {
    /// What a manifest calls it, wherever the context stands.
    pub(super) fn name(&self) -> String {
        match &self.context {
            Some(context) => format!("{context} {}", self.below),
            None => self.below.clone(),
        }
    }
}

/// The input files of an image that git puts through a filter, in all its contexts.
pub(super) fn filtered(
    image: &Resolved<'_>,
    inputs: &Folder,
    contexts: &BTreeMap<String, Arc<Folder>>,
    attributes: &mut Attributes<'_>,
) -> Vec<Filtered> {
    if attributes.is_empty() {
        return Vec::new();
    }
    let named = contexts.iter().filter_map(|(name, files)| {
        let NamedContext::Folder(folder) = image.contexts.get(name)? else {
            return None;
        };
        Some((Some(name), folder.as_str(), &**files))
    });
    let own = (None, image.context.as_str(), inputs);
    let mut filtered = Vec::new();
    for (context, folder, files) in [own].into_iter().chain(named) {
        let found = attributes.filters(files, folder).into_iter();
        filtered.extend(found.map(|(below, filter)| Filtered {
            context: context.cloned(),
            path: join(folder, &below),
            below,
            filter,
        }));
    }
    filtered
}
