//! Tries configurations: what a draft makes of the repository, and whether another makes the same.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::config::Config;
use crate::diagnostics::{Code, Diagnostics};
use crate::lang::fingerprint::Fingerprint;
use crate::plan::{Image, Plan};
use crate::planner::{Options, compile};
use crate::tree::snapshot::Snapshot;

/// Plans one repository by any number of drafts.
pub(super) struct Planner<'s> {
    pub(super) snapshot: &'s Snapshot,
}

/// The images of a plan by name, without what only the commit or another image says of them.
pub(super) struct Images(BTreeMap<String, Image>);

/// How images differ between two plans.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// In these images for a reason of their own; others may follow from them.
    Of(BTreeSet<String>),
}

impl Planner<'_> {
    /// The plan of a draft.
    ///
    /// # Errors
    /// What makes one impossible.
    pub(super) fn plan(&self, draft: &Draft) -> Result<Plan, Diagnostics> {
        self.compile(draft).map(|(plan, _)| plan)
    }

    fn compile(&self, draft: &Draft) -> Result<(Plan, Diagnostics), Diagnostics> {
        let config = Config::parse(&draft.to_json())?;
        let options = Options {
            without_hints: true,
            ..Options::default()
        };
        let outcome = compile::compile(self.snapshot, &config, &options, None);
        let (compiled, remarks) = outcome.into_result()?;
        Ok((compiled.plan, remarks))
    }

    /// The Dockerfiles that copy what their contexts lack; all, where the draft cannot be planned.
    pub(super) fn incomplete(&self, draft: &Draft) -> BTreeSet<String> {
        let Ok((_, diagnostics)) = self.compile(draft) else {
            return draft.names.keys().cloned().collect();
        };
        let missing = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.code == Code::MissingSource);
        let labels = missing.flat_map(|diagnostic| &diagnostic.labels);
        labels.map(|label| label.source.path.clone()).collect()
    }

    /// The images of a draft, to compare; none where it cannot be planned.
    pub(super) fn images(&self, draft: &Draft) -> Option<Images> {
        Some(Images::of(self.plan(draft).ok()?))
    }
}

impl Images {
    pub(super) fn of(plan: Plan) -> Self {
        let images = plan.images.into_iter();
        Self(
            images
                .map(|image| (image.name.clone(), bare(image)))
                .collect(),
        )
    }

    /// The Dockerfiles, one for each image.
    pub(super) fn dockerfiles(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|image| image.dockerfile.as_str())
    }

    /// How many dependencies the images have on one another.
    pub(super) fn dependencies(&self) -> usize {
        self.0.values().map(|image| image.dependencies.len()).sum()
    }

    /// The name of each Dockerfile's image, the last where it makes several.
    pub(super) fn names_by_dockerfile(&self) -> BTreeMap<String, String> {
        let images = self.0.values();
        images
            .map(|image| (image.dockerfile.clone(), image.name.clone()))
            .collect()
    }

    /// What differs in another plan. An image that another name took the place of counts, and one
    /// whose fingerprint alone differs does unless an image that it needs differs too.
    pub(super) fn difference(&self, other: &Self) -> Difference {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let differ: BTreeSet<&String> = names
            .into_iter()
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .collect();
        if differ.is_empty() {
            return Difference::None;
        }
        let by_itself = |name: &&&String| match (self.0.get(**name), other.0.get(**name)) {
            (Some(a), Some(b)) => {
                let mut needs = a.dependencies.iter();
                !same_but_contents(a, b) || !needs.any(|need| differ.contains(&need.image))
            }
            _ => true,
        };
        Difference::Of(
            differ
                .iter()
                .filter(by_itself)
                .map(|name| (*name).clone())
                .collect(),
        )
    }
}

/// An image without what follows from the fingerprint, and without how its arguments and target are
/// written: the fingerprint has their values and the stage that is built.
fn bare(mut image: Image) -> Image {
    image.target = None;
    image.build_args.clear();
    image.labels.clear();
    image.tags.clear();
    image.reference.clear();
    image.wave = 0;
    image
}

fn same_but_contents(a: &Image, b: &Image) -> bool {
    let without = |image: &Image| Image {
        fingerprint: Fingerprint::default(),
        ..image.clone()
    };
    without(a) == without(b)
}
