//! Partial clones, which have the contents of some files only.

use git2::Repository;

use super::tree::Tree;
use crate::diagnostics::{Code, Diagnostic};
use crate::tree::snapshot::{Missing, ObjectId};

impl Tree<'_> {
    /// A record of missing contents, with nothing in it yet.
    pub(super) fn nothing_missing(&self) -> Missing {
        Missing {
            promisor: promisor(self.repository),
            revision: self.revision().map(|revision| revision.id),
            ..Missing::default()
        }
    }

    /// The bytes of a file; none, with a note in the record, where a partial clone lacks them.
    ///
    /// # Errors
    /// When the file cannot be read for another reason.
    pub(super) fn content_or_missing(
        &self,
        path: &str,
        id: ObjectId,
        missing: &mut Missing,
    ) -> Result<Option<Vec<u8>>, Diagnostic> {
        match self.content(path, id) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.code == Code::MissingObject => {
                missing.blobs.insert(path.to_owned(), id);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The remote that has what a partial clone lacks.
fn promisor(repository: &Repository) -> Option<String> {
    let config = repository.config().ok()?;
    let names = repository.remotes().ok()?;
    let mut names =
        (0..names.len()).filter_map(|at| names.get(at).ok().flatten().map(str::to_owned));
    names.find(|name| config.get_bool(&format!("remote.{name}.promisor")) == Ok(true))
}
