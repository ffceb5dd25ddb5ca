//! What the Dockerfiles that no build names are called: as references speak of them, else by folders.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::{Evidence, Wanted, free, in_namespace, joined, most};
use super::references::{Used, split};
use crate::config::template::kebab;
use crate::config::{Config, Spanned};
use crate::lang::reference::{self, Reference};
use crate::paths::{file_name, folder_of};
use crate::planner::discover;
use crate::planner::names::{self, Namer};

/// How many references under one namespace have to name folders here before it counts.
const ENOUGH: usize = 2;

impl Evidence<'_> {
    /// Counts, by namespace, the references that name folders here.
    pub(super) fn speak_of(&self, wanted: &mut Wanted) {
        let shorts = self.dockerfiles.iter().map(|path| (path, Short::of(path)));
        let mut called: BTreeMap<&str, Vec<(&String, &Short)>> = BTreeMap::new();
        let shorts: BTreeMap<&String, Short> = shorts.collect();
        for (path, short) in &shorts {
            for last in BTreeSet::from([&*short.name, &*short.folder, &*short.kebab]) {
                called.entry(last).or_default().push((path, short));
            }
        }
        let (mut in_kebab, mut as_tag) = (BTreeMap::new(), BTreeMap::new());
        for used in self.used {
            let (prefix, last) = split(&used.reference);
            let mut paths = called.get(last.as_str()).into_iter().flatten();
            for (_, short) in paths.clone() {
                if short.kebab != short.name {
                    *in_kebab.entry(short.kebab == last).or_default() += 1;
                }
                if let Some(name) = short
                    .is_meant(&last, &used.reference)
                    .filter(|_| !short.suffix.is_empty())
                {
                    *as_tag.entry(name != last).or_default() += 1;
                }
            }
            let own = shorts.get(&used.dockerfile);
            let own = own.is_some_and(|short| short.is_meant(&last, &used.reference).is_some());
            if !prefix.is_empty()
                && !own
                && paths.any(|(_, short)| short.is_meant(&last, &used.reference).is_some())
            {
                let entry = wanted.spoken_of.entry(prefix);
                entry.or_insert_with(|| (0, used.clone())).0 += 1;
            }
        }
        wanted.spoken_of.retain(|_, (count, _)| *count >= ENOUGH);
        wanted.is_kebab = most(&in_kebab) == Some(&true);
        wanted.is_tag = most(&as_tag) == Some(&true);
    }

    /// Names the Dockerfiles that no build names: as references speak of them, else by folder.
    pub(super) fn name_plain(&self, wanted: &mut Wanted) {
        let built: BTreeSet<&String> = self.builds.iter().map(|build| &build.dockerfile).collect();
        let mut paths: Vec<&String> = self
            .dockerfiles
            .iter()
            .filter(|path| !built.contains(path))
            .collect();
        // Of two with one name the one nearer to the root keeps it.
        paths.sort_by_key(|path| (path.matches('/').count(), *path));
        let mut taken = BTreeSet::new();
        for image in &wanted.images {
            taken.insert(image.name.clone());
            taken.extend(image.aliases.iter().cloned());
        }
        let mut by_last: BTreeMap<String, Vec<(String, &Used)>> = BTreeMap::new();
        for used in self.used {
            let (prefix, last) = split(&used.reference);
            if !prefix.is_empty() {
                by_last.entry(last).or_default().push((prefix, used));
            }
        }
        for path in &paths {
            let spoken =
                Self::spoken_of(path, &by_last, wanted).filter(|name| !taken.contains(name));
            if let Some(name) = spoken {
                taken.insert(name.clone());
                wanted.plain.insert((*path).clone(), name);
            }
        }
        paths.retain(|path| !wanted.plain.contains_key(*path));
        let mut crowds: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for path in &paths {
            let candidates = self.candidates(path, wanted);
            crowds
                .entry(candidates[0].clone())
                .or_default()
                .push(candidates);
        }
        for path in paths {
            let mut candidates = self.candidates(path, wanted);
            let crowd = &crowds[&candidates[0]];
            candidates.drain(..level(crowd).min(candidates.len() - 1));
            let mut all = candidates.iter();
            let name = all.find(|name| !taken.contains(*name)).cloned();
            let name = name.unwrap_or_else(|| free(&candidates[0], &taken));
            taken.insert(name.clone());
            wanted.plain.insert(path.clone(), name);
        }
    }

    /// Names for a Dockerfile's image, each made of one folder more than the one before.
    fn candidates(&self, path: &str, wanted: &Wanted) -> Vec<String> {
        let (short, namespace) = (Short::of(path), wanted.namespace.as_deref());
        let folder = folder_of(path);
        let as_tag = wanted.is_tag && !short.suffix.is_empty() && folder != ".";
        let as_tag = as_tag.then(|| {
            let name = in_namespace(namespace, &short.folder);
            format!("{name}:{}", short.suffix)
        });
        let in_kebab =
            (wanted.is_kebab && folder != ".").then(|| in_namespace(namespace, &short.kebab));
        let first = as_tag
            .filter(|name| names::problem_of(name).is_none())
            .or(in_kebab);
        let mut candidates = vec![first.unwrap_or_else(|| self.default_name(path, namespace))];
        let parts: Vec<&str> = folder.split('/').collect();
        for depth in 2..=parts.len() {
            let mut parts = parts[parts.len() - depth..].to_vec();
            parts.extend((!short.suffix.is_empty()).then_some(&*short.suffix));
            let name = reference::legal(&parts.join("-"));
            candidates.extend(name.map(|name| in_namespace(namespace, &name)));
        }
        candidates
    }

    /// The name by which references speak of a Dockerfile's image. `by_last` holds the references by
    /// the last component of their repositories.
    fn spoken_of(
        path: &str,
        by_last: &BTreeMap<String, Vec<(String, &Used)>>,
        wanted: &Wanted,
    ) -> Option<String> {
        let short = Short::of(path);
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for last in BTreeSet::from([&short.name, &short.folder, &short.kebab]) {
            for (prefix, used) in by_last.get(last).into_iter().flatten() {
                let counts = wanted.spoken_of.contains_key(prefix)
                    || wanted.namespace.as_ref() == Some(prefix);
                if counts
                    && used.dockerfile != path
                    && let Some(name) = short.is_meant(last, &used.reference)
                {
                    let name = joined((prefix.clone(), name));
                    *names.entry(name).or_default() += 1;
                }
            }
        }
        most(&names).cloned()
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

/// Of Dockerfiles whose first candidates for a name are one: which candidates all differ. The first for
/// two that are not equally deep, for the nearer to the root keeps it.
fn level(crowd: &[Vec<String>]) -> usize {
    let depths: BTreeSet<usize> = crowd.iter().map(Vec::len).collect();
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

/// By what a reference may mean the image of a Dockerfile.
struct Short {
    /// The default name without a namespace; empty where there is none.
    name: String,
    /// The same of the folder's name in kebab case: `node-base` for `NodeBase`.
    kebab: String,
    /// The name of the folder.
    folder: String,
    /// What the file name adds.
    suffix: String,
}

impl Short {
    fn of(path: &str) -> Self {
        let folder = file_name(folder_of(path));
        let short = |path: &str| {
            let name = default_name(path, Some("x")).unwrap_or_default();
            name.strip_prefix("x/").unwrap_or_default().to_owned()
        };
        Self {
            name: short(path),
            kebab: short(&format!("{}/{}", kebab(folder), file_name(path))),
            folder: folder.to_owned(),
            suffix: discover::suffix(path).to_owned(),
        }
    }

    /// What the image is called, in its namespace, if a reference whose repository ends in `last`
    /// means it: by its default name, by that in kebab case, or by its folder with its suffix for the
    /// tag.
    fn is_meant(&self, last: &str, reference: &Reference) -> Option<String> {
        if self.name == last || self.kebab == last {
            return Some(last.to_owned());
        }
        let is_tag = !self.suffix.is_empty() && reference.tag.as_deref() == Some(&self.suffix);
        (self.folder == last && is_tag).then(|| format!("{last}:{}", self.suffix))
    }
}
