//! What the Dockerfiles that no build names are called: as references speak of them, else by folders.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{Evidence, Wanted, free, in_namespace};
use super::references::spoken;
use crate::config::{Config, Spanned};
use crate::lang::reference;
use crate::paths::folder_of;
use crate::planner::align::{File, Found, Part, Paths, Shape, is_below};
use crate::planner::discover;
use crate::planner::names::Namer;

/// Of Dockerfiles that share their first names, how many are still named one by one.
const FEW: usize = 2;

impl Evidence<'_> {
    /// Finds how references speak of the Dockerfiles.
    pub(super) fn speak_of(&self, wanted: &mut Wanted) {
        wanted.spoken = spoken(self.used, self.builds);
        wanted.found = Paths::new(self.dockerfiles).find(&wanted.spoken);
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

    /// Names the Dockerfiles that references mean, by what the first way says of each; what others say
    /// are aliases.
    fn name_meant(
        &self,
        built: &BTreeSet<&String>,
        taken: &mut BTreeSet<String>,
        wanted: &mut Wanted,
    ) {
        for found in &wanted.found {
            let mut names = 0;
            for path in found.means.values().filter(|path| !built.contains(path)) {
                let Some(name) = found.shape.name(&File::new(path)) else {
                    continue;
                };
                match wanted.plain.get(path) {
                    Some(known) if *known == name => {}
                    Some(_) => {
                        let aliases = wanted.aliases.entry(path.clone()).or_default();
                        aliases.insert(name.clone());
                        taken.insert(name);
                    }
                    None if taken.insert(name.clone()) => {
                        wanted.plain.insert(path.clone(), name);
                        names += 1;
                    }
                    None => {}
                }
            }
            if names > 0 {
                wanted
                    .shapes
                    .push((found.within.clone(), found.shape.clone()));
            }
        }
        wanted
            .shapes
            .sort_by_key(|(within, _)| usize::MAX - within.len());
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
}

/// What of a way is said for people.
pub(super) fn told(found: &Found) -> String {
    let (count, s) = (
        found.means.len(),
        if found.means.len() == 1 { "" } else { "s" },
    );
    let names = if found.means.len() == 1 {
        "names"
    } else {
        "name"
    };
    match found.shape.prefix.as_str() {
        "" => format!("{count} reference{s} {names} paths here"),
        prefix => format!("{count} reference{s} under `{prefix}` {names} folders here"),
    }
}

/// The name that a Dockerfile's image has where the configuration says nothing of it but the
/// namespace; none where it has none.
pub(super) fn default_name(path: &str, namespace: Option<&str>) -> Option<String> {
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

/// The shortest way that gives each of some Dockerfiles a name of its own, none of them taken.
fn apart(paths: &[&String], namespace: Option<&str>, taken: &BTreeSet<String>) -> Option<Shape> {
    let prefix = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
    let files: Vec<File> = paths.iter().map(|path| File::new(path)).collect();
    let depth = files.iter().map(|file| file.folders.len()).min()?;
    let by_depth = (2..=depth.min(4)).map(|depth| {
        let mut shape = Shape::plain(&prefix);
        let above = (2..=depth).rev().map(|up| ('-', Part::Up(up)));
        shape.pieces.splice(0..0, above);
        shape
    });
    let mut shapes = by_depth.chain([Shape::path(&prefix, 0, '-')]);
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
