//! What goes into each image: its input files, and its fingerprint.

mod filtered;
mod ignored;
mod read;
mod remarks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use self::filtered::{Filtered, filtered};
use self::ignored::Files;
use self::read::{is_base, read_of, sources, steps};
use self::remarks::{Lacking, git_folder, malformed, unknown};
use crate::config::NamedContext;
use crate::diagnostics::Diagnostics;
use crate::lang::fingerprint::Fingerprint;
use crate::lang::tags::hex;
use crate::paths;
use crate::planner::ImageIndex;
use crate::planner::external::Locks;
use crate::planner::fingerprint::Manifest;
use crate::planner::fingerprint::manifest::{Facts, manifest};
use crate::planner::inputs::{InputSpec, Source};
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
    /// What is taken of the build context and of each that is a folder.
    pub specs: Vec<Arc<InputSpec>>,
    /// The inputs that git puts through a filter, by path from the root of the plan, and which.
    pub filters: BTreeMap<String, String>,
    /// Everything that can change the image.
    pub manifest: Manifest,
    /// SHA-256 over everything that can change the image, 64 hexadecimal digits.
    pub fingerprint: Fingerprint,
}

/// The contents of images, by index. `sequence` is in build order, with all that its images need.
///
/// # Errors
/// When an ignore file is malformed: a build would refuse it.
pub(crate) fn of_all(
    snapshot: &Snapshot,
    resolved: &[Resolved<'_>],
    sequence: impl Iterator<Item = ImageIndex>,
    locks: &Locks<'_>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<ImageIndex, Contents> {
    let files = Files::new(snapshot);
    let sequence: Vec<ImageIndex> = sequence.collect();
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
            locks,
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
                specs: [own].into_iter().chain(named).map(Arc::new).collect(),
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

/// The files of the build context that can reach an image, and what says which.
fn inputs(
    files: &Files<'_>,
    image: &Resolved<'_>,
    diagnostics: &mut Diagnostics,
) -> (Arc<Folder>, InputSpec) {
    let path = paths::in_tree(&image.context);
    let own = format!("{}.dockerignore", image.definition.dockerfile);
    let ignore = files.in_force(Some(own), path, diagnostics);
    let read = sources(image);
    let all_malformed: BTreeSet<_> = steps(image).flat_map(|step| &step.malformed).collect();
    diagnostics.extend(all_malformed.into_iter().map(|one| malformed(image, one)));
    let of_unknown = read.iter().filter(|(source, _)| source.path.is_none());
    diagnostics.extend(of_unknown.map(|(_, place)| unknown(image, *place)));
    let taken = read.iter().map(|(source, _)| Source::from(*source));
    let further = image.definition.build.inputs.iter();
    let further = further.map(|pattern| Source {
        path: "",
        is_wildcard: false,
        pattern: Some(pattern.trim_start_matches('/')),
        excludes: &[],
    });
    let all: Vec<Source<'_>> = taken.chain(further).collect();
    let mut taken_by = None;
    if files.snapshot.at_top && path.is_empty() {
        let takes_git = |(_, source): &(usize, &Source<'_>)| ignore.takes_git_folder(source);
        let mut sources = all[..read.len()].iter().enumerate();
        taken_by = sources.find(takes_git).map(|(index, _)| read[index].1);
    }
    let (inputs, spec) = files.inputs(path, &all, ignore, diagnostics);
    let lacking = Lacking {
        inputs: &inputs,
        read: &read,
        context: &image.context,
        root: Some(&files.snapshot.root),
    };
    diagnostics.extend(lacking.problems(image, files.snapshot));
    diagnostics.extend(taken_by.map(|place| git_folder(image, place)));
    (inputs.tree, spec)
}

/// The files of named contexts that are folders and that reachable stages take from, and what says
/// which.
fn named_contexts(
    files: &Files<'_>,
    image: &Resolved<'_>,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<String, Arc<Folder>>, Vec<InputSpec>) {
    let (mut trees, mut specs) = (BTreeMap::new(), Vec::new());
    for (name, context) in &image.contexts {
        let NamedContext::Folder(folder) = context else {
            continue;
        };
        let path = paths::in_tree(folder);
        let ignore = files.in_force(None, path, diagnostics);
        let read = read_of(image, name);
        let sources: Vec<Source<'_>> = if is_base(image, name) {
            vec![Source::ALL]
        } else {
            read.iter()
                .map(|(source, _)| Source::from(*source))
                .collect()
        };
        let (inputs, spec) = files.inputs(path, &sources, ignore, diagnostics);
        let lacking = Lacking {
            inputs: &inputs,
            read: &read,
            context: folder,
            root: None,
        };
        diagnostics.extend(lacking.problems(image, files.snapshot));
        trees.insert(name.clone(), inputs.tree);
        specs.push(spec);
    }
    (trees, specs)
}
