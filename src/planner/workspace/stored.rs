//! Plans that were stored, held against the repository before they are run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Planned, Purpose, Request, Sends, State, Workspace};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, listed};
use crate::plan::Plan;
use crate::planner::compile::{Compiled, Options};
use crate::planner::images;
use crate::planner::publish::Tagging;
use crate::planner::selection::Selection;

impl Workspace {
    /// A stored plan with the files of its images: from its revision, wherever HEAD is; from the working
    /// tree if that was planned, which must not have changed since. Where folders are sent, they must
    /// hold what was planned.
    pub(crate) fn stored(&self, plan: Plan, sends: Sends) -> Outcome<Planned> {
        Outcome::of(|remarks| {
            if plan.source.dirty || sends == Sends::Folders {
                self.refuse_other_revision(&plan)?;
            }
            let state = if plan.source.dirty {
                State::Dirty
            } else {
                State::Checkout(plan.source.revision.clone())
            };
            let plan = Arc::new(plan);
            let request = Request {
                options: as_stored(&plan),
                ..Request::new(Purpose::Run(sends))
            };
            // What it warns of was said when the plan was made.
            let reading = self.read(&state, &request.options, &mut Diagnostics::new());
            let reading = reading.map_err(Diagnostics::without_notes)?;
            refuse_differences(&plan, &reading.compiled)?;
            if sends == Sends::Folders {
                self.refuse(&state, &reading, &request, sends, remarks)?;
            }
            let mut planned = self.planned(reading)?;
            planned.plan = Arc::unwrap_or_clone(plan);
            Ok(planned)
        })
    }

    fn refuse_other_revision(&self, plan: &Plan) -> Result<(), Diagnostic> {
        let head = self.checkout.commit("HEAD")?;
        let head = head.revision().map(|revision| revision.id.to_string());
        let revision = &plan.source.revision;
        if head.as_ref() == Some(revision) {
            return Ok(());
        }
        let message = format!("this plan is of revision {revision}, which is not checked out");
        Err(Diagnostic::new(Code::OtherRevision, message).help(format!(
            "check it out: `git checkout {revision}`, or make a new plan"
        )))
    }
}

/// How the images of a plan are compiled again.
fn as_stored(plan: &Arc<Plan>) -> Options {
    Options {
        tagging: Tagging {
            added: Vec::new(),
            no_default: true,
        },
        selection: Selection {
            exact: plan.images.iter().map(|image| image.name.clone()).collect(),
            ..Selection::default()
        },
        planned: Some(Arc::clone(plan)),
        ..Options::default()
    }
}

/// Holds each image of the plan against what its repository gives. The commit fixes everything but
/// what the plan itself says; a working tree may have changed in anything that is counted.
fn refuse_differences(plan: &Plan, now: &Compiled) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut changed = BTreeSet::new();
    for image in &plan.images {
        let Some(same) = now.plan.image(&image.name) else {
            continue;
        };
        if image.dirty && same.fingerprint != image.fingerprint {
            changed.insert(image.name.as_str());
        } else if same.inputs != image.inputs {
            let how = format!(
                "holds the inputs {}, the plan says {}",
                same.inputs, image.inputs
            );
            problems.push(images::differs(image, &how));
        }
    }
    if !changed.is_empty() {
        let message = format!("{} changed since this plan was made", listed(changed));
        problems.push(
            Diagnostic::new(Code::ChangedMeanwhile, message)
                .help("a plan of a working tree holds until a file is changed: make a new one, or `exec --dirty`")
                .help("one that was made with an epoch cannot be stored: commit first"),
        );
    }
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(())
}
