//! What images are called: the configuration's `names` first, then folder names.

use std::collections::BTreeSet;

use crate::config::{Config, Name, Spanned};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::reference::{self, Reference};
use crate::lang::tags;
use crate::paths;
use crate::planner::discover;

/// The name of a Dockerfile's image by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name, a legal repository.
    pub name: String,
    /// The folder or suffix that had to be changed to make a legal name, as it stands in the path.
    pub changed: Option<String>,
}

/// Names Dockerfiles.
#[derive(Debug)]
pub(crate) struct Namer<'c> {
    config: &'c Config,
    namespace: Option<&'c str>,
}

impl<'c> Namer<'c> {
    /// A namer for a configuration; `namespace` (from the command line or the environment) wins
    /// over the file's.
    ///
    /// # Errors
    /// When the namespace or one of `names` is not the beginning of a legal reference.
    pub(crate) fn new(config: &'c Config, namespace: Option<&'c str>) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let from_file = config.namespace.as_ref().map(|n| n.value.as_str());
        let namespace = namespace.or(from_file).map(|n| n.trim_matches('/'));
        let namespace = namespace.filter(|n| !n.is_empty());
        if let Some(namespace) = namespace
            && let Err(error) = Reference::parse(&format!("{namespace}/x"))
        {
            let message = format!("`{namespace}` cannot be a namespace: {error}");
            let mut diagnostic = Diagnostic::new(Code::IllegalName, message).help(
                "a namespace looks like `acme` or `registry.example.com/team`, in lower case",
            );
            if let (Some(source), Some(key)) = (&config.source, &config.namespace)
                && key.value.trim_matches('/') == namespace
            {
                diagnostic = diagnostic.at(source, key.span.clone(), "");
            }
            diagnostics.push(diagnostic);
        }
        for Name { name, .. } in config.names.values() {
            let Some(problem) = problem_of(&name.value) else {
                continue;
            };
            let message = format!("`{}` is not the name of an image: {problem}", name.value);
            let mut diagnostic = Diagnostic::new(Code::IllegalName, message);
            if let Some(source) = &config.source {
                diagnostic = diagnostic.at(source, name.span.clone(), "");
            }
            diagnostics.push(diagnostic.help("a name looks like `acme/service`, in lower case"));
        }
        diagnostics.fail_on_errors()?;
        Ok(Self { config, namespace })
    }

    /// The namespace in force.
    pub(crate) fn namespace(&self) -> Option<&'c str> {
        self.namespace
    }

    /// The name that `names` gives a Dockerfile's image, by its path or its folder; an error where
    /// a suffix that the folder's name takes cannot be part of one.
    pub(crate) fn configured(&self, dockerfile: &str) -> Option<Result<String, Diagnostic>> {
        if let Some(entry) = self.config.names.get(dockerfile) {
            return Some(Ok(entry.name.value.clone()));
        }
        let key = paths::in_tree(paths::folder_of(dockerfile));
        let name = self.config.names.get(key)?.name.value.clone();
        Some(with_suffix((name, None), dockerfile).map(|named| named.name))
    }

    /// The name of a Dockerfile's image by its path alone.
    ///
    /// # Errors
    /// When nothing in the path can be a name: a Dockerfile at the root without a namespace, or a
    /// folder without a single legal character.
    pub(crate) fn name(&self, dockerfile: &str) -> Result<Named, Diagnostic> {
        let folder = paths::folder_of(dockerfile);
        with_suffix(self.folder_name(dockerfile, folder)?, dockerfile)
    }

    /// Namespace and folder.
    fn folder_name(
        &self,
        dockerfile: &str,
        folder: &str,
    ) -> Result<(String, Option<String>), Diagnostic> {
        let last = match (folder, self.namespace) {
            // The folder of the checkout has another name on every machine.
            (".", Some(namespace)) => paths::file_name(namespace),
            (".", None) => return Err(no_root_name(dockerfile)),
            (folder, _) => paths::file_name(folder),
        };
        let legal = reference::legal(last).ok_or_else(|| no_name(dockerfile, last))?;
        let changed = (legal != last).then(|| last.to_owned());
        let name = match self.namespace {
            Some(namespace) => format!("{namespace}/{legal}"),
            None => legal,
        };
        Ok((name, changed))
    }
}

/// The name that a Dockerfile's image has where the configuration says nothing of it but the
/// namespace; none where it has none.
pub(crate) fn default_name(path: &str, namespace: Option<&str>) -> Option<String> {
    let config = Config {
        namespace: namespace.map(|namespace| Spanned {
            value: namespace.to_owned(),
            span: 0..0,
        }),
        ..Config::default()
    };
    let namer = Namer::new(&config, None).ok()?;
    namer.name(path).ok().map(|named| named.name)
}

/// Entries of `names` that name neither a folder with a Dockerfile nor a Dockerfile.
pub(crate) fn unused<'d>(
    config: &Config,
    dockerfiles: impl IntoIterator<Item = &'d String>,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let Some(source) = &config.source else {
        return diagnostics;
    };
    let paths = dockerfiles.into_iter();
    let used: BTreeSet<&str> = paths
        .flat_map(|path| [path.as_str(), paths::folder_of(path)])
        .collect();
    for (key, entry) in &config.names {
        let key = key.as_str();
        if !used.contains(if key.is_empty() { "." } else { key }) {
            let message = format!("`/{key}` is neither a Dockerfile nor a folder with one");
            let diagnostic = Diagnostic::new(Code::UnusedName, message)
                .at(source, entry.key_span.clone(), "")
                .help("paths are relative to the root, such as `/shared/libs`; correct the entry or remove it");
            diagnostics.push(diagnostic);
        }
    }
    diagnostics
}

/// Adds what the file name adds to the name of a folder.
fn with_suffix(
    (mut name, mut changed): (String, Option<String>),
    dockerfile: &str,
) -> Result<Named, Diagnostic> {
    let suffix = discover::suffix(dockerfile);
    if !suffix.is_empty() {
        let legal = reference::legal(suffix).ok_or_else(|| no_name(dockerfile, suffix))?;
        if legal != suffix {
            changed = changed.or_else(|| Some(suffix.to_owned()));
        }
        name = format!("{name}-{legal}");
    }
    Ok(Named { name, changed })
}

/// Why a text is not the name of an image: a repository, with a tag where that is part of the
/// identity. None where it is one.
pub(crate) fn problem_of(name: &str) -> Option<String> {
    match Reference::parse(name) {
        Ok(Reference {
            digest: Some(_), ..
        }) => Some("a name cannot have a digest".to_owned()),
        Ok(Reference { tag: Some(tag), .. }) if tags::is_content_tag(&tag) => Some(
            "tags of `sw-` and hexadecimal digits are reserved for content references".to_owned(),
        ),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The short name of an image: the last component of its name.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn no_root_name(dockerfile: &str) -> Diagnostic {
    let folder = r#"{"version": 2, "namespace": "acme"}"#;
    let name = r#"{"version": 2, "names": {"/": "acme/app"}}"#;
    Diagnostic::new(
        Code::NoName,
        format!("`{dockerfile}` is at the root, where no folder names its image"),
    )
    .help(format!("name it in .shipwright.json: `{name}`"))
    .help(format!(
        "or give a namespace, there or with `--namespace`: `{folder}`"
    ))
}

fn no_name(dockerfile: &str, part: &str) -> Diagnostic {
    let name = format!(r#"{{"version": 2, "names": {{"/{dockerfile}": "acme/app"}}}}"#);
    Diagnostic::new(
        Code::NoName,
        format!("`{part}`, in `{dockerfile}`, has no character that is legal in a name"),
    )
    .help(format!("name it in .shipwright.json: `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, dockerfile: &str, expected: Result<&str, &str>) {
        let config = Config::parse(config).unwrap();
        let namer = Namer::new(&config, None).unwrap();
        let found = namer
            .configured(dockerfile)
            .unwrap_or_else(|| namer.name(dockerfile).map(|named| named.name));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert_eq!(found.code.as_str(), expected),
            (found, expected) => panic!("{found:?} rather than {expected:?}"),
        }
    }

    #[test]
    fn names_of_dockerfiles() {
        let bare = r#"{"version": 1}"#;
        check(bare, "python/Dockerfile", Ok("python"));
        check(bare, "a/python/Dockerfile.dev", Ok("python-dev"));
        check(bare, "a/Dev.Dockerfile", Ok("a-dev"));
        check(bare, "Dockerfile", Err("no-name"));
        check(bare, "数/Dockerfile", Err("no-name"));
        let acme = r#"{"version": 2, "namespace": "ghcr.io/acme", "names":
            {"/shared/libs": "acme/shared", "b/Dockerfile.x": "other/b", "/c/": "acme/cee"}}"#;
        check(acme, "python/Dockerfile", Ok("ghcr.io/acme/python"));
        check(acme, "Dockerfile", Ok("ghcr.io/acme/acme"));
        check(acme, "Dockerfile.web", Ok("ghcr.io/acme/acme-web"));
        check(acme, "shared/libs/Dockerfile", Ok("acme/shared"));
        check(acme, "shared/libs/Dockerfile.dev", Ok("acme/shared-dev"));
        check(acme, "b/Dockerfile.x", Ok("other/b"));
        check(acme, "b/Dockerfile", Ok("ghcr.io/acme/b"));
        check(acme, "c/Dockerfile", Ok("acme/cee"));
        check(
            r#"{"names": {"/": "acme/app"}}"#,
            "Dockerfile",
            Ok("acme/app"),
        );
    }

    #[test]
    fn illegal_names_are_refused_where_they_stand() {
        for text in [
            r#"{"namespace": "Acme/ x"}"#,
            r#"{"names": {"/a": "acme/A"}}"#,
            r#"{"names": {"/a": "acme/a:sw-12"}}"#,
        ] {
            let config = Config::parse(text).unwrap();
            let diagnostics = Namer::new(&config, None).expect_err(text);
            let first = diagnostics.iter().next().unwrap();
            assert_eq!(
                (first.code, first.labels.len()),
                (Code::IllegalName, 1),
                "{text}"
            );
        }
    }
}
