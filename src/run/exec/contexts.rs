//! Where the files of a build come from.

use std::collections::BTreeMap;

use crate::diagnostics::Diagnostic;
use crate::plan::Image;

/// What `docker buildx build` is given to read, each path absolute or relative to the root of the
/// plan, where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The folder of the build context.
    pub context: String,
    /// Named contexts of the configuration: a folder or `docker-image://…`.
    pub named: BTreeMap<String, String>,
}

/// Provides the files of each image when its build starts; called from several threads.
pub trait Contexts: Sync {
    /// What to build the image from.
    ///
    /// # Errors
    /// When the files cannot be provided; the image then counts as failed.
    fn sources(&self, image: &Image) -> Result<Sources, Diagnostic>;
}

/// The folders of the working tree, as they stand.
#[derive(Debug, Clone, Copy)]
pub struct WorkingTree;

impl Contexts for WorkingTree {
    fn sources(&self, image: &Image) -> Result<Sources, Diagnostic> {
        Ok(Sources {
            dockerfile: image.dockerfile.clone(),
            context: image.context.clone(),
            named: image.contexts.clone(),
        })
    }
}
