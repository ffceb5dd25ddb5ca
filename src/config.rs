//! `.shipwright.json`: what a repository says about its images beyond its Dockerfiles.
//!
//! None is needed where every Dockerfile's folder names its image. Version 1 is that of the first
//! shipwright, a Python program, and keeps working unchanged; version 2 adds keys to it.
//! `docs/configuration.md` describes them all.

pub(crate) mod json;
mod rules;
mod settings;
pub(crate) mod template;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::template::Template;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::paths;
use json::Object;
pub(crate) use settings::PLATFORM_HELP;
use settings::SHARED_KEYS;

pub use rules::{ImageEntry, Rule};
pub use settings::{ImageSettings, Secret};

/// Where the file stands, relative to the root of the plan.
pub const PATH: &str = ".shipwright.json";

/// The configuration of a repository; the default one where there is no file.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The file, for diagnostics that point into it; none where there is none.
    pub source: Option<SourceText>,
    /// First part of default names: `acme` makes `acme/<folder>`; may name a registry.
    pub namespace: Option<Spanned<String>>,
    /// Names of images by folder, or by the path of a Dockerfile; without leading `/`.
    pub names: BTreeMap<String, Name>,
    /// Which files are Dockerfiles.
    pub dockerfiles: Dockerfiles,
    /// What Dockerfiles at some paths make, the first that matches.
    pub rules: Vec<Rule>,
    /// Images by name: further ones, or changes to one that is there.
    pub images: BTreeMap<String, ImageEntry>,
    /// What is said of every image.
    pub settings: ImageSettings,
    /// The branch whose tags may be `latest` and the like.
    pub default_branch: Option<String>,
    /// What a literal tag of one of our repositories means.
    pub pinned: Pinned,
    /// Any text; part of every fingerprint, and builds that have one use no cache.
    pub epoch: String,
    /// Glob patterns of files that belong in images although git ignores them.
    pub generated: Vec<Spanned<String>>,
}

/// A value and where it stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Byte range in the file.
    pub span: Range<usize>,
}

/// An entry of `names`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The image's name.
    pub name: Spanned<String>,
    /// Where the key stands in the file.
    pub key_span: Range<usize>,
}

/// What a literal tag other than `latest` of one of our repositories means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pinned {
    /// A published image, left to the registry.
    #[default]
    External,
    /// Our image.
    Internal,
}

/// Which files are Dockerfiles, as glob patterns of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfiles {
    /// In place of the usual file names, where there are any.
    pub only: Vec<Spanned<String>>,
    /// Besides the usual file names.
    pub also: Vec<Spanned<String>>,
    /// Taken out again.
    pub exclude: Vec<Spanned<String>>,
}

/// The default branch where the configuration names none.
pub const DEFAULT_BRANCH: &str = "main";

const KEYS_1: [&str; 3] = ["version", "namespace", "names"];

/// Keys of version 2 at the top, beside those that rules and images have too.
const TOP_KEYS_2: [&str; 10] = [
    "version",
    "namespace",
    "names",
    "dockerfiles",
    "rules",
    "images",
    "generated",
    "pinned",
    "epoch",
    "default_branch",
];

fn keys_2() -> Vec<&'static str> {
    [&TOP_KEYS_2[..], &SHARED_KEYS].concat()
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Every problem of the file at once: it is not JSON, a key is unknown, a value has the wrong
    /// type, the version is not known.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        let source = SourceText::new(PATH, text);
        let document = json::parse(text).map_err(|error| {
            Diagnostic::new(
                Code::ConfigSyntax,
                format!("this is not JSON: {}", error.message),
            )
            .at(&source, error.span, "")
        })?;
        let mut diagnostics = Diagnostics::new();
        let mut config = Self {
            source: Some(source.clone()),
            ..Self::default()
        };
        let top = Object::top(&document, &source, &mut diagnostics);
        if let Some(mut top) = top {
            config.read(&mut top);
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(config)
    }

    fn read(&mut self, top: &mut Object<'_, '_>) {
        let version = top.version();
        if version == Some(1) {
            top.check_keys(&KEYS_1);
        } else {
            top.check_keys(&keys_2());
        }
        self.namespace = top.string("namespace");
        for (key, key_span, name) in top.strings_by_key("names") {
            let key = key.trim_matches('/').to_owned();
            self.names.insert(key, Name { name, key_span });
        }
        if let Some(mut files) = top.object("dockerfiles") {
            files.check_keys(&["only", "also", "exclude"]);
            self.dockerfiles = Dockerfiles {
                only: globs(&mut files, "only"),
                also: globs(&mut files, "also"),
                exclude: globs(&mut files, "exclude"),
            };
        }
        top.each("rules", |rule| self.rules.extend(Rule::read(rule)));
        top.each_by_key("images", |name, name_span, entry| {
            let entry = ImageEntry::read(name_span, entry);
            self.images.insert(name.to_owned(), entry);
        });
        self.settings = ImageSettings::read(top, false);
        self.default_branch = top.string("default_branch").map(|text| text.value);
        self.generated = globs(top, "generated");
        let pinned = [
            ("external", Pinned::External),
            ("internal", Pinned::Internal),
        ];
        self.pinned = top.one_of("pinned", &pinned).unwrap_or_default();
        self.epoch = top
            .string("epoch")
            .map(|epoch| epoch.value)
            .unwrap_or_default();
    }

    /// Whether some template asks for the tags that git has for the commit.
    pub fn asks_for_git_tags(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.settings);
        let images = self.images.values().map(|entry| &entry.settings);
        let all = rules.chain(images).chain([&self.settings]);
        all.flat_map(ImageSettings::published)
            .any(|template: &Template| template.text.contains("git_tags"))
    }
}

/// A list of glob patterns of paths.
fn globs(object: &mut Object<'_, '_>, key: &str) -> Vec<Spanned<String>> {
    let mut patterns = object.list_of_strings(key);
    patterns.retain(|pattern| match paths::glob(&pattern.value) {
        Ok(_) => true,
        Err(error) => {
            let message = format!(
                "`{}` is not a glob pattern: {}",
                pattern.value,
                error.kind()
            );
            let help = "a pattern of paths is like `tests/**` or `docker/*.Dockerfile`";
            object.refuse(pattern.span.clone(), message, help);
            false
        }
    });
    patterns
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
                "`images.x.push` must be `true` or `false`",
                "error[config-template]",
                "`rules[0]` has no `match`",
                "`rules[1]` must be an object",
                "not a glob pattern",
                "`a{`",
            ],
        );
        check_refused(
            r#"{"version": 2, "namespace": "a", "namespace": "b"}"#,
            &["error[config-duplicate-key]", "`namespace`"],
        );
    }
}
