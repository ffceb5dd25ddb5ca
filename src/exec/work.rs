//! What is left to do: the plan against what the engine holds.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Found, Host};
use super::queue::Job;
use super::registry::names_host;
use super::tasks::Task;
use super::{Options, Push};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};

/// What is there already, by reference.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// In the engine.
    pub(super) local: BTreeMap<String, Found>,
    /// In the registries, as far as they were asked.
    pub(super) remote: BTreeMap<String, Found>,
}

impl Held {
    /// Whether the engine or a registry holds it.
    pub(super) fn has(&self, reference: &str) -> bool {
        self.local.contains_key(reference) || self.remote.contains_key(reference)
    }
}

/// The plan with what is known about its images. Where several images have one content reference,
/// the first stands for all in these sets of positions.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    /// The images that must be built.
    pub(super) builds: BTreeSet<usize>,
    /// The images that are fetched from their registry.
    pub(super) pulls: BTreeSet<usize>,
    /// The images whose content references go to their registry.
    pub(super) pushes: BTreeSet<usize>,
    /// For each content reference, the position of the first image that has it.
    first: BTreeMap<&'a str, usize>,
    positions: BTreeMap<&'a str, usize>,
}

impl<'a> Work<'a> {
    /// Decides what must be done. What is pushed is wanted in its registry, and is neither built nor
    /// fetched where it is there already; everything else is wanted in the engine.
    ///
    /// # Errors
    /// When one that must be built needs what is neither in the plan nor anywhere else.
    pub(super) fn new(
        plan: &'a Plan,
        host: &Host,
        held: &Held,
        pushing: bool,
    ) -> Result<Self, Diagnostics> {
        let mut work = Self {
            plan,
            builds: BTreeSet::new(),
            pulls: BTreeSet::new(),
            pushes: BTreeSet::new(),
            first: BTreeMap::new(),
            positions: BTreeMap::new(),
        };
        for (position, image) in plan.images.iter().enumerate() {
            work.first.entry(&image.reference).or_insert(position);
            work.positions.insert(&image.name, position);
        }
        let pushed = if pushing {
            work.pushed()
        } else {
            BTreeSet::new()
        };
        for position in work.first.values() {
            let image = &plan.images[*position];
            let usable = |held: &BTreeMap<String, Found>| {
                let held = held.get(&image.reference);
                held.is_some_and(|held| usable(image, held, host))
            };
            let (local, remote) = (usable(&held.local), usable(&held.remote));
            if pushed.contains(position) && !remote {
                work.pushes.insert(*position);
            }
            match (local, remote) {
                (false, false) => work.builds.insert(*position),
                // Something else under its content reference would be taken for it.
                (false, true)
                    if !pushed.contains(position) || held.local.contains_key(&image.reference) =>
                {
                    work.pulls.insert(*position)
                }
                _ => continue,
            };
        }
        let missing = work.missing_dependencies(held);
        if missing.is_empty() {
            Ok(work)
        } else {
            Err(missing)
        }
    }

    /// What is to be done with each image before the readable tags move.
    pub(super) fn tasks(&self) -> BTreeMap<usize, Task> {
        let all = self.builds.iter().chain(&self.pulls).chain(&self.pushes);
        let task = |position: &usize| Task {
            build: self.builds.contains(position),
            pull: self.pulls.contains(position),
            push: self.pushes.contains(position),
        };
        all.map(|position| (*position, task(position))).collect()
    }

    /// The position of the image that is built for this one: its own, or that of a twin before it.
    pub(super) fn builder_of(&self, image: &Image) -> usize {
        self.first[image.reference.as_str()]
    }

    /// The images of `positions` as jobs that wait for each other.
    pub(super) fn jobs(&self, positions: &BTreeSet<usize>) -> Vec<Job<'a>> {
        let job = |position: &usize| {
            let image = &self.plan.images[*position];
            let needs = self
                .dependencies(image)
                .map(|needed| self.builder_of(needed));
            Job {
                id: *position,
                name: &image.name,
                needs: needs.collect(),
            }
        };
        positions.iter().map(job).collect()
    }

    /// Positions of the images whose content references are wanted in a registry.
    fn pushed(&self) -> BTreeSet<usize> {
        let images = self.plan.pushed().into_iter();
        let positions = images.filter_map(|name| self.positions.get(name));
        positions
            .map(|position| self.builder_of(&self.plan.images[*position]))
            .collect()
    }

    /// The images of the plan that this one needs.
    pub(super) fn dependencies(&self, image: &'a Image) -> impl Iterator<Item = &'a Image> {
        image
            .dependencies
            .iter()
            .filter_map(|dependency| self.positions.get(dependency.image.as_str()))
            .map(|position| &self.plan.images[*position])
    }

    /// An error for each dependency that the plan leaves out and that does not exist.
    fn missing_dependencies(&self, held: &Held) -> Diagnostics {
        let is_there = |content: &str| {
            let held = [held.local.get(content), held.remote.get(content)];
            held.into_iter().flatten().any(|held| says(held, content))
        };
        let mut missing = Diagnostics::new();
        for position in &self.builds {
            let image = &self.plan.images[*position];
            for dependency in &image.dependencies {
                let (name, needed) = (&image.name, &dependency.image);
                let problem = match self.plan.content_reference(dependency) {
                    None => format!("`{name}` needs `{needed}`, which is not in the plan"),
                    Some(_) if self.positions.contains_key(needed.as_str()) => continue,
                    Some(content) if is_there(content) => continue,
                    Some(content) => format!(
                        "`{name}` needs `{needed}`, which is left out of the plan and does not \
                         exist: `{content}`"
                    ),
                };
                missing.push(
                    Diagnostic::error("dependency-missing", problem)
                        .help(format!("plan what it needs too: `--upto {name}`")),
                );
            }
        }
        missing
    }
}

/// Every reference that a run asks the engine for.
pub(super) fn references(plan: &Plan) -> BTreeSet<&str> {
    let mut references = BTreeSet::new();
    for image in &plan.images {
        references.insert(image.reference.as_str());
        references.extend(image.tags.iter().map(String::as_str));
        references.extend(
            image
                .dependencies
                .iter()
                .filter_map(|d| d.content.as_deref()),
        );
    }
    references
}

/// The content references that registries are asked for: of what is pushed, and of what the engine
/// lacks and may be fetched.
pub(super) fn asked_remotely<'a>(
    plan: &'a Plan,
    local: &BTreeMap<String, Found>,
    host: &Host,
    options: &Options,
) -> BTreeSet<&'a str> {
    let pushed = match options.push {
        Some(Push::Clean | Push::Dirty) => plan.pushed(),
        None => BTreeSet::new(),
    };
    let may_fetch = |repository: &str| {
        let from_registry = options.from_registry;
        from_registry.unwrap_or_else(|| names_host(repository))
    };
    let mut asked = BTreeSet::new();
    for image in &plan.images {
        let held = local.get(&image.reference);
        let lacking = !held.is_some_and(|held| usable(image, held, host));
        if pushed.contains(image.name.as_str()) || (lacking && may_fetch(&image.repository)) {
            asked.insert(image.reference.as_str());
        }
        let left_out = image.dependencies.iter();
        let left_out = left_out.filter_map(|dependency| dependency.content.as_deref());
        asked.extend(left_out.filter(|content| {
            let held = local.get(*content);
            !held.is_some_and(|held| says(held, content)) && may_fetch(content)
        }));
    }
    asked
}

/// Whether the image's label agrees with the part of the fingerprint in its content reference.
fn says(held: &Found, content: &str) -> bool {
    let digits = content.rsplit_once(":sw-").map(|(_, digits)| digits);
    digits.is_some_and(|digits| {
        held.fingerprint
            .as_ref()
            .is_some_and(|fingerprint| fingerprint.starts_with(digits))
    })
}

/// Whether what is held under a content reference is the image that the plan means, for an engine
/// that is to use it.
fn usable(image: &Image, held: &Found, host: &Host) -> bool {
    labelled_as_planned(image, held, Some(host))
}

/// Whether what is held under a content reference is the image that the plan means.
///
/// A reference is only a name: the label says what was built, and an image of another machine's
/// architecture may stand under it where the plan asks for no platform.
pub(super) fn labelled_as_planned(image: &Image, held: &Found, host: Option<&Host>) -> bool {
    let same = held.fingerprint.as_ref() == Some(&image.fingerprint);
    let native = host.is_none_or(|host| held.architecture == host.architecture);
    same && (!image.platforms.is_empty() || native)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::tests::{image, plan};

    fn host() -> Host {
        Host {
            architecture: "amd64".to_owned(),
            builder: "default".to_owned(),
        }
    }

    /// The work where nothing is there yet.
    fn work(plan: &Plan) -> Work<'_> {
        Work::new(plan, &host(), &Held::default(), true).expect("nothing is missing")
    }

    fn held(fingerprint: Option<&str>, architecture: &str) -> Found {
        Found {
            id: "sha256:1".to_owned(),
            fingerprint: fingerprint.map(str::to_owned),
            architecture: architecture.to_owned(),
        }
    }

    #[test]
    fn only_the_same_image_is_usable() {
        let native = image("a", &[]);
        let mut asked = image("a", &[]);
        asked.platforms = vec!["linux/arm64".to_owned()];
        for (image, fingerprint, architecture, expected) in [
            (&native, Some("a"), "amd64", true),
            (&native, Some("b"), "amd64", false),
            (&native, None, "amd64", false),
            (&native, Some("a"), "arm64", false),
            (&asked, Some("a"), "arm64", true),
        ] {
            let held = held(fingerprint, architecture);
            assert_eq!(usable(image, &held, &host()), expected, "{held:?}");
        }
    }

    #[test]
    fn equal_references_are_built_once() {
        let mut plan = plan(vec![image("a", &[]), image("b", &[]), image("c", &["b"])]);
        plan.images[1].reference = plan.images[0].reference.clone();
        let work = work(&plan);
        assert_eq!(work.builds, BTreeSet::from([0, 2]));
        assert_eq!(work.jobs(&work.builds)[1].needs, BTreeSet::from([0]));
    }

    #[test]
    fn a_dependency_outside_the_plan_must_exist() {
        let content = "us/base:sw-ba5e";
        let mut left_out = plan(vec![image("app", &["base"])]);
        left_out.images[0].dependencies[0].content = Some(content.to_owned());
        let unnamed = plan(vec![image("app", &["base"])]);
        let gone = "`app` needs `base`, which is left out of the plan and does not exist: \
                    `us/base:sw-ba5e`";
        for (plan, fingerprint, expected) in [
            (&left_out, Some("ba5e0123"), None),
            (&left_out, Some("0123"), Some(gone)),
            (&left_out, None, Some(gone)),
            (
                &unnamed,
                None,
                Some("`app` needs `base`, which is not in the plan"),
            ),
        ] {
            let held = Held {
                local: BTreeMap::from([(content.to_owned(), held(fingerprint, "amd64"))]),
                remote: BTreeMap::new(),
            };
            let said = Work::new(plan, &host(), &held, false)
                .err()
                .map(|problems| {
                    let messages: Vec<&str> = problems.iter().map(|d| d.message.as_str()).collect();
                    messages.join("; ")
                });
            assert_eq!(said.as_deref(), expected, "{fingerprint:?}");
        }
    }

    #[test]
    fn what_is_pushed_takes_along_what_it_needs() {
        let mut plan = plan(vec![
            image("a", &[]),
            image("b", &["a"]),
            image("c", &["b"]),
            image("d", &["a"]),
        ]);
        for (pushing, expected) in [
            ("c", &[0, 1, 2][..]),
            ("d", &[0, 3]),
            ("a", &[0]),
            ("", &[]),
        ] {
            for image in &mut plan.images {
                image.push = image.name == pushing;
            }
            let work = work(&plan);
            assert!(work.pushed().iter().eq(expected), "{pushing}");
        }
    }
}
