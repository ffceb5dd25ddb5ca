//! What the images are called: by the evidence of builds and references, else by their folders.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Bound, Build};
use super::references::{Used, split, tag};
use super::required::Arguments;
use crate::config::IMAGE_SCHEME;
use crate::lang::reference::{self, Reference};
use crate::paths::file_name;
use crate::planner::align::{Found, Shape, Spoken};
use crate::planner::names;

/// An image that a build makes, with its name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) build: Build,
    pub(super) name: String,
    /// Further references by which Dockerfiles mean it.
    pub(super) aliases: BTreeSet<String>,
    /// Further named contexts, as the configuration writes them.
    pub(super) contexts: BTreeMap<String, String>,
}

/// All images that are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// First part of default names.
    pub(super) namespace: Option<String>,
    /// Those that builds make.
    pub(super) images: Vec<Named>,
    /// Of the Dockerfiles that no build names: their names.
    pub(super) plain: BTreeMap<String, String>,
    /// Whether literal tags of images here mean what is built here.
    pub(super) is_pinned_internal: bool,
    /// Where images live, where builds say so of all in the same way.
    pub(super) repository: Option<String>,
    /// Of these, the arguments that they need.
    pub(super) arguments: Arguments,
    /// Of these, further references by which others mean them.
    pub(super) aliases: BTreeMap<String, BTreeSet<String>>,
    /// The references that are evidence.
    pub(super) spoken: Vec<Spoken>,
    /// How they speak of the Dockerfiles.
    pub(super) found: Vec<Found>,
    /// How names were made of paths, each with the folder where that counts.
    pub(super) shapes: Vec<(String, Shape)>,
    /// The same of tags that only builds give, which say where images live.
    pub(super) built_shapes: Vec<(String, Shape)>,
}

/// What there is to name.
pub(super) struct Known<'e> {
    /// The builds, no two of which make the same image.
    pub(super) builds: &'e [Build],
    /// The images that services run and nothing builds.
    pub(super) run: &'e BTreeSet<String>,
    /// The references of all Dockerfiles.
    pub(super) used: &'e [Used],
    /// The paths of all Dockerfiles.
    pub(super) dockerfiles: &'e BTreeSet<String>,
    /// The namespace, where somebody said it.
    pub(super) namespace: Option<&'e str>,
    /// What the repository is called: the name of an image where nothing else gives one.
    pub(super) project: &'e str,
}

impl Known<'_> {
    /// Names everything.
    pub(super) fn name(&self) -> Wanted {
        let keys = self.keys();
        let mut repositories: Vec<Option<String>> = (0..self.builds.len())
            .map(|index| self.spoken_name(index, &keys[index]))
            .collect();
        self.translate(&mut repositories);
        let mut wanted = Wanted {
            namespace: self.namespace.map(str::to_owned),
            ..Wanted::default()
        };
        self.speak_of(&mut wanted);
        if wanted.namespace.is_none() {
            wanted.namespace = namespace(&repositories, &wanted);
        }
        let names = self.full_names(&repositories, wanted.namespace.as_deref());
        wanted.images = self.images(names, &keys, wanted.namespace.as_deref());
        self.name_plain(&mut wanted);
        wanted.repository = repository(&wanted.images);
        wanted
    }

    /// By build, the references that other builds bind it to.
    fn keys(&self) -> Vec<BTreeSet<String>> {
        let mut keys = vec![BTreeSet::new(); self.builds.len()];
        for build in self.builds {
            for (key, bound) in &build.contexts {
                if let Some(index) = self.bound(build, bound)
                    && let Ok(reference) = Reference::parse(key)
                {
                    keys[index].insert(reference.context_key());
                }
            }
        }
        keys
    }

    /// The build that a named context of another is.
    fn bound(&self, of: &Build, bound: &Bound) -> Option<usize> {
        let Bound::Build(label) = bound else {
            return None;
        };
        let mut builds = self.builds.iter();
        builds.position(|build| build.labels.contains(label) && build.set == of.set)
    }

    /// The repository by which Dockerfiles speak of a build, as other builds or its tags say it.
    fn spoken_name(&self, index: usize, keys: &BTreeSet<String>) -> Option<String> {
        let parse = |text: &String| Reference::parse(text).ok();
        let keys = keys.iter().filter_map(parse);
        if let Some(key) = keys.into_iter().find(|key| !split(key).0.is_empty()) {
            return Some(joined(split(&key)));
        }
        let build = &self.builds[index];
        let tags: Vec<_> = build
            .references
            .iter()
            .filter_map(parse)
            .map(|r| split(&r))
            .collect();
        let others = self
            .used
            .iter()
            .filter(|used| used.dockerfile != build.dockerfile);
        let others: BTreeSet<_> = others.map(|used| split(&used.reference)).collect();
        let implied = self.implied_names(build).into_iter().flatten();
        let mut implied = implied.map(|name| (String::new(), name));
        let implied = implied.find(|name| others.contains(name));
        if let Some(implied) = implied {
            return Some(joined(implied));
        }
        let exact = tags.iter().find(|tag| others.contains(*tag));
        let other = || {
            let mut others = others.iter();
            others
                .find(|(prefix, last)| !prefix.is_empty() && tags.iter().any(|tag| tag.1 == *last))
        };
        exact.or_else(other).cloned().map(joined)
    }

    /// What compose calls the image of a service that has no name, in its second version and in its first.
    fn implied_names(&self, build: &Build) -> Option<[String; 2]> {
        let is_unnamed = build.kind == "service" && build.references.is_empty();
        let project = build.project.as_deref().unwrap_or(self.project);
        let project = project.to_lowercase();
        is_unnamed.then(|| ["-", "_"].map(|by| format!("{project}{by}{}", build.label())))
    }

    /// Gives the builds that nobody speaks of the repository of their first tag, in the namespace by
    /// which people speak of others that are tagged alike.
    fn translate(&self, repositories: &mut [Option<String>]) {
        let first_tag = |build: &Build| {
            let mut tags = build.references.iter();
            tags.find_map(|text| Reference::parse(text).ok())
                .map(|tag| split(&tag))
        };
        let mut said: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (build, repository) in self.builds.iter().zip(&*repositories) {
            if let (Some((prefix, last)), Some(repository)) = (first_tag(build), repository)
                && file_name(repository) == last
            {
                let spoken = repository.strip_suffix(&last).unwrap_or_default();
                let spoken = spoken.trim_end_matches('/').to_owned();
                *said.entry(prefix).or_default().entry(spoken).or_default() += 1;
            }
        }
        for (build, repository) in self.builds.iter().zip(repositories) {
            if repository.is_none()
                && let Some((prefix, last)) = first_tag(build)
            {
                let spoken = said.get(&prefix).and_then(most);
                *repository = Some(joined((spoken.cloned().unwrap_or(prefix), last)));
            }
        }
    }

    /// The names of builds: a tag is part of one where several builds share a repository.
    fn full_names(
        &self,
        repositories: &[Option<String>],
        namespace: Option<&str>,
    ) -> Vec<Option<String>> {
        let count = |repository: &String| {
            let same = repositories.iter().flatten();
            same.filter(|other| *other == repository).count()
        };
        let mut taken = BTreeSet::new();
        let mut names = vec![None; self.builds.len()];
        // Of two builds with one tag that which is called so keeps it: the other is a test of it.
        let is_called_otherwise = |index: &usize| {
            let last = repositories[*index].as_deref().map(file_name);
            last != Some(self.builds[*index].label())
        };
        let mut order: Vec<usize> = (0..self.builds.len()).collect();
        order.sort_by_key(is_called_otherwise);
        for index in order {
            let (build, repository) = (&self.builds[index], &repositories[index]);
            let label = reference::legal(build.label()).unwrap_or_else(|| "image".to_owned());
            let shares = self
                .builds
                .iter()
                .filter(|other| other.dockerfile == build.dockerfile);
            let name = match repository {
                Some(repository) if count(repository) > 1 => {
                    let mut tags = build
                        .references
                        .iter()
                        .filter_map(|r| Reference::parse(r).ok());
                    match tags.find_map(|reference| tag(&reference).map(str::to_owned)) {
                        Some(tag) => Some(format!("{repository}:{tag}")),
                        None => Some(repository.clone()),
                    }
                }
                Some(repository) => Some(repository.clone()),
                None if shares.count() > 1 => Some(in_namespace(namespace, &label)),
                // Its folder names it.
                None => None,
            };
            let name = name.map(|name| {
                if names::problem_of(&name).is_none() && !taken.contains(&name) {
                    return name;
                }
                free(&in_namespace(namespace, &label), &taken)
            });
            taken.extend(name.clone());
            names[index] = name;
        }
        names
    }

    /// The builds with their names, the references by which Dockerfiles mean them, and what their
    /// named contexts are.
    fn images(
        &self,
        names: Vec<Option<String>>,
        keys: &[BTreeSet<String>],
        namespace: Option<&str>,
    ) -> Vec<Named> {
        let mut images: Vec<Named> = Vec::new();
        let mut taken: BTreeSet<String> = names.iter().flatten().cloned().collect();
        for (index, name) in names.into_iter().enumerate() {
            let build = &self.builds[index];
            let name = name.unwrap_or_else(|| {
                let name = free(&self.default_name(&build.dockerfile, namespace), &taken);
                taken.insert(name.clone());
                name
            });
            images.push(Named {
                build: build.clone(),
                name,
                aliases: BTreeSet::new(),
                contexts: BTreeMap::new(),
            });
        }
        let names: Vec<String> = images.iter().map(|image| image.name.clone()).collect();
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            owners.extend(key(name).map(|key| (key, index)));
        }
        for (index, keys) in keys.iter().enumerate() {
            for key in keys.iter().filter(|key| self.is_alias(key, index)) {
                owners.entry(key.clone()).or_insert(index);
            }
            for pin in self.pins(&self.builds[index]) {
                owners.entry(pin).or_insert(index);
            }
        }
        for (alias, index) in &owners {
            if key(&names[*index]).as_ref() != Some(alias) {
                images[*index].aliases.insert(alias.clone());
            }
        }
        for image in &mut images {
            for (name, bound) in &image.build.contexts {
                let value = match bound {
                    Bound::Folder(folder) => folder.clone(),
                    Bound::Image(image) => format!("{IMAGE_SCHEME}{image}"),
                    Bound::Build(_) => {
                        let Some(bound) = self.bound(&image.build, bound) else {
                            continue;
                        };
                        if key(name).and_then(|key| owners.get(&key)) == Some(&bound) {
                            continue;
                        }
                        format!("{IMAGE_SCHEME}{}", names[bound])
                    }
                };
                image.contexts.insert(name.clone(), value);
            }
        }
        images
    }

    /// Whether a reference means one build wherever it stands.
    fn is_alias(&self, key: &str, index: usize) -> bool {
        let is_key = |text: &str| self::key(text).as_deref() == Some(key);
        let binds = |build: &Build| {
            let mut contexts = build.contexts.iter();
            contexts.find_map(|(name, bound)| is_key(name).then(|| self.bound(build, bound)))
        };
        let one_meaning = self
            .builds
            .iter()
            .filter_map(binds)
            .all(|bound| bound == Some(index));
        let mut used = self
            .used
            .iter()
            .filter(|used| used.reference.context_key() == key);
        one_meaning
            && used.all(|used| {
                let mut builds = self.builds.iter();
                builds.any(|build| build.dockerfile == used.dockerfile && binds(build).is_some())
            })
    }

    /// The references, tags included, that a build is tagged and that Dockerfiles take from: a literal
    /// tag would mean a published image else.
    fn pins(&self, build: &Build) -> impl Iterator<Item = String> {
        let references = build.references.iter();
        let references = references.filter_map(|text| Reference::parse(text).ok());
        references
            .filter(|reference| {
                let mut used = self.used.iter();
                used.any(|used| used.reference == *reference && !used.tag_from_variable)
            })
            .map(|reference| reference.context_key())
    }
}

/// The namespace of most images: of builds first, then of references.
fn namespace(repositories: &[Option<String>], wanted: &Wanted) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for repository in repositories.iter().flatten() {
        if let Some((prefix, _)) = repository.rsplit_once('/') {
            *counts.entry(prefix.to_owned()).or_default() += 1;
        }
    }
    let spoken = wanted.spoken_namespace();
    most(&counts).cloned().or_else(|| spoken.map(str::to_owned))
}

/// Where images live, where the first tags of builds say so of all of them in the same way, and it is
/// not their name.
fn repository(images: &[Named]) -> Option<String> {
    let mut prefixes = BTreeSet::new();
    let mut differs = false;
    for image in images {
        let first = Reference::parse(image.build.references.first()?).ok()?;
        let name = Reference::parse(&image.name).ok()?;
        let (lives, named) = (split(&first), split(&name));
        if lives.1 != named.1 || lives.0.is_empty() {
            return None;
        }
        differs |= lives != named;
        prefixes.insert(lives.0);
    }
    let prefix = prefixes
        .pop_first()
        .filter(|_| differs && prefixes.is_empty())?;
    Some(format!("{prefix}/{{{{ short }}}}"))
}

/// What was counted most often; of several the first.
fn most<T: Ord>(counts: &BTreeMap<T, usize>) -> Option<&T> {
    let mut best: Option<(&T, usize)> = None;
    for (value, count) in counts {
        if best.is_none_or(|(_, most)| *count > most) {
            best = Some((value, *count));
        }
    }
    best.map(|(value, _)| value)
}

/// A reference as a builder looks it up; none of what is no reference.
fn key(text: &str) -> Option<String> {
    let reference = Reference::parse(text).ok()?;
    Some(reference.context_key())
}

fn joined((prefix, last): (String, String)) -> String {
    if prefix.is_empty() {
        last
    } else {
        format!("{prefix}/{last}")
    }
}

pub(super) fn in_namespace(namespace: Option<&str>, name: &str) -> String {
    joined((namespace.unwrap_or_default().to_owned(), name.to_owned()))
}

/// The name, with a number where it is taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(name) {
        return name.to_owned();
    }
    let mut numbers = 2..;
    let found = numbers.find_map(|number| {
        let name = format!("{name}-{number}");
        (!taken.contains(&name)).then_some(name)
    });
    found.unwrap_or_default()
}
