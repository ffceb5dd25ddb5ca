//! Which images a repository has: every Dockerfile with its name, context and settings.
//!
//! `names`, then the first of `rules` that matches, then the folder name an image; entries of
//! `images` change one, or make further ones of a Dockerfile that then has no other.

mod drafts;
mod duplicates;
mod entries;
mod render;
mod unused;

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::value::Value;

use crate::config::template::{Engine, Variables};
use crate::config::{Config, ResolvedBuild, Settings};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::lang::tags::split_tag;
use crate::paths;
use crate::planner::names::Namer;
use crate::tree::snapshot::Snapshot;

pub(crate) use entries::named_dockerfiles;

/// An image as it is defined, before its Dockerfile is read.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// What Dockerfiles call it; may carry a tag, which is then part of its identity.
    pub name: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
    /// How it is built.
    pub build: ResolvedBuild,
    /// What is said of it by all levels, of which what is published is rendered later: the commit
    /// is not known yet.
    pub settings: Settings,
    /// What its templates may write.
    pub variables: Variables,
}

impl Definition {
    /// The name without the tag that is part of the identity.
    pub(crate) fn bare_name(&self) -> &str {
        split_tag(&self.name).0
    }

    /// The tag that is part of the identity.
    pub(crate) fn identity_tag(&self) -> Option<&str> {
        split_tag(&self.name).1
    }
}

/// What the command line says of every image, over the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overrides<'o> {
    /// Build arguments.
    pub build_args: &'o BTreeMap<String, String>,
    /// Stamp arguments.
    pub stamp_args: &'o BTreeMap<String, String>,
    /// Platforms, where there are any.
    pub platforms: &'o [Platform],
    /// The repository template.
    pub repository: Option<&'o str>,
    /// The epoch.
    pub epoch: Option<&'o str>,
}

/// The images of all Dockerfiles, sorted by name.
///
/// # Errors
/// When a Dockerfile has no name, two images have the same, or the configuration says of one what
/// cannot be.
pub(crate) fn define(
    dockerfiles: &BTreeMap<String, SourceText>,
    snapshot: &Snapshot,
    config: &Config,
    namer: &Namer<'_>,
    over: Overrides<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Definition>, Diagnostics> {
    let mut definer = Definer {
        config,
        namer,
        engine: Engine::new(config.source.as_ref()),
        over,
        snapshot,
        dockerfiles,
        problems: Diagnostics::new(),
        remarks: diagnostics,
    };
    let drafts = definer.drafts();
    let definitions: Vec<_> = drafts
        .into_iter()
        .filter_map(|draft| definer.definition(draft))
        .collect();
    definer.unused_rules();
    definer.exceptions();
    let mut problems = definer.problems;
    problems.extend(ambiguous_aliases(&definitions));
    problems.fail_on_errors()?;
    Ok(definitions)
}

/// What images are defined from, and what is said of it on the way.
struct Definer<'c, 'd> {
    config: &'c Config,
    namer: &'c Namer<'c>,
    engine: Engine<'c>,
    over: Overrides<'c>,
    snapshot: &'c Snapshot,
    dockerfiles: &'c BTreeMap<String, SourceText>,
    problems: Diagnostics,
    remarks: &'d mut Diagnostics,
}

impl Definer<'_, '_> {
    /// What the templates of a Dockerfile's image may write before it has a name.
    fn variables(&self, dockerfile: &str, groups: &BTreeMap<String, String>) -> Variables {
        let text = |text: &str| Value::from(text);
        let mut variables = Variables::from([
            ("folder".to_owned(), text(paths::folder_of(dockerfile))),
            ("dockerfile".to_owned(), text(dockerfile)),
            (
                "namespace".to_owned(),
                text(self.namer.namespace().unwrap_or_default()),
            ),
        ]);
        variables.extend(
            groups
                .iter()
                .map(|(name, value)| (name.clone(), text(value))),
        );
        variables
    }

    /// A diagnostic with its place in the configuration, where there is a file.
    fn at(&self, diagnostic: Diagnostic, span: Range<usize>) -> Diagnostic {
        match &self.config.source {
            Some(source) => diagnostic.at(source, span, ""),
            None => diagnostic,
        }
    }
}

/// What two names have in common that mean one image: `x` and `x:latest`.
fn key(name: &str) -> String {
    match Reference::parse(name) {
        Ok(reference) => reference.with_default_tag().to_string(),
        Err(_) => name.to_owned(),
    }
}

/// References that are to mean two images.
fn ambiguous_aliases(definitions: &[Definition]) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut owners: BTreeMap<String, &str> = definitions
        .iter()
        .map(|image| (key(&image.name), image.name.as_str()))
        .collect();
    for image in definitions {
        for alias in &image.build.aliases {
            let owner = *owners.entry(key(alias)).or_insert(&image.name);
            if owner != image.name {
                let message = format!(
                    "both `{owner}` and `{}` have the name or alias `{alias}`",
                    image.name
                );
                diagnostics.push(
                    Diagnostic::new(Code::DuplicateName, message)
                        .help("remove the alias from one of them in .shipwright.json"),
                );
            }
        }
    }
    diagnostics
}
