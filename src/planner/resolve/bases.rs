//! What is known of the images that one is built on: those of the plan, and those from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolved;
use crate::config::NamedContext;
use crate::lang::dockerfile::stages::{Bases, ImageConfig};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::planner::ImageIndex;
use crate::planner::external::Locks;

/// What is known of the images that one is built on: in the first pass only those from elsewhere.
#[derive(Clone)]
pub(super) struct Known<'r, 'a> {
    /// What the references of the image mean by the first pass.
    pub(super) meanings: Vec<&'r BTreeMap<String, Option<ImageIndex>>>,
    pub(super) resolved: &'r [Resolved<'a>],
    /// Whether they depend on the platform.
    pub(super) inherits: bool,
    /// What is known of those from elsewhere.
    pub(super) locks: &'r Locks<'r>,
    /// Names of the lock file that mean images of the plan here.
    pub(super) internal: BTreeSet<String>,
}

impl<'r> Known<'r, '_> {
    /// In the first pass: nothing is known of images of the plan.
    pub(super) fn of(locks: &'r Locks<'r>) -> Self {
        Self {
            meanings: Vec::new(),
            resolved: &[],
            inherits: false,
            locks,
            internal: BTreeSet::new(),
        }
    }
}

/// The base images of a build on one platform: images of the plan say what they are.
pub(super) struct PlannedBases<'r, 'a> {
    pub(super) known: &'r Known<'r, 'a>,
    pub(super) contexts: &'r BTreeMap<String, NamedContext>,
    pub(super) build_platform: &'r Platform,
}

impl Bases for PlannedBases<'_, '_> {
    fn config(&self, image: &Reference, platform: &Platform) -> ImageConfig {
        let name = image.clone().with_default_tag().to_string();
        let mut meanings = self.known.meanings.iter();
        let Some(index) = meanings.find_map(|meanings| meanings.get(&name).copied().flatten())
        else {
            return self.locked(&name, platform);
        };
        let views = &self.known.resolved[index].views;
        let of_platform = || views.iter().filter(|view| view.platform == *platform);
        let view = of_platform()
            .find(|view| view.build_platform == *self.build_platform)
            .or_else(|| of_platform().next());
        view.unwrap_or(&views[0]).stages.config.clone()
    }

    fn context(&self, name: &str, platform: &Platform) -> ImageConfig {
        match self.contexts.get(name) {
            Some(NamedContext::Image(image)) => {
                self.locked(&image.clone().with_default_tag().to_string(), platform)
            }
            _ => ImageConfig::unknown(),
        }
    }
}

impl PlannedBases<'_, '_> {
    /// What the lock file says of an image from elsewhere.
    fn locked(&self, name: &str, platform: &Platform) -> ImageConfig {
        let is_internal = self.known.internal.contains(name);
        let image = self.known.locks.image(name).filter(|_| !is_internal);
        match image.and_then(|image| image.on(platform)) {
            Some(locked) => {
                let env = locked.env.iter();
                ImageConfig {
                    env: env.map(|(name, value)| (&**name, &**value)).collect(),
                    triggers: locked.onbuild.clone(),
                    ..ImageConfig::unknown()
                }
            }
            None => ImageConfig::unknown(),
        }
    }
}
