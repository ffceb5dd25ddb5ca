//! `.shipwright.json`: what a repository says about its images beyond its Dockerfiles.
//!
//! None is needed where every Dockerfile's folder names its image. Version 1 is that of the first
//! shipwright, a Python program, and keeps working unchanged; version 2 adds keys to it.
//! `docs/configuration.md` describes them all.

pub(crate) mod json;
mod kinds;
mod levels;
pub mod lock;
mod matrix;
pub(crate) mod resolve;
mod rules;
mod schema;
mod settings;
mod table;
pub(crate) mod template;

use std::collections::BTreeMap;
use std::ops::{Deref, Range};

use serde_json::{Value as Json, json};

use crate::config::template::Template;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::reference::Reference;
use crate::paths;
use json::{At, Object};
use levels::Levels;
use table::{Value, table};
use template::NAME_HELP;

#[cfg(test)]
pub(crate) use kinds::List;
pub(crate) use kinds::{IMAGE_SCHEME, NamedContext, Push, Secret, is_glob};
pub(crate) use matrix::{Combination, Matrix};
pub(crate) use rules::{ImageEntry, Rule};
pub use schema::schema;
#[cfg(test)]
pub(crate) use settings::PublishSettings;
pub(crate) use settings::{ResolvedBuild, Settings};

/// Where the file stands, relative to the root of the plan.
pub const PATH: &str = ".shipwright.json";

/// The default branch where the configuration names none.
const DEFAULT_BRANCH: &str = "main";

/// What to write for a platform.
const PLATFORM_HELP: &str = "a platform looks like `linux/amd64`";

table! {
    /// The configuration of a repository; the default one where there is no file.
    #[derive(Debug, Clone, Default)]
    pub struct Config with {
        /// The file, for diagnostics that point into it; none where there is none.
        source: Option<SourceText>,
        /// What is said of every image.
        settings: Settings,
    } {
        /// first part of default names; may begin with a registry: `ghcr.io/acme`. The environment variable
        /// `SW_NAMESPACE` overrides it, and `--namespace` overrides both
        namespace: Option<Spanned<String>>;
        /// names by folder, or by the path of one Dockerfile; a leading `/` is optional
        names: BTreeMap<String, Name>;
        /// [which files are Dockerfiles](#which-files-are-dockerfiles)
        dockerfiles: Dockerfiles;
        /// [settings for Dockerfiles by path](#rules)
        rules: Vec<Rule>;
        /// [images by name](#images)
        images: BTreeMap<String, ImageEntry>;
        /// what a literal tag of a planned repository refers to (`FROM acme/python:3.11`): `"external"`: the registry,
        /// with a warning; `"internal"`: the image of the plan. Default: `"external"`
        pinned: Pinned;
        /// references to images that other repositories build: `["acme/legacy-*", "acme/python:3.9"]`, with patterns as
        /// in `aliases`; a pattern without a tag matches all tags. They never refer to an image of the plan, and no
        /// warning asks whether they should
        external: Globs;
        /// a registry, usually a pull-through cache, from which locked bases are pulled:
        /// `mirror.example.com/docker.io/library/debian` for `debian`. It does not affect fingerprints
        mirror: Option<Spanned<String>>;
        /// references that stay out of [the lock file](lock.md): `["local/**"]`, for images that only the local
        /// engine has
        unlocked: Globs;
        /// the severity of warnings: `{"pinned": "off", "missing-source": "error"}`. `off`, `warning` or `error`; an
        /// error also stops `plan` and `exec`
        diagnostics: Levels;
        /// the branch on which [tags in names](#how-images-are-named) move, and the template variable `default_branch`; default: `main`
        default_branch: Option<String>;
        /// patterns of files that git ignores and that belong in images: `["services/*/target/*.jar"]`. See
        /// [files.md](files.md#files-that-git-ignores)
        generated: Globs;
    }
}

/// A value and where it stands in the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Byte range in the file.
    pub span: Range<usize>,
}

/// An entry of `names`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The image's name.
    pub name: Spanned<String>,
    /// Where the key stands in the file.
    pub key_span: Range<usize>,
}

/// What a literal tag other than `latest` of one of our repositories means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// A published image, left to the registry.
    #[default]
    External,
    /// Our image.
    Internal,
}

table! {
    /// Which files are Dockerfiles, by patterns of whole paths in which `*` stops at `/` and `**` does not.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Dockerfiles {
        /// replaces the usual file names
        only: Globs;
        /// in addition to the usual file names
        also: Globs;
        /// excluded again
        exclude: Globs;
    }
}

const VERSION: &str = "version";

/// The keys of version 1.
const KEYS_1: [&str; 3] = [VERSION, "namespace", "names"];

/// The keys of version 2 at the top.
fn keys_2() -> Vec<&'static str> {
    let rows = Config::ROWS.iter().chain(Settings::top_rows());
    [VERSION]
        .into_iter()
        .chain(rows.map(|row| row.key))
        .collect()
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Every problem of the file at once: it is not JSON, a key is unknown, a value has the wrong
    /// type, the version is not known.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        Self::parse_named(PATH, text)
    }

    /// The same of a file with another name.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub(crate) fn parse_named(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let source = SourceText {
            typed: name != PATH,
            ..SourceText::new(name, text)
        };
        let document = json::parse_relaxed(text).map_err(|error| {
            Diagnostic::new(
                Code::ConfigSyntax,
                format!("this is not JSON: {}", error.message),
            )
            .at(&source, error.span, "")
        })?;
        let mut diagnostics = Diagnostics::new();
        let mut file = At::top(&document, &source, &mut diagnostics);
        let config = file.object().map(|mut top| Self::read_all(&mut top));
        match config {
            Some(config) if !diagnostics.has_errors() => Ok(Self {
                source: Some(source),
                ..config
            }),
            _ => Err(diagnostics),
        }
    }

    fn read_all(top: &mut Object<'_, '_>) -> Self {
        let version = match top.get(VERSION) {
            Some(mut at) => at.version(),
            None => Some(1),
        };
        let keys = keys_2();
        let newer = |key: &str| {
            keys.contains(&key)
                .then_some("this key needs `\"version\": 2`")
        };
        if version == Some(1) {
            top.check_keys(&KEYS_1, newer);
        } else {
            top.check_keys(&keys, |_| None);
        }
        let config = Self {
            settings: Settings::read(top),
            ..Self::read(top)
        };
        if let Some(mirror) = &config.mirror
            && let Err(error) = Reference::parse(&format!("{}/x/y", mirror.value))
        {
            let message = format!("`{}` is not a registry: {error}", mirror.value);
            let help =
                "a registry looks like `mirror.example.com` or `mirror.example.com:5000/cache`";
            top.refuse(mirror.span.clone(), message, help);
        }
        config
    }

    /// Gives diagnostics the weight that they have in this repository; leaves out those that are off.
    pub(crate) fn weigh(&self, diagnostics: &mut Diagnostics) {
        self.diagnostics.apply(diagnostics);
    }

    /// Whether some template asks for the tags that git has for the commit.
    pub(crate) fn asks_for_git_tags(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.settings);
        let images = self.images.values().map(|entry| &entry.settings);
        let mut all = rules.chain(images).chain([&self.settings]);
        all.any(|settings| {
            let mut templates = settings.templates();
            templates.any(|template: &Template| template.text.contains("git_tags"))
        })
    }

    /// The branch on which a tag that is part of a name moves.
    pub(crate) fn default_branch(&self) -> &str {
        self.default_branch.as_deref().unwrap_or(DEFAULT_BRANCH)
    }

    /// Whether some image gets tags of the branch: by default, or by a template that asks for it.
    pub(crate) fn asks_for_branch(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.settings);
        let images = self.images.values().map(|entry| &entry.settings);
        let mut all = rules.chain(images).chain([&self.settings]);
        self.settings.publish.tags.0.is_none()
            || all.any(|settings| {
                let mut tags = settings.publish.tags.0.iter().flatten();
                tags.any(|template| template.text.contains("branch"))
            })
    }
}

impl Value for BTreeMap<String, Name> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let entries = at.entries(|key, key_span, value| {
            let name = value.string()?;
            Some((key.trim_matches('/').to_owned(), Name { name, key_span }))
        });
        Some(entries.into_iter().collect())
    }

    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": {"type": "string"}})
    }
}

impl Value for Pinned {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        at.one_of(&[("external", Self::External), ("internal", Self::Internal)])
    }

    fn schema() -> Json {
        json!({"enum": ["external", "internal"], "default": "external"})
    }
}

impl Value for Dockerfiles {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let mut object = at.object()?;
        object.check_keys(&table::keys([Self::ROWS]), |_| None);
        Some(Self::read(&mut object))
    }

    fn schema() -> Json {
        table::schema(Self::ROWS)
    }
}

/// Glob patterns of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Globs(Vec<Spanned<String>>);

impl Deref for Globs {
    type Target = [Spanned<String>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Value for Globs {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let patterns = at.elements("strings", |at| {
            let pattern = at.string()?;
            if let Err(error) = paths::glob(&pattern.value) {
                let message = format!("`{}` is not a glob pattern: {error}", pattern.value);
                let help = "a pattern of paths looks like `tests/**` or `docker/*.Dockerfile`";
                at.refuse(pattern.span, message, help);
                return None;
            }
            Some(pattern)
        });
        Some(Self(patterns))
    }

    fn schema() -> Json {
        Vec::<String>::schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::render::{Style, render};

    #[track_caller]
    fn check_refused(text: &str, expected: &[&str]) {
        let diagnostics = Config::parse(text).expect_err("refused");
        let rendered = render(&diagnostics, Style::default());
        for part in expected {
            assert!(rendered.contains(part), "`{part}` is not in\n{rendered}");
        }
    }

    #[test]
    fn version_one_as_the_first_shipwright_wrote_it() {
        let text = r#"{"version": 1.0, "namespace": "6sense", "names": {"/shared/libs": "6sense/shared"}}"#;
        let config = Config::parse(text).unwrap();
        assert_eq!(config.namespace.unwrap().value, "6sense");
        assert_eq!(config.names["shared/libs"].name.value, "6sense/shared");
    }

    #[test]
    fn refuses_with_the_place_and_the_way_out() {
        check_refused("{", &["error[config-syntax]", ".shipwright.json:1:"]);
        check_refused("", &["error[config-syntax]"]);
        check_refused("[]", &["error[config-type]", "an object"]);
        check_refused(
            r#"{"version": 3}"#,
            &["error[config-version]", "`3`", "1 and 2"],
        );
        check_refused(
            "{\n  \"version\": 2,\n  \"namspace\": \"a\"\n}",
            &[
                "error[config-unknown-key]",
                ".shipwright.json:3:3",
                "did you mean `namespace`?",
            ],
        );
        check_refused(
            r#"{"version": 1, "platforms": []}"#,
            &["error[config-unknown-key]", "`\"version\": 2`"],
        );
        check_refused(
            r#"{"version": 2, "namespace": 1, "names": {"a": []}, "platforms": "x", "pinned": "no",
                "images": {"x": {"target": 1, "push": "no", "tags": ["{{"]}}, "rules": [{}, 1],
                "dockerfiles": {"only": ["a["]}, "generated": ["a{"]}"#,
            &[
                "`namespace` must be a string",
                "`names.a` must be a string",
                "`platforms` must be a list",
                "`external` or `internal`",
                "`images.x.target` must be a string",
                "`images.x.push` must be `true`, `false` or",
                "error[config-template]",
                "`rules[0]` has no `match`",
                "`rules[1]` must be an object",
                "not a glob pattern",
                "`a{`",
            ],
        );
        check_refused(
            r#"{"version": 2, "mirror": "https://m.example.com"}"#,
            &["error[config-value]", "is not a registry"],
        );
        check_refused(
            r#"{"version": 2, "namespace": "a", "namespace": "b"}"#,
            &["error[config-duplicate-key]", "`namespace`"],
        );
    }
}
