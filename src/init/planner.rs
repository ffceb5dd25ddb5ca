//! Tries configurations: what a draft makes of the repository, and whether another makes the same.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::config::Config;
use crate::diagnostics::Diagnostics;
use crate::lang::dockerfile::Kind;
use crate::lang::fingerprint::Fingerprint;
use crate::plan::{Image, Plan};
use crate::planner::Options;
use crate::planner::compile::{SourceFiles, compile_files};
use crate::planner::selection::Selection;

/// Plans one repository by any number of drafts.
pub(super) struct Planner<'s> {
    pub(super) files: SourceFiles<'s>,
}

/// The images of a plan by name, without what only the commit or another image says of them.
pub(super) struct Images(BTreeMap<String, Image>);

/// How images differ between two plans.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// In these images for a reason of their own, or because others do not need them any more; yet others may follow
    /// from these.
    Of(BTreeSet<String>),
}

impl Planner<'_> {
    /// The plan of a draft.
    ///
    /// # Errors
    /// What makes one impossible.
    pub(super) fn plan(&self, draft: &Draft) -> Result<Plan, Diagnostics> {
        self.compile(draft, Selection::default())
            .map(|(plan, _)| plan)
    }

    /// The plan of a draft, of the selected images, with what there is to remark.
    ///
    /// # Errors
    /// What makes one impossible.
    pub(super) fn compile(
        &self,
        draft: &Draft,
        selection: Selection,
    ) -> Result<(Plan, Diagnostics), Diagnostics> {
        let config = Config::parse(&draft.to_json())?;
        let options = Options {
            selection,
            without_hints: true,
            ..Options::default()
        };
        let outcome = compile_files(self.files, &config, &options, None);
        let (compiled, remarks) = outcome.into_result()?;
        Ok((compiled.plan, remarks))
    }

    /// Whether a stage of a Dockerfile is the one that is built anyway. Another may build the same today.
    pub(super) fn is_last_stage(&self, dockerfile: Option<&str>, target: &str) -> bool {
        let parsed = dockerfile.and_then(|path| self.files.read.get(path));
        let mut instructions = parsed
            .iter()
            .flat_map(|parsed| parsed.dockerfile.instructions.iter().rev());
        let last = instructions.find_map(|instruction| match &instruction.kind {
            Kind::From(from) => Some(from.alias.as_ref()),
            _ => None,
        });
        last.flatten()
            .is_some_and(|alias| alias.name.eq_ignore_ascii_case(target))
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

    /// The Dockerfile of an image.
    pub(super) fn dockerfile(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|image| image.dockerfile.as_str())
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
    /// whose fingerprint alone differs does unless an image that it needs differs too. So does one that an
    /// image needs here and not there: what it is called by is missing there.
    pub(super) fn difference(&self, other: &Self) -> Difference {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let differ: BTreeSet<&String> = names
            .into_iter()
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .collect();
        if differ.is_empty() {
            return Difference::None;
        }
        let mut found = BTreeSet::new();
        for name in &differ {
            let (Some(a), Some(b)) = (self.0.get(*name), other.0.get(*name)) else {
                found.insert((*name).clone());
                continue;
            };
            let mut needs = a.dependencies.iter().map(|need| &need.image);
            if !same_but_contents(a, b) || !needs.any(|need| differ.contains(need)) {
                found.insert((*name).clone());
            }
            let kept: BTreeSet<&String> = b.dependencies.iter().map(|need| &need.image).collect();
            let needed = a.dependencies.iter().map(|need| &need.image);
            found.extend(needed.filter(|need| !kept.contains(need)).cloned());
        }
        Difference::Of(found)
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
