//! The jobs of a plan for CI systems: what is built, each image and platform on a machine of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::platform::normal;
use crate::plan::{Action, Image, Plan};
use crate::run::exec::shell_word;

/// One image for one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Job<'p> {
    pub(super) image: &'p Image,
    /// The platform that the job builds for; none where the image says none, and it is the machine's.
    pub(super) platform: Option<&'p str>,
}

/// The jobs of a plan, in build order.
#[derive(Debug)]
pub(super) struct Jobs<'p> {
    plan: &'p Plan,
    pub(super) all: Vec<Job<'p>>,
    /// By content reference, which of them build it.
    building: BTreeMap<&'p str, Range<usize>>,
}

impl<'p> Jobs<'p> {
    /// The jobs of all that must be built. What is only re-tagged needs none, and several names of one content
    /// reference have the same.
    pub(super) fn of(plan: &'p Plan) -> Self {
        let mut all = Vec::new();
        let mut building = BTreeMap::new();
        for image in &plan.images {
            if image.action == Action::Retag || building.contains_key(&*image.reference) {
                continue;
            }
            let start = all.len();
            let platforms = image.platforms.iter().map(|platform| Some(&**platform));
            let none = image.platforms.is_empty().then_some(None);
            all.extend(
                platforms
                    .chain(none)
                    .map(|platform| Job { image, platform }),
            );
            building.insert(&*image.reference, start..all.len());
        }
        Self {
            plan,
            all,
            building,
        }
    }

    /// The jobs that must have ended before one begins, in order: they build what it takes. Of a base that is
    /// built for the job's platform this is one. All are needed of any other base, and of a base that the build
    /// may take on another platform, since its parts are joined first. Gives their places in `all`.
    pub(super) fn needs(&self, job: &Job<'p>) -> BTreeSet<usize> {
        let own = job.platform.map(normal);
        let mut needs = BTreeSet::new();
        for dependency in &job.image.dependencies {
            let needed = self.plan.image(&dependency.image);
            let range = needed.and_then(|needed| self.building.get(&*needed.reference));
            let range = range.cloned().unwrap_or(0..0);
            let is_across = own
                .as_ref()
                .is_some_and(|own| dependency.platforms_across(own).is_some());
            let same = range
                .clone()
                .filter(|_| !is_across)
                .find(|&at| own.is_some() && self.all[at].platform.map(normal) == own);
            match same {
                Some(same) => needs.extend([same]),
                None => needs.extend(range),
            }
        }
        needs
    }
}

impl<'p> Job<'p> {
    /// What it builds, for people: the image, and the platform where there is one.
    pub(super) fn title(&self) -> String {
        match self.platform {
            Some(platform) => format!("{} {platform}", self.image.name),
            None => self.image.name.clone(),
        }
    }

    /// The labels of the machine that it runs on, as the configuration says; none where it says nothing.
    pub(super) fn runner(&self) -> Option<&'p [String]> {
        let runners = &self.image.runners;
        let is_own = |name: &str| self.platform.is_some_and(|own| normal(own) == normal(name));
        let own = runners.iter().find(|(name, _)| is_own(name));
        let labels = own.map(|(_, labels)| labels).or_else(|| runners.get("*"));
        labels.map(Vec::as_slice)
    }
}

/// Jobs check out the revision, and can build nothing that differs from it.
pub(super) fn problems(plan: &Plan) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for image in plan.images.iter().filter(|image| image.dirty) {
        let message = format!(
            "`{}` has uncommitted changes, which a job of a CI system does not see",
            image.name
        );
        let help = "commit the changes, or build them here with `shipwright exec --dirty`";
        problems.push(Diagnostic::new(Code::DirtyJobs, message).help(help));
    }
    problems
}

/// The options of the command line that a plan was made with and that decide over content references.
pub(super) fn building_options(plan: &Plan) -> Vec<String> {
    let given = &plan.source.options;
    let mut words = Vec::new();
    let mut add = |option: &str, value: &str| words.push(format!("{option}={value}"));
    if let Some(namespace) = &given.namespace {
        add("--namespace", namespace);
    }
    if let Some(repository) = &given.repository {
        add("--repository", repository);
    }
    for (name, value) in &given.build_args {
        add("--build-arg", &format!("{name}={value}"));
    }
    for (name, value) in &given.stamp_args {
        add("--stamp", &format!("{name}={value}"));
    }
    for platform in &given.platforms {
        add("--platform", platform);
    }
    if !plan.source.epoch.is_empty() {
        add("--epoch", &plan.source.epoch);
    }
    words
}

/// The same, and those that decide over tags.
pub(super) fn tagging_options(plan: &Plan) -> Vec<String> {
    let given = &plan.source.options;
    let mut words = building_options(plan);
    if let Some(branch) = &given.branch {
        words.push(format!("--branch={branch}"));
    }
    words.extend(given.tags.iter().map(|tag| format!("--tag={tag}")));
    if given.no_default_tags {
        words.push("--no-default-tags".to_owned());
    }
    words
}

/// The line of a shell that builds images for one platform.
pub(super) fn command(plan: &Plan, platform: Option<&str>, references: &[&str]) -> String {
    let platform = platform.map(|platform| format!("--only-platform={platform}"));
    let options = building_options(plan).into_iter().chain(platform);
    line(&["--push", "--no-tags"], options, references)
}

/// The line that joins parts and moves the tags of the images; it names them where they are a selection.
pub(super) fn last_command(plan: &Plan, is_selection: bool) -> String {
    let references = plan.images.iter().map(|image| &*image.reference);
    let selected: Vec<&str> = references.filter(|_| is_selection).collect();
    line(&["--push", "--no-build"], tagging_options(plan), &selected)
}

fn line(start: &[&str], options: impl IntoIterator<Item = String>, references: &[&str]) -> String {
    let start = ["shipwright", "exec"].iter().chain(start);
    let images = references.iter().flat_map(|reference| ["-e", reference]);
    let words: Vec<String> = start
        .map(|word| (*word).to_owned())
        .chain(options)
        .chain(images.map(str::to_owned))
        .map(|word| shell_word(&word))
        .collect();
    words.join(" ")
}
