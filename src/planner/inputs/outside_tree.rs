//! What images take that is in no tree: files that git ignores, generated ones, those of submodules.
//!
//! The same spec selects from the tree and from the tree with the disk; what only the second has is
//! what a builder would be sent beside what counts.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::InputSpec;
use super::picked::{Picked, Selected};
use crate::config::Config;
use crate::diagnostics::Diagnostic;
use crate::os;
use crate::paths::{file_name, folder_of, join};
use crate::planner::discover::Discovery;
use crate::planner::generated::Generated;
use crate::planner::images;
use crate::tree::links::{self, Place};
use crate::tree::source::{DiskFiles, DiskFolder, DiskView, Seen, Takers, Tree};
use crate::tree::view::{Item, Leaf, View};

/// Files that are in no tree and that some images take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutsideTree {
    /// From the root of the plan, in byte order; a folder of which nothing is in the tree is named
    /// once, with a final `/`.
    pub(crate) paths: Vec<String>,
    /// Names of the images that take all of these.
    pub(crate) images: Vec<String>,
}

/// Names of images, each with what it takes of its contexts.
type Images<'i> = [(&'i str, &'i [Arc<InputSpec>])];

/// Adds to a tree what images take and what is not part of it: ignore files of the disk that a
/// builder would obey, the files of submodules at their commits, and files of the disk, as far as
/// these count. Answers whether there are any; then the images may take more.
///
/// # Errors
/// When a file or folder of the disk cannot be read.
pub(crate) fn add(
    tree: &mut Tree<'_>,
    specs: &[Arc<InputSpec>],
    generated: &Generated,
) -> Result<bool, Diagnostic> {
    let specs = distinct(specs.iter().map(|spec| ("", &**spec)));
    let specs: Vec<&InputSpec> = specs.into_iter().map(|(spec, _)| spec).collect();
    let counts = tree.counts();
    let counted = |path: &str| match counts {
        DiskFiles::None => false,
        DiskFiles::Generated => generated.matches(path),
        DiskFiles::All => true,
    };
    if add_submodules(tree, &specs)? {
        return Ok(true);
    }
    if counts == DiskFiles::None || counts == DiskFiles::Generated && generated.is_empty() {
        return Ok(false);
    }
    let ignore_files = specs
        .iter()
        .filter_map(|spec| hidden_ignore_file(tree, spec));
    let ignore_files: Vec<PathBuf> = ignore_files
        .filter(|path| counted(path))
        .map(PathBuf::from)
        .collect();
    if tree.add_files(&ignore_files)? {
        return Ok(true);
    }
    let enters = |folder: &str| generated.enters(folder);
    let seen = match counts {
        DiskFiles::All => Seen::All,
        _ => Seen::Some(&counted, &enters),
    };
    let mut files = BTreeSet::new();
    for spec in specs {
        if !tree.has_beside(&spec.context) {
            continue;
        }
        files.extend(Finder::of(tree, spec, seen, false)?);
    }
    let files: Vec<PathBuf> = files.into_iter().collect();
    tree.add_files(&files)
}

fn add_submodules(tree: &mut Tree<'_>, specs: &[&InputSpec]) -> Result<bool, Diagnostic> {
    let mut unread = tree.unread_submodules();
    if unread.is_empty() {
        return Ok(false);
    }
    let mut reached = BTreeSet::new();
    for spec in specs {
        let selected = spec.select(&tree.view(&spec.context, Seen::Nothing))?;
        let takes = |path: &&String| takes(spec, &selected, path);
        reached.extend(unread.iter().filter(takes).cloned());
    }
    unread.retain(|path| reached.contains(path));
    tree.add_submodules(&unread)?;
    Ok(!unread.is_empty())
}

/// Adds to a tree the Dockerfiles of the disk that count although git ignores them: those that the
/// configuration calls generated, or names where all of the disk counts.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn add_dockerfiles(
    tree: &mut Tree<'_>,
    config: &Config,
    generated: &Generated,
) -> Result<(), Diagnostic> {
    let counts = tree.counts();
    if counts == DiskFiles::None {
        return Ok(());
    }
    let discovery = Discovery::new(config);
    let mut paths: BTreeSet<String> = images::named_dockerfiles(config)
        .filter(|path| counts == DiskFiles::All || generated.matches(path))
        .collect();
    paths.retain(|path| tree.is_on_disk(path));
    // A pattern of folders is of what is built in them; the whole disk is not searched for it.
    let of_dockerfiles = generated.patterns().iter().filter(|pattern| {
        let name = file_name(&pattern.text.value).to_ascii_lowercase();
        name.contains("dockerfile") || name.contains("containerfile")
    });
    for pattern in of_dockerfiles {
        let is_wanted = |path: &str| pattern.matches(path) && discovery.is_read(path);
        paths.extend(tree.find_on_disk(&is_wanted, &|folder| pattern.meets(folder)));
    }
    paths.retain(|path| !tree.has(path));
    let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    tree.add_to_root(&paths)
}

/// Where a builder finds an ignore file on the disk that is in no tree, and obeys it instead of the one
/// that counts.
fn hidden_ignore_file(tree: &Tree<'_>, spec: &InputSpec) -> Option<String> {
    let mut before = spec.ignore_files.iter();
    let hidden = |path: &&String| {
        !tree.has(path) && tree.has_beside(folder_of(path)) && tree.is_on_disk(path)
    };
    before.find(hidden).cloned()
}

/// What images would be sent beside the files of the tree and those that were added to it, by the images
/// that would be sent the same; and the ignore files that a builder would obey.
///
/// # Errors
/// When a folder of the disk cannot be read.
pub(crate) fn outside_tree(
    tree: &Tree<'_>,
    images: &Images<'_>,
) -> Result<Vec<OutsideTree>, Diagnostic> {
    let mut by_image: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (spec, images) in distinct(every(images)) {
        let mut paths: BTreeSet<String> = hidden_ignore_file(tree, spec).into_iter().collect();
        if tree.has_beside(&spec.context) {
            let found = Finder::of(tree, spec, Seen::All, true)?.into_iter();
            paths.extend(found.map(|path| path.to_string_lossy().into_owned()));
        }
        for image in images.into_iter().filter(|_| !paths.is_empty()) {
            by_image
                .entry(image)
                .or_default()
                .extend(paths.iter().cloned());
        }
    }
    let mut by_paths: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
    for (image, paths) in by_image {
        by_paths.entry(paths).or_default().push(image.to_owned());
    }
    let outside = by_paths.into_iter().map(|(paths, images)| OutsideTree {
        paths: paths.into_iter().collect(),
        images,
    });
    Ok(outside.collect())
}

/// Where the sources of a spec lead in the tree with the disk, as far as they have no wildcard: paths
/// from the root of the plan, of what is there or not.
///
/// # Errors
/// When a folder of the disk cannot be read.
pub(crate) fn places(tree: &Tree<'_>, spec: &InputSpec) -> Result<Vec<String>, Diagnostic> {
    let selected = spec.select(&tree.view(&spec.context, Seen::All))?;
    let places = selected.towards.iter();
    Ok(places
        .map(|place| join(&spec.context, &links::path(place)))
        .collect())
}

/// Which images take what, asked of the tree with the disk.
pub(crate) struct Taking<'t> {
    tree: &'t Tree<'t>,
    images: &'t Images<'t>,
    /// What each takes, once it was asked.
    taken: OnceCell<Vec<Taken<'t>>>,
}

/// What images take alike.
struct Taken<'t> {
    spec: &'t InputSpec,
    images: BTreeSet<&'t str>,
    selected: Selected<'t, DiskFolder<'t>>,
}

impl<'t> Taking<'t> {
    /// Nothing is walked before it is asked.
    pub(crate) fn new(tree: &'t Tree<'t>, images: &'t Images<'t>) -> Self {
        Self {
            tree,
            images,
            taken: OnceCell::new(),
        }
    }

    fn names<'s>(&'s self, taken: &[Taken<'_>], path: &str) -> Vec<&'s str> {
        let takers = taken
            .iter()
            .filter(|taken| takes(taken.spec, &taken.selected, path));
        let takers: BTreeSet<&str> = takers
            .flat_map(|taken| taken.images.iter().copied())
            .collect();
        let images = self.images.iter().map(|(image, _)| *image);
        images.filter(|image| takers.contains(image)).collect()
    }
}

fn all_taken<'t>(tree: &'t Tree<'t>, images: &'t Images<'t>) -> Result<Vec<Taken<'t>>, Diagnostic> {
    let specs = distinct(every(images)).into_iter();
    let taken = specs.map(|(spec, images)| {
        Ok(Taken {
            spec,
            images,
            selected: spec.select(&tree.view(&spec.context, Seen::All))?,
        })
    });
    taken.collect()
}

impl Takers for Taking<'_> {
    fn of(&self, path: &str) -> Result<Vec<&str>, Diagnostic> {
        if let Some(taken) = self.taken.get() {
            return Ok(self.names(taken, path));
        }
        let taken = all_taken(self.tree, self.images)?;
        Ok(self.names(self.taken.get_or_init(|| taken), path))
    }

    fn would_be(&self, file: &str) -> Result<Vec<&str>, Diagnostic> {
        let tree = self.tree.with_file(file);
        Ok(self.names(&all_taken(&tree, self.images)?, file))
    }
}

/// Whether something is taken at or below a path from the root of the plan, or would be if the
/// submodule there had files.
fn takes<F>(spec: &InputSpec, selected: &Selected<'_, F>, path: &str) -> bool {
    let below = match spec.context.as_str() {
        "" => Some(path),
        context if context == path => Some(""),
        context => path
            .strip_prefix(context)
            .and_then(|below| below.strip_prefix('/')),
    };
    let Some(below) = below else {
        return false;
    };
    let place: Place = links::names(below).collect();
    selected.has(&place) || selected.submodules.contains(&place)
}

/// The specs that differ, each with the names that have it.
fn distinct<'s>(
    specs: impl Iterator<Item = (&'s str, &'s InputSpec)>,
) -> Vec<(&'s InputSpec, BTreeSet<&'s str>)> {
    let mut places = BTreeMap::new();
    let mut distinct: Vec<(&InputSpec, BTreeSet<&str>)> = Vec::new();
    for (name, spec) in specs {
        let key = (
            &spec.context,
            &spec.sources,
            spec.ignore.identity(),
            &spec.ignore_files,
        );
        let place = *places.entry(key).or_insert(distinct.len());
        if place == distinct.len() {
            distinct.push((spec, BTreeSet::new()));
        }
        distinct[place].1.insert(name);
    }
    distinct
}

fn every<'i>(images: &'i Images<'i>) -> impl Iterator<Item = (&'i str, &'i InputSpec)> {
    let specs = |(name, specs): &'i (&'i str, &'i [Arc<InputSpec>])| {
        specs.iter().map(move |spec| (*name, &**spec))
    };
    images.iter().flat_map(specs)
}

/// Finds what was picked and is in no tree.
struct Finder<'a, 'v> {
    view: &'a DiskView<'v>,
    /// Whether a folder that is in no tree is named rather than what is in it.
    names_folders: bool,
    /// From the root of the plan.
    found: Vec<PathBuf>,
}

impl Finder<'_, '_> {
    /// What a spec picks that is in no tree, by path from the root of the plan.
    fn of(
        tree: &Tree<'_>,
        spec: &InputSpec,
        seen: Seen<'_>,
        names_folders: bool,
    ) -> Result<Vec<PathBuf>, Diagnostic> {
        let view = tree.view(&spec.context, seen);
        let selected = spec.select(&view)?;
        let mut finder = Finder {
            view: &view,
            names_folders,
            found: Vec::new(),
        };
        finder.picked(&selected.root, Path::new(&spec.context))?;
        Ok(finder.found)
    }
}

impl<'v> Finder<'_, 'v> {
    fn picked(
        &mut self,
        picked: &Picked<'v, DiskFolder<'v>>,
        path: &Path,
    ) -> Result<(), Diagnostic> {
        match picked {
            Picked::Leaf(Leaf::Known(_)) | Picked::Empty(Leaf::Known(_)) => {}
            Picked::Leaf(_) | Picked::Empty(_) => self.found.push(path.to_owned()),
            Picked::Whole(folder) => self.whole(folder)?,
            Picked::Part(folder, entries) => {
                let before = self.found.len();
                for (name, inner) in entries {
                    self.picked(inner, &path.join(os::name(name)))?;
                    if self.is_named(folder, before) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// All that is in a folder.
    fn whole(&mut self, folder: &DiskFolder<'v>) -> Result<(), Diagnostic> {
        let before = self.found.len();
        for (name, item) in self.view.list(folder)? {
            match item {
                Item::Folder(inner) => self.whole(&inner)?,
                Item::Leaf(Leaf::Known(_)) => {}
                Item::Leaf(_) => self.found.push(folder.path.join(os::name(&name))),
            }
            if self.is_named(folder, before) {
                break;
            }
        }
        Ok(())
    }

    /// Puts the name of a folder that is in no tree in place of the first thing that was found in it.
    fn is_named(&mut self, folder: &DiskFolder<'v>, before: usize) -> bool {
        let is_found = self.found.len() > before;
        if !self.names_folders || folder.known.is_some() || !is_found {
            return false;
        }
        self.found.truncate(before);
        let mut path = folder.path.clone().into_os_string();
        path.push("/");
        self.found.push(path.into());
        true
    }
}
