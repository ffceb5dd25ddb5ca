//! `.shipwright.json`: what a repository says about its images beyond its Dockerfiles.
//!
//! None is needed where every Dockerfile's folder names its image. Version 1 is that of the first
//! shipwright, a Python program, and keeps working unchanged; version 2 adds keys to it.
//! `docs/configuration.md` describes them all.

mod json;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostics::{Diagnostic, Diagnostics, SourceText};
use json::{Document, Object};

/// Where the file stands, relative to the root of the plan.
pub const PATH: &str = ".shipwright.json";

/// The configuration of a repository; the default one where there is no file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The file, for diagnostics that point into it; none where there is none.
    pub source: Option<SourceText>,
    /// First part of default names: `acme` makes `acme/<folder>`; may name a registry.
    pub namespace: Option<Spanned<String>>,
    /// Names of images by folder, or by the path of a Dockerfile; without leading `/`.
    pub names: BTreeMap<String, Name>,
    /// Build arguments for every image that declares them.
    pub build_args: BTreeMap<String, String>,
    /// Platforms to build for; the engine's own where empty.
    pub platforms: Vec<Spanned<String>>,
    /// What a literal tag of one of our repositories means.
    pub pinned: Pinned,
    /// Any text; part of every fingerprint, and builds that have one use no cache.
    pub epoch: String,
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

const KEYS_1: [&str; 3] = ["version", "namespace", "names"];
const KEYS_2: [&str; 7] = [
    "version",
    "namespace",
    "names",
    "build_args",
    "platforms",
    "pinned",
    "epoch",
];

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Every problem of the file at once: it is not JSON, a key is unknown, a value has the wrong
    /// type, the version is not known.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        let source = SourceText::new(PATH, text);
        let document = Document::parse(text).map_err(|error| {
            Diagnostic::error(
                "config-syntax",
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
        top.check_keys(if version == Some(1) { &KEYS_1 } else { &KEYS_2 });
        self.namespace = top.string("namespace");
        for (key, key_span, name) in top.strings_by_key("names") {
            let key = key.trim_matches('/').to_owned();
            self.names.insert(key, Name { name, key_span });
        }
        for (key, _, value) in top.strings_by_key("build_args") {
            self.build_args.insert(key, value.value);
        }
        self.platforms = top.list_of_strings("platforms");
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
            r#"{"version": 2, "namespace": 1, "names": {"a": []}, "platforms": "x", "pinned": "no"}"#,
            &[
                "`namespace` must be a string",
                "`names.a` must be a string",
                "`platforms` must be a list",
                "`external` or `internal`",
            ],
        );
        check_refused(
            r#"{"version": 2, "namespace": "a", "namespace": "b"}"#,
            &["error[config-duplicate-key]", "`namespace`"],
        );
    }
}
