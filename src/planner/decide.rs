//! Decisions: which images of a plan need no build, and why the others do.
//!
//! Without facts from outside every image is `ensure`. An earlier revision (`--since`) says which
//! images have not changed; a list of content references (`--built`) says which exist.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths;
use crate::plan::{Action, Image, Plan, Reason, ReasonKind};
use crate::planner::compile::{Compiled, Files};
use crate::planner::fingerprint::differences::differences;

/// Input files that a decision names before it only counts.
const PATHS_SHOWN: usize = 10;

/// What images were at an earlier revision.
#[derive(Debug)]
pub struct Earlier {
    /// Id of the commit, 40 hexadecimal digits.
    pub revision: String,
    /// All its images; none where it cannot be planned.
    pub compiled: Option<Compiled>,
}

/// Decides for every image of a plan. `files` are those that the plan was compiled with. What is
/// known to exist outweighs what has not changed.
pub(crate) fn decide(
    plan: &mut Plan,
    files: &BTreeMap<String, Files>,
    since: Option<&Earlier>,
    built: Option<&BTreeSet<String>>,
) {
    plan.source.since = since.map(|earlier| earlier.revision.clone());
    for image in &mut plan.images {
        let mut changes = since.map(|earlier| reasons(image, files, earlier));
        let exists = built.map(|built| built.contains(&image.reference));
        image.action = match (exists, &changes) {
            (None, None) => Action::Ensure,
            (Some(true), _) => Action::Retag,
            (None, Some(reasons)) if reasons.is_empty() => Action::Retag,
            _ => Action::Build,
        };
        image.reasons = changes.take().unwrap_or_default();
        match (exists, since) {
            (Some(true), _) => image
                .reasons
                .push(Reason::new(ReasonKind::Built, &image.reference)),
            (Some(false), _) => image
                .reasons
                .push(Reason::new(ReasonKind::Missing, &image.reference)),
            (None, Some(earlier)) if image.reasons.is_empty() => {
                image
                    .reasons
                    .push(Reason::new(ReasonKind::Unchanged, &earlier.revision));
            }
            _ => {}
        }
    }
}

/// Why an image is not what it was; empty exactly where it is.
pub fn reasons(image: &Image, files: &BTreeMap<String, Files>, earlier: &Earlier) -> Vec<Reason> {
    let then = earlier.compiled.as_ref().and_then(|compiled| {
        let then = compiled.plan.image(&image.name)?;
        Some((then, compiled.files.get(&image.name)?))
    });
    let Some((then, then_files)) = then else {
        return vec![Reason::new(ReasonKind::New, &image.name)];
    };
    if then.fingerprint == image.fingerprint {
        return Vec::new();
    }
    let Some(now_files) = files.get(&image.name) else {
        return vec![Reason::new(ReasonKind::Fingerprint, &*image.fingerprint)];
    };
    let mut reasons = differences(&then_files.manifest, &now_files.manifest, &image.dockerfile);
    let inputs = then_files.inputs.differences(&now_files.inputs);
    let more = inputs.len().saturating_sub(PATHS_SHOWN);
    let shown = inputs.iter().take(PATHS_SHOWN);
    let details = shown.map(|path| paths::join(&image.context, path));
    let details = details.chain((more > 0).then(|| format!("and {more} more")));
    // Causes in the repository's own files come before those in other images.
    let at = reasons
        .iter()
        .position(|reason| reason.kind == ReasonKind::Dependency);
    let at = at.unwrap_or(reasons.len());
    reasons.splice(
        at..at,
        details.map(|detail| Reason::new(ReasonKind::Input, detail)),
    );
    if reasons.is_empty() {
        // Only the version of the manifest is left.
        reasons.push(Reason::new(ReasonKind::Fingerprint, &*image.fingerprint));
    }
    reasons
}
