//! From resolved, fingerprinted images to the plan: tags, labels, what is bound to what.

mod bound;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::config::{self, IMAGE_SCHEME, NamedContext, Push};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::fingerprint::Fingerprint;
use crate::lang::tags;
use crate::plan::{self, Action, Dependency, Image, Plan, Source};
use crate::planner::ImageIndex;
use crate::planner::contents::Contents;
use crate::planner::external::Locks;
use crate::planner::publish::{self, Published, Publisher};
use crate::planner::resolve::Resolved;
use bound::{Bound, by_digest};

/// What a plan is put together from.
pub(super) struct Assembly<'a> {
    /// The commit, and how images are published.
    pub publisher: &'a Publisher<'a>,
    /// The fingerprints, by name, that images have in the commit, where the working tree differs
    /// from it.
    pub clean: Option<&'a BTreeMap<String, Fingerprint>>,
    /// All images.
    pub resolved: &'a [Resolved<'a>],
    /// The contents of the selected images and of all that these need.
    pub contents: &'a BTreeMap<ImageIndex, Contents>,
    /// What the lock file says.
    pub locks: &'a Locks<'a>,
    /// The registry that locked images are taken from, in place of their own.
    pub mirror: Option<&'a str>,
}

impl Assembly<'_> {
    /// The plan of the images given, which are in build order. `diagnostics` takes the warnings.
    ///
    /// # Errors
    /// When what an image is called or tagged is not legal, or two images claim one tag.
    pub(super) fn plan(
        &self,
        images: impl Iterator<Item = ImageIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Plan, Diagnostics> {
        let sequence: Vec<ImageIndex> = images.collect();
        let published = self.published(&sequence)?;
        let planned: BTreeSet<ImageIndex> = sequence.iter().copied().collect();
        let needed = self.needed_where_pushed();
        let mut waves = BTreeMap::new();
        let mut images = Vec::with_capacity(sequence.len());
        for index in sequence {
            let needs = self.resolved[index].needs.keys();
            let highest = needs.filter_map(|need| waves.get(&need.image)).max();
            let wave = highest.map_or(0, |wave: &usize| wave + 1);
            waves.insert(index, wave);
            let mut image = self.image(index, wave, &planned, &published);
            let only_content = push_of(&self.resolved[index]) == Push::Content;
            image.push_content = !image.push && (only_content || needed.contains(&index));
            images.push(image);
        }
        images.sort_by(|a, b| (a.wave, &a.name).cmp(&(b.wave, &b.name)));
        let revision = self.publisher.revision;
        let source = Source {
            revision: revision.id.to_string(),
            branch: revision.branch.clone(),
            dirty: images.iter().any(|image| image.dirty),
            timestamp: revision.timestamp,
            since: None,
            epoch: String::new(),
            options: plan::SourceOptions::default(),
        };
        let mut plan = Plan::new(source, images);
        share(&mut plan, diagnostics);
        Ok(plan)
    }

    /// All images that an image which is pushed needs, selected or not.
    fn needed_where_pushed(&self) -> BTreeSet<ImageIndex> {
        let is_pushed = |image: &&Resolved<'_>| push_of(image) != Push::No;
        let mut open: Vec<&Resolved<'_>> = self.resolved.iter().filter(is_pushed).collect();
        let mut needed = BTreeSet::new();
        while let Some(image) = open.pop() {
            for need in image.needs.keys() {
                if needed.insert(need.image) {
                    open.push(&self.resolved[need.image]);
                }
            }
        }
        needed
    }

    /// What is published of all images whose contents are known.
    fn published(
        &self,
        planned: &[ImageIndex],
    ) -> Result<BTreeMap<ImageIndex, Published>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut published = BTreeMap::new();
        let all: Vec<(ImageIndex, &Contents)> =
            self.contents.iter().map(|(&i, c)| (i, c)).collect();
        let done: Vec<_> = all
            .par_iter()
            .map(|&(index, contents)| {
                let definition = self.resolved[index].definition;
                let fingerprint = &contents.fingerprint;
                let dirty = self.is_dirty(index);
                let published = (self.publisher).publish(definition, fingerprint, dirty);
                (index, published)
            })
            .collect();
        for (index, done) in done {
            match done {
                Ok(done) => {
                    published.insert(index, done);
                }
                Err(errors) => problems.extend(errors),
            }
        }
        let planned = planned.iter().filter_map(|index| {
            let published = published.get(index)?;
            Some((self.resolved[*index].definition, published))
        });
        problems.extend(publish::claimed_twice(planned));
        problems.fail_on_errors()?;
        Ok(published)
    }

    /// Whether an image differs from the revision.
    fn is_dirty(&self, index: ImageIndex) -> bool {
        let name = &self.resolved[index].definition.name;
        let clean = self.clean.map(|clean| clean.get(name));
        clean.is_some_and(|clean| clean != Some(&self.contents[&index].fingerprint))
    }

    fn image(
        &self,
        index: ImageIndex,
        wave: usize,
        planned: &BTreeSet<ImageIndex>,
        all: &BTreeMap<ImageIndex, Published>,
    ) -> Image {
        let image = &self.resolved[index];
        let definition = image.definition;
        let contents = &self.contents[&index];
        let fingerprint = &contents.fingerprint;
        let build = &definition.build;
        let bound = Bound::new(image, self.locks, self.mirror);
        let published = all[&index].clone();
        let tag = |tag| format!("{}:{tag}", published.repository);
        Image {
            name: definition.name.clone(),
            reference: self.reference(index, all),
            tags: published.tags.iter().map(tag).collect(),
            repository: published.repository,
            dockerfile: definition.dockerfile.clone(),
            context: image.context.clone(),
            target: build.target.clone(),
            build_args: self.build_args(index),
            stamp_args: image.declared(published.stamp_args),
            platforms: build.platforms.iter().map(ToString::to_string).collect(),
            labels: published.labels,
            contexts: self.contexts(image),
            bases: bound.contexts,
            sources: bound.sources,
            secrets: build.secrets.iter().map(secret).collect(),
            ssh: build.ssh.clone(),
            network: build.network.clone().unwrap_or_default(),
            cache_from: published.cache_from,
            cache_to: published.cache_to,
            attest: build.attest.clone(),
            runners: build
                .runners
                .clone()
                .into_iter()
                .map(|(p, runner)| (p, runner.0))
                .collect(),
            no_cache: build
                .epoch
                .as_deref()
                .is_some_and(|epoch| !epoch.is_empty()),
            push: push_of(image) == Push::Yes,
            push_content: false,
            dirty: self.is_dirty(index),
            onbuild: !image.triggers().is_empty(),
            wave,
            dependencies: self.dependencies(index, planned, all),
            base_images: image.base_images.iter().cloned().collect(),
            inputs: contents.inputs.id().to_string(),
            fingerprint: fingerprint.clone(),
            action: Action::Ensure,
            reasons: Vec::new(),
        }
    }

    /// Named contexts as the plan writes them. Images of the plan are dependencies instead.
    fn contexts(&self, image: &Resolved<'_>) -> BTreeMap<String, String> {
        let used = image.used_contexts();
        let all = image.contexts.iter().map(|(name, context)| {
            let place = match context {
                NamedContext::Folder(folder) => folder.clone(),
                NamedContext::Image(reference) => {
                    let full = reference.clone().with_default_tag().to_string();
                    let locked = self.locks.image(&full);
                    match locked.filter(|_| used.contains(name.as_str())) {
                        Some(locked) => by_digest(&full, &locked.digest, self.mirror),
                        None => format!("{IMAGE_SCHEME}{reference}"),
                    }
                }
            };
            (name.clone(), place)
        });
        all.collect()
    }

    /// The content reference of an image.
    fn reference(&self, index: ImageIndex, all: &BTreeMap<ImageIndex, Published>) -> String {
        let tag = tags::content_tag(&self.contents[&index].fingerprint);
        format!("{}:{tag}", all[&index].repository)
    }

    /// The build arguments that the Dockerfile declares, or that steer the builder.
    fn build_args(&self, index: ImageIndex) -> BTreeMap<String, String> {
        let image = &self.resolved[index];
        let mut args = image.definition.build.build_args.clone();
        args.retain(|name, _| {
            !image
                .definition
                .settings
                .publish
                .stamp_args
                .contains_key(name)
        });
        image.declared(args)
    }

    /// The platforms of an image that is needed, by the platform whose build may take it on another one.
    fn across(
        &self,
        index: ImageIndex,
        need: &super::resolve::Need,
    ) -> BTreeMap<String, Vec<String>> {
        let image = &self.resolved[index];
        let platforms = &self.resolved[need.image].definition.build.platforms;
        let asked = &image.definition.build.platforms;
        let Some(across) = image.across.get(need).filter(|_| platforms.len() > 1) else {
            return BTreeMap::new();
        };
        let all: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        let across = asked.iter().filter(|platform| across.contains(platform));
        across
            .map(|platform| (platform.to_string(), all.clone()))
            .collect()
    }

    fn dependencies(
        &self,
        index: ImageIndex,
        planned: &BTreeSet<ImageIndex>,
        all: &BTreeMap<ImageIndex, Published>,
    ) -> Vec<Dependency> {
        let needs = self.resolved[index].needs.iter();
        let mut dependencies: Vec<Dependency> = needs
            .map(|(need, places)| Dependency {
                image: self.resolved[need.image].definition.name.clone(),
                reference: need.context.clone(),
                content: (!planned.contains(&need.image)).then(|| self.reference(need.image, all)),
                across: self.across(index, need),
                via: places.keys().cloned().collect(),
            })
            .collect();
        dependencies.sort_by(|a, b| (&a.image, &a.reference).cmp(&(&b.image, &b.reference)));
        dependencies
    }
}

/// Images of equal references are one, built once: what is not in the fingerprint is that of the
/// first, whichever of them a runner builds. A warning for each whose own is not used.
fn share(plan: &mut Plan, diagnostics: &mut Diagnostics) {
    for (index, earlier) in plan.same_content().into_iter().enumerate() {
        let Some(&first) = earlier.first() else {
            continue;
        };
        let (before, rest) = plan.images.split_at_mut(index);
        let (first, image) = (&before[first], &mut rest[0]);
        if (&image.labels, &image.stamp_args, &image.attest)
            == (&first.labels, &first.stamp_args, &first.attest)
        {
            continue;
        }
        let message = format!(
            "`{}` is the same image as `{}`, built once: its own labels, stamp arguments and \
             attestations are not used",
            image.name, first.name
        );
        let help = format!("use the same settings for both in {}", config::PATH);
        diagnostics.push(Diagnostic::new(Code::SharedImage, message).help(help));
        image.labels.clone_from(&first.labels);
        image.stamp_args.clone_from(&first.stamp_args);
        image.attest.clone_from(&first.attest);
    }
}

fn push_of(image: &Resolved<'_>) -> Push {
    image.definition.build.push.unwrap_or_default()
}

/// A secret as the plan writes it.
fn secret(secret: &config::Secret) -> plan::Secret {
    plan::Secret {
        id: secret.id.clone(),
        env: secret.env.clone(),
        src: secret.src.clone(),
    }
}
