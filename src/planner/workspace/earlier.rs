//! What images were at an earlier revision, for decisions and explanations.

use super::{State, Workspace};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, Severity};
use crate::planner::Options;
use crate::planner::decide::Earlier;

impl Workspace {
    /// What all images were at a revision, as a state that `of` makes of it; at the merge base with
    /// `now` for one that ends in `...`.
    pub(crate) fn earlier(
        &self,
        since: &str,
        now: &str,
        of: impl Fn(String) -> State,
        options: &Options,
    ) -> Outcome<Earlier> {
        Outcome::of(|remarks| {
            let revision = match since.strip_suffix("...") {
                Some(since) => self.checkout.merge_base(since, now)?,
                None => since.to_owned(),
            };
            let tree = self.checkout.commit(&revision)?;
            let id = tree.revision().map(|revision| revision.id.to_string());
            let compiled = match self.everything(&of(revision), options).into_result() {
                Ok((compiled, _)) => Some(compiled),
                // It can be planned, once what a partial clone lacks is fetched.
                Err(problems) if lacks_objects(&problems) => return Err(problems),
                Err(problems) => {
                    remarks.push(not_planned(since, &problems));
                    None
                }
            };
            Ok(Earlier {
                revision: id.unwrap_or_default(),
                compiled,
            })
        })
    }
}

fn lacks_objects(problems: &Diagnostics) -> bool {
    let mut codes = problems.iter().map(|problem| problem.code);
    codes.any(|code| code == Code::MissingObject)
}

fn not_planned(since: &str, problems: &Diagnostics) -> Diagnostic {
    let message = format!("`{since}` cannot be planned, so every image counts as new");
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    errors.fold(
        Diagnostic::new(Code::SinceNotPlanned, message),
        |warning, problem| warning.help(format!("there: {}", problem.message)),
    )
}
