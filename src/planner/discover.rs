//! Which files of a snapshot are Dockerfiles, and which texts the planner needs to read at all.

pub(crate) mod patterns;

use std::collections::BTreeSet;

use crate::config::{Config, Spanned, lock};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, counted, listed};
use crate::paths::{self, Globs, file_name};
use crate::planner::{images, unreadable};
use crate::tree::snapshot::{Entry, Node, Snapshot};

/// Endings of files that are templates of Dockerfiles or notes about them.
const NOT_DOCKERFILES: [&str; 16] = [
    IGNORE_FILE,
    ".in",
    ".j2",
    ".tmpl",
    ".template",
    ".erb",
    ".tpl",
    ".jinja",
    ".jinja2",
    ".njk",
    ".ejs",
    ".hbs",
    ".mustache",
    ".gotmpl",
    ".md",
    ".txt",
];

/// How names of Dockerfiles begin.
const WORDS: [&str; 2] = ["Dockerfile", "Containerfile"];

/// How those of other Dockerfiles end.
const ENDINGS: [&str; 4] = [
    ".Dockerfile",
    ".dockerfile",
    ".Containerfile",
    ".containerfile",
];

/// How names of ignore files end.
const IGNORE_FILE: &str = ".dockerignore";

/// Folders that hold other people's files.
const FOREIGN_FOLDERS: [&str; 2] = ["vendor", "node_modules"];

/// Which files are Dockerfiles by a configuration.
#[derive(Debug)]
pub(crate) struct Discovery<'c> {
    config: &'c Config,
    /// In place of the usual names; empty for these.
    only: Globs,
    also: Globs,
    exclude: Globs,
    /// Those that images of the configuration name.
    named: BTreeSet<String>,
    /// The last components of these.
    names: BTreeSet<Vec<u8>>,
}

/// The Dockerfiles of a repository, in byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Those that make images.
    pub dockerfiles: Vec<String>,
    /// Those that the configuration takes out.
    pub excluded: Vec<String>,
    /// Files that would be Dockerfiles but for the endings of templates.
    pub templates: Vec<String>,
    /// Links of such names that lead to no file in their own folders, where a builder follows them.
    pub astray: Vec<String>,
}

impl Found {
    /// That most of what makes images here are templates whose Dockerfiles are not there. A few templates
    /// beside many Dockerfiles have made these.
    fn mostly_templates(&self) -> Option<Diagnostic> {
        let is_there = |path: &str| {
            self.dockerfiles
                .binary_search_by(|it| (**it).cmp(path))
                .is_ok()
        };
        let made = |template: &str| {
            template
                .rsplit_once('.')
                .is_some_and(|(path, _)| is_there(path))
        };
        let mut lone = self.templates.iter().filter(|template| !made(template));
        let first = lone.next()?;
        let count = 1 + lone.count();
        (count > self.dockerfiles.len() && !self.dockerfiles.is_empty()).then(|| {
            let message = format!(
                "{}, such as `{first}`, {} not planned",
                counted(
                    count,
                    "template of a Dockerfile",
                    "templates of Dockerfiles"
                ),
                if count == 1 { "is" } else { "are" },
            );
            unreadable::of_templates(Code::DockerfileTemplates, message)
        })
    }
}

impl<'c> Discovery<'c> {
    /// By a configuration, whose patterns have been checked.
    pub(crate) fn new(config: &'c Config) -> Self {
        let patterns = &config.dockerfiles;
        let named: BTreeSet<String> = images::named_dockerfiles(config).collect();
        Self {
            config,
            only: set(&patterns.only),
            also: set(&patterns.also),
            exclude: set(&patterns.exclude),
            names: named
                .iter()
                .map(|path| file_name(path).as_bytes().to_vec())
                .collect(),
            named,
        }
    }

    /// All Dockerfiles of a snapshot. A symbolic link that leads to a file is one too. One that an
    /// image of the configuration names is never excluded.
    pub(crate) fn find(&self, snapshot: &Snapshot) -> Found {
        let mut found = Found::default();
        let by_name = |entry: Entry<'_>| self.may_be_read(entry.name);
        snapshot.root.walk_where(&by_name, &mut |path, node| {
            let is_file = match node {
                Node::File { .. } => true,
                Node::Link { .. } => snapshot.texts.contains_key(path),
                _ => return,
            };
            if !is_file {
                // What a partial clone lacks may lead anywhere.
                let is_known = snapshot.links.contains_key(path);
                if is_known && self.is_read(path) && !path.ends_with(IGNORE_FILE) {
                    found.astray.push(path.to_owned());
                }
                return;
            }
            if self.makes_images(path) {
                found.dockerfiles.push(path.to_owned());
            } else if is_dockerfile(path) || self.is_candidate(path) {
                found.excluded.push(path.to_owned());
            } else if is_template(path) {
                found.templates.push(path.to_owned());
            }
        });
        found.dockerfiles.sort();
        found.excluded.sort();
        found.astray.sort();
        found.templates.sort();
        found
    }

    /// Whether [`Discovery::is_read`] could be true of a file of this name. Most names end here, before
    /// anything is made of them.
    pub(crate) fn may_be_read(&self, name: &[u8]) -> bool {
        let by_path = !self.only.is_empty() || !self.also.is_empty();
        by_path
            || name == lock::PATH.as_bytes()
            || name.ends_with(IGNORE_FILE.as_bytes())
            || WORDS.iter().any(|word| name.starts_with(word.as_bytes()))
            || ENDINGS
                .iter()
                .any(|ending| name.ends_with(ending.as_bytes()))
            || self.names.contains(name)
    }

    /// Whether the planner reads the file at this path: a Dockerfile or an ignore file.
    pub(crate) fn is_read(&self, path: &str) -> bool {
        let name = file_name(path);
        name.ends_with(IGNORE_FILE) || path == lock::PATH || self.makes_images(path)
    }

    /// Whether a file at this path is a Dockerfile that makes images.
    pub(crate) fn makes_images(&self, path: &str) -> bool {
        self.named.contains(path) || self.is_candidate(path) && !self.is_excluded(path)
    }

    /// Notes of what was left out, and warnings of patterns that do nothing.
    pub(crate) fn remarks(&self, found: &Found) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(found.astray.iter().map(|path| astray(path)));
        diagnostics.extend(found.mostly_templates());
        let Some(source) = &self.config.source else {
            return diagnostics;
        };
        let patterns = &self.config.dockerfiles;
        let all = || found.dockerfiles.iter().chain(&found.excluded);
        for pattern in [&patterns.only, &patterns.also, &patterns.exclude]
            .into_iter()
            .flat_map(|patterns| patterns.iter())
        {
            let matcher = set(std::slice::from_ref(pattern));
            if !all().any(|path| matcher.is_match(path)) {
                let message = format!("`{}` matches no Dockerfile", pattern.value);
                let diagnostic = Diagnostic::new(Code::UnusedPattern, message)
                    .at(source, pattern.span.clone(), "")
                    .help(
                        "patterns match whole paths from the root: `tests/**`, `**/*.Dockerfile`",
                    );
                diagnostics.push(diagnostic);
            }
        }
        let mut note = |pattern: &Spanned<String>, what: &str, paths: &[&String]| {
            if !paths.is_empty() {
                let count = counted(paths.len(), "Dockerfile", "Dockerfiles");
                let message = format!("{what} leaves out {count}");
                let diagnostic = Diagnostic::new(Code::ExcludedDockerfile, message)
                    .at(source, pattern.span.clone(), "")
                    .help(listed(paths.iter().map(|path| path.as_str())));
                diagnostics.push(diagnostic);
            }
        };
        for pattern in patterns.exclude.iter() {
            let matcher = set(std::slice::from_ref(pattern));
            let paths = found.excluded.iter().filter(|path| matcher.is_match(path));
            let paths: Vec<_> = paths.collect();
            note(pattern, &format!("`{}`", pattern.value), &paths);
        }
        if let Some(first) = patterns.only.first() {
            let others = found.excluded.iter().filter(|path| !self.is_excluded(path));
            note(first, "`only`", &others.collect::<Vec<_>>());
        }
        diagnostics
    }

    fn is_candidate(&self, path: &str) -> bool {
        let usual = if self.only.is_empty() {
            is_dockerfile(path)
        } else {
            self.only.is_match(path)
        };
        usual || self.also.is_match(path)
    }

    fn is_excluded(&self, path: &str) -> bool {
        self.exclude.is_match(path)
    }
}

/// A Dockerfile that a builder does not find.
fn astray(path: &str) -> Diagnostic {
    let folder = match paths::folder_of(path) {
        "." => "the root",
        folder => folder,
    };
    let message = format!(
        "`{path}` is a symbolic link that leads to no file within {folder}, so it makes no image"
    );
    Diagnostic::new(Code::DockerfileLink, message)
        .help("builders follow symbolic links only within the Dockerfile's folder")
        .help("move the file into that folder, or define an image with the target as its Dockerfile and another `context`")
}

/// The patterns as one set. Those that are none were refused when the configuration was read.
fn set(patterns: &[Spanned<String>]) -> Globs {
    Globs::new(patterns.iter().map(|pattern| &*pattern.value))
}

/// Whether a file is a Dockerfile by its path.
pub(crate) fn is_dockerfile(path: &str) -> bool {
    let mut folders = path.split('/');
    let name = folders.next_back().unwrap_or(path);
    parts(name).is_some() && !folders.any(|folder| FOREIGN_FOLDERS.contains(&folder))
}

/// Whether a file is a template of a Dockerfile by its path.
fn is_template(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let mut endings = NOT_DOCKERFILES
        .iter()
        .filter(|ending| !matches!(**ending, IGNORE_FILE | ".md" | ".txt"));
    endings.any(|ending| name.ends_with(ending))
        && path
            .rsplit_once('.')
            .is_some_and(|(stem, _)| is_dockerfile(stem))
}

/// What the file name of a Dockerfile adds to the name of its folder: `dev` for `Dockerfile.dev`
/// and for `dev.Dockerfile`, nothing for `Dockerfile`.
pub(crate) fn suffix(path: &str) -> &str {
    parts(file_name(path)).unwrap_or_default()
}

/// The suffix of a Dockerfile's name; none where the name is not a Dockerfile's.
fn parts(name: &str) -> Option<&str> {
    let suffix = if let Some(rest) = WORDS.iter().find_map(|word| name.strip_prefix(word)) {
        let mut chars = rest.chars();
        match chars.next() {
            None => "",
            Some('.' | '-' | '_') if !chars.as_str().is_empty() => chars.as_str(),
            Some(_) => return None,
        }
    } else {
        let mut endings = ENDINGS.iter();
        let prefix = endings.find_map(|ending| name.strip_suffix(ending))?;
        if prefix.is_empty() {
            return None;
        }
        prefix
    };
    let lower = name.to_ascii_lowercase();
    let mut others = NOT_DOCKERFILES.iter();
    let is_other = others.any(|ending| lower.ends_with(ending));
    (!is_other).then_some(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::snapshot::File;

    #[test]
    fn the_configuration_says_which() {
        #[track_caller]
        fn check(patterns: &str, expected: &[&str], excluded: &[&str]) {
            let text = format!(
                r#"{{"version": 2, "dockerfiles": {patterns},
                "images": {{"x": {{"dockerfile": "tests/named"}}}}}}"#
            );
            let config = Config::parse(&text).unwrap();
            let paths = [
                "Dockerfile",
                "a/Dockerfile.in",
                "tests/Dockerfile",
                "tests/named",
            ];
            let files = paths.map(|path| (path, File::Plain(Vec::new())));
            let found = Discovery::new(&config).find(&Snapshot::of_files(None, files));
            assert_eq!(found.dockerfiles, expected);
            assert_eq!(found.excluded, excluded);
        }
        check(
            "{}",
            &["Dockerfile", "tests/Dockerfile", "tests/named"],
            &[],
        );
        check(
            r#"{"exclude": ["tests/**"]}"#,
            &["Dockerfile", "tests/named"],
            &["tests/Dockerfile"],
        );
        check(
            r#"{"only": ["*/Dockerfile"]}"#,
            &["tests/Dockerfile", "tests/named"],
            &["Dockerfile"],
        );
        check(
            r#"{"also": ["**/*.in"], "exclude": ["Dockerfile"]}"#,
            &["a/Dockerfile.in", "tests/Dockerfile", "tests/named"],
            &["Dockerfile"],
        );
    }

    #[test]
    fn file_names_of_dockerfiles() {
        let rows = [
            ("Dockerfile", Some("")),
            ("a/b/Dockerfile", Some("")),
            ("a/Dockerfile.dev", Some("dev")),
            ("a/Dockerfile-dev", Some("dev")),
            ("a/Dockerfile_dev.x", Some("dev.x")),
            ("a/dev.Dockerfile", Some("dev")),
            ("a/8.3.dockerfile", Some("8.3")),
            ("a/Containerfile", Some("")),
            ("a/Containerfile.web", Some("web")),
            ("a/web.Containerfile", Some("web")),
            ("Dockerfiles", None),
            ("Dockerfile.", None),
            ("dockerfile", None),
            (".Dockerfile", None),
            ("a/Dockerfile.dockerignore", None),
            ("a/Dockerfile.j2", None),
            ("a/Dockerfile.jinja2", None),
            ("a/x.Dockerfile.tpl", None),
            ("a/Dockerfile.md", None),
            ("a/Dockerfile.template", None),
            ("vendor/x/Dockerfile", None),
            ("a/node_modules/x/Dockerfile", None),
            ("vendored/Dockerfile", Some("")),
        ];
        for (path, expected) in rows {
            let found = is_dockerfile(path).then(|| suffix(path));
            assert_eq!(found, expected, "{path}");
        }
    }
}
