//! `exec --pull`: binds external images to the digests that their registries have now, for one run.

use std::sync::Arc;

use super::find::{Inquiry, Taken, find};
use super::found::Recipient;
use crate::config::lock::{self, Lock};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::planner::{ExternalKind, Planned, Request, Workspace};

/// The facts that a lock file would have now of the images that the planned ones take from elsewhere;
/// what has moved counts in fingerprints, as it does there.
///
/// # Errors
/// When a reference cannot be resolved, when there is a lock file, or when there is no plan.
pub(in crate::cli) fn pulled(
    workspace: &Workspace,
    request: &Request,
) -> Result<Arc<Lock>, Diagnostics> {
    let found = find(
        &Pull { workspace, request },
        Recipient::Run,
        &Lock::default(),
    )?;
    found.problems.fail_on_errors()?;
    Ok(Arc::new(found.lock))
}

struct Pull<'p> {
    workspace: &'p Workspace,
    request: &'p Request,
}

impl Inquiry for Pull<'_> {
    fn taken(&self, lock: &Lock) -> Result<Taken, Diagnostics> {
        let mut request = self.request.clone();
        request.since = None;
        request.options.without_hints = true;
        // Without facts, a lock file of the tree would be read.
        request.options.lock = (!lock.is_empty()).then(|| Arc::new(lock.clone()));
        let (planned, _) = self.workspace.plan(&request).into_result()?;
        let Planned {
            mut externals,
            mirror,
            needed,
            ..
        } = planned;
        if planned.lock.is_some() {
            return Err(locked().into());
        }
        externals.retain(|external| {
            let mut takers = external.takers.iter();
            external.kind == ExternalKind::Image
                && takers.any(|taker| needed.contains(&taker.image))
        });
        Ok(Taken { externals, mirror })
    }
}

fn locked() -> Diagnostic {
    let message = format!(
        "`--pull` would have no effect: `{}` sets the digests of external images",
        lock::PATH
    );
    Diagnostic::new(Code::PullLocked, message)
        .help("`shipwright lock --update` updates its entries, and later builds use them")
}
