//! The settings of an image, of all levels, with their templates rendered.

use std::collections::BTreeMap;

use minijinja::value::Value;

use super::drafts::{Draft, Matched};
use super::{Definer, Definition, entries, split_tag};
use crate::config::Settings;
use crate::config::resolve::Renderer;
use crate::config::template::Template;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::Platform;
use crate::paths;

impl<'c> Definer<'c, '_> {
    /// The image of a draft, with everything rendered that does not depend on the commit.
    pub(super) fn definition(&mut self, draft: Draft<'c>) -> Option<Definition> {
        let groups = draft.rule.as_ref().map(|matched| matched.groups.clone());
        let groups = groups.unwrap_or_default();
        let mut settings = self.config.settings.clone();
        if let Some(Matched { rule, .. }) = &draft.rule {
            settings = rule.settings.over(&settings);
        }
        if let Some(entry) = draft.entry {
            settings = entry.settings.over(&settings);
        }
        let given = self.over.build_args.iter();
        settings
            .build
            .build_args
            .extend(given.map(|(key, value)| (key.clone(), literal(value))));
        let stamps = self.over.stamp_args.iter();
        settings
            .publish
            .stamp_args
            .extend(stamps.map(|(key, value)| (key.clone(), literal(value))));
        if let Some(repository) = self.over.repository {
            settings.publish.repository = Some(Template::new(repository));
        }
        if let Some(epoch) = self.over.epoch {
            settings.build.epoch = Some(epoch.to_owned());
        }
        self.clashes(&draft, &settings, &groups);
        let mut variables = self.variables(draft.dockerfile, &groups);
        let vars = settings.build.vars.0.iter();
        variables.extend(vars.map(|(name, value)| (name.clone(), value.value.as_str().into())));
        for values in &draft.values {
            entries::add(&mut variables, Some(values));
        }
        let (bare, tag) = split_tag(&draft.name);
        for (name, value) in [
            ("name", bare),
            ("short", paths::file_name(bare)),
            ("tag", tag.unwrap_or_default()),
        ] {
            variables.insert(name.to_owned(), Value::from(value));
        }
        let snapshot = self.snapshot;
        let mut renderer = Renderer {
            engine: &self.engine,
            variables,
            of: format!("`{}`", draft.name),
            folder: &|path| snapshot.folder_path(path),
            problems: Diagnostics::new(),
        };
        let mut build = settings.build.resolve(&mut renderer);
        let Renderer {
            variables,
            problems,
            ..
        } = renderer;
        if problems.has_errors() {
            self.problems.extend(problems);
            return None;
        }
        if !self.over.platforms.is_empty() {
            build.platforms = self.over.platforms.to_vec();
        }
        build.platforms = normalized(&build.platforms);
        Some(Definition {
            name: draft.name,
            dockerfile: draft.dockerfile.to_owned(),
            build,
            settings,
            variables,
        })
    }

    /// Refuses variables that have the name of a group of the rule.
    fn clashes(
        &mut self,
        draft: &Draft<'_>,
        settings: &Settings,
        groups: &BTreeMap<String, String>,
    ) {
        let vars = settings.build.vars.0.iter();
        let vars = vars.map(|(name, value)| (name.as_str(), Some(value.span.clone())));
        let values = draft.values.iter().flat_map(|values| values.values());
        for (name, span) in vars.chain(values.map(|(name, _)| (name, None))) {
            if !groups.contains_key(name) {
                continue;
            }
            let rule = draft.rule.as_ref().map(|matched| &matched.rule.pattern);
            let message = format!("`{name}` is already a group of the rule");
            let problem = Diagnostic::new(Code::ConfigValue, message).help("rename one of them");
            let span = span.or_else(|| rule.map(|pattern| pattern.span.clone()));
            self.problems
                .push(self.at(problem, span.unwrap_or_default()));
        }
    }
}

/// A template that is taken as it is written.
fn literal(text: &str) -> Template {
    Template {
        literal: true,
        ..Template::new(text)
    }
}

/// The platforms as a builder takes them, each once: it knows `linux/arm64/v8` as `linux/arm64`, also in
/// `$TARGETPLATFORM` and `$TARGETVARIANT`.
fn normalized(platforms: &[Platform]) -> Vec<Platform> {
    let mut unique = Vec::with_capacity(platforms.len());
    for platform in platforms.iter().map(Platform::normalized) {
        if !unique.contains(&platform) {
            unique.push(platform);
        }
    }
    unique
}
