//! What is left to do: the plan against what the engine holds.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Found, Host};
use super::queue::Job;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};

/// The plan with what is known about its images.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    /// Positions of the images that must be built, of several with one content reference the first.
    pub(super) builds: BTreeSet<usize>,
    /// For each content reference, the position of the first image that has it.
    first: BTreeMap<&'a str, usize>,
    positions: BTreeMap<&'a str, usize>,
}

impl<'a> Work<'a> {
    /// Decides what must be built: each image without a usable content reference.
    ///
    /// # Errors
    /// When one that must be built needs what is neither in the plan nor in the engine.
    pub(super) fn new(
        plan: &'a Plan,
        host: &Host,
        found: &BTreeMap<String, Found>,
    ) -> Result<Self, Diagnostics> {
        let mut first = BTreeMap::new();
        let mut positions = BTreeMap::new();
        for (position, image) in plan.images.iter().enumerate() {
            first.entry(image.reference.as_str()).or_insert(position);
            positions.insert(image.name.as_str(), position);
        }
        let builds = first
            .iter()
            .filter(|(reference, position)| {
                let held = found.get(**reference);
                !held.is_some_and(|held| usable(&plan.images[**position], held, host))
            })
            .map(|(_, position)| *position)
            .collect();
        let work = Self {
            plan,
            builds,
            first,
            positions,
        };
        let missing = work.missing_dependencies(found);
        if missing.is_empty() {
            Ok(work)
        } else {
            Err(missing)
        }
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

    /// Positions of the images whose content references go to a registry, of several with one
    /// content reference the first.
    pub(super) fn pushed(&self) -> BTreeSet<usize> {
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
    fn missing_dependencies(&self, found: &BTreeMap<String, Found>) -> Diagnostics {
        let mut missing = Diagnostics::new();
        for position in &self.builds {
            let image = &self.plan.images[*position];
            for dependency in &image.dependencies {
                let (name, needed) = (&image.name, &dependency.image);
                let problem = match self.plan.content_reference(dependency) {
                    None => format!("`{name}` needs `{needed}`, which is not in the plan"),
                    Some(_) if self.positions.contains_key(needed.as_str()) => continue,
                    Some(content) if found.get(content).is_some_and(|held| says(held, content)) => {
                        continue;
                    }
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

/// Whether the image's label agrees with the part of the fingerprint in its content reference.
fn says(held: &Found, content: &str) -> bool {
    let digits = content.rsplit_once(":sw-").map(|(_, digits)| digits);
    digits.is_some_and(|digits| {
        held.fingerprint
            .as_ref()
            .is_some_and(|fingerprint| fingerprint.starts_with(digits))
    })
}

/// Whether what the engine holds under a content reference is the image that the plan means.
///
/// A reference is only a name: the label says what was built, and an image of another machine's
/// architecture may stand under it where the plan asks for no platform.
fn usable(image: &Image, held: &Found, host: &Host) -> bool {
    let same = held.fingerprint.as_ref() == Some(&image.fingerprint);
    same && (!image.platforms.is_empty() || held.architecture == host.architecture)
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
        let work = Work::new(&plan, &host(), &BTreeMap::new()).expect("nothing is missing");
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
            let found = BTreeMap::from([(content.to_owned(), held(fingerprint, "amd64"))]);
            let said = Work::new(plan, &host(), &found).err().map(|problems| {
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
            let work = Work::new(&plan, &host(), &BTreeMap::new()).expect("nothing is missing");
            assert!(work.pushed().iter().eq(expected), "{pushing}");
        }
    }
}
