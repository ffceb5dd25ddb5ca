//! One look at the engine: which of many references it holds, and what is behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::docker::{Docker, text, unreachable};
use crate::diagnostics::Diagnostic;
use crate::lang::fingerprint::Fingerprint;
use crate::run::found::Found;

/// How many images one call inspects; keeps the command line short.
const BATCH: usize = 500;

/// How often a listing is asked for that fails because an image vanished meanwhile.
const ATTEMPTS: usize = 10;

/// The time between two of these.
const PAUSE: Duration = Duration::from_millis(200);

impl Docker {
    /// The images behind those of the references that the engine holds.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn found(
        &self,
        references: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let answer = self
            .socket()
            .and_then(|socket| socket.get("/images/json").ok());
        if let Some(listed) = answer.as_deref().and_then(by_reference) {
            return self.found_in(references, &listed);
        }
        let listed = self.listed()?;
        let wanted: BTreeMap<&str, &str> = references
            .iter()
            .filter_map(|reference| Some((*reference, listed.get(short_form(reference))?.as_str())))
            .collect();
        let images = self.inspected(&wanted.values().copied().collect())?;
        Ok(wanted
            .into_iter()
            .filter_map(|(reference, id)| Some((reference.to_owned(), images.get(id)?.clone())))
            .collect())
    }

    /// Those of the references that the engine has listed. The listing has the labels; architectures
    /// are asked for once for each image.
    fn found_in(
        &self,
        references: &BTreeSet<&str>,
        listed: &BTreeMap<String, Listed>,
    ) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let wanted: BTreeMap<&str, &Listed> = references
            .iter()
            .filter_map(|reference| Some((*reference, listed.get(short_form(reference))?)))
            .collect();
        let known = self.known.as_ref();
        let mut architectures = known.map(super::known::Known::read).unwrap_or_default();
        let ids = wanted.values().map(|image| image.id.as_str());
        let new: BTreeSet<&str> = ids.filter(|id| !architectures.contains_key(*id)).collect();
        if !new.is_empty() {
            let images = self.inspected(&new)?.into_iter();
            architectures.extend(images.map(|(id, image)| (id, image.architecture)));
            if let Some(known) = known {
                let held = listed.values().map(|image| image.id.as_str()).collect();
                known.write(&architectures, &held);
            }
        }
        let found = |(reference, image): (&str, &Listed)| {
            let found = Found {
                id: image.id.clone(),
                fingerprint: image.fingerprint(),
                architecture: architectures.get(&image.id)?.clone(),
                size: image.size,
            };
            Some((reference.to_owned(), found))
        };
        Ok(wanted.into_iter().filter_map(found).collect())
    }

    /// Every reference that the engine knows, in its short form.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn references(&self) -> Result<Vec<String>, Diagnostic> {
        let answer = self
            .socket()
            .and_then(|socket| socket.get("/images/json").ok());
        if let Some(listed) = answer.as_deref().and_then(by_reference) {
            return Ok(listed.into_keys().collect());
        }
        Ok(self.listed()?.into_keys().collect())
    }

    /// Every reference that the engine knows, in its short form, with the id of its image, as the
    /// client says it.
    fn listed(&self) -> Result<BTreeMap<String, String>, Diagnostic> {
        let pairs = self.list(&[])?.into_iter();
        Ok(pairs.map(|(id, reference)| (reference, id)).collect())
    }

    /// Ids and references in their short form, as the client lists them with these options.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) fn list(&self, options: &[&str]) -> Result<Vec<(String, String)>, Diagnostic> {
        let format = "{{.ID}} {{.Repository}}:{{.Tag}}";
        let fixed = ["image", "ls", "--no-trunc", "--format", format];
        let list = || self.output(fixed.iter().chain(options).copied());
        let mut output = list()?;
        // The containerd image store lists the images first and reads each of them then: the whole
        // command fails where somebody removes one in between.
        for _ in 1..ATTEMPTS {
            if output.status.success() || !text(&output.stderr).contains(": not found") {
                break;
            }
            thread::sleep(PAUSE);
            output = list()?;
        }
        if !output.status.success() {
            return Err(unreachable(&text(&output.stderr)));
        }
        let listed = text(&output.stdout);
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(id, reference)| (id.to_owned(), reference.to_owned()))
            .collect())
    }

    /// The images of these ids; one that is gone meanwhile is left out.
    fn inspected(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let ids: Vec<&str> = ids.iter().copied().collect();
        let mut found = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            let fixed = ["image", "inspect", "--format", "{{json .}}"];
            let output = self.output(fixed.iter().chain(batch).copied())?;
            let images = text(&output.stdout);
            for image in images
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
            {
                let Inspected {
                    id,
                    architecture,
                    size,
                    config,
                } = image;
                let labels = config.and_then(|config| config.labels).unwrap_or_default();
                let image = Found {
                    id: id.clone(),
                    fingerprint: labels
                        .get(Fingerprint::LABEL)
                        .map(|label| label.as_str().into()),
                    architecture,
                    size,
                };
                found.insert(id, image);
            }
        }
        Ok(found)
    }
}

/// The images by reference in the engine's answer to `/images/json`.
fn by_reference(answer: &[u8]) -> Option<BTreeMap<String, Listed>> {
    let images: Vec<Listed> = serde_json::from_slice(answer).ok()?;
    let mut listed = BTreeMap::new();
    for mut image in images {
        let references = image.repo_tags.take().unwrap_or_default().into_iter();
        listed.extend(references.map(|reference| (reference, image.clone())));
    }
    Some(listed)
}

/// One image of a listing, as far as it matters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    repo_tags: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    size: Option<u64>,
}

impl Listed {
    fn fingerprint(&self) -> Option<Fingerprint> {
        let label = self.labels.as_ref()?.get(Fingerprint::LABEL)?;
        Some(label.as_str().into())
    }
}

/// One line of `docker image inspect --format '{{json .}}'`, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    architecture: String,
    size: Option<u64>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

/// A reference as the engine lists it: without Docker Hub's name, which goes without saying.
pub(super) fn short_form(reference: &str) -> &str {
    let path = ["docker.io/", "index.docker.io/"]
        .iter()
        .find_map(|hub| reference.strip_prefix(hub))
        .unwrap_or(reference);
    match path.strip_prefix("library/") {
        Some(official) if !official.contains('/') => official,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_reference() {
        let answer = r#"[{"Id": "sha256:1", "RepoTags": ["us/a:1", "us/a:2"], "Size": 3,
            "Labels": {"dev.shipwright.fingerprint": "f"}},
            {"Id": "sha256:2", "RepoTags": null}, {"Id": "sha256:3"}]"#;
        let listed = by_reference(answer.as_bytes()).expect("it is a listing");
        let listed: Vec<_> = listed
            .iter()
            .map(|(reference, image)| (&**reference, &*image.id, image.fingerprint()))
            .collect();
        let fingerprint = Some(Fingerprint::from("f"));
        let expected = ["us/a:1", "us/a:2"].map(|name| (name, "sha256:1", fingerprint.clone()));
        assert_eq!(listed, expected);
        assert_eq!(by_reference(b"{}"), None);
    }

    #[test]
    fn references_are_looked_up_as_the_engine_lists_them() {
        for (reference, listed) in [
            ("us/app:1", "us/app:1"),
            ("docker.io/us/app:1", "us/app:1"),
            ("docker.io/library/app:1", "app:1"),
            ("index.docker.io/us/app:1", "us/app:1"),
            ("library/app:1", "app:1"),
            ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"),
        ] {
            assert_eq!(short_form(reference), listed, "{reference}");
        }
    }
}
