//! What a partial clone lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::ObjectId;
use crate::diagnostics::{Code, Diagnostic, listed};

/// More objects than this are named by a command rather than one by one.
const NAMED: usize = 20;

/// Files whose contents are not in the object database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Their blobs, by path from the root of the plan.
    pub blobs: BTreeMap<String, ObjectId>,
    /// The remote that the repository is a partial clone of, and that promised to have them.
    pub promisor: Option<String>,
    /// The commit that they are of.
    pub revision: Option<ObjectId>,
}

impl Missing {
    /// The one error for all of these paths that are missing; none where none is.
    pub(crate) fn error<'p>(
        &self,
        needed: impl IntoIterator<Item = &'p str>,
    ) -> Option<Diagnostic> {
        let needed = needed.into_iter();
        let missing: BTreeMap<&str, ObjectId> = needed
            .filter_map(|path| Some((path, *self.blobs.get(path)?)))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let paths = listed(missing.keys().copied());
        let message = format!("this clone lacks the contents of files that are needed: {paths}");
        let error = Diagnostic::new(Code::MissingObject, message);
        let Some(remote) = &self.promisor else {
            return Some(error.help("no remote has them: `git fsck` shows the damage"));
        };
        let ids: BTreeSet<String> = missing.values().map(ToString::to_string).collect();
        let fetch = match self.revision {
            Some(revision) if ids.len() > NAMED => format!(
                "git rev-list --objects --missing=print {revision}^{{tree}} | sed -n 's/^?//p' | git fetch --stdin {remote}"
            ),
            _ => {
                let ids: Vec<String> = ids.into_iter().collect();
                format!("git fetch {remote} {}", ids.join(" "))
            }
        };
        Some(error.help(format!("it is a partial clone; fetch them: `{fetch}`")))
    }
}
