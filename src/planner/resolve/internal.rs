//! Which references mean an image of the plan.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobMatcher;

use crate::config::{Config, NamedContext, Pinned, is_glob};
use crate::lang::dockerfile::stages::ImageUse;
use crate::lang::reference::Reference;
use crate::paths;
use crate::planner::ImageIndex;
use crate::planner::images::Definition;

/// What a reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// That image.
    Internal(ImageIndex),
    /// A published one of that image: its repository, with a tag or digest of its own.
    Pinned(ImageIndex),
    /// An image that others make.
    External,
    /// The same, as the configuration says: nothing hints at one of ours.
    Declared,
}

/// The images of the plan by the references that Dockerfiles call them by.
#[derive(Debug)]
pub(super) struct Internal {
    /// By full name, tag included: names and aliases.
    exact: BTreeMap<String, ImageIndex>,
    /// By repository, the images that have a name or alias in it.
    by_repository: BTreeMap<String, BTreeSet<ImageIndex>>,
    /// Aliases that are patterns.
    globs: Vec<(GlobMatcher, ImageIndex)>,
    /// Images whose name has no namespace: an official image may have it too.
    bare: BTreeSet<ImageIndex>,
    /// By image, what named contexts of its own mean.
    contexts: Vec<BTreeMap<String, Reference>>,
    pinned: Pinned,
    /// References to images that other repositories build.
    external: paths::Globs,
}

impl Internal {
    /// Indexes images by their names and aliases, which are legal.
    pub(super) fn new<'d>(
        definitions: impl IntoIterator<Item = &'d Definition>,
        config: &Config,
    ) -> Self {
        // The configuration has checked the patterns.
        let external = config.external.iter().map(|pattern| &*pattern.value);
        let mut internal = Self {
            exact: BTreeMap::new(),
            by_repository: BTreeMap::new(),
            globs: Vec::new(),
            bare: BTreeSet::new(),
            contexts: Vec::new(),
            pinned: config.pinned,
            external: paths::Globs::new(external),
        };
        for (position, image) in definitions.into_iter().enumerate() {
            let index = ImageIndex::new(position);
            internal.add(&image.name, index);
            for alias in &image.build.aliases {
                internal.add(alias, index);
            }
            if !image.name.contains('/') {
                internal.bare.insert(index);
            }
            let contexts = image.build.contexts.iter();
            let images = contexts.filter_map(|(key, context)| match context {
                NamedContext::Image(reference) => Some((key.clone(), reference.clone())),
                NamedContext::Folder(_) => None,
            });
            internal.contexts.push(images.collect());
        }
        internal
    }

    fn add(&mut self, name: &str, index: ImageIndex) {
        if is_glob(name) {
            let glob = paths::glob(name).ok();
            self.globs
                .extend(glob.map(|glob| (glob.compile_matcher(), index)));
        } else if let Ok(reference) = Reference::parse(name) {
            let repository = reference.repository();
            self.by_repository
                .entry(repository)
                .or_default()
                .insert(index);
            let full = reference.with_default_tag().to_string();
            self.exact.entry(full).or_insert(index);
        }
    }

    /// What a reference of a Dockerfile means, by the context of that name where the image has one.
    pub(super) fn meaning(&self, image: &ImageUse, used_in: ImageIndex) -> Meaning {
        match self.contexts[used_in].get(&image.reference.context_key()) {
            Some(bound) => self.of_reference(bound, false, used_in),
            None => self.of_reference(&image.reference, image.tag_from_variable, used_in),
        }
    }

    /// The named contexts of an image that mean no image of the plan.
    pub(super) fn other_contexts(
        &self,
        image: &Definition,
        index: ImageIndex,
    ) -> BTreeMap<String, NamedContext> {
        let mut contexts = image.build.contexts.clone();
        contexts.retain(|_, context| match context {
            NamedContext::Folder(_) => true,
            NamedContext::Image(reference) => !matches!(
                self.of_reference(reference, false, index),
                Meaning::Internal(_)
            ),
        });
        contexts
    }

    /// What a reference means.
    ///
    /// One that equals a name or alias, tag included, is ours. So is one of our repositories with no
    /// tag, with `latest` and with a tag that came from a variable; another tag is a pin, and a
    /// digest always means the registry, and so does what the configuration calls external. Only the
    /// whole repository counts. An image is not built on itself: in the folder `redis`, with no namespace anywhere, `FROM redis` can only mean the
    /// official image, and `acme/x:${RELEASE}` in that of `acme/x` the published one.
    fn of_reference(
        &self,
        reference: &Reference,
        from_variable: bool,
        used_in: ImageIndex,
    ) -> Meaning {
        if self.is_declared(reference) {
            return Meaning::Declared;
        }
        let repository = reference.repository();
        let owner = self.owner(&repository);
        if reference.digest.is_some() {
            return owner.map_or(Meaning::External, Meaning::Pinned);
        }
        let full = reference.clone().with_default_tag().to_string();
        let exact = self.exact.get(&full).copied();
        match exact.or_else(|| self.by_glob(reference)) {
            Some(index) if index == used_in && self.bare.contains(&index) => {
                return Meaning::External;
            }
            Some(index) if index == used_in && from_variable => return Meaning::Pinned(index),
            Some(index) => return Meaning::Internal(index),
            None => {}
        }
        let Some(owner) = owner else {
            return Meaning::External;
        };
        let floating = matches!(reference.tag.as_deref(), None | Some("latest"));
        let internal = floating || from_variable || self.pinned == Pinned::Internal;
        if internal && owner != used_in {
            Meaning::Internal(owner)
        } else {
            Meaning::Pinned(owner)
        }
    }

    /// Whether the configuration says that other repositories build this: by the whole reference, or
    /// by the repository alone, which stands for all its tags.
    fn is_declared(&self, reference: &Reference) -> bool {
        if self.external.is_empty() {
            return false;
        }
        let repository = reference.familiar_repository();
        let mut texts = [repository, reference.familiar(), reference.to_string()].into_iter();
        texts.any(|text| self.external.is_match(&text))
    }

    /// The first image by name that has an alias which is a pattern and matches.
    fn by_glob(&self, reference: &Reference) -> Option<ImageIndex> {
        self.matching(reference).next()
    }

    fn matching(&self, reference: &Reference) -> impl Iterator<Item = ImageIndex> {
        let texts = (!self.globs.is_empty()).then(|| (reference.familiar(), reference.to_string()));
        let matches = move |glob: &GlobMatcher| {
            let mut texts = texts.iter();
            texts.any(|(short, full)| glob.is_match(short) || glob.is_match(full))
        };
        let globs = self.globs.iter();
        globs
            .filter(move |(glob, _)| matches(glob))
            .map(|(_, index)| *index)
    }

    /// All images that have an alias which is a pattern and matches, where no name or alias equals
    /// the reference.
    pub(super) fn by_patterns(&self, reference: &Reference) -> BTreeSet<ImageIndex> {
        let full = reference.clone().with_default_tag().to_string();
        if reference.digest.is_some() || self.exact.contains_key(&full) {
            return BTreeSet::new();
        }
        self.matching(reference).collect()
    }

    /// The images that have a name or alias in a repository.
    pub(super) fn of_repository(&self, repository: &str) -> BTreeSet<ImageIndex> {
        let images = self.by_repository.get(repository);
        images.cloned().unwrap_or_default()
    }

    /// The image that a repository means where the tag does not say which: the one without a tag of
    /// its own, else the only one.
    fn owner(&self, repository: &str) -> Option<ImageIndex> {
        let untagged = self.exact.get(&format!("{repository}:latest")).copied();
        let images = self.by_repository.get(repository)?;
        untagged.or_else(|| match images.len() {
            1 => images.first().copied(),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::planner::{Options, compile};
    use crate::tree::{File, Snapshot};

    /// What `FROM reference` depends on beside the images `acme/old-web`, `acme/db`, `acme/python` and `base`, and
    /// the codes of what is said of it.
    #[track_caller]
    fn check(reference: &str, expected: &[&str], codes: &[&str]) {
        const CONFIG: &str = r#"{"version": 2, "namespace": "acme", "names": {"base": "base"}, "pinned": "internal",
            "external": ["acme/old-*", "acme/db:1.*", "docker.io/library/base"]}"#;
        let from = |reference: &str| File::Plain(format!("FROM {reference}\n").into_bytes());
        let files = [
            ("old-web/Dockerfile", from("scratch")),
            ("db/Dockerfile", from("scratch")),
            ("python/Dockerfile", from("scratch")),
            ("base/Dockerfile", from("scratch")),
            ("app/Dockerfile", from(reference)),
        ];
        let config = Config::parse(CONFIG).unwrap();
        let snapshot = Snapshot::of_files(None, files);
        let compiled = compile(&snapshot, &config, &Options::default(), None).into_result();
        let (compiled, diagnostics) = compiled.unwrap();
        let mut images = compiled.plan.images.iter();
        let app = images.find(|image| image.name == "acme/app").unwrap();
        let needs: Vec<&str> = app
            .dependencies
            .iter()
            .map(|need| need.image.as_str())
            .collect();
        let said: Vec<&str> = diagnostics.iter().map(|said| said.code.as_str()).collect();
        assert_eq!((&*needs, &*said), (expected, codes), "{reference}");
    }

    #[test]
    fn what_the_configuration_calls_external_is_not_ours() {
        check("acme/python:3", &["acme/python"], &[]);
        check("acme/gone", &[], &["unmatched-reference"]);
        check("acme/old-web", &[], &[]);
        check("acme/old-web:3", &[], &[]);
        check(
            "docker.io/acme/old-gone@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            &[],
            &[],
        );
        check("acme/db:1.4", &[], &[]);
        check("acme/db:2", &["acme/db"], &[]);
        check("base", &[], &[]);
    }
}
