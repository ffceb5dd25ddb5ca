//! The plan: which images there are, in build order, with everything that a runner needs.
//!
//! These types are the plan format, version 1, exactly as `docs/plan.md` describes it: keys in the
//! order of the fields, two-space indent, one final newline. They are a type of their own so that
//! the planner's inner types can change without changing the format. Emitters and runners know these
//! types alone; a stored plan runs as well as a fresh one.

pub(crate) mod causes;
mod json;
mod positions;
mod reason;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::lang::platform::normal;
use crate::lang::tags::part_suffix;
use positions::Positions;

pub use crate::lang::fingerprint::Fingerprint;
pub use json::ReadError;
pub use reason::{Reason, ReasonKind};

/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

/// A build plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Always [`VERSION`].
    pub version: u32,
    /// The commit or working tree that was planned.
    pub source: Source,
    /// The selected images, by wave, then by name in byte order.
    pub images: Vec<Image>,
    #[serde(skip)]
    positions: Positions,
}

/// What a plan was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The commit, 40 hexadecimal digits.
    pub revision: String,
    /// The branch, where one is known: not with a detached HEAD.
    pub branch: Option<String>,
    /// Whether a selected image differs from the revision (only with `--dirty`).
    pub dirty: bool,
    /// The committer's time of the revision, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// The commit that decisions were made against (`--since`).
    pub since: Option<String>,
    /// The epoch that the command line gave.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// What else the command line gave: with it the plan can be made again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: SourceOptions,
}

/// What the command line said over the configuration, of all that a plan depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    /// The branch; empty where it was said that there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// First part of default names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where images live: a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub build_args: BTreeMap<String, String>,
    /// Build arguments that are not counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stamp_args: BTreeMap<String, String>,
    /// Platforms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Further tags of every image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether the configured tags are left out.
    #[serde(skip_serializing_if = "is_false")]
    pub no_default_tags: bool,
}

/// One image: a Dockerfile, a target stage and a set of build arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the format"
)]
pub struct Image {
    /// What Dockerfiles call it; may carry a tag as part of its identity.
    pub name: String,
    /// Where it lives: `registry/path`, without a tag.
    pub repository: String,
    /// Path of the Dockerfile, relative to the root of the plan, with `/`.
    pub dockerfile: String,
    /// Folder of the build context, relative to the root; `.` for the root itself.
    pub context: String,
    /// The stage to build; the last one where `None`.
    pub target: Option<String>,
    /// Build arguments, all of them explicit.
    pub build_args: BTreeMap<String, String>,
    /// Build arguments that are given to the build and not counted in the fingerprint.
    pub stamp_args: BTreeMap<String, String>,
    /// Platforms asked for; the engine's own where empty.
    pub platforms: Vec<String>,
    /// Exactly the labels that runners set.
    pub labels: BTreeMap<String, String>,
    /// Further named contexts: name to a folder (relative to the root) or `docker-image://…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// Locked external images, by the named context that binds each: `docker-image://…@sha256:…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
    /// What else is locked, as a source policy names it: an image, a URL or `git://…`, and the image or
    /// commit that takes its place, or the checksum of its bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
    /// Secrets for the build, by id, with where their value comes from; never a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// SSH agents or keys for the build, as `docker buildx build --ssh` takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// Network mode of `RUN`; the builder's default where empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// Cache sources, as `docker buildx build --cache-from` takes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Cache destinations, as `docker buildx build --cache-to` takes them; used when pushing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<String>,
    /// Attestations, as `docker buildx build --attest` takes them; none where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attest: Vec<String>,
    /// The labels of the machines of a CI system that build it, by platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runners: BTreeMap<String, Vec<String>>,
    /// Whether the build must not use the builder's cache (because of an epoch).
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_cache: bool,
    /// Whether the readable tags may go to a registry.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub push: bool,
    /// Whether the content reference goes to a registry though the readable tags do not: something
    /// that is pushed needs it, here or among the images that are not selected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub push_content: bool,
    /// Whether this image differs from the revision (only with `--dirty`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub dirty: bool,
    /// Whether the image has `ONBUILD` triggers of its own, which a `FROM` it would run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub onbuild: bool,
    /// 0 where nothing else in the plan is needed, else one more than the highest dependency.
    pub wave: usize,
    /// The images of the repository that this one takes anything from.
    pub dependencies: Vec<Dependency>,
    /// External images that reachable stages take from, normalised, sorted.
    pub base_images: Vec<String>,
    /// Id of the git tree that holds exactly the input files, 40 hexadecimal digits.
    pub inputs: String,
    /// SHA-256 over everything that can change the image, 64 hexadecimal digits.
    pub fingerprint: Fingerprint,
    /// The content reference: `repository:sw-` and 32 digits of the fingerprint.
    pub reference: String,
    /// The readable references, full (`repository:tag`).
    pub tags: Vec<String>,
    /// What a runner does.
    pub action: Action,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A secret of a build, by where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The id by which a `RUN --mount=type=secret` asks for it.
    pub id: String,
    /// Name of the environment variable that holds the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Path of the file that holds the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
}

/// A need of one image for another of the same repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Name of the image that is needed.
    pub image: String,
    /// The named context to bind to its content reference, as the builder looks it up.
    pub reference: String,
    /// Its content reference, where that image is not in the plan and must exist already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// By platform of the image that takes from it: all platforms of the one that is needed, where a build
    /// for that platform may take it on another one (`FROM --platform=`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub across: BTreeMap<String, Vec<String>>,
    /// Where the Dockerfile says so.
    pub via: Vec<Via>,
}

impl Dependency {
    /// All platforms of the image that is needed, where a build for that platform, in its normal form, may take it
    /// on another one.
    pub(crate) fn platforms_across(&self, platform: &str) -> Option<&[String]> {
        let mut across = self.across.iter();
        let own = across.find(|(own, _)| normal(own) == platform);
        own.map(|(_, platforms)| platforms.as_slice())
    }
}

/// A place in a Dockerfile that takes from another image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Via {
    /// `FROM`, `COPY --from` or `RUN --mount`.
    pub instruction: String,
    /// First line of the instruction, from 1.
    pub line: usize,
}

/// What a runner does with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Use the content reference if it exists, else build.
    Ensure,
    /// Build.
    Build,
    /// The content reference exists: only move the readable tags.
    Retag,
}

impl Default for Image {
    /// Every key at its default, and everything that has none empty.
    fn default() -> Self {
        Self {
            name: String::new(),
            repository: String::new(),
            dockerfile: String::new(),
            context: String::new(),
            target: None,
            build_args: BTreeMap::new(),
            stamp_args: BTreeMap::new(),
            platforms: Vec::new(),
            labels: BTreeMap::new(),
            contexts: BTreeMap::new(),
            bases: BTreeMap::new(),
            sources: BTreeMap::new(),
            secrets: Vec::new(),
            ssh: Vec::new(),
            network: String::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            attest: Vec::new(),
            runners: BTreeMap::new(),
            no_cache: false,
            push: true,
            push_content: false,
            dirty: false,
            onbuild: false,
            wave: 0,
            dependencies: Vec::new(),
            base_images: Vec::new(),
            inputs: String::new(),
            fingerprint: Fingerprint::default(),
            reference: String::new(),
            tags: Vec::new(),
            action: Action::Ensure,
            reasons: Vec::new(),
        }
    }
}

impl Image {
    /// The platforms that it is built for, each with the reference of its part. None where it is built
    /// for one platform alone or for none that was asked for: then it has no parts.
    pub fn parts(&self) -> Vec<(&str, String)> {
        if self.platforms.len() < 2 {
            return Vec::new();
        }
        let part = |platform| (platform, part_reference(&self.reference, platform));
        self.platforms.iter().map(|p| part(p.as_str())).collect()
    }
}

/// Where the part of an image for one platform is, until all of them are joined under its content
/// reference: `…:sw-<32 digits>-<os>-<arch>`.
pub fn part_reference(content: &str, platform: &str) -> String {
    format!("{content}{}", part_suffix(platform))
}

impl Plan {
    /// A plan of these images, in the order of the format.
    pub fn new(source: Source, images: Vec<Image>) -> Self {
        Self {
            version: VERSION,
            source,
            images,
            positions: Positions::default(),
        }
    }

    /// The image of that name, if it is in the plan.
    pub fn image(&self, name: &str) -> Option<&Image> {
        self.positions.find(&self.images, name)
    }

    /// The content reference that a dependency is bound to: of the image in the plan, else the one
    /// that the dependency carries. `None` in a plan that leaves an image out without saying which.
    pub fn content_reference<'a>(&'a self, dependency: &'a Dependency) -> Option<&'a str> {
        match self.image(&dependency.image) {
            Some(image) => Some(&image.reference),
            None => dependency.content.as_deref(),
        }
    }

    /// For each image, the positions of those before it that have the same content reference: these
    /// are names of one image, which is built once.
    pub fn same_content(&self) -> Vec<Vec<usize>> {
        let mut positions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut earlier = Vec::with_capacity(self.images.len());
        for (index, image) in self.images.iter().enumerate() {
            let same = positions.entry(&image.reference).or_default();
            earlier.push(same.clone());
            same.push(index);
        }
        earlier
    }

    /// Names of the images whose content reference goes to a registry: those whose readable tags
    /// do, and all that they need.
    pub fn pushed(&self) -> BTreeSet<&str> {
        let mut pushed = BTreeSet::new();
        // What an image needs stands before it.
        for image in self.images.iter().rev() {
            if image.push || image.push_content || pushed.contains(image.name.as_str()) {
                pushed.insert(image.name.as_str());
                let needed = image.dependencies.iter();
                pushed.extend(needed.map(|dependency| dependency.image.as_str()));
            }
        }
        pushed
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}
