//! From resolved, fingerprinted images to the plan: tags, labels, what is bound to what.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::contents::{Asked, Contents};
use crate::plan::{self, Action, Dependency, Image, Plan, Source};
use crate::resolve::Resolved;
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
    /// Legal tags besides the default ones.
    pub added: Vec<String>,
    /// Whether to leave out the tags of branch and revision.
    pub no_default: bool,
}

impl Tagging {
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

/// What a plan is put together from.
pub struct Assembly<'a> {
    /// The commit.
    pub revision: Revision,
    /// Which readable tags images get.
    pub tagging: &'a Tagging,
    /// The fingerprints, by name, that images have in the commit, where the working tree differs
    /// from it.
    pub clean: Option<&'a BTreeMap<String, String>>,
    /// What was asked for.
    pub asked: &'a Asked<'a>,
    /// All images.
    pub resolved: &'a [Resolved<'a>],
    /// The contents of the selected images and of all that these need.
    pub contents: &'a BTreeMap<usize, Contents>,
}

impl Assembly<'_> {
    /// The plan of the images given, which are in build order.
    pub fn plan(&self, images: impl Iterator<Item = usize>) -> Plan {
        let sequence: Vec<usize> = images.collect();
        let planned: BTreeSet<usize> = sequence.iter().copied().collect();
        let mut waves = BTreeMap::new();
        let mut images = Vec::with_capacity(sequence.len());
        for index in sequence {
            let needs = self.resolved[index].needs.keys();
            let highest = needs.filter_map(|need| waves.get(&need.image)).max();
            let wave = highest.map_or(0, |wave: &usize| wave + 1);
            waves.insert(index, wave);
            images.push(self.image(index, wave, &planned));
        }
        images.sort_by(|a, b| (a.wave, &a.name).cmp(&(b.wave, &b.name)));
        Plan {
            version: plan::VERSION,
            source: Source {
                revision: self.revision.id.to_string(),
                branch: self.revision.branch.clone(),
                dirty: images.iter().any(|image| image.dirty),
                timestamp: self.revision.timestamp,
                since: None,
            },
            images,
        }
    }

    fn image(&self, index: usize, wave: usize, planned: &BTreeSet<usize>) -> Image {
        let image = &self.resolved[index];
        let definition = image.definition;
        let contents = &self.contents[&index];
        let fingerprint = &contents.fingerprint;
        let clean = self.clean.map(|clean| clean.get(&definition.name));
        let dirty = clean.is_some_and(|clean| clean != Some(fingerprint));
        let repository = definition.name.clone();
        Image {
            name: definition.name.clone(),
            reference: self.reference(index),
            tags: self
                .tagging
                .tags(&repository, &self.revision, fingerprint, dirty),
            repository,
            dockerfile: definition.dockerfile.clone(),
            context: definition.context.clone(),
            target: definition.target.clone(),
            build_args: self.build_args(index),
            stamp_args: BTreeMap::new(),
            platforms: self.asked.platforms.to_vec(),
            labels: labels(&self.revision, fingerprint, dirty),
            contexts: BTreeMap::new(),
            secrets: Vec::new(),
            ssh: Vec::new(),
            network: String::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            attest: Vec::new(),
            no_cache: !self.asked.epoch.is_empty(),
            push: true,
            dirty,
            onbuild: !image.triggers().is_empty(),
            wave,
            dependencies: self.dependencies(index, planned),
            base_images: image.base_images.iter().cloned().collect(),
            inputs: contents.inputs.id.to_string(),
            fingerprint: fingerprint.clone(),
            action: Action::Ensure,
            reasons: Vec::new(),
        }
    }

    /// The content reference of an image.
    fn reference(&self, index: usize) -> String {
        let tag = tags::content_tag(&self.contents[&index].fingerprint);
        format!("{}:{tag}", self.resolved[index].definition.name)
    }

    /// The build arguments that the Dockerfile declares, or that steer the builder.
    fn build_args(&self, index: usize) -> BTreeMap<String, String> {
        let image = &self.resolved[index];
        let views = &image.views;
        let mut args = image.definition.build_args.clone();
        args.retain(|name, _| {
            name.starts_with("BUILDKIT_")
                || name == "SOURCE_DATE_EPOCH"
                || views.iter().any(|view| view.stages.declared.contains(name))
        });
        args
    }

    fn dependencies(&self, index: usize, planned: &BTreeSet<usize>) -> Vec<Dependency> {
        let needs = self.resolved[index].needs.iter();
        let mut dependencies: Vec<Dependency> = needs
            .map(|(need, places)| Dependency {
                image: self.resolved[need.image].definition.name.clone(),
                reference: need.context.clone(),
                content: (!planned.contains(&need.image)).then(|| self.reference(need.image)),
                via: places.keys().cloned().collect(),
            })
            .collect();
        dependencies.sort_by(|a, b| (&a.image, &a.reference).cmp(&(&b.image, &b.reference)));
        dependencies
    }
}
