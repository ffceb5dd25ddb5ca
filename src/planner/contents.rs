//! What goes into each image: its input files, and its fingerprint.

mod filtered;
mod ignored;
mod read;
mod remarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::filtered::{Filtered, filtered};
use self::ignored::Files;
use self::read::{is_base, read_of, selected, sources};
use self::remarks::{GIT_FILE, Lacking, git_folder, unknown};
use crate::config::NamedContext;
use crate::diagnostics::Diagnostics;
use crate::lang::tags::hex;
use crate::planner::fingerprint::Manifest;
use crate::planner::fingerprint::manifest::{Facts, manifest};
use crate::planner::inputs::{Context, Reach, Source};
use crate::planner::resolve::Resolved;
use crate::tree::attributes::{Attributes, LFS};
use crate::tree::snapshot::{Folder, Snapshot};

/// The contents of an image.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
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

/// The contents of images, by index. `sequence` is in build order, with all that its images need.
///
/// # Errors
/// When an ignore file is malformed: a build would refuse it.
pub(crate) fn of_all(
    snapshot: &Snapshot,
    resolved: &[Resolved<'_>],
    sequence: impl Iterator<Item = usize>,
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
    let of_unknown = read.iter().filter(|(source, _)| source.path.is_none());
    diagnostics.extend(of_unknown.map(|(_, place)| unknown(image, *place)));
    let taken = read.iter().map(|(source, _)| selected(source));
    let further = image.definition.build.inputs.iter();
    let further = further.map(|pattern| Source {
        path: "",
        is_wildcard: false,
        pattern: Some(pattern.trim_start_matches('/')),
        excludes: &[],
    });
    let all: Vec<Source<'_>> = taken.chain(further).collect();
    let inputs = context.select(&all);
    let lacking = Lacking {
        inputs: &inputs,
        read: &read,
        context: &image.context,
        root: Some(&snapshot.root),
    };
    diagnostics.extend(lacking.problems(image, snapshot));
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
        let lacking = Lacking {
            inputs: &inputs,
            read: &read,
            context: folder,
            root: None,
        };
        diagnostics.extend(lacking.problems(image, snapshot));
        trees.insert(name.clone(), inputs.tree);
        reach.push(Reach::of(&context, &sources));
    }
    (trees, reach)
}
