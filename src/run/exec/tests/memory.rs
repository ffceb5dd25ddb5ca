//! An engine and a registry in memory.
#![allow(
    clippy::disallowed_methods,
    reason = "the engine writes a file as a builder does"
)]

use std::sync::Mutex;

use super::*;
use crate::run::registry::{Refused, Why};

/// An engine that holds references only, and remembers what it was asked to do.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) images: Mutex<BTreeMap<String, Found>>,
    /// What is in the registries.
    pub(super) published: Mutex<BTreeMap<String, Found>>,
    pub(super) asked: Mutex<Vec<String>>,
    /// Steps that fail, and words in whose presence a step fails.
    pub(super) failing: BTreeSet<String>,
    /// The content reference that another run publishes during a step.
    pub(super) meanwhile: BTreeMap<String, String>,
}

impl Memory {
    fn do_step(&self, step: &str) -> Result<(), Failed> {
        self.asked.lock().unwrap().push(step.to_owned());
        if let Some(reference) = self.meanwhile.get(step) {
            let (_, fingerprint) = reference.split_once(":sw-").expect("it is one");
            let image = found(Some(fingerprint), "amd64");
            let mut published = self.published.lock().unwrap();
            published.insert(reference.clone(), image);
        }
        let mut words = step.split(' ');
        if self.failing.contains(step) || words.any(|word| self.failing.contains(word)) {
            return Err(Failed::Status("refused".to_owned()));
        }
        Ok(())
    }

    pub(super) fn put(&self, reference: &str, found: Found) {
        self.images
            .lock()
            .unwrap()
            .insert(reference.to_owned(), found);
    }
}

impl Engine for Memory {
    fn host(&self, builder: Option<&str>) -> Result<Host, Diagnostic> {
        Ok(Host {
            builder: builder.unwrap_or("default").to_owned(),
            shares_images: builder.is_none(),
            ..host()
        })
    }

    fn check_builds(&self, _: bool) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn look(&self, references: &BTreeSet<&str>) -> Result<BTreeMap<String, Found>, Diagnostic> {
        let mut images = self.images.lock().unwrap().clone();
        images.retain(|reference, _| references.contains(reference.as_str()));
        Ok(images)
    }

    fn tagged(&self, tags: &BTreeSet<&str>) -> Result<BTreeSet<String>, Diagnostic> {
        let images = self.images.lock().unwrap();
        let has_tag = |reference: &&String| tags.contains(reference.rsplit(':').next().unwrap());
        Ok(images.keys().filter(has_tag).cloned().collect())
    }

    fn command_line(&self, arguments: &[String]) -> String {
        arguments.join(" ")
    }

    fn build(
        &self,
        arguments: &[String],
        _: &Stop,
        line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        let after = |name: &str| {
            let position = arguments.iter().position(|word| word == name)?;
            arguments.get(position + 1)
        };
        let within = |start: &str, end| {
            let word = arguments.iter().find_map(|word| word.strip_prefix(start));
            word.map(|word| word.split(end).next().expect("a part"))
        };
        let label = after("--label").expect("every build is labelled");
        let fingerprint = label.split_once('=').map(|(_, value)| value.into());
        line("building");
        if let Some(repository) = within("--output=type=image,name=", ',') {
            self.do_step(&format!("build {repository}"))?;
            let digest = format!("sha256:{:064}", repository.len());
            let pushed = serde_json::json!({"containerimage.digest": digest});
            let file = within("--metadata-file=", '\n').expect("it says what it pushes");
            std::fs::write(file, pushed.to_string()).unwrap();
            let image = Found {
                id: digest.clone(),
                fingerprint,
                architecture: "amd64".to_owned(),
                size: None,
            };
            let mut published = self.published.lock().unwrap();
            published.insert(format!("{repository}@{digest}"), image);
            return Ok(());
        }
        let reference = after("--tag").expect("every build is named");
        self.do_step(&format!("build {reference}"))?;
        let image = Found {
            id: format!("id of {reference}"),
            fingerprint,
            architecture: "amd64".to_owned(),
            size: None,
        };
        self.put(reference, image);
        Ok(())
    }

    fn push(
        &self,
        reference: &str,
        _: &Stop,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.do_step(&format!("push {reference}"))?;
        let image = self.images.lock().unwrap()[reference].clone();
        let image = Found {
            id: format!("digest of {}", image.id),
            ..image
        };
        let mut published = self.published.lock().unwrap();
        published.insert(reference.to_owned(), image);
        Ok(())
    }

    fn pull(
        &self,
        reference: &str,
        _: &Stop,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), Failed> {
        self.do_step(&format!("pull {reference}"))?;
        let image = self.published.lock().unwrap()[reference].clone();
        self.put(reference, image);
        Ok(())
    }

    fn tag(&self, pairs: &[(&str, &str)], _: usize) -> Vec<Result<(), String>> {
        let tag = |(source, target): &(&str, &str)| {
            let step = self.do_step(&format!("tag {target}"));
            step.map_err(|_| "refused".to_owned())?;
            let found = self.images.lock().unwrap()[*source].clone();
            self.put(target, found);
            Ok(())
        };
        pairs.iter().map(tag).collect()
    }
}

impl Registry for Memory {
    fn look(&self, reference: &str) -> Result<Option<Found>, Refused> {
        let alone = format!("registry of {reference}");
        if self.failing.contains("registry") || self.failing.contains(&alone) {
            return Err(Refused::new(Why::Final, "no"));
        }
        Ok(self.published.lock().unwrap().get(reference).cloned())
    }

    fn digest(&self, reference: &str) -> Result<Option<String>, Refused> {
        Ok(Registry::look(self, reference)?.map(|found| found.id))
    }

    fn join(&self, parts: &[(&str, &str)], target: Option<&str>) -> Result<String, Refused> {
        let mut published = self.published.lock().unwrap();
        let found: Vec<Found> = parts.iter().map(|(_, p)| published[*p].clone()).collect();
        let ids: Vec<&str> = found.iter().map(|found| &*found.id).collect();
        let id = ids.join(" + ");
        if let Some(target) = target {
            self.do_step(&format!("join {target}"))
                .map_err(|_| Refused::new(Why::Final, "refused"))?;
            let index = Found {
                id: id.clone(),
                ..found[0].clone()
            };
            published.entry(target.to_owned()).or_insert(index);
        }
        Ok(id)
    }

    fn may_write(&self, repository: &str) -> Result<(), Refused> {
        if self.failing.contains(repository) {
            return Err(Refused::new(Why::Denied, "no"));
        }
        Ok(())
    }

    fn tag(&self, source: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
        let tag = |target: &&str| {
            let step = self.do_step(&format!("publish {target}"));
            step.map_err(|_| Refused::new(Why::Final, "refused"))?;
            let mut published = self.published.lock().unwrap();
            let found = published[source].clone();
            published.insert((*target).to_owned(), found);
            Ok(())
        };
        targets.iter().map(tag).collect()
    }
}
