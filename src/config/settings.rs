//! What may be said of images at the top of the configuration, in a rule and in an image.

use std::collections::BTreeMap;

use super::json::Object;
use super::kinds::{
    Alias, Contexts, FolderPath, List, PlatformText, Push, Runner, Secret, Vars, Word,
};
use super::resolve::{Renderer, Setting};
use super::table::{Flag, Row, table};
use super::template::Template;

/// A table whose keys narrower levels say over wider ones, and, where all of them are rendered together, the
/// type that holds what they say of one image.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub(crate) struct $name:ident, resolved as $resolved:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $kind:ty $(, $flag:ident)*;
            )*
        }
    ) => {
        settings! {
            $(#[$meta])*
            pub(crate) struct $name {
                $( $(#[doc = $doc])+ $field: $kind $(, $flag)*; )*
            }
        }

        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub(crate) struct $resolved {
            $( $(#[doc = $doc])+ pub(crate) $field: <$kind as Setting>::Resolved, )*
        }

        impl $name {
            /// What they say of one image. Problems are left with the renderer.
            pub(crate) fn resolve(&self, renderer: &mut Renderer<'_>) -> $resolved {
                $resolved { $( $field: self.$field.resolve(renderer), )* }
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub(crate) struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $kind:ty $(, $flag:ident)*;
            )*
        }
    ) => {
        table! {
            $(#[$meta])*
            #[derive(Debug, Clone, Default, PartialEq, Eq)]
            pub(crate) struct $name {
                $( $(#[doc = $doc])+ $field: $kind $(, $flag)*; )*
            }
        }

        impl $name {
            /// These, and where they say nothing those of a wider level; maps are merged.
            fn over(&self, wider: &Self) -> Self {
                Self { $( $field: self.$field.over(&wider.$field), )* }
            }

            /// Every template that they hold.
            fn templates(&self) -> Vec<&Template> {
                let mut all = Vec::new();
                $( self.$field.templates(&mut all); )*
                all
            }
        }
    };
}

settings! {
    /// How an image is built: rendered once it has a name, before anything is read, so that no fingerprint
    /// depends on the commit. In an entry of `images` values mean themselves.
    pub(crate) struct BuildSettings, resolved as ResolvedBuild {
        /// variables of every template of that level and of narrower ones: `{"dotnet": "8.0.30"}`. Not those that
        /// templates have by themselves, nor groups of the rule
        vars: Vars;
        /// build arguments; those that a Dockerfile declares reach its build. `--build-arg` wins
        build_args: BTreeMap<String, Template>, Counts;
        /// what to build for, like `linux/arm64`; `--platform` wins. Empty: the engine's own platform
        platforms: List<PlatformText>, Counts;
        /// `[{"id": "npm", "env": "NPM_TOKEN"}]`, or `"src"` with the path of a file: where runners find the
        /// value, which is never read or written here
        secrets: List<Secret>;
        /// `["default"]`: agents or keys, as `docker buildx build --ssh` takes them
        ssh: List<String>;
        /// network mode of `RUN`: `none`, `host`
        network: Option<String>, Counts;
        /// any text; images built because of it are built without cache, and what depends on them follows.
        /// `--epoch` wins
        epoch: Option<String>, Counts;
        /// where a CI system builds the image, by platform: `{"linux/arm64": "ubuntu-24.04-arm"}`, or a list of labels
        runners: BTreeMap<String, Runner>;
        /// attestations, as `docker buildx build --attest` takes them; none, for provenance holds the time of the
        /// build
        attest: List<String>;
        /// the folder of the build context. Without it: the folder of the Dockerfile; or the root, where a file
        /// that the Dockerfile copies is not in its folder and all of them are at the root (`check` says so)
        context: Option<FolderPath>, Narrow, Counts;
        /// the stage to build; the last
        target: Option<Word>, Narrow, Counts;
        /// further references by which Dockerfiles mean this image: `["base", "mcr.example.com/runtime:8.0.*"]`.
        /// `*` and `?` stop at `/`, `{a,b}` and `[ab]` choose; where several patterns match, the first image by
        /// name is meant, and `check` says so
        aliases: List<Alias>, Narrow;
        /// further named contexts: `{"assets": "web/assets", "tools": "docker-image://acme/tools"}`. Of a folder,
        /// the files count that the Dockerfile takes from it, without those that its own `.dockerignore` drops;
        /// an image that is built here is a dependency
        contexts: Contexts, Narrow, Counts;
        /// patterns of context files that count, and are sent, beside those that the Dockerfile names: for a base
        /// image from elsewhere whose `ONBUILD` takes them. As in ignore files: `src/**`
        inputs: List<String>, Counts;
        /// `false`: its readable tags stay out of registries, and its content reference too unless an image that is
        /// pushed needs it. `"content"`: the content reference goes there, no readable tag: an image that only tests,
        /// without which the tags of the others do not move
        push: Option<Push>, Narrow;
    }
}

settings! {
    /// What is published of an image: rendered last, when the commit and the fingerprint are known. Templates
    /// everywhere.
    pub(crate) struct PublishSettings {
        /// build arguments that are given to the build and not counted, like a version to print; `--stamp` wins. An
        /// image that is not rebuilt keeps its stamp. The default that the Dockerfile gives such an argument is
        /// what counts
        stamp_args: BTreeMap<String, Template>;
        /// where the image lives; `{{ name }}`. Names are what Dockerfiles say; forks, staging and production
        /// differ in this alone. `--repository` wins
        repository: Option<Template>;
        /// the readable tags; `["{{ branch }}", "{{ revision }}"]`. Each entry may say several, with white space
        /// between them, or none
        tags: List<Template>;
        /// labels besides `org.opencontainers.image.revision`, `.created` and `dev.shipwright.fingerprint`, which
        /// every image has. Two names for one content (equal references) are one image, built once: the labels,
        /// stamp arguments and attestations are those of the name that comes first in the plan
        labels: BTreeMap<String, Template>;
        /// cache sources, as `docker buildx build --cache-from` takes them
        cache_from: List<Template>;
        /// cache destinations, as `docker buildx build --cache-to` takes them; used when pushing
        cache_to: List<Template>;
    }
}

/// All that a level says of images. What is not said is left to a wider level, at last to the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How they are built.
    pub(crate) build: BuildSettings,
    /// What is published of them.
    pub(crate) publish: PublishSettings,
}

impl Settings {
    /// The keys of an image and of a rule.
    pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
        BuildSettings::ROWS.iter().chain(PublishSettings::ROWS)
    }

    /// The keys that may stand at the top too.
    pub(super) fn top_rows() -> impl Iterator<Item = &'static Row> {
        Self::rows().filter(|row| !row.is(Flag::Narrow))
    }

    /// Reads every key that is there.
    pub(super) fn read(object: &mut Object<'_, '_>) -> Self {
        Self {
            build: BuildSettings::read(object),
            publish: object.with_templates(PublishSettings::read),
        }
    }

    /// These settings, and where they say nothing those of a wider level; maps are merged.
    #[must_use]
    pub(crate) fn over(&self, wider: &Self) -> Self {
        Self {
            build: self.build.over(&wider.build),
            publish: self.publish.over(&wider.publish),
        }
    }

    /// Every template that they hold.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let build = self.build.templates().into_iter();
        build.chain(self.publish.templates())
    }
}
