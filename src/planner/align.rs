//! How references speak of the Dockerfiles here, found by aligning them with paths.
//!
//! ```text
//! references from outside ─▶ every way to make one of them of a path ─▶ that which explains most with
//! least ─▶ the same again for those that are left
//! ```
//!
//! Distinct names count, not how often they are written: `FROM gcr.io/distroless/base` in a hundred
//! files is one coincidence. `init` writes what is found here, hints tell of it.

mod publishers;
pub(crate) mod rule;
mod search;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use publishers::is_known as is_of_publisher;
use shape::Reading;
pub(crate) use shape::{Case, File, Part, Shape};

use crate::lang::reference;
use crate::paths::folder_of;
use crate::planner::names::problem_of;

/// How many names of one plain folder each have to fit, where they are of a known publisher.
const MANY: usize = 3;

/// A reference from outside, with all that say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// The repository, as people write it.
    pub(crate) repository: String,
    /// The tag; none for `latest`.
    pub(crate) tag: Option<String>,
    /// Whether some part of the tag came from a variable: it is then no part of the name.
    pub(crate) is_floating: bool,
    /// The paths of the Dockerfiles that say it.
    pub(crate) used_in: BTreeSet<String>,
}

impl Spoken {
    /// The reference with its tag.
    pub(crate) fn full(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.repository.clone(),
        }
    }

    /// Whether it means what was built on the same machine: no registry has such a tag.
    fn is_local(&self) -> bool {
        self.tag.as_deref() == Some("local")
    }

    /// Whether it has a tag of its own, which a name without a tag does not mean.
    fn is_pin(&self) -> bool {
        self.tag.is_some() && !self.is_floating
    }
}

/// A way in which references speak of Dockerfiles here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// How a name is made of a path.
    pub(crate) shape: Shape,
    /// The folder that holds all that are meant; `.` for the root.
    pub(crate) within: String,
    /// By the index of the reference, the Dockerfile that it means.
    pub(crate) means: BTreeMap<usize, String>,
    /// Those of them that have a literal tag, which the name lacks.
    pub(crate) pins: BTreeSet<usize>,
    /// Those of them that mean what was built on the same machine.
    pub(crate) locals: BTreeSet<usize>,
    /// Those that say the name of a folder with Dockerfiles below it, of which all but one are meant
    /// otherwise.
    pub(crate) irregular: BTreeMap<usize, String>,
    /// How many references more than one Dockerfile might mean.
    pub(crate) ambiguous: usize,
    /// What references mean by other ways that explain as much with as little, and say something else.
    pub(crate) rivals: Vec<BTreeMap<usize, String>>,
}

impl Found {
    /// How many Dockerfiles are meant.
    pub(crate) fn names(&self) -> usize {
        self.means.values().collect::<BTreeSet<_>>().len()
    }
}

/// Everything that references can be aligned with.
pub(crate) struct Paths<'p> {
    files: Vec<(&'p str, File)>,
    /// The ways to read names of the files.
    readings: Vec<Reading>,
    /// By a text that names may begin with: the readings that have it, and their parts.
    by_text: BTreeMap<String, Vec<(usize, usize)>>,
    /// What the project is called, where that counts.
    project: Option<String>,
}

impl<'p> Paths<'p> {
    /// The paths of Dockerfiles.
    pub(crate) fn new(dockerfiles: impl IntoIterator<Item = &'p String>) -> Self {
        Self::of(dockerfiles, File::new)
    }

    /// The paths of Dockerfiles of a project.
    pub(crate) fn of_project(
        dockerfiles: impl IntoIterator<Item = &'p String>,
        project: &str,
    ) -> Self {
        Self {
            project: reference::legal(project),
            ..Self::of(dockerfiles, |path| File::of_project(path, project))
        }
    }

    fn of(dockerfiles: impl IntoIterator<Item = &'p String>, read: impl Fn(&str) -> File) -> Self {
        let paths = dockerfiles.into_iter();
        let files: Vec<(&str, File)> = paths.map(|path| (path.as_str(), read(path))).collect();
        let readings: Vec<Reading> = files
            .iter()
            .flat_map(|(_, file)| Reading::of(file))
            .collect();
        let mut by_text: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for (index, reading) in readings.iter().enumerate() {
            for (part, text) in reading.texts().enumerate() {
                let known = by_text.entry(text.to_owned()).or_default();
                known.push((index, part));
            }
        }
        Self {
            files,
            readings,
            by_text,
            project: None,
        }
    }

    /// By the names among `said` that a way gives files: these, by their indices.
    fn named(&self, shape: &Shape, said: &BTreeSet<String>) -> BTreeMap<String, Vec<usize>> {
        // No image of somebody else's is called like a whole path here by chance.
        let is_path = shape.prefix.is_empty() && shape.is_path();
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut name = String::new();
        for (index, (_, file)) in self.files.iter().enumerate() {
            if shape.write(file, &mut name)
                && (!is_path || name.contains('/'))
                && said.contains(&name)
                && problem_of(&name).is_none()
            {
                names.entry(name.clone()).or_default().push(index);
            }
        }
        names
    }

    /// What a way, which gives files these names, explains of some references; none where that is no evidence.
    fn explained(
        &self,
        shape: &Shape,
        names: &BTreeMap<String, Vec<usize>>,
        spoken: &[Spoken],
        left: &BTreeSet<usize>,
    ) -> Option<Found> {
        let is_path = shape.prefix.is_empty() && shape.is_path();
        let is_public = !is_path && publishers::is_known(&shape.prefix);
        // What is tagged as local, or has the project's name before it, is nobody's publication.
        let is_project = self.is_project(&shape.prefix);
        let locals: BTreeSet<usize> = left
            .iter()
            .copied()
            .filter(|index| {
                let reference = &spoken[*index];
                let is_local = is_project || reference.is_local();
                is_local && names.contains_key(&reference.repository)
            })
            .collect();
        let (left, is_public) = if is_public && !locals.is_empty() {
            (&locals, false)
        } else {
            (left, is_public)
        };
        let mut found = Found {
            shape: shape.clone(),
            within: String::new(),
            means: BTreeMap::new(),
            pins: BTreeSet::new(),
            locals: BTreeSet::new(),
            irregular: BTreeMap::new(),
            ambiguous: 0,
            rivals: Vec::new(),
        };
        let mut several = Vec::new();
        for &index in left {
            let reference = &spoken[index];
            let full = names.get(&reference.full());
            let Some(files) = full.or_else(|| names.get(&reference.repository)) else {
                continue;
            };
            if full.is_none() && reference.is_pin() {
                if is_public {
                    continue;
                }
                found.pins.insert(index);
            }
            match files.as_slice() {
                [file] => {
                    let path = self.files[*file].0;
                    // Nobody builds an image on itself: what its own Dockerfile takes is published.
                    let is_own = reference.used_in.contains(path);
                    let is_release = !is_public && reference.is_floating;
                    if !is_own || is_release && reference.used_in.len() > 1 {
                        found.means.insert(index, path.to_owned());
                    }
                }
                files => several.push((index, files.to_vec())),
            }
        }
        let near_by = common(found.means.values(), |count| count.saturating_sub(1));
        found.ambiguous = several.len();
        // A folder among those that are meant beats its namesake elsewhere.
        for (index, files) in several {
            let paths = || files.iter().map(|file| self.files[*file].0);
            let is_near = |path: &&str| is_below(&near_by, path) && near_by != ".";
            // Nobody builds an image on itself: those that take it do not make it.
            let takes_it = |path: &&str| spoken[index].used_in.contains(*path);
            let near = only(paths().filter(is_near)).filter(|path| !takes_it(path));
            let maker = || only(paths().filter(|path| !takes_it(path)));
            if let Some(path) = near.or_else(|| maker().filter(|_| !is_public)) {
                found.means.insert(index, path.to_owned());
            }
        }
        found.within = common(found.means.values(), |count| shape.unsaid(count));
        found.pins.retain(|index| found.means.contains_key(index));
        found.locals.clone_from(&locals);
        found.locals.retain(|index| found.means.contains_key(index));
        if found.shape.namespace().is_some() && !is_public {
            self.add_irregular(&mut found, spoken, left);
        }
        found
            .is_evidence(spoken, is_public, is_project)
            .then_some(found)
    }

    /// Whether a beginning of names is the project's name.
    fn is_project(&self, prefix: &str) -> bool {
        let name = prefix.strip_suffix(['-', '_']);
        name.is_some() && name == self.project.as_deref()
    }
}

impl Paths<'_> {
    /// Adds what references under the same namespace say that is the name of a folder further up.
    fn add_irregular(&self, found: &mut Found, spoken: &[Spoken], left: &BTreeSet<usize>) {
        for &index in left.iter().filter(|index| !found.means.contains_key(index)) {
            let reference = &spoken[index];
            let Some(last) = reference.repository.strip_prefix(&found.shape.prefix) else {
                continue;
            };
            let is_meant = |path: &str| found.means.values().any(|meant| meant == path);
            let mut below = self.files.iter().filter(|(path, file)| {
                let is_above = file.folders.iter().any(|folder| folder == last);
                is_above && !is_meant(path) && !reference.used_in.contains(*path)
            });
            if let (Some((path, _)), None, false) = (below.next(), below.next(), reference.is_pin())
            {
                found.irregular.insert(index, (*path).to_owned());
            }
        }
    }
}

impl Found {
    /// Whether it is more than a coincidence.
    fn is_evidence(&self, spoken: &[Spoken], is_public: bool, is_project: bool) -> bool {
        let names = self.names();
        if names == 0 || self.has_cycle(spoken) {
            return false;
        }
        // Files that are named by themselves stand together: one `Dockerfile.dev` in each folder is no image `dev`.
        let folders: BTreeSet<&str> = self.means.values().map(|path| folder_of(path)).collect();
        if self.shape.is_suffix() && folders.len() > 1 {
            return false;
        }
        let parts = self.shape.parts();
        let under = spoken
            .iter()
            .filter(|reference| reference.full().starts_with(&self.shape.prefix))
            .count();
        // Folders that have the names of official images say nothing that the defaults do not.
        if self.shape.prefix.is_empty() && parts < 2 && self.locals.is_empty() {
            return false;
        }
        if is_public {
            let enough = if parts < 2 { MANY } else { 2 };
            // A publisher's images of one project, such as `apache/skywalking-`, that say more than a folder.
            let is_family = parts > 1 && !self.shape.prefix.ends_with(['/', ':']);
            let has_most = self.means.len() * 4 >= under * 3;
            return names >= enough && has_most || names >= MANY && is_family;
        }
        let is_whole =
            self.shape.prefix.is_empty() || self.shape.prefix.ends_with('/') || is_project;
        // One published version of one name says little.
        let is_pin = self.pins.len() == self.means.len() && self.locals.is_empty();
        names >= 2
            || is_whole
                && !is_pin
                && self.shape.end.is_empty()
                && self.shape.pieces.len() <= 2
                && !matches!(
                    self.shape.pieces[0].1,
                    Part::Down(_) | Part::Head | Part::Rest
                )
                && !matches!(self.shape.pieces[0].1, Part::Up(count) if count > 1)
                && (self.shape.prefix.is_empty()
                    || self.means.len() + self.irregular.len() == under)
    }

    /// Whether files would need each other.
    fn has_cycle(&self, spoken: &[Spoken]) -> bool {
        let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (index, path) in self.means.iter().chain(&self.irregular) {
            for user in spoken[*index].used_in.iter().filter(|user| *user != path) {
                needs.entry(user).or_default().insert(path);
            }
        }
        // What needs nothing is taken away until nothing is left.
        loop {
            let before = needs.len();
            let known: BTreeSet<&str> = needs.keys().copied().collect();
            needs.retain(|_, needed| needed.iter().any(|path| known.contains(path)));
            if needs.len() == before {
                return before > 0;
            }
        }
    }
}

/// What is alone; none of several.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// The folder that all files are in, of the outermost folders of each: `outer` says how many of so many. `.` for
/// the root.
fn common<'p>(
    paths: impl IntoIterator<Item = &'p String>,
    outer: impl Fn(usize) -> usize,
) -> String {
    let mut common: Option<Vec<&str>> = None;
    for path in paths {
        let mut folders: Vec<&str> = match folder_of(path) {
            "." => Vec::new(),
            folder => folder.split('/').collect(),
        };
        folders.truncate(outer(folders.len()));
        if let Some(known) = &common {
            let same = known.iter().zip(&folders).take_while(|(a, b)| a == b);
            folders.truncate(same.count());
        }
        common = Some(folders);
    }
    match common {
        Some(folders) if !folders.is_empty() => folders.join("/"),
        _ => ".".to_owned(),
    }
}

/// Whether a path lies in a folder or below it.
pub(crate) fn is_below(folder: &str, path: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder == "." || rest.is_some_and(|rest| rest.starts_with('/'))
}
