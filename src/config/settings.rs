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
        /// variables of all templates at that level and more specific ones: `{"dotnet": "8.0.30"}`. Built-in variables
        /// and groups of the rule cannot be redefined
        vars: Vars;
        /// build arguments; only those that a Dockerfile declares are passed to its build. `--build-arg` overrides them
        build_args: BTreeMap<String, Template>, Counts;
        /// platforms to build for, such as `linux/arm64`; `--platform` overrides them. Empty: the engine's own platform
        platforms: List<PlatformText>, Counts;
        /// `[{"id": "npm", "env": "NPM_TOKEN"}]`, or `"src"` with the path of a file: where runners find the
        /// value. Planning never reads or writes it
        secrets: List<Secret>;
        /// `["default"]`: agents or keys, as for `docker buildx build --ssh`
        ssh: List<String>;
        /// network mode of `RUN`: `none`, `host`
        network: Option<String>, Counts;
        /// any text; when it changes, the images and those that depend on them are rebuilt, without cache.
        /// `--epoch` overrides it
        epoch: Option<String>, Counts;
        /// where a CI system builds the image, by platform: `{"linux/arm64": "ubuntu-24.04-arm"}`, or a list of labels
        runners: BTreeMap<String, Runner>;
        /// attestations, as for `docker buildx build --attest`; default: none, because provenance contains the time of
        /// the build
        attest: List<String>;
        /// the folder of the build context. Default: the folder of the Dockerfile; or the root, if a file that the
        /// Dockerfile copies is not in its folder and all of them are at the root (`check` reports this)
        context: Option<FolderPath>, Narrow, Counts;
        /// the stage to build; default: the last
        target: Option<Word>, Narrow, Counts;
        /// other references that refer to this image: `["base", "mcr.example.com/runtime:8.0.*"]`.
        /// `*` and `?` do not match `/`; `{a,b}` and `[ab]` are alternatives. If several patterns match, the first image
        /// by name is used, and `check` reports this
        aliases: List<Alias>, Narrow;
        /// named contexts: `{"assets": "web/assets", "tools": "docker-image://acme/tools"}`. Of a folder, the files
        /// that the Dockerfile copies count, except those that the folder's `.dockerignore` excludes; an image that is
        /// built here is a dependency
        contexts: Contexts, Narrow, Counts;
        /// patterns of context files that count and are sent in addition to those that the Dockerfile copies: for an
        /// external base image whose `ONBUILD` copies them. As in ignore files: `src/**`
        inputs: List<String>, Counts;
        /// `false`: do not push readable tags; push the content reference only if a pushed image depends on it.
        /// `"content"`: push the content reference but no readable tags, for an image that only runs tests: the tags of
        /// the others do not move without it
        push: Option<Push>, Narrow;
    }
}

settings! {
    /// What is published of an image: rendered last, when the commit and the fingerprint are known. Templates
    /// everywhere.
    pub(crate) struct PublishSettings {
        /// build arguments that are passed to the build but do not count, such as a version to print; `--stamp`
        /// overrides them. An image that is not rebuilt keeps its old stamp. The argument's default in the Dockerfile
        /// counts
        stamp_args: BTreeMap<String, Template>;
        /// where the image is stored; default: `{{ name }}`. Names are what Dockerfiles use; forks, staging and
        /// production differ only in the repository. `--repository` overrides it
        repository: Option<Template>;
        /// the readable tags; default: `["{{ branch }}", "{{ revision }}"]`. An entry may produce several tags,
        /// separated by white space, or none
        tags: List<Template>;
        /// labels in addition to `org.opencontainers.image.revision`, `.created` and `dev.shipwright.fingerprint`, which
        /// every image has. Two names with the same content reference are one image, built once, with the labels,
        /// stamp arguments and attestations of the name that comes first in the plan
        labels: BTreeMap<String, Template>;
        /// cache sources, as for `docker buildx build --cache-from`
        cache_from: List<Template>;
        /// cache destinations, as for `docker buildx build --cache-to`; only used with `--push`
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
