//! The folders that builds of make and the shell script read, and how they are written.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use super::files::{Files, Folder};
use super::template::{remark, verbatim};
use crate::paths::{file_name, folder_of, in_tree, join};
use crate::plan;

/// Bytes that the arguments of one command may take: Linux allows 128 KiB for a recipe of make.
const MOST_BYTES: usize = 48 * 1024;

/// A folder that builds read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Written {
    /// Its name in the folder of the run.
    number: usize,
    /// What it holds, for a comment.
    title: Value,
    /// The commands that write it, in order.
    steps: Vec<Step>,
    /// Identifiers of the images whose builds read it.
    readers: Vec<String>,
}

/// A command; the folder's number stands before its words.
#[derive(Debug, Clone, Serialize)]
struct Step {
    name: Value,
    words: Vec<String>,
}

/// What a folder holds: all that stands at a path of the plan, or a Dockerfile of it alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    folder: String,
    file: Option<String>,
}

/// A place below the folder of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder.
    pub(super) number: usize,
    /// Below it; empty for the folder itself.
    pub(super) path: String,
}

/// Where the build of an image reads.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) dockerfile: Place,
    pub(super) context: Place,
    /// Of the named contexts that are folders.
    pub(super) named: BTreeMap<String, Place>,
}

impl Places {
    /// The numbers of the folders, each once.
    pub(super) fn folders(&self) -> BTreeSet<usize> {
        let named = self.named.values();
        let all = named.chain([&self.dockerfile, &self.context]);
        all.map(|place| place.number).collect()
    }
}

/// The folders of a plan.
pub(super) struct Folders<'f> {
    files: &'f Files,
    numbers: BTreeMap<Key, usize>,
    /// By number, from 1.
    keys: Vec<Key>,
}

impl<'f> Folders<'f> {
    /// None yet.
    pub(super) fn new(files: &'f Files) -> Self {
        Self {
            files,
            numbers: BTreeMap::new(),
            keys: Vec::new(),
        }
    }

    /// Where the build of an image reads; folders get their numbers as images come.
    pub(super) fn of(&mut self, image: &plan::Image) -> Places {
        let context = self.whole(&image.context);
        let dockerfile = self.dockerfile(image, &context);
        let folders = image.contexts.iter();
        let folders = folders.filter(|(_, place)| !place.starts_with("docker-image://"));
        let named = folders.map(|(name, folder)| (name.clone(), self.whole(folder)));
        let named = named.collect();
        Places {
            dockerfile,
            context,
            named,
        }
    }

    /// All folders, with the identifiers of the images whose builds read them.
    pub(super) fn written(&self, readers: &BTreeMap<usize, Vec<String>>) -> Vec<Written> {
        let keys = self.keys.iter().zip(1..);
        let written = keys.map(|(key, number)| Written {
            number,
            title: remark(&self.title(key)),
            steps: self.steps(key),
            readers: readers.get(&number).cloned().unwrap_or_default(),
        });
        written.collect()
    }

    fn whole(&mut self, folder: &str) -> Place {
        self.number(Key {
            folder: folder.to_owned(),
            file: None,
        })
    }

    fn dockerfile(&mut self, image: &plan::Image, context: &Place) -> Place {
        let (folder, file) = (
            folder_of(&image.dockerfile).to_owned(),
            file_name(&image.dockerfile).to_owned(),
        );
        let below = below(&self.real(&folder), &self.real(&image.context));
        if let Some(below) = below {
            return Place {
                number: context.number,
                path: join(&below, &file),
            };
        }
        let is_linked = self.files.linked.contains(&image.dockerfile);
        let place = self.number(Key {
            folder,
            file: (!is_linked).then(|| file.clone()),
        });
        Place {
            path: file,
            ..place
        }
    }

    fn number(&mut self, key: Key) -> Place {
        let next = self.keys.len() + 1;
        let number = *self.numbers.entry(key.clone()).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        Place {
            number,
            path: String::new(),
        }
    }

    /// A folder's path from the top of the repository, links resolved.
    fn real(&self, folder: &str) -> String {
        match self.files.folders.get(folder) {
            Some(Folder {
                path: Some(path), ..
            }) => path.clone(),
            _ => join(&self.files.root, in_tree(folder)),
        }
    }

    fn title(&self, key: &Key) -> String {
        let folder = match self.real(&key.folder) {
            top if top.is_empty() => "the top".to_owned(),
            path => path,
        };
        match &key.file {
            Some(file) => format!("{file} of {folder}, and the ignore file next to it"),
            None => folder,
        }
    }

    fn steps(&self, key: &Key) -> Vec<Step> {
        let usual = Folder {
            path: Some(self.real(&key.folder)),
            ..Folder::default()
        };
        let folder = self.files.folders.get(&key.folder).unwrap_or(&usual);
        let path = folder.path.clone().into_iter();
        let file = key.file.clone();
        let has_more = folder.path.is_none()
            || !(folder.gone.is_empty() && folder.added.is_empty() && folder.submodules.is_empty());
        let mut steps = Vec::new();
        if has_more {
            steps.push(step("list_files", path.collect()));
            let gone = folder.gone.iter().map(|path| vec![path.clone()]);
            steps.extend(several("leave_out", &[], gone));
            for submodule in &folder.submodules {
                let words = [&submodule.path, &submodule.tree, &submodule.objects];
                steps.push(step("add_submodule", words.map(String::clone).into()));
            }
            let added = folder.added.iter();
            let added =
                added.map(|file| vec![file.mode.to_owned(), file.id.clone(), file.path.clone()]);
            steps.extend(several("add_files", &[&key.folder], added));
            steps.push(step("write_files", file.into_iter().collect()));
        } else {
            steps.push(step("check_out", path.chain(file).collect()));
        }
        if key.file.is_none() {
            let large = folder.large.iter().map(|path| vec![path.clone()]);
            steps.extend(several("add_large", &[&key.folder], large));
        }
        steps
    }
}

/// The functions that the folders of a plan need beside those that every plan does.
#[derive(Debug, Default, Serialize)]
pub(super) struct Needs {
    adds: bool,
    submodules: bool,
    large: bool,
    /// Where submodules have what git-lfs keeps for them, from the git directory.
    stores: Vec<String>,
}

impl Needs {
    /// What these folders need.
    pub(super) fn of(files: &Files) -> Self {
        let mut needs = Self::default();
        let mut stores = BTreeSet::new();
        for folder in files.folders.values() {
            needs.adds |= !(folder.added.is_empty() && folder.gone.is_empty());
            needs.submodules |= !folder.submodules.is_empty();
            needs.large |= !folder.large.is_empty();
            let objects = folder.submodules.iter();
            stores.extend(objects.map(|submodule| join(folder_of(&submodule.objects), "lfs")));
        }
        needs.stores = stores.into_iter().collect();
        needs
    }
}

fn step(name: &'static str, words: Vec<String>) -> Step {
    let name = verbatim(name);
    Step { name, words }
}

/// A command as often as its arguments need it, each time with the same first words.
fn several(
    name: &'static str,
    first: &[&str],
    groups: impl Iterator<Item = Vec<String>>,
) -> Vec<Step> {
    let first: Vec<String> = first.iter().map(|&word| word.to_owned()).collect();
    let (mut steps, mut words, mut bytes) = (Vec::new(), first.clone(), 0);
    for group in groups {
        // Each may be quoted, at the worst four bytes for one.
        let more: usize = group.iter().map(|word| 4 * word.len() + 3).sum();
        if bytes > 0 && bytes + more > MOST_BYTES {
            steps.push(step(name, std::mem::replace(&mut words, first.clone())));
            bytes = 0;
        }
        bytes += more;
        words.extend(group);
    }
    if bytes > 0 {
        steps.push(step(name, words));
    }
    steps
}

/// A path below another, both from the top; the other itself is empty.
fn below(path: &str, folder: &str) -> Option<String> {
    if folder.is_empty() {
        return Some(path.to_owned());
    }
    let rest = path.strip_prefix(folder)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest.to_owned()),
        None => rest.is_empty().then(String::new),
    }
}
