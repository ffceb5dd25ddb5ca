//! Which platforms an image is resolved for. What its build takes may depend on the platform that it
//! is for, on the one that builds it, and on either by way of a base of the plan.

use super::{PlatformStages, Resolved};
use crate::lang::platform::Platform;

/// A platform to build for, and one that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// What the image is to run on.
    pub(super) target: Platform,
    /// What the build runs on.
    pub(super) build: Platform,
    /// Whether it matters only where it takes something that those before it do not.
    pub(super) is_further: bool,
}

/// The arguments by which a build tells what it is for.
const TARGET: [&str; 3] = ["TARGETPLATFORM", "TARGETARCH", "TARGETVARIANT"];

/// The arguments by which it tells where it runs.
const BUILD: [&str; 3] = ["BUILDPLATFORM", "BUILDARCH", "BUILDVARIANT"];

/// What to resolve an image for: the platforms asked for. Where none is, the engine's own will be
/// built, so one that may depend on it is resolved for the common ones. `text` is its Dockerfile;
/// `inherits`: a base of the plan depends on it.
pub(super) fn pairs(asked: &[Platform], text: &str, inherits: bool) -> Vec<Pair> {
    let first = Platform::default();
    let other = Platform::parse("linux/arm64").ok();
    let mentions = |names: &[&str]| names.iter().any(|name| text.contains(name));
    let knows_builder = inherits || mentions(&BUILD);
    let mut pairs = Vec::new();
    let mut add = |target: &Platform, build: &Platform, is_further| {
        pairs.push(Pair {
            target: target.clone(),
            build: build.clone(),
            is_further,
        });
    };
    if asked.is_empty() {
        add(&first, &first, false);
        if let Some(other) = other.filter(|_| knows_builder || mentions(&TARGET)) {
            add(&other, &other, false);
        }
        return pairs;
    }
    for target in asked {
        add(target, &first, false);
    }
    if let Some(other) = other.filter(|_| knows_builder) {
        for target in asked {
            add(target, &other, true);
        }
    }
    pairs
}

impl Resolved<'_> {
    /// Whether what this image says of itself depends on the platform: its variables, or its triggers.
    pub(super) fn varies(&self) -> bool {
        let (first, others) = (&self.views[0], &self.views[1..]);
        let env = |view: &PlatformStages<'_>| view.stages.config.env.clone();
        let names = TARGET.iter().chain(&BUILD);
        others.iter().any(|view| env(view) != env(first))
            || self
                .triggers()
                .iter()
                .any(|trigger| names.clone().any(|name| trigger.contains(name)))
    }
}
