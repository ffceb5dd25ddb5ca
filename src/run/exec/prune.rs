//! Local images that nobody needs any more: found by their label, removed by their references.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::docker::{Docker, text};
use super::local_images::short_form;
use crate::diagnostics::{Code, Diagnostic};
use crate::lang::fingerprint::Fingerprint;
use crate::plan::Plan;

/// A reference in the engine to an image that a plan built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labelled {
    /// `repository:tag` as the engine lists it.
    pub reference: String,
    /// The engine's id of the image.
    pub id: String,
    /// When it was built, in seconds since 1970-01-01 00:00 UTC; unknown where the engine keeps no
    /// time.
    pub created: Option<i64>,
}

/// What is to stay: everything that some plans name.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    references: BTreeSet<String>,
    repositories: BTreeSet<String>,
}

impl Needed {
    /// Keeps the images of a plan.
    pub(crate) fn add(&mut self, plan: &Plan) {
        for image in &plan.images {
            let parts = image.parts().into_iter().map(|(_, part)| part);
            let references = image.tags.iter().chain([&image.reference]).cloned();
            self.references.extend(
                references
                    .chain(parts)
                    .map(|reference| short_form(&reference).to_owned()),
            );
            let repository = short_form(&image.repository);
            self.repositories.insert(repository.to_owned());
        }
    }

    /// Those of the references whose image no plan names by any, and that are in a repository of
    /// the plans: other projects' images are on the same engine. With `before`, only images that
    /// were built before that moment, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) fn unneeded<'a>(
        &self,
        labelled: &'a [Labelled],
        before: Option<i64>,
    ) -> Vec<&'a Labelled> {
        let named = labelled
            .iter()
            .filter(|image| self.references.contains(&image.reference));
        let kept: BTreeSet<&str> = named.map(|image| &*image.id).collect();
        let unneeded = labelled.iter().filter(|image| {
            let repository = image.reference.rsplit_once(':').map(|(name, _)| name);
            let ours = repository.is_some_and(|name| self.repositories.contains(name));
            let old = before.is_none_or(|before| image.created.is_some_and(|at| at < before));
            ours && old && !kept.contains(&*image.id)
        });
        unneeded.collect()
    }
}

/// Every reference in the engine to an image that carries the label, in byte order.
///
/// # Errors
/// When the engine does not answer.
pub(crate) fn labelled() -> Result<Vec<Labelled>, Diagnostic> {
    let docker = Docker::at(Path::new("."));
    let label = format!("label={}", Fingerprint::LABEL);
    let listed = docker.list(&["--filter", &label])?;
    // What has lost its name is for docker itself to prune.
    let named = listed.into_iter().filter(|(_, name)| !name.contains('<'));
    let named: Vec<(String, String)> = named.collect();
    let created = created(&docker, &named.iter().map(|(id, _)| id.as_str()).collect())?;
    let mut labelled: Vec<Labelled> = named
        .into_iter()
        .map(|(id, reference)| Labelled {
            created: created.get(&id).copied(),
            reference,
            id,
        })
        .collect();
    labelled.sort_by(|a, b| a.reference.cmp(&b.reference));
    Ok(labelled)
}

/// When the images of these ids were built; one that is gone meanwhile is left out.
fn created(docker: &Docker, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, i64>, Diagnostic> {
    let mut created = BTreeMap::new();
    if ids.is_empty() {
        return Ok(created);
    }
    let words = ["image", "inspect", "--format", "{{.Id}} {{.Created}}"];
    let output = docker.output(words.iter().chain(ids).copied())?;
    for line in text(&output.stdout).lines() {
        if let Some((id, moment)) = line.split_once(' ')
            && let Ok(moment) = OffsetDateTime::parse(moment, &Rfc3339)
        {
            created.insert(id.to_owned(), moment.unix_timestamp());
        }
    }
    Ok(created)
}

/// Takes the reference away, and with the last one the image.
///
/// # Errors
/// When the engine does not let it: a container uses the image.
pub(crate) fn remove(reference: &str) -> Result<(), Diagnostic> {
    let output = Docker::at(Path::new(".")).output(["image", "rm", reference])?;
    if output.status.success() {
        return Ok(());
    }
    let said = text(&output.stderr);
    let message = format!("cannot remove `{reference}`: {}", said.trim());
    Err(Diagnostic::new(Code::RemoveFailed, message)
        .help("remove the container that uses it first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::tests::{image, plan};

    fn labelled(reference: &str, id: &str, created: i64) -> Labelled {
        Labelled {
            reference: reference.to_owned(),
            id: id.to_owned(),
            created: Some(created),
        }
    }

    #[test]
    fn what_no_plan_names_goes() {
        let mut kept = Needed::default();
        let mut hub = image("b", &[]);
        hub.repository = "docker.io/us/b".to_owned();
        hub.reference = "docker.io/us/b:sw-b".to_owned();
        let mut several = image("c", &[]);
        several.platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        kept.add(&plan(vec![image("a", &[]), hub, several]));
        let held = [
            labelled("us/a:sw-a", "1", 5),
            labelled("us/a:by-hand", "1", 5),
            labelled("us/a:sw-old", "2", 5),
            labelled("us/a:gone-branch", "2", 5),
            labelled("us/a:sw-young", "3", 50),
            labelled("us/b:sw-b", "4", 5),
            labelled("others/a:sw-x", "5", 5),
            labelled("us/c:sw-c-linux-arm64", "6", 5),
            labelled("us/c:sw-old-linux-arm64", "7", 5),
        ];
        let check = |before, expected: &[&str]| {
            let unneeded = kept.unneeded(&held, before);
            let names: Vec<&str> = unneeded.iter().map(|image| &*image.reference).collect();
            assert_eq!(names, expected, "{before:?}");
        };
        let old = ["us/a:sw-old", "us/a:gone-branch", "us/c:sw-old-linux-arm64"];
        check(None, &[old[0], old[1], "us/a:sw-young", old[2]]);
        check(Some(10), &old);
        check(Some(5), &[]);
    }
}
