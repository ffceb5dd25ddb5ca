//! What goes into each image: its input files, and its fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::diagnostics::{Diagnostic, Diagnostics, SourceText};
use crate::dockerfile::stages::{Base, ContextSource, Place, Source as From, Step};
use crate::fingerprint::Manifest;
use crate::fingerprint::manifest::{Facts, manifest};
use crate::ignore::IgnoreFile;
use crate::images::NamedContext;
use crate::inputs::{Context, Source};
use crate::resolve::Resolved;
use crate::snapshot::{Folder, Snapshot};
use crate::tags::hex;
use crate::wildcard::has_wildcards;

/// The contents of an image.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The input files, below the build context.
    pub inputs: Arc<Folder>,
    /// The files of named contexts that are folders, by the contexts' names.
    pub contexts: BTreeMap<String, Arc<Folder>>,
    /// Everything that can change the image.
    pub manifest: Manifest,
    /// SHA-256 over everything that can change the image, 64 hexadecimal digits.
    pub fingerprint: String,
}

/// What is asked for beside what the repository says.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The epoch; empty for none.
    pub epoch: &'a str,
}

/// The contents of images, by index. `sequence` is in build order, with all that its images need.
///
/// # Errors
/// When an ignore file is malformed: a build would refuse it.
pub fn of_all(
    snapshot: &Snapshot,
    resolved: &[Resolved<'_>],
    sequence: impl Iterator<Item = usize>,
    asked: &Asked<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<usize, Contents> {
    let mut contents = BTreeMap::new();
    let mut fingerprints = BTreeMap::new();
    for index in sequence {
        let image = &resolved[index];
        let inputs = inputs(snapshot, image, diagnostics);
        let contexts = named_contexts(snapshot, image, diagnostics);
        let bytes = snapshot
            .text(&image.definition.dockerfile)
            .unwrap_or_default();
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let facts = Facts {
            images: resolved,
            fingerprints: &fingerprints,
            inputs: inputs.id(),
            contexts: &contexts,
            epoch: asked.epoch,
            raw_dockerfile: (!is_utf8).then(|| hex(&Sha256::digest(bytes))),
        };
        let manifest = manifest(image, &facts);
        let fingerprint = manifest.fingerprint();
        fingerprints.insert(index, fingerprint.clone());
        contents.insert(
            index,
            Contents {
                inputs,
                contexts,
                manifest,
                fingerprint,
            },
        );
    }
    contents
}

/// The files of the build context that can reach an image.
fn inputs(snapshot: &Snapshot, image: &Resolved<'_>, diagnostics: &mut Diagnostics) -> Arc<Folder> {
    let Some(folder) = snapshot.root.folder(&image.context) else {
        return Arc::new(Folder::empty());
    };
    let path = match image.context.as_str() {
        "." => "",
        path => path,
    };
    let own = format!("{}.dockerignore", image.definition.dockerfile);
    let ignore = ignore_file(snapshot, Some(own), path, diagnostics);
    let context = Context {
        folder,
        path,
        links: &snapshot.links,
        ignore: &ignore,
    };
    let read = sources(image);
    let taken: Vec<Source<'_>> = read.iter().map(|(source, _)| selected(source)).collect();
    let further = image.definition.settings.inputs.iter().flatten();
    let further = further.map(|pattern| Source {
        path: "",
        is_wildcard: false,
        pattern: Some(pattern.trim_start_matches('/')),
        excludes: &[],
    });
    let inputs = context.select(&taken.iter().copied().chain(further).collect::<Vec<_>>());
    for index in inputs.missing {
        // What `inputs` names beside the Dockerfile may be there or not.
        if let Some(&(source, place)) = read.get(index) {
            diagnostics.push(missing(
                image,
                source,
                place,
                &image.context,
                Some(&snapshot.root),
            ));
        }
    }
    inputs.tree
}

/// The files of named contexts that are folders and that reachable stages take from.
fn named_contexts(
    snapshot: &Snapshot,
    image: &Resolved<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Arc<Folder>> {
    let mut trees = BTreeMap::new();
    for (name, context) in &image.contexts {
        let NamedContext::Folder(folder) = context else {
            continue;
        };
        let path = if folder == "." { "" } else { folder };
        let ignore = ignore_file(snapshot, None, path, diagnostics);
        let empty = Folder::empty();
        let context = Context {
            folder: snapshot.root.folder(folder).unwrap_or(&empty),
            path,
            links: &snapshot.links,
            ignore: &ignore,
        };
        let read = read_of(image, name);
        let sources: Vec<Source<'_>> = read.iter().map(|(source, _)| selected(source)).collect();
        let inputs = if is_base(image, name) {
            context.select(&[Source::ALL])
        } else {
            context.select(&sources)
        };
        for index in inputs.missing {
            let (source, place) = read[index];
            diagnostics.push(missing(image, source, place, folder, None));
        }
        trees.insert(name.clone(), inputs.tree);
    }
    trees
}

/// Whether a reachable stage is built on a named context, which then is all taken.
fn is_base(image: &Resolved<'_>, name: &str) -> bool {
    let mut stages = image.views.iter().flat_map(|view| view.stages.reachable());
    stages.any(|stage| matches!(&stage.base, Base::Context(context) if context == name))
}

/// What instructions of reachable stages read from a named context, each once.
fn read_of<'r>(image: &'r Resolved<'_>, name: &str) -> Vec<(&'r ContextSource, Place)> {
    let steps = steps(image);
    let uses = steps.flat_map(|step| step.uses.iter().map(|taken| (taken, step.place)));
    let uses = uses
        .filter(|(taken, _)| matches!(&taken.source, From::Context(context) if context == name));
    distinct(uses.flat_map(|(taken, place)| taken.reads.iter().map(move |read| (read, place))))
}

/// What reachable stages read from the context, each once.
fn sources<'r>(image: &'r Resolved<'_>) -> Vec<(&'r ContextSource, Place)> {
    let steps = steps(image);
    distinct(steps.flat_map(|step| step.sources.iter().map(|source| (source, step.place))))
}

/// The instructions of reachable stages, for each platform.
fn steps<'r>(image: &'r Resolved<'_>) -> impl Iterator<Item = &'r Step<'r>> {
    let stages = image.views.iter().flat_map(|view| view.stages.reachable());
    stages.flat_map(|stage| &stage.steps)
}

fn distinct<'r>(
    sources: impl Iterator<Item = (&'r ContextSource, Place)>,
) -> Vec<(&'r ContextSource, Place)> {
    let mut seen = BTreeSet::new();
    sources
        .filter(|(source, place)| seen.insert((place.span, format!("{source:?}"))))
        .collect()
}

/// A source as the selection of inputs takes it; all of the context where it is not known.
fn selected(source: &ContextSource) -> Source<'_> {
    let (path, pattern) = match (&source.parents, &source.path) {
        (_, None) => ("", None),
        (Some(parents), _) => (parents.base.as_str(), Some(parents.pattern.as_str())),
        (None, Some(path)) => (path.as_str(), None),
    };
    Source {
        path,
        is_wildcard: match pattern {
            Some(_) => has_wildcards(path),
            None => source.is_wildcard,
        },
        pattern,
        excludes: &source.excludes,
    }
}

/// The ignore file in force: the Dockerfile's own, else the one of the context.
fn ignore_file(
    snapshot: &Snapshot,
    own: Option<String>,
    context: &str,
    diagnostics: &mut Diagnostics,
) -> IgnoreFile {
    let of_context = match context {
        "" => ".dockerignore".to_owned(),
        context => format!("{context}/.dockerignore"),
    };
    let found = own.into_iter().chain([of_context]).find_map(|path| {
        let bytes = snapshot.text(&path)?;
        Some((path, String::from_utf8_lossy(bytes).into_owned()))
    });
    let Some((path, text)) = found else {
        return IgnoreFile::default();
    };
    let (ignore, problems) = IgnoreFile::parse(&text);
    let source = SourceText::new(path, text);
    for problem in problems {
        let diagnostic = Diagnostic::error("dockerignore-syntax", problem.message)
            .at(&source, problem.span, "")
            .help("correct or remove the line: a build would refuse the whole file");
        diagnostics.push(diagnostic);
    }
    ignore
}

fn missing(
    image: &Resolved<'_>,
    source: &ContextSource,
    place: Place,
    context: &str,
    root: Option<&Folder>,
) -> Diagnostic {
    let path = source.path.as_deref().unwrap_or_default();
    let place_in = if context == "." { "the root" } else { context };
    let message = format!("`{path}` is not in the build context, {place_in}, or is ignored there");
    let diagnostic = Diagnostic::warning("missing-source", message)
        .at(image.source, place.span.range(), "")
        .help("a build will fail here, unless something makes the file first");
    // The folder above that has it, if it is a file or folder at all.
    let above = context
        .match_indices('/')
        .rev()
        .map(|(at, _)| &context[..at])
        .chain(["."]);
    let has_it = |folder: &&str| {
        let folder = root.and_then(|root| root.folder(folder));
        context != "." && folder.is_some_and(|folder| folder.node(path).is_some())
    };
    match above.into_iter().find(has_it) {
        Some(folder) => diagnostic.help(format!(
            r#"or `{folder}` is the context, which has it: `"images": {{"{}": {{"context": "{folder}"}}}}` in .shipwright.json"#,
            image.definition.name
        )),
        None => diagnostic,
    }
}
