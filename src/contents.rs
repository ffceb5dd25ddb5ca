//! What goes into each image: its input files, and its fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::attributes::{Attributes, LFS};
use crate::diagnostics::{Diagnostic, Diagnostics, SourceText};
use crate::dockerfile::stages::{Base, ContextSource, Place, Source as From, Step};
use crate::fingerprint::Manifest;
use crate::fingerprint::manifest::{Facts, manifest};
use crate::ignore::{IgnoreFile, Problem};
use crate::images::NamedContext;
use crate::inputs::{Context, Inputs, Reach, Source};
use crate::paths::join;
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
    /// Where these come from, in the build context and in each that is a folder.
    pub reach: Vec<Arc<Reach>>,
    /// The inputs that git puts through a filter, by path from the root of the plan, and which.
    pub filters: BTreeMap<String, String>,
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

/// Name of the ignore file of a context, and end of the name of a Dockerfile's own.
const IGNORE_FILE: &str = ".dockerignore";

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
    let files = Files::new(snapshot);
    let sequence: Vec<usize> = sequence.collect();
    let read: Vec<_> = sequence
        .par_iter()
        .map(|&index| {
            let mut diagnostics = Diagnostics::new();
            let image = &resolved[index];
            let inputs = inputs(&files, image, &mut diagnostics);
            let contexts = named_contexts(&files, image, &mut diagnostics);
            (inputs, contexts, diagnostics)
        })
        .collect();
    let mut contents = BTreeMap::new();
    let mut fingerprints = BTreeMap::new();
    let mut attributes = Attributes::new(&snapshot.attributes);
    for (index, ((inputs, own), (contexts, named), problems)) in sequence.into_iter().zip(read) {
        diagnostics.extend(problems);
        let image = &resolved[index];
        let bytes = snapshot
            .text(&image.definition.dockerfile)
            .unwrap_or_default();
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let filtered = filtered(image, &inputs, &contexts, &mut attributes);
        let facts = Facts {
            images: resolved,
            fingerprints: &fingerprints,
            inputs: inputs.id(),
            contexts: &contexts,
            lfs: filtered
                .iter()
                .filter(|file| file.filter == LFS)
                .map(Filtered::name)
                .collect(),
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
                reach: [own].into_iter().chain(named).map(Arc::new).collect(),
                filters: filtered
                    .into_iter()
                    .map(|file| (file.path, file.filter))
                    .collect(),
                manifest,
                fingerprint,
            },
        );
    }
    contents
}

/// An input that git puts through a filter.
struct Filtered {
    /// The named context that it is in; none for the build context.
    context: Option<String>,
    /// From the context.
    below: String,
    /// From the root of the plan.
    path: String,
    filter: String,
}

impl Filtered {
    /// What a manifest calls it, wherever the context stands.
    fn name(&self) -> String {
        match &self.context {
            Some(context) => format!("{context} {}", self.below),
            None => self.below.clone(),
        }
    }
}

fn filtered(
    image: &Resolved<'_>,
    inputs: &Folder,
    contexts: &BTreeMap<String, Arc<Folder>>,
    attributes: &mut Attributes<'_>,
) -> Vec<Filtered> {
    if attributes.is_empty() {
        return Vec::new();
    }
    let named = contexts.iter().filter_map(|(name, files)| {
        let NamedContext::Folder(folder) = image.contexts.get(name)? else {
            return None;
        };
        Some((Some(name), folder.as_str(), &**files))
    });
    let own = (None, image.context.as_str(), inputs);
    let mut filtered = Vec::new();
    for (context, folder, files) in [own].into_iter().chain(named) {
        let found = attributes.filters(files, folder).into_iter();
        filtered.extend(found.map(|(below, filter)| Filtered {
            context: context.cloned(),
            path: join(folder, &below),
            below,
            filter,
        }));
    }
    filtered
}

/// The files of the build context that can reach an image, and where they come from.
fn inputs(
    files: &Files<'_>,
    image: &Resolved<'_>,
    diagnostics: &mut Diagnostics,
) -> (Arc<Folder>, Reach) {
    let snapshot = files.snapshot;
    let none = Folder::empty();
    let folder = snapshot.sources.folder(&image.context).unwrap_or(&none);
    let path = match image.context.as_str() {
        "." => "",
        path => path,
    };
    let own = format!("{}.dockerignore", image.definition.dockerfile);
    let ignore = files.ignored(Some(own), path, diagnostics);
    let context = Context {
        folder,
        path,
        links: &snapshot.links,
        ignore: &ignore,
    };
    let read = sources(image);
    let taken = read.iter().map(|(source, _)| selected(source));
    let further = image.definition.settings.inputs.iter().flatten();
    let further = further.map(|pattern| Source {
        path: "",
        is_wildcard: false,
        pattern: Some(pattern.trim_start_matches('/')),
        excludes: &[],
    });
    let all: Vec<Source<'_>> = taken.chain(further).collect();
    let inputs = context.select(&all);
    diagnostics.extend(unread(snapshot, &inputs));
    for index in inputs
        .missing
        .into_iter()
        .filter(|_| inputs.unread.is_empty())
    {
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
    if snapshot.at_top && path.is_empty() {
        let takes_git =
            |(index, _): &(usize, _)| Reach::of(&context, &all[*index..=*index]).takes(GIT_FILE);
        let found = read.iter().enumerate().find(takes_git);
        diagnostics.extend(found.map(|(_, (_, place))| git_folder(image, *place)));
    }
    let reach = Reach::of(&context, &all);
    (inputs.tree, reach)
}

/// The files of named contexts that are folders and that reachable stages take from, and where they
/// come from.
fn named_contexts(
    files: &Files<'_>,
    image: &Resolved<'_>,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<String, Arc<Folder>>, Vec<Reach>) {
    let (mut trees, mut reach) = (BTreeMap::new(), Vec::new());
    let none = Folder::empty();
    for (name, context) in &image.contexts {
        let NamedContext::Folder(folder) = context else {
            continue;
        };
        let path = if folder == "." { "" } else { folder };
        let snapshot = files.snapshot;
        let ignore = files.ignored(None, path, diagnostics);
        let context = Context {
            folder: snapshot.sources.folder(folder).unwrap_or(&none),
            path,
            links: &snapshot.links,
            ignore: &ignore,
        };
        let read = read_of(image, name);
        let sources: Vec<Source<'_>> = if is_base(image, name) {
            vec![Source::ALL]
        } else {
            read.iter().map(|(source, _)| selected(source)).collect()
        };
        let inputs = context.select(&sources);
        diagnostics.extend(unread(snapshot, &inputs));
        for index in inputs
            .missing
            .into_iter()
            .filter(|_| inputs.unread.is_empty())
        {
            // All of a context is never missing.
            if let Some(&(source, place)) = read.get(index) {
                diagnostics.push(missing(image, source, place, folder, None));
            }
        }
        trees.insert(name.clone(), inputs.tree);
        reach.push(Reach::of(&context, &sources));
    }
    (trees, reach)
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

/// The files of a snapshot, with its ignore files read: each text once, as many folders have the same.
struct Files<'s> {
    snapshot: &'s Snapshot,
    ignore_files: BTreeMap<&'s [u8], (IgnoreFile, Vec<Problem>)>,
}

impl<'s> Files<'s> {
    fn new(snapshot: &'s Snapshot) -> Self {
        let texts = snapshot.texts.iter();
        let texts = texts.filter(|(path, _)| path.ends_with(IGNORE_FILE));
        let mut ignore_files = BTreeMap::new();
        for (_, text) in texts {
            let read = || IgnoreFile::parse(&String::from_utf8_lossy(text));
            ignore_files.entry(text.as_slice()).or_insert_with(read);
        }
        Self {
            snapshot,
            ignore_files,
        }
    }

    /// The ignore file in force: the Dockerfile's own, else the one of the context.
    fn ignored(
        &self,
        own: Option<String>,
        context: &str,
        diagnostics: &mut Diagnostics,
    ) -> IgnoreFile {
        let of_context = join(context, IGNORE_FILE);
        let mut paths = own.into_iter().chain([of_context]);
        let found = paths.find_map(|path| {
            let text = self.snapshot.text(&path)?;
            Some((path, text, self.ignore_files.get(text)?))
        });
        let Some((path, text, (ignore, problems))) = found else {
            return IgnoreFile::default();
        };
        if !problems.is_empty() {
            let source = SourceText::new(path, String::from_utf8_lossy(text));
            for problem in problems {
                let diagnostic = Diagnostic::error("dockerignore-syntax", problem.message.as_str())
                    .at(&source, problem.span.clone(), "")
                    .help("correct or remove the line: a build would refuse the whole file");
                diagnostics.push(diagnostic);
            }
        }
        ignore.clone()
    }
}

/// The error for links that lead to inputs and that a partial clone lacks.
fn unread(snapshot: &Snapshot, inputs: &Inputs) -> Option<Diagnostic> {
    snapshot
        .missing
        .error(inputs.unread.iter().map(String::as_str))
}

/// Something that is in every git folder.
const GIT_FILE: &str = ".git/HEAD";

/// A build would be sent `.git`, which is never an input.
fn git_folder(image: &Resolved<'_>, place: Place) -> Diagnostic {
    let message =
        "this takes `.git` too, which changes with every command of git and does not count";
    let own = format!("{}.dockerignore", image.definition.dockerfile);
    Diagnostic::warning("git-folder", message)
        .at(image.source, place.span.range(), "")
        .help(format!(
            "add the line `.git` to `.dockerignore` at the root, or to `{own}` if there is one"
        ))
        .help("`shipwright exec` leaves it out anyway")
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
