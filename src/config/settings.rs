//! What may be said of images at the top of the configuration, in a rule and in an image.

use std::collections::BTreeMap;

use super::json::Object;
use serde::{Deserialize, Serialize};

use crate::config::template::Template;
use crate::lang::platform::Platform;

/// Keys that may stand at the top, in a rule and in an image.
pub(super) const SHARED_KEYS: [&str; 12] = [
    "build_args",
    "stamp_args",
    "platforms",
    "repository",
    "tags",
    "labels",
    "secrets",
    "ssh",
    "network",
    "cache_from",
    "cache_to",
    "attest",
];

/// Keys that may stand in a rule and in an image besides.
pub(super) const OWN_KEYS: [&str; 6] =
    ["context", "target", "aliases", "contexts", "inputs", "push"];

/// What to write for a platform.
pub(crate) const PLATFORM_HELP: &str = "a platform is like `linux/amd64`";

/// How images are built and published. What is not said is left to a wider level, at last to the
/// default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// Build arguments, counted in the fingerprint where the Dockerfile declares them.
    pub build_args: BTreeMap<String, Template>,
    /// Build arguments that are given to the build and not counted.
    pub stamp_args: BTreeMap<String, Template>,
    /// Platforms to build for; the engine's own where empty.
    pub platforms: Option<Vec<Template>>,
    /// Where an image lives.
    pub repository: Option<Template>,
    /// The readable tags.
    pub tags: Option<Vec<Template>>,
    /// Labels besides those that every image has.
    pub labels: BTreeMap<String, Template>,
    /// Secrets for the build.
    pub secrets: Option<Vec<Secret>>,
    /// SSH agents or keys for the build.
    pub ssh: Option<Vec<String>>,
    /// Network mode of `RUN`.
    pub network: Option<String>,
    /// Cache sources.
    pub cache_from: Option<Vec<Template>>,
    /// Cache destinations.
    pub cache_to: Option<Vec<Template>>,
    /// Attestations.
    pub attest: Option<Vec<String>>,
    /// Folder of the build context. Not at the top, like all that follow.
    pub context: Option<Template>,
    /// The stage to build.
    pub target: Option<Template>,
    /// Further references by which Dockerfiles mean the image; may be globs.
    pub aliases: Option<Vec<Template>>,
    /// Further named contexts: a folder, or `docker-image://` and a reference.
    pub contexts: BTreeMap<String, Template>,
    /// Patterns of context files that count beside those that the Dockerfile names.
    pub inputs: Option<Vec<String>>,
    /// Whether readable tags may go to a registry.
    pub push: Option<bool>,
}

impl ImageSettings {
    /// Reads every key that is there. `literal`: arguments and paths mean themselves, as in an
    /// image, where everything is known; what is published may have variables everywhere.
    pub(super) fn read(object: &mut Object<'_, '_>, literal: bool) -> Self {
        let list = |object: &mut Object<'_, '_>, key: &str| {
            object.has(key).then(|| {
                let values = object.list_of_strings(key).into_iter();
                values.map(|text| text.value).collect::<Vec<_>>()
            })
        };
        Self {
            build_args: object.templates_by_key("build_args", literal),
            stamp_args: object.templates_by_key("stamp_args", false),
            platforms: platforms(object, literal),
            repository: object.template("repository", false),
            tags: object.templates("tags", false),
            labels: object.templates_by_key("labels", false),
            secrets: secrets(object),
            ssh: list(object, "ssh"),
            network: object.string("network").map(|text| text.value),
            cache_from: object.templates("cache_from", false),
            cache_to: object.templates("cache_to", false),
            attest: list(object, "attest"),
            context: object.template("context", literal),
            target: object.template("target", literal),
            aliases: object.templates("aliases", literal),
            contexts: object.templates_by_key("contexts", literal),
            inputs: list(object, "inputs"),
            push: object.boolean("push"),
        }
    }

    /// These settings, and where they say nothing those of a wider level; maps are merged.
    #[must_use]
    pub fn over(&self, wider: &Self) -> Self {
        fn merged<T: Clone>(
            narrow: &BTreeMap<String, T>,
            wide: &BTreeMap<String, T>,
        ) -> BTreeMap<String, T> {
            let mut map = wide.clone();
            map.extend(narrow.clone());
            map
        }
        fn first<T: Clone>(narrow: Option<&T>, wide: Option<&T>) -> Option<T> {
            narrow.or(wide).cloned()
        }
        Self {
            build_args: merged(&self.build_args, &wider.build_args),
            stamp_args: merged(&self.stamp_args, &wider.stamp_args),
            platforms: first(self.platforms.as_ref(), wider.platforms.as_ref()),
            repository: first(self.repository.as_ref(), wider.repository.as_ref()),
            tags: first(self.tags.as_ref(), wider.tags.as_ref()),
            labels: merged(&self.labels, &wider.labels),
            secrets: first(self.secrets.as_ref(), wider.secrets.as_ref()),
            ssh: first(self.ssh.as_ref(), wider.ssh.as_ref()),
            network: first(self.network.as_ref(), wider.network.as_ref()),
            cache_from: first(self.cache_from.as_ref(), wider.cache_from.as_ref()),
            cache_to: first(self.cache_to.as_ref(), wider.cache_to.as_ref()),
            attest: first(self.attest.as_ref(), wider.attest.as_ref()),
            context: first(self.context.as_ref(), wider.context.as_ref()),
            target: first(self.target.as_ref(), wider.target.as_ref()),
            aliases: first(self.aliases.as_ref(), wider.aliases.as_ref()),
            contexts: merged(&self.contexts, &wider.contexts),
            inputs: first(self.inputs.as_ref(), wider.inputs.as_ref()),
            push: self.push.or(wider.push),
        }
    }

    /// Every template of what is published, where `git_tags` may stand.
    pub(super) fn published(&self) -> impl Iterator<Item = &Template> {
        let lists = [&self.tags, &self.cache_from, &self.cache_to];
        let maps = [&self.labels, &self.stamp_args];
        let lists = lists.into_iter().flatten().flatten();
        lists
            .chain(maps.into_iter().flat_map(BTreeMap::values))
            .chain(&self.repository)
    }
}

/// Platforms; what holds no template is checked at once.
fn platforms(object: &mut Object<'_, '_>, literal: bool) -> Option<Vec<Template>> {
    let mut platforms = object.templates("platforms", literal)?;
    platforms.retain(|template| {
        let is_template = !literal && template.text.contains('{');
        let problem = Platform::parse(&template.text)
            .err()
            .filter(|_| !is_template);
        if let (Some(problem), Some(span)) = (&problem, &template.span) {
            object.refuse(span.clone(), problem.to_string(), PLATFORM_HELP);
        }
        problem.is_none()
    });
    Some(platforms)
}

fn secrets(object: &mut Object<'_, '_>) -> Option<Vec<Secret>> {
    if !object.has("secrets") {
        return None;
    }
    let mut secrets = Vec::new();
    object.each("secrets", |entry| {
        entry.check_keys(&["id", "env", "src"]);
        let env = entry.string("env");
        let src = entry.string("src");
        if let (Some(_), Some(src)) = (&env, &src) {
            let message = "a secret comes from `env` or from `src`, not from both".to_owned();
            entry.refuse(src.span.clone(), message, "keep one of them");
        }
        if let Some(id) = entry.required("id") {
            secrets.push(Secret {
                id: id.value,
                env: env.map(|text| text.value),
                src: src.map(|text| text.value),
            });
        }
    });
    Some(secrets)
}

/// A secret of a build, by where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
