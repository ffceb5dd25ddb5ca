//! What is left to do: the plan against what the engine holds.

use std::collections::{BTreeMap, BTreeSet};

use super::builder;
use super::engine::Host;
use super::inventory::{Inventory, says, usable};
use super::options::Options;
use super::queue::Job;
use super::tasks::Task;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};
use crate::run::found::Found;

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
    /// The images that only the machine that built them has, where nothing is to be built: they are
    /// done without.
    lost: BTreeSet<usize>,
    /// The images of which it is not known whether they are in their registry, and those that need
    /// one of these: nothing is done with them.
    pub(super) blocked: BTreeSet<usize>,
    /// For each content reference, the position of the first image that has it.
    first: BTreeMap<&'a str, usize>,
    positions: BTreeMap<&'a str, usize>,
}

impl<'a> Work<'a> {
    /// Decides what must be done. What is pushed is wanted in its registry, and is neither built nor
    /// fetched where it is there already; of everything else, what the options want is wanted in
    /// the engine, and the rest wherever builds find it.
    ///
    /// # Errors
    /// When one that must be built needs what is neither in the plan nor anywhere else, or what its
    /// builder cannot see.
    pub(super) fn new(
        plan: &'a Plan,
        host: &Host,
        inventory: &Inventory,
        options: &Options,
    ) -> Result<Self, Diagnostics> {
        let mut work = Self {
            plan,
            builds: BTreeSet::new(),
            pulls: BTreeSet::new(),
            pushes: BTreeSet::new(),
            lost: BTreeSet::new(),
            blocked: BTreeSet::new(),
            first: BTreeMap::new(),
            positions: BTreeMap::new(),
        };
        let mut wanted = BTreeSet::new();
        for (position, image) in plan.images.iter().enumerate() {
            work.first.entry(&image.reference).or_insert(position);
            work.positions.insert(&image.name, position);
            if options.wants(&image.name) {
                wanted.insert(image.reference.as_str());
            }
        }
        let pushed = match options.push {
            Some(_) => work.pushed(),
            None => BTreeSet::new(),
        };
        for (&reference, &position) in &work.first {
            let image = &plan.images[position];
            let usable = |images: &BTreeMap<String, Found>| {
                let found = images.get(reference);
                found.is_some_and(|found| usable(image, found, host))
            };
            let is_pushed = pushed.contains(&position);
            let (local, remote) = (usable(&inventory.local), usable(&inventory.remote));
            if is_pushed && !remote {
                work.pushes.insert(position);
            }
            match (local, remote) {
                (false, false) if options.push.is_some() && !options.build && !is_pushed => {
                    work.lost.insert(position)
                }
                (false, false) => work.builds.insert(position),
                (false, true)
                    // Something else under its content reference would be taken for it.
                    if inventory.local.contains_key(reference)
                        || (!is_pushed && wanted.contains(reference)) =>
                {
                    work.pulls.insert(position)
                }
                _ => continue,
            };
        }
        work.block(inventory);
        let missing = work.missing_dependencies(host, inventory);
        if !missing.is_empty() {
            return Err(missing);
        }
        if !host.shares_images {
            work.bring_to_builder(host, inventory, options)?;
        }
        Ok(work)
    }

    /// Takes out what cannot be decided, and what needs that.
    fn block(&mut self, inventory: &Inventory) {
        // What an image needs stands before it.
        for image in &self.plan.images {
            let is_unknown = inventory.unknown.contains(&image.reference)
                || self
                    .dependencies(image)
                    .any(|needed| self.blocked.contains(&self.builder_of(needed)));
            if is_unknown {
                self.blocked.insert(self.builder_of(image));
            }
        }
        for set in [&mut self.builds, &mut self.pulls, &mut self.pushes] {
            set.retain(|position| !self.blocked.contains(position));
        }
    }

    /// A builder that does not share the engine's images takes those that builds need from
    /// registries: what is not there yet is pushed too.
    ///
    /// # Errors
    /// When nothing is to be pushed.
    fn bring_to_builder(
        &mut self,
        host: &Host,
        inventory: &Inventory,
        options: &Options,
    ) -> Result<(), Diagnostic> {
        let plan = self.plan;
        let mut lacking = BTreeSet::new();
        for position in &self.builds {
            for needed in self.dependencies(&plan.images[*position]) {
                let remote = inventory.remote.get(&needed.reference);
                if !remote.is_some_and(|remote| usable(needed, remote, host)) {
                    lacking.insert(self.builder_of(needed));
                }
            }
        }
        if options.push.is_some() {
            self.pushes.extend(lacking);
        } else if !lacking.is_empty() {
            let names = lacking.iter();
            let names = names.map(|position| plan.images[*position].name.as_str());
            return Err(builder::needs_push(
                &host.builder,
                &names.collect::<Vec<_>>(),
            ));
        }
        Ok(())
    }

    /// The images that must exist at the end.
    pub(super) fn required(&self) -> impl Iterator<Item = &'a Image> {
        let images = self.plan.images.iter();
        images.filter(|image| !self.lost.contains(&self.builder_of(image)))
    }

    /// A warning for each image that is done without.
    pub(super) fn done_without(&self) -> impl Iterator<Item = Diagnostic> {
        let images = self.plan.images.iter();
        let lost = images.filter(|image| self.lost.contains(&self.builder_of(image)));
        lost.map(|image| {
            let message = format!("`{}` is not on this machine and is not pushed to a registry", image.name);
            Diagnostic::new(Code::NotPublished, message).help(
                "it has `\"push\": false`, and no image that is pushed depends on it; its tags stay on the machine that built it",
            )
        })
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

    /// The position of the image that is built for this one: its own, or an earlier one of the same content.
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
    fn missing_dependencies(&self, host: &Host, inventory: &Inventory) -> Diagnostics {
        let is_there = |content: &str| {
            let local = inventory.local.get(content).filter(|_| host.shares_images);
            let mut found = local.into_iter().chain(inventory.remote.get(content));
            found.any(|found| says(found, content))
        };
        let mut missing = Diagnostics::new();
        for position in &self.builds {
            let image = &self.plan.images[*position];
            for dependency in &image.dependencies {
                let (name, needed) = (&image.name, &dependency.image);
                let problem = match self.plan.content_reference(dependency) {
                    None => format!("`{name}` depends on `{needed}`, which is not in the plan"),
                    Some(_) if self.positions.contains_key(needed.as_str()) => continue,
                    Some(content) if is_there(content) => continue,
                    Some(content) => format!(
                        "`{name}` depends on `{needed}`, which is not in the plan and does not exist: `{content}`"
                    ),
                };
                missing.push(
                    Diagnostic::new(Code::DependencyMissing, problem)
                        .help(format!("plan its dependencies too: `--upto {name}`")),
                );
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::tests::{found, host, image, plan};
    use crate::run::exec::{Logs, Push};

    /// The work where nothing is there yet.
    fn work(plan: &Plan) -> Work<'_> {
        let mut options = Options::new(Logs::at("logs".into()));
        options.push = Some(Push::Clean);
        Work::new(plan, &host(), &Inventory::default(), &options).expect("nothing is missing")
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
        let gone = "`app` depends on `base`, which is not in the plan and does not exist: \
                    `us/base:sw-ba5e`";
        for (plan, fingerprint, expected) in [
            (&left_out, Some("ba5e0123"), None),
            (&left_out, Some("0123"), Some(gone)),
            (&left_out, None, Some(gone)),
            (
                &unnamed,
                None,
                Some("`app` depends on `base`, which is not in the plan"),
            ),
        ] {
            let inventory = Inventory {
                local: BTreeMap::from([(content.to_owned(), found(fingerprint, "amd64"))]),
                ..Inventory::default()
            };
            let said = Work::new(
                plan,
                &host(),
                &inventory,
                &Options::new(Logs::at("logs".into())),
            )
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
