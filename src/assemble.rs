//! From a resolved, fingerprinted image to its entry in the plan: tags, labels, action.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::snapshot::Revision;
use crate::tags;

/// Label with the commit that an image was built from.
const REVISION_LABEL: &str = "org.opencontainers.image.revision";
/// Label with the committer's time of that commit.
const CREATED_LABEL: &str = "org.opencontainers.image.created";
/// Label with the whole fingerprint.
const FINGERPRINT_LABEL: &str = "dev.shipwright.fingerprint";

/// Which readable tags images get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tagging {
    /// Tags besides the default ones.
    pub added: Vec<String>,
    /// Whether to leave out the tags of branch and revision.
    pub no_default: bool,
}

impl Tagging {
    /// Checks the tags that people gave.
    ///
    /// # Errors
    /// For every tag that is illegal, or could be taken for a content reference.
    pub fn check(&self) -> Result<(), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        for tag in &self.added {
            if !tags::is_legal(tag) {
                diagnostics.push(
                    Diagnostic::error("illegal-tag", format!("`{tag}` is not a legal tag")).help(
                        "a tag has 1 to 128 of `A-Z a-z 0-9 _ . -` and begins with none of `.` and `-`",
                    ),
                );
            } else if tags::is_content_tag(tag) {
                diagnostics.push(
                    Diagnostic::error(
                        "reserved-tag",
                        format!("`{tag}` has the form of a content reference's tag"),
                    )
                    .help("choose a tag that is not `sw-` and hexadecimal digits"),
                );
            }
        }
        if diagnostics.is_empty() {
            Ok(())
        } else {
            Err(diagnostics)
        }
    }

    /// The readable references of an image, without repetitions.
    pub fn tags(
        &self,
        repository: &str,
        revision: &Revision,
        fingerprint: &str,
        dirty: bool,
    ) -> Vec<String> {
        let commit = revision.id.to_string();
        let branch = revision.branch.as_deref();
        let mut list = Vec::new();
        if !self.no_default && dirty {
            list.extend(branch.map(tags::dirty_branch_tag));
            list.push(tags::dirty_revision_tag(&commit, fingerprint));
        } else if !self.no_default {
            list.extend(branch.map(|branch| tags::branch_tag(branch, 0)));
            list.push(tags::revision_tag(&commit));
        }
        list.extend(self.added.iter().cloned());
        let mut seen = BTreeSet::new();
        list.retain(|tag| seen.insert(tag.clone()));
        list.into_iter()
            .map(|tag| format!("{repository}:{tag}"))
            .collect()
    }
}

/// The labels of an image.
pub fn labels(revision: &Revision, fingerprint: &str, dirty: bool) -> BTreeMap<String, String> {
    let dirty = if dirty { "-dirty" } else { "" };
    let mut labels = BTreeMap::from([
        (REVISION_LABEL.to_owned(), format!("{}{dirty}", revision.id)),
        (FINGERPRINT_LABEL.to_owned(), fingerprint.to_owned()),
    ]);
    // A time that has no year of four digits has no RFC 3339 form, and so no label.
    let created = OffsetDateTime::from_unix_timestamp(revision.timestamp).ok();
    if let Some(created) = created.and_then(|time| time.format(&Rfc3339).ok()) {
        labels.insert(CREATED_LABEL.to_owned(), created);
    }
    labels
}
