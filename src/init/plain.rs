//! What the Dockerfiles that no build names are called: as references speak of them, else by folders.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{Known, Wanted, free, in_namespace};
use super::references::spoken;
use crate::diagnostics::counted;
use crate::lang::reference;
use crate::lang::tags::split_tag;
use crate::paths::folder_of;
use crate::planner::align::{File, Found, Paths, Shape, Spoken, is_below};
use crate::planner::discover;
use crate::planner::names::default_name;

/// Of Dockerfiles that share their first names, how many are still named one by one.
const FEW: usize = 2;

impl Known<'_> {
    /// Finds how references speak of the Dockerfiles.
    pub(super) fn speak_of(&self, wanted: &mut Wanted) {
        wanted.spoken = spoken(self.used, self.builds, self.run);
        wanted.found = Paths::of_project(self.dockerfiles, self.project).find(&wanted.spoken);
        wanted.is_pinned_internal = wanted.are_pins_versions();
    }

    /// Names the Dockerfiles that no build names: as references speak of them, else by folder.
    pub(super) fn name_plain(&self, wanted: &mut Wanted) {
        let built: BTreeSet<&String> = self.builds.iter().map(|build| &build.dockerfile).collect();
        let mut taken = BTreeSet::new();
        for image in &wanted.images {
            taken.insert(image.name.clone());
            taken.extend(image.aliases.iter().cloned());
        }
        self.name_meant(&built, &mut taken, wanted);
        let mut paths: Vec<&String> = self
            .dockerfiles
            .iter()
            .filter(|path| !built.contains(path) && !wanted.plain.contains_key(*path))
            .collect();
        // Of two with one name the one nearer to the root keeps it.
        paths.sort_by_key(|path| (path.matches('/').count(), *path));
        let all: BTreeMap<&String, Vec<String>> = paths
            .iter()
            .map(|path| (*path, self.candidates(path, wanted)))
            .collect();
        let mut first: BTreeMap<&String, usize> = BTreeMap::new();
        for names in all.values() {
            *first.entry(&names[0]).or_default() += 1;
        }
        let is_crowded = |path: &&String| {
            let name = &all[*path][0];
            taken.contains(name) || first[name] > 1
        };
        let crowded: Vec<&String> = paths.iter().copied().filter(is_crowded).collect();
        if crowded.len() > FEW
            && crowded.len() * 4 > paths.len()
            && let Some(shape) = apart(&paths, wanted.namespace.as_deref(), &taken)
        {
            for path in &paths {
                wanted.plain.extend(
                    shape
                        .name(&File::new(path))
                        .map(|name| ((*path).clone(), name)),
                );
            }
            taken.extend(wanted.plain.values().cloned());
            wanted.shapes.push((".".to_owned(), shape));
        }
        paths.retain(|path| !wanted.plain.contains_key(*path));
        let mut crowds: BTreeMap<&String, Vec<&Vec<String>>> = BTreeMap::new();
        for path in &paths {
            let names = &all[*path];
            crowds.entry(&names[0]).or_default().push(names);
        }
        for path in paths {
            let names = &all[path];
            let level = level(&crowds[&names[0]]).min(names.len() - 1);
            let mut names = names[level..].iter();
            let first = names.clone().next().cloned().unwrap_or_default();
            let name = names.find(|name| !taken.contains(*name)).cloned();
            let name = name.unwrap_or_else(|| free(&first, &taken));
            taken.insert(name.clone());
            wanted.plain.insert(path.clone(), name);
        }
    }

    /// Names the Dockerfiles that references mean, by the first way that fits; what others say are
    /// aliases.
    fn name_meant(
        &self,
        built: &BTreeSet<&String>,
        taken: &mut BTreeSet<String>,
        wanted: &mut Wanted,
    ) {
        let file = |path: &str| File::of_project(path, self.project);
        for found in &wanted.found {
            let shapes = wanted.shapes.iter();
            let of_paths = |path: &String| {
                let file = file(path);
                let said = found.shape.name(&file);
                let mut near = shapes.clone().filter(|(within, _)| is_below(within, path));
                let first = near.find_map(|(_, shape)| Some((shape, shape.name(&file)?)));
                match (first, said) {
                    // What others say of the same repository is its name, not an alias.
                    (Some((shape, name)), Some(said))
                        if shape.prefix == found.shape.prefix
                            || split_tag(&name).0 == split_tag(&said).0 =>
                    {
                        Some(said)
                    }
                    (first, said) => first.map(|(_, name)| name).or(said),
                }
            };
            let named: Vec<(&String, String)> = found
                .means
                .values()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .filter(|path| !built.contains(path))
                .filter_map(|path| Some((path, of_paths(path)?)))
                .collect();
            for (path, name) in named {
                let known = wanted.plain.get(path);
                if known.is_none() && taken.insert(name.clone()) {
                    wanted.plain.insert(path.clone(), name);
                }
                let said = wanted
                    .is_written(found, path)
                    .then(|| found.shape.name(&file(path)))
                    .flatten();
                if let Some(said) = said.filter(|said| wanted.plain.get(path) != Some(said))
                    && taken.insert(said.clone())
                {
                    wanted.aliases.entry(path.clone()).or_default().insert(said);
                }
            }
            for index in found.pins.intersection(&found.locals) {
                if let (Some(reference), Some(path)) =
                    (wanted.spoken.get(*index), found.means.get(index))
                {
                    let aliases = wanted.aliases.entry(path.clone()).or_default();
                    aliases.insert(reference.full());
                }
            }
            for (index, path) in &found.irregular {
                if let Some(reference) = wanted.spoken.get(*index)
                    && !built.contains(path)
                    && taken.insert(reference.repository.clone())
                {
                    let name = reference.repository.clone();
                    wanted.plain.entry(path.clone()).or_insert(name);
                }
            }
            let shape = (found.within.clone(), found.shape.clone());
            let mut meant = found.means.values();
            if meant.any(|path| wanted.is_written(found, path)) {
                wanted.shapes.push(shape);
            } else {
                wanted.built_shapes.push(shape);
            }
        }
    }

    /// Names for a Dockerfile's image, the best first: as others near it are called, then by its
    /// folder, then each made of one folder more than the one before.
    fn candidates(&self, path: &str, wanted: &Wanted) -> Vec<String> {
        let namespace = wanted.namespace.as_deref();
        let file = File::new(path);
        let near = wanted
            .shapes
            .iter()
            .filter(|(within, _)| is_below(within, path));
        let mut candidates: Vec<String> = near
            .filter_map(|(_, shape)| shape.name(&file))
            .chain([self.default_name(path, namespace)])
            .take(1)
            .collect();
        let parts: Vec<&str> = folder_of(path).split('/').collect();
        let suffix = discover::suffix(path);
        for depth in 2..=parts.len() {
            let mut parts = parts[parts.len() - depth..].to_vec();
            parts.extend((!suffix.is_empty()).then_some(suffix));
            let name = reference::legal(&parts.join("-"));
            candidates.extend(name.map(|name| in_namespace(namespace, &name)));
        }
        candidates
    }

    /// The name that a Dockerfile's image has where the configuration says nothing of it, or one made
    /// of the repository's where it has none.
    pub(super) fn default_name(&self, path: &str, namespace: Option<&str>) -> String {
        default_name(path, namespace).unwrap_or_else(|| {
            let project = reference::legal(self.project).unwrap_or_else(|| "app".to_owned());
            let suffix = reference::legal(discover::suffix(path));
            let name = suffix.map_or(project.clone(), |suffix| format!("{project}-{suffix}"));
            in_namespace(namespace, &name)
        })
    }
}

impl Wanted {
    /// The namespace that most references speak of.
    pub(super) fn spoken_namespace(&self) -> Option<&str> {
        self.found.iter().find_map(|found| found.shape.namespace())
    }

    /// Whether literal tags are the version of this tree: most references have one, and each image
    /// has one alone.
    fn are_pins_versions(&self) -> bool {
        let mut tags: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for reference in self.pins() {
            let tag = reference.tag.as_deref().unwrap_or_default();
            tags.entry(&reference.repository).or_default().insert(tag);
        }
        let references: usize = self.found.iter().map(|found| found.means.len()).sum();
        let are_most = self.pins().len() * 2 > references;
        are_most && tags.len() > 1 && tags.values().all(|tags| tags.len() == 1)
    }

    /// Whether a Dockerfile, not a build alone, means another by a way.
    pub(super) fn is_written(&self, found: &Found, path: &String) -> bool {
        let mut means = found.means.iter().filter(|(_, meant)| *meant == path);
        means.any(|(index, _)| {
            self.spoken
                .get(*index)
                .is_some_and(|said| !said.used_in.is_empty())
        })
    }

    /// The references to what was built on the same machine, with their tags.
    pub(super) fn locals(&self) -> BTreeSet<String> {
        let locals = self.found.iter().flat_map(|found| &found.locals);
        let locals = locals.filter_map(|index| self.spoken.get(*index));
        locals.map(Spoken::full).collect()
    }

    /// The references to images here that have a literal tag of their own.
    pub(super) fn pins(&self) -> Vec<&Spoken> {
        let pins = self
            .found
            .iter()
            .flat_map(|found| found.pins.difference(&found.locals));
        pins.filter_map(|index| self.spoken.get(*index)).collect()
    }
}

/// What of a way is said for people.
pub(super) fn told(found: &Found) -> String {
    let meant: BTreeSet<&String> = found.means.values().collect();
    let names = counted(meant.len(), "name", "names");
    let matching = if meant.len() == 1 { "matches" } else { "match" };
    match found.shape.prefix.as_str() {
        "" => format!("{names} {matching} paths here"),
        prefix => {
            let what = found.shape.what();
            format!("{names} under `{prefix}` {matching} {what} here")
        }
    }
}

/// The shortest way that gives each of some Dockerfiles a name of its own, none of them taken.
fn apart(paths: &[&String], namespace: Option<&str>, taken: &BTreeSet<String>) -> Option<Shape> {
    let files: Vec<File> = paths.iter().map(|path| File::new(path)).collect();
    let mut shapes = Shape::longer(namespace, &files);
    shapes.find(|shape| {
        let names: BTreeSet<String> = files.iter().filter_map(|file| shape.name(file)).collect();
        names.len() == files.len() && names.is_disjoint(taken)
    })
}

/// Of Dockerfiles whose first candidates for a name are one: which candidates all differ. The first for
/// two that are not equally deep, for the nearer to the root keeps it.
fn level(crowd: &[&Vec<String>]) -> usize {
    let depths: BTreeSet<usize> = crowd.iter().map(|names| names.len()).collect();
    if crowd.len() < 2 || crowd.len() == 2 && depths.len() == 2 {
        return 0;
    }
    let levels = 1..depths.first().copied().unwrap_or_default();
    let differ = |level: &usize| {
        let names: BTreeSet<&String> = crowd.iter().map(|names| &names[*level]).collect();
        names.len() == crowd.len()
    };
    levels.into_iter().find(differ).unwrap_or_default()
}
