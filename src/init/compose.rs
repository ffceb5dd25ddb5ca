//! The builds of compose files: `compose.yaml` and its other names.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::build::{Build, Checker, Written};
use super::interpolate::{Interpolated, Variables};
use super::yaml::{self, Node};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::paths;
use crate::tree::snapshot::Snapshot;

/// The names that compose looks for, the first that is there.
pub(super) const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

/// The names of files that compose merges into those.
pub(super) const OVERRIDES: [&str; 4] = [
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
];

/// Keys of a build that are carried over.
const TAKEN: [&str; 8] = [
    "context",
    "dockerfile",
    "dockerfile_inline",
    "target",
    "tags",
    "platforms",
    "args",
    "additional_contexts",
];

/// How long a chain of `extends` may be.
const MAX_EXTENDS: usize = 8;

/// Path of the file with values for the variables of a compose file.
pub(super) fn env_path(compose: &str) -> String {
    paths::join(paths::folder_of(compose), ".env")
}

/// The builds of the services of a compose file, sorted by name.
pub(super) fn builds(
    source: &SourceText,
    snapshot: &Snapshot,
    diagnostics: &mut Diagnostics,
) -> Vec<Build> {
    let document = match yaml::parse(source) {
        Ok(Some(document)) => document,
        Ok(None) => return Vec::new(),
        Err(problem) => {
            diagnostics.push(problem);
            return Vec::new();
        }
    };
    let env = snapshot.text(&env_path(&source.path)).unwrap_or_default();
    let services = document.get("services");
    let mut reader = Reader {
        source,
        services,
        variables: Variables::parse(&String::from_utf8_lossy(env)),
        unset: BTreeMap::new(),
        diagnostics,
    };
    let mut written = Vec::new();
    for (key, name, service) in services.into_iter().flat_map(Node::entries) {
        written.extend(reader.service(name, key.span.clone(), service));
    }
    reader.report_unset();
    written.sort_by(|a, b| a.label.cmp(&b.label));
    let checker = Checker {
        source,
        bases: vec![paths::folder_of(&source.path).to_owned()],
        scheme: "service:",
        snapshot,
    };
    checker.check_all(written, diagnostics)
}

struct Reader<'a, 'd> {
    source: &'a SourceText,
    services: Option<&'a Node>,
    variables: Variables,
    /// The variables without a value, with the first place of each.
    unset: BTreeMap<String, Range<usize>>,
    diagnostics: &'d mut Diagnostics,
}

impl<'a> Reader<'a, '_> {
    /// The build of a service; none where it runs an image that is built elsewhere.
    fn service(&mut self, name: &str, span: Range<usize>, service: &'a Node) -> Option<Written> {
        let build = self.value(service, "build")?;
        let mut written = Written {
            span,
            label: name.to_owned(),
            kind: "service",
            ..Written::default()
        };
        if build.is_mapping() {
            self.build(build, &mut written)?;
        } else {
            written.context = self.text(build);
        }
        let image = service.get("image").and_then(|image| self.text(image));
        // A tag whose variable has no value is none.
        let image = image.map(|image| image.trim_end_matches(':').to_owned());
        written.references.splice(0..0, image);
        if written.platforms.is_empty() {
            let platform = service.get("platform");
            written.platforms = platform
                .and_then(|node| self.text(node))
                .into_iter()
                .collect();
        }
        // A variable without a value names no platform.
        written
            .platforms
            .retain(|platform| !platform.trim().is_empty());
        if let (Some(extends), true) = (service.get("extends"), build.is_mapping()) {
            let message = format!(
                "`extends` of service `{name}` is only followed for whole keys; `build` is not merged"
            );
            let help = "add what is missing to .shipwright.json";
            self.left_out(extends.span.clone(), message, help);
        }
        Some(written)
    }

    /// What a service says at a key, or the one in this file that it extends.
    fn value(&mut self, mut service: &'a Node, key: &str) -> Option<&'a Node> {
        for _ in 0..MAX_EXTENDS {
            if let Some(value) = service.get(key) {
                return Some(value);
            }
            let extends = service.get("extends")?;
            let other = match extends.get("service") {
                Some(other) => other.text()?,
                None => extends.text()?,
            };
            if let Some(file) = extends.get("file") {
                let message = "`extends` with another file is not followed".to_owned();
                self.left_out(
                    file.span.clone(),
                    message,
                    "name that file too: `shipwright init FILE…`",
                );
                return None;
            }
            service = self.services?.get(&other)?;
        }
        None
    }

    fn build(&mut self, build: &'a Node, written: &mut Written) -> Option<()> {
        if let Some(inline) = build.get("dockerfile_inline") {
            let message = format!(
                "service `{}` is skipped: its Dockerfile is inline",
                written.label
            );
            let diagnostic = Diagnostic::new(Code::BuildLeftOut, message)
                .at(self.source, inline.span.clone(), "")
                .help("move it to a file that git tracks");
            self.diagnostics.push(diagnostic);
            return None;
        }
        for (key, name, _) in build.entries() {
            if !TAKEN.contains(&name) && !name.starts_with("x-") {
                let message = format!(
                    "`{name}` of service `{}` is not carried over",
                    written.label
                );
                let help = "add it to .shipwright.json if it matters";
                self.left_out(key.span.clone(), message, help);
            }
        }
        let mut text = |key: &str| build.get(key).and_then(|node| self.text(node));
        written.context = text("context");
        written.dockerfile = text("dockerfile");
        written.target = text("target");
        let list = |node: Option<&'a Node>| node.into_iter().flat_map(Node::items);
        written.references = list(build.get("tags"))
            .filter_map(|tag| self.text(tag))
            .collect();
        let platforms = list(build.get("platforms"));
        written.platforms = platforms
            .filter_map(|platform| self.text(platform))
            .collect();
        written.arguments = self.pairs(build.get("args"));
        written.contexts = self.pairs(build.get("additional_contexts"));
        Some(())
    }

    /// `NAME: value`, or a list of `NAME=value`. A name alone takes its value from the environment
    /// of whoever builds, which is not known here.
    fn pairs(&mut self, node: Option<&'a Node>) -> BTreeMap<String, String> {
        let mut pairs = BTreeMap::new();
        let Some(node) = node else { return pairs };
        let unknown = |reader: &mut Self, name: &str, span: Range<usize>| {
            let message = format!("`{name}` takes its value from the environment of the build");
            let help =
                format!(r#"to fix it: `"build_args": {{"{name}": "…"}}` in .shipwright.json"#);
            reader.left_out(span, message, &help);
        };
        if node.is_list() {
            for item in node.items() {
                let Some(text) = self.text(item) else {
                    continue;
                };
                match text.split_once('=') {
                    Some((name, value)) => {
                        pairs.insert(name.to_owned(), value.to_owned());
                    }
                    None => match self.variables.get(&text) {
                        Some(value) => {
                            pairs.insert(text, value);
                        }
                        None => unknown(self, &text, item.span.clone()),
                    },
                }
            }
            return pairs;
        }
        for (key, name, value) in node.entries() {
            match self.text(value) {
                Some(value) => {
                    pairs.insert(name.to_owned(), value);
                }
                None => match self.variables.get(name) {
                    Some(value) => {
                        pairs.insert(name.to_owned(), value);
                    }
                    None => unknown(self, name, key.span.clone()),
                },
            }
        }
        pairs
    }

    /// A text with its variables replaced.
    fn text(&mut self, node: &'a Node) -> Option<String> {
        let Interpolated { text, unset } = self.variables.interpolate(&node.text()?);
        for name in unset {
            self.unset.entry(name).or_insert_with(|| node.span.clone());
        }
        Some(text)
    }

    fn left_out(&mut self, span: Range<usize>, message: String, help: &str) {
        let diagnostic = Diagnostic::new(Code::ValueLeftOut, message)
            .at(self.source, span, "")
            .help(help);
        self.diagnostics.push(diagnostic);
    }

    fn report_unset(&mut self) {
        let env = env_path(&self.source.path);
        for (name, span) in std::mem::take(&mut self.unset) {
            let message = format!("`{name}` has neither a value in `{env}` nor a default");
            let help = "it is empty here, as for Compose; the environment is not read";
            self.left_out(span, message, help);
        }
    }
}

/// The compose files of a list of paths at the root: the first of the names that is there.
pub(super) fn at_root(paths: &BTreeSet<String>) -> Option<&String> {
    NAMES.iter().find_map(|name| paths.get(*name))
}
