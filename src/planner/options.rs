//! What a plan is asked for with, beside what the repository says; and what the plan records of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::lock::Lock;
use crate::diagnostics::{Code, Diagnostic};
use crate::lang::platform::Platform;
use crate::plan::{Plan, SourceOptions};
use crate::planner::publish::Tagging;
use crate::planner::selection::Selection;

/// What is asked for, beside what the repository says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The branch that tags are made from, over the snapshot's; an empty one says that there is none.
    pub branch: Option<String>,
    /// First part of default names, over the configuration's.
    pub namespace: Option<String>,
    /// Build arguments for every image that declares them, over the configuration's.
    pub build_args: BTreeMap<String, String>,
    /// Build arguments that are given to builds and not counted, over the configuration's.
    pub stamp_args: BTreeMap<String, String>,
    /// Platforms to build for, over the configuration's.
    pub platforms: Vec<Platform>,
    /// Where images live, over the configuration's: a template.
    pub repository: Option<String>,
    /// The epoch, over the configuration's.
    pub epoch: Option<String>,
    /// Which readable tags images get.
    pub tagging: Tagging,
    /// The tags that git has for the commit, where the configuration asks for them.
    pub git_tags: Vec<String>,
    /// Which images are planned.
    pub selection: Selection,
    /// The facts of this, in place of the tree's lock file; what it lacks is not locked then.
    pub lock: Option<Arc<Lock>>,
    /// A configuration in place of the tree's, read from the disk: its name and its text.
    pub configuration: Option<(String, String)>,
    /// Leaves out the hints that references name images here in another way, which take long to find, for a plan
    /// whose remarks nobody reads.
    pub without_hints: bool,
}

impl Options {
    /// Those that a plan was made with, for the images that it holds.
    ///
    /// # Errors
    /// When the plan names a platform that is none.
    pub(crate) fn of_plan(plan: &Plan) -> Result<Self, Diagnostic> {
        let given = &plan.source.options;
        let platforms = given.platforms.iter().map(|platform| {
            Platform::parse(platform).map_err(|_| {
                let message = format!("invalid platform `{platform}` in this plan");
                Diagnostic::new(Code::BadPlan, message).help("make a new plan")
            })
        });
        let epoch = &plan.source.epoch;
        Ok(Self {
            branch: Some(plan.source.branch.clone().unwrap_or_default()),
            namespace: given.namespace.clone(),
            build_args: given.build_args.clone(),
            stamp_args: given.stamp_args.clone(),
            platforms: platforms.collect::<Result<_, _>>()?,
            repository: given.repository.clone(),
            epoch: (!epoch.is_empty()).then(|| epoch.clone()),
            tagging: Tagging {
                added: given.tags.clone(),
                no_default: given.no_default_tags,
            },
            selection: Selection {
                exact: plan.images.iter().map(|image| image.name.clone()).collect(),
                ..Selection::default()
            },
            git_tags: Vec::new(),
            lock: None,
            configuration: None,
            without_hints: false,
        })
    }

    /// What a plan records of them.
    pub(super) fn recorded(&self) -> SourceOptions {
        SourceOptions {
            branch: self.branch.clone(),
            namespace: self.namespace.clone(),
            repository: self.repository.clone(),
            build_args: self.build_args.clone(),
            stamp_args: self.stamp_args.clone(),
            platforms: self.platforms.iter().map(ToString::to_string).collect(),
            tags: self.tagging.added.clone(),
            no_default_tags: self.tagging.no_default,
        }
    }

    /// The same, with the configuration that the tree has.
    pub(crate) fn with_own_configuration(&self) -> Self {
        Self {
            configuration: None,
            ..self.clone()
        }
    }

    /// The same, whatever is selected.
    pub(crate) fn of_everything(&self) -> Self {
        Self {
            selection: Selection::default(),
            ..self.clone()
        }
    }
}
