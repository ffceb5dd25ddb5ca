//! Plans that were stored: made again from what they were made from, and held against that, before they
//! are run.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Planned, Purpose, Request, Sends, State, Workspace};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, listed};
use crate::plan::{Image, Plan};
use crate::planner::Options;

/// What of an image depends on facts that only the run knew which made the plan.
const DECISION: [&str; 2] = ["action", "reasons"];

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
            let request = Request {
                options: Options::of_plan(&plan)?,
                ..Request::new(Purpose::Run(sends))
            };
            // What it warns of was said when the plan was made.
            let reading = self.read(&state, &request.options, &mut Diagnostics::new());
            let reading = reading.map_err(of_other_repository)?;
            refuse_differences(&plan, &reading.compiled.plan)?;
            if sends == Sends::Folders {
                self.refuse(&state, &reading, &request, sends, remarks)?;
            }
            let mut planned = self.planned(reading)?;
            planned.plan = plan;
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
        let message = format!("this plan belongs to revision {revision}, which is not checked out");
        Err(Diagnostic::new(Code::OtherRevision, message).help(format!(
            "check it out: `git checkout {revision}`, or make a new plan"
        )))
    }
}

/// What stops a plan from being made again. An image that is not there says that it is another's.
fn of_other_repository(problems: Diagnostics) -> Diagnostics {
    let (errors, _) = problems.into_errors_and_others();
    let mut problems = Diagnostics::new();
    problems.extend(errors.into_iter().map(|error| match error.code {
        Code::UnknownImage => differs(&error.message),
        _ => error,
    }));
    problems
}

/// Holds a plan against the one that is made again of it: image by image, field by field.
fn refuse_differences(plan: &Plan, now: &Plan) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut changed = BTreeSet::new();
    for image in &plan.images {
        let Some(same) = now.image(&image.name) else {
            problems.push(differs(&format!("there is no image `{}`", image.name)));
            continue;
        };
        let fields = different_fields(image, same);
        if image.dirty && fields.contains("fingerprint") {
            changed.insert(image.name.as_str());
        } else if !fields.is_empty() {
            let fields = listed(fields.iter().map(String::as_str));
            problems.push(differs(&format!("`{}` has other {fields}", image.name)));
        }
    }
    if plan.source.timestamp != now.source.timestamp {
        problems.push(differs("the commit has another `timestamp`"));
    }
    if !changed.is_empty() {
        let message = format!("{} changed since this plan was made", listed(changed));
        problems.push(
            Diagnostic::new(Code::ChangedMeanwhile, message)
                .help("a plan of a working tree is valid until a file changes: make a new one, or use `exec --dirty`"),
        );
    }
    problems.fail_on_errors()
}

/// The keys of the format whose values differ.
fn different_fields(a: &Image, b: &Image) -> BTreeSet<String> {
    if a == b {
        return BTreeSet::new();
    }
    let fields = |image: &Image| -> Map<String, Value> {
        match serde_json::to_value(image) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    };
    let (a, b) = (fields(a), fields(b));
    let keys = a.keys().chain(b.keys());
    let differing = keys.filter(|key| a.get(*key) != b.get(*key));
    let counted = differing.filter(|key| !DECISION.contains(&key.as_str()));
    counted.cloned().collect()
}

fn differs(how: &str) -> Diagnostic {
    let message = format!("the repository gives a different plan: {how}");
    Diagnostic::new(Code::PlanDiffers, message)
        .help("make a new plan; this one is from another repository, root, configuration or version of shipwright, or was edited")
}
