//! From everything that is wanted, said in full, to the shortest configuration that plans the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::by_name::template;
use super::draft::{Draft, Entry, Rule};
use super::naming::Wanted;
use super::planner::{Difference, Images, Planner};
use super::required::{Given, VALUE};
use super::rules;
use crate::paths::{file_name, folder_of};
use crate::planner::discover::{is_dockerfile, patterns};
use crate::planner::names::default_name;

/// A thing that a draft says of an image and that may go.
#[derive(Debug)]
enum Part {
    Context,
    Target,
    Argument(String),
    Alias(String),
    NamedContext(String),
    Platforms,
}

/// The draft that says everything that is wanted, each in its own words.
pub(super) fn in_full(wanted: &Wanted, exclude: &BTreeSet<String>) -> Draft {
    let images = wanted.images.iter().map(|image| {
        let build = &image.build;
        let entry = Entry {
            dockerfile: Some(build.dockerfile.clone()),
            context: Some(build.context.clone()),
            target: build.target.clone(),
            build_args: build.arguments.clone(),
            aliases: image.aliases.clone(),
            contexts: image.contexts.clone(),
            platforms: build.platforms.clone(),
            settings: build.settings.clone(),
        };
        (image.name.clone(), entry)
    });
    let mut images: BTreeMap<String, Entry> = images.collect();
    for (path, aliases) in &wanted.aliases {
        if let Some(name) = wanted.plain.get(path) {
            let entry = images.entry(name.clone()).or_default();
            entry.aliases.extend(aliases.iter().cloned());
        }
    }
    for (path, arguments) in &wanted.arguments {
        let Some(name) = wanted.plain.get(path) else {
            continue;
        };
        let entry = images.entry(name.clone()).or_default();
        entry
            .build_args
            .extend(arguments.iter().map(|(argument, (given, _))| {
                let text = match given {
                    Given::Text(text) => Some(text),
                    Given::Image(path) => wanted.plain.get(path),
                };
                (
                    argument.clone(),
                    text.map_or(VALUE, String::as_str).to_owned(),
                )
            }));
    }
    Draft {
        namespace: wanted.namespace.clone(),
        names: wanted.plain.clone(),
        exclude: exclude.iter().map(|path| patterns::literal(path)).collect(),
        images,
        repository: wanted.repository.clone(),
        pinned: wanted.is_pinned_internal.then_some("internal"),
        ..Draft::default()
    }
}

/// The shortest draft found that plans what `full` does, which is `images`.
pub(super) fn shortest(
    full: Draft,
    wanted: &Wanted,
    excluded: &BTreeSet<String>,
    images: &Images,
    planner: &Planner<'_>,
) -> Draft {
    let settler = Settler {
        wanted,
        excluded,
        images,
        planner,
    };
    let mut draft = full;
    for step in [
        Settler::pin_to_local,
        Settler::hoist_platforms,
        Settler::hoist_settings,
        Settler::hoist_arguments,
        Settler::name_by_path,
        Settler::drop_parts,
        Settler::drop_names,
        Settler::name_by_rule,
        Settler::alias_by_rule,
        Settler::name_by_folder,
        Settler::drop_namespace,
        Settler::exclude_by_pattern,
        Settler::forget_guesses,
    ] {
        draft = step(&settler, draft);
    }
    draft
}

struct Settler<'s> {
    wanted: &'s Wanted,
    /// The paths of files that cannot be planned.
    excluded: &'s BTreeSet<String>,
    images: &'s Images,
    planner: &'s Planner<'s>,
}

impl Settler<'_> {
    /// The changed draft where it plans the same, else the draft as it was.
    fn or(&self, draft: Draft, changed: Draft) -> Draft {
        if draft != changed && self.is_same(&changed) {
            changed
        } else {
            draft
        }
    }

    fn is_same(&self, draft: &Draft) -> bool {
        let images = self.planner.images(draft);
        images.is_some_and(|images| self.images.difference(&images) == Difference::None)
    }

    /// Says of all literal tags what is said of those that are local, where no other differs.
    fn pin_to_local(&self, draft: Draft) -> Draft {
        let changed = draft.without_aliases(&self.wanted.locals());
        let is_local = changed != draft;
        let pinned = is_local.then_some("internal").or(draft.pinned);
        self.or(draft, Draft { pinned, ..changed })
    }

    /// Says once what is said of all images.
    fn hoist_platforms(&self, draft: Draft) -> Draft {
        let mut platforms = draft.images.values().map(|entry| &entry.platforms);
        let Some(first) = platforms.next().cloned() else {
            return draft;
        };
        if first.is_empty() || !platforms.all(|other| *other == first) {
            return draft;
        }
        let mut changed = draft.clone();
        for entry in changed.images.values_mut() {
            entry.platforms.clear();
        }
        changed.platforms = first;
        self.or(draft, changed)
    }

    /// Says once the settings that all images have, be it with the name of each in them.
    fn hoist_settings(&self, mut draft: Draft) -> Draft {
        let mut keys: BTreeSet<&'static str> = BTreeSet::new();
        for entry in draft.images.values() {
            keys.extend(entry.settings.keys().copied());
        }
        for key in keys {
            let images = draft.images.iter();
            let values = images.map(|(name, entry)| Some((name, entry.settings.get(key)?)));
            let Some(values) = values.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let same = one(values.iter().map(|(_, value)| (*value).clone()));
            let by_name = || one(values.iter().map(|(name, value)| template(value, name)));
            let Some(first) = same.or_else(by_name) else {
                continue;
            };
            let mut changed = draft.clone();
            for entry in changed.images.values_mut() {
                entry.settings.remove(key);
            }
            changed.settings.insert(key, first);
            draft = self.or(draft, changed);
        }
        draft
    }

    /// Says once the arguments that have one value wherever they are given, and those that somebody has to
    /// give one; drops those that do nothing there.
    fn hoist_arguments(&self, mut draft: Draft) -> Draft {
        let mut values: BTreeMap<&String, BTreeMap<&String, usize>> = BTreeMap::new();
        for entry in draft.images.values() {
            for (name, value) in &entry.build_args {
                *values.entry(name).or_default().entry(value).or_default() += 1;
            }
        }
        let common = values.into_iter().filter_map(|(name, values)| {
            match values.into_iter().collect::<Vec<_>>()[..] {
                [(value, count)] if count > 1 || value == VALUE => {
                    Some((name.clone(), value.clone()))
                }
                _ => None,
            }
        });
        for (name, value) in common.collect::<Vec<_>>() {
            let mut without = draft.clone();
            for entry in without.images.values_mut() {
                entry.build_args.remove(&name);
            }
            let mut once = without.clone();
            once.build_args.insert(name, value);
            draft = if self.is_same(&without) {
                without
            } else {
                self.or(draft, once)
            };
        }
        draft
    }

    /// Names by its path what is the only image of its Dockerfile, if that is called like one: others
    /// are found by an entry of `images` alone.
    fn name_by_path(&self, draft: Draft) -> Draft {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for entry in draft.images.values() {
            *counts
                .entry(entry.dockerfile.clone().unwrap_or_default())
                .or_default() += 1;
        }
        let mut changed = draft.clone();
        for (name, entry) in &mut changed.images {
            let is_alone = |path: &mut String| counts.get(path) == Some(&1) && is_dockerfile(path);
            if let Some(path) = entry.dockerfile.take_if(is_alone) {
                changed.names.insert(path, name.clone());
            }
        }
        self.or(draft, changed)
    }

    /// Drops what changes nothing of the images' settings, one kind of thing after the other. In each
    /// round at most one thing of an image, so that a round says whether that image needs it.
    fn drop_parts(&self, mut draft: Draft) -> Draft {
        let mut rounds: BTreeMap<(usize, usize), Vec<(String, Part)>> = BTreeMap::new();
        for (name, entry) in &draft.images {
            let arguments = entry.build_args.keys().cloned();
            let aliases = entry.aliases.iter().cloned();
            let contexts = entry.contexts.keys().cloned();
            let has_platforms = !entry.platforms.is_empty();
            let dockerfile = self.images.dockerfile(name);
            let is_last = |target: &&String| self.planner.is_last_stage(dockerfile, target);
            let targets = entry.target.iter().filter(is_last);
            let kinds: [Vec<Part>; 6] = [
                entry.context.iter().map(|_| Part::Context).collect(),
                targets.map(|_| Part::Target).collect(),
                arguments.map(Part::Argument).collect(),
                aliases.map(Part::Alias).collect(),
                contexts.map(Part::NamedContext).collect(),
                has_platforms
                    .then_some(Part::Platforms)
                    .into_iter()
                    .collect(),
            ];
            for (kind, parts) in kinds.into_iter().enumerate() {
                for (position, part) in parts.into_iter().enumerate() {
                    let round = rounds.entry((kind, position)).or_default();
                    round.push((name.clone(), part));
                }
            }
        }
        for parts in rounds.into_values() {
            draft = self.without(draft, parts);
        }
        draft.images.retain(|_, entry| !entry.is_empty());
        draft
    }

    /// Drops as many of some images' parts as can go. All at once at first: what makes a difference
    /// stays. Where others than these images differ, from one half and then the other.
    fn without(&self, draft: Draft, mut parts: Vec<(String, Part)>) -> Draft {
        while !parts.is_empty() {
            let mut changed = draft.clone();
            for (name, part) in &parts {
                remove(&mut changed, name, part);
            }
            let found = self.planner.images(&changed);
            let differing = match found.map(|found| self.images.difference(&found)) {
                Some(Difference::None) => return changed,
                Some(Difference::Of(differing)) => differing,
                None => BTreeSet::new(),
            };
            let before = parts.len();
            parts.retain(|(name, _)| !differing.contains(name));
            if parts.len() < before {
                continue;
            }
            if before == 1 {
                break;
            }
            let second = parts.split_off(before / 2);
            let draft = self.without(draft, parts);
            return self.without(draft, second);
        }
        draft
    }

    /// Drops the names that the defaults give.
    fn drop_names(&self, draft: Draft) -> Draft {
        let mut changed = draft.clone();
        let namespace = draft.namespace.as_deref();
        changed
            .names
            .retain(|path, name| default_name(path, namespace).as_ref() != Some(name));
        self.or(draft, changed)
    }

    fn name_by_rule(&self, draft: Draft) -> Draft {
        let taken: BTreeSet<&String> = draft
            .images
            .values()
            .filter_map(|entry| entry.dockerfile.as_ref())
            .collect();
        let all = self.images.names_by_dockerfile();
        let all = all
            .into_iter()
            .filter(|(path, _)| !taken.contains(path))
            .collect();
        let shapes = [&self.wanted.shapes[..], &self.wanted.built_shapes].concat();
        match rules::with_rules(&draft, &all, &shapes) {
            Some(changed) => self.or(draft, changed),
            None => draft,
        }
    }

    /// Says once what other beginnings the names of a rule have.
    fn alias_by_rule(&self, draft: Draft) -> Draft {
        let mut changed = draft.clone();
        for found in &self.wanted.found {
            let mut meant = found.means.values();
            if !meant.any(|path| self.wanted.is_written(found, path)) {
                continue;
            }
            for (_, shape) in &self.wanted.shapes {
                let Some(alias) = rules::alias(&found.shape, shape) else {
                    continue;
                };
                let begins = |rule: &&mut Rule| rule.name.starts_with(&shape.prefix);
                if let Some(rule) = changed.rules.iter_mut().find(begins)
                    && found.shape != *shape
                {
                    rule.aliases.push(alias);
                }
            }
            let own = |entry: &mut Entry| {
                let is_other = |alias: &String| !alias.starts_with(&found.shape.prefix);
                entry.aliases.retain(is_other);
            };
            if changed.rules != draft.rules {
                changed.images.values_mut().for_each(own);
            }
        }
        changed.images.retain(|_, entry| !entry.is_empty());
        self.or(draft, changed)
    }

    /// Writes `/folder` rather than `/folder/Dockerfile` where that means the same.
    fn name_by_folder(&self, draft: Draft) -> Draft {
        let mut changed = draft.clone();
        changed.names = BTreeMap::new();
        for (path, name) in &draft.names {
            let folder = folder_of(path);
            let mut others = self.images.dockerfiles();
            let is_alone = !others.any(|other| other != path && folder_of(other) == folder);
            let key = match folder {
                _ if !is_alone || file_name(path) != "Dockerfile" => path,
                "." => "",
                folder => folder,
            };
            changed.names.insert(key.to_owned(), name.clone());
        }
        self.or(draft, changed)
    }

    /// Says with few patterns which files are left out.
    fn exclude_by_pattern(&self, draft: Draft) -> Draft {
        let some: BTreeSet<&str> = self.excluded.iter().map(String::as_str).collect();
        let all = self.images.dockerfiles().chain(some.iter().copied());
        let changed = Draft {
            exclude: patterns::covering(&some, all).into_iter().collect(),
            ..draft.clone()
        };
        self.or(draft, changed)
    }

    /// Leaves its default name to a Dockerfile beside a rule whose name no reference and no build says.
    fn forget_guesses(&self, draft: Draft) -> Draft {
        let built = self.wanted.images.iter();
        let built = built.map(|image| &image.build.dockerfile);
        let found = self.wanted.found.iter();
        let meant = found.flat_map(|found| found.means.values().chain(found.irregular.values()));
        let said: BTreeSet<&String> = built.chain(meant).collect();
        let all = self.images.names_by_dockerfile();
        let is_guess = |path: &String| {
            !self.wanted.found.is_empty() && all.contains_key(path) && !said.contains(path)
        };
        let mut changed = draft.clone();
        changed.names.retain(|path, _| !is_guess(path));
        if draft.rules.is_empty() || changed == draft {
            return draft;
        }
        let Some(images) = self.planner.images(&changed) else {
            return draft;
        };
        let now = images.names_by_dockerfile();
        let guesses = draft.names.keys().filter(|path| is_guess(path));
        let renamed: BTreeSet<&String> = guesses
            .flat_map(|path| [all.get(path), now.get(path)])
            .flatten()
            .collect();
        match self.images.difference(&images) {
            Difference::Of(names) if names.iter().all(|name| renamed.contains(name)) => changed,
            _ => draft,
        }
    }

    fn drop_namespace(&self, draft: Draft) -> Draft {
        let changed = Draft {
            namespace: None,
            ..draft.clone()
        };
        self.or(draft, changed)
    }
}

/// What all of these are; none where two differ.
fn one(mut values: impl Iterator<Item = Value>) -> Option<Value> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn remove(draft: &mut Draft, name: &str, part: &Part) {
    let Some(entry) = draft.images.get_mut(name) else {
        return;
    };
    match part {
        Part::Context => entry.context = None,
        Part::Target => entry.target = None,
        Part::Argument(name) => {
            entry.build_args.remove(name);
        }
        Part::Alias(alias) => {
            entry.aliases.remove(alias);
        }
        Part::NamedContext(name) => {
            entry.contexts.remove(name);
        }
        Part::Platforms => entry.platforms.clear(),
    }
}
