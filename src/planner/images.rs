//! Which images a repository has: every Dockerfile with its name, context and settings.
//!
//! `names`, then the first of `rules` that matches, then the folder name an image; entries of
//! `images` change one, or make further ones of a Dockerfile that then has no other.

mod duplicates;
mod entries;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::value::Value;

use crate::config::resolve::{Renderer, Setting};
use crate::config::template::{Engine, Template, Variables};
use crate::config::{Combination, Config, ImageEntry, Matrix, ResolvedBuild, Rule, Settings};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, nearest};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::planner::names::{self, Named, Namer};
use crate::tree::snapshot::Snapshot;

use duplicates::Duplicates;
use entries::Entry;

pub(crate) use entries::named_dockerfiles;

/// An image as it is defined, before its Dockerfile is read.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// What Dockerfiles call it; may carry a tag, which is then part of its identity.
    pub name: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
    /// How it is built.
    pub build: ResolvedBuild,
    /// What is said of it by all levels, of which what is published is rendered later: the commit
    /// is not known yet.
    pub settings: Settings,
    /// What its templates may write.
    pub variables: Variables,
}

impl Definition {
    /// The name without the tag that is part of the identity.
    pub(crate) fn bare_name(&self) -> &str {
        split_tag(&self.name).0
    }

    /// The tag that is part of the identity.
    pub(crate) fn identity_tag(&self) -> Option<&str> {
        split_tag(&self.name).1
    }
}

/// A name without its tag, and the tag.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    let start = name.rfind('/').unwrap_or(0);
    match name[start..].find(':') {
        Some(at) => (&name[..start + at], Some(&name[start + at + 1..])),
        None => (name, None),
    }
}

/// What the command line says of every image, over the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overrides<'o> {
    /// Build arguments.
    pub build_args: &'o BTreeMap<String, String>,
    /// Stamp arguments.
    pub stamp_args: &'o BTreeMap<String, String>,
    /// Platforms, where there are any.
    pub platforms: &'o [Platform],
    /// The repository template.
    pub repository: Option<&'o str>,
    /// The epoch.
    pub epoch: Option<&'o str>,
}

/// The images of all Dockerfiles, sorted by name.
///
/// # Errors
/// When a Dockerfile has no name, two images have the same, or the configuration says of one what
/// cannot be.
pub(crate) fn define(
    dockerfiles: &BTreeMap<String, SourceText>,
    snapshot: &Snapshot,
    config: &Config,
    namer: &Namer<'_>,
    over: Overrides<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Definition>, Diagnostics> {
    let mut definer = Definer {
        config,
        namer,
        engine: Engine::new(config.source.as_ref()),
        over,
        snapshot,
        dockerfiles,
        problems: Diagnostics::new(),
        remarks: diagnostics,
    };
    let drafts = definer.drafts();
    let definitions: Vec<_> = drafts
        .into_iter()
        .filter_map(|draft| definer.definition(draft))
        .collect();
    definer.unused_rules();
    definer.exceptions();
    let mut problems = definer.problems;
    problems.extend(ambiguous_aliases(&definitions));
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(definitions)
}

/// The most images that all matrices together may make.
const MOST: usize = 100_000;

/// An image whose settings are not rendered yet.
struct Draft<'c> {
    name: String,
    dockerfile: &'c str,
    rule: Option<Matched<'c>>,
    entry: Option<&'c ImageEntry>,
    /// The values of the matrices that it comes from.
    values: Vec<&'c Combination>,
}

/// The first rule that matches a Dockerfile's path.
#[derive(Clone)]
struct Matched<'c> {
    rule: &'c Rule,
    groups: BTreeMap<String, String>,
}

/// Images by what their names mean.
type ByName<'c> = BTreeMap<String, Vec<Draft<'c>>>;

struct Definer<'c, 'd> {
    config: &'c Config,
    namer: &'c Namer<'c>,
    engine: Engine<'c>,
    over: Overrides<'c>,
    snapshot: &'c Snapshot,
    dockerfiles: &'c BTreeMap<String, SourceText>,
    problems: Diagnostics,
    remarks: &'d mut Diagnostics,
}

impl<'c> Definer<'c, '_> {
    /// All images with their names, sorted by these.
    fn drafts(&mut self) -> Vec<Draft<'c>> {
        let entries: Vec<(Entry<'c>, Option<String>)> = entries::entries(self.config)
            .map(|entry| {
                let path = entry.dockerfile(self.config, &self.engine, &mut self.problems);
                (entry, path.map(|path| self.through_links(path)))
            })
            .collect();
        let named: BTreeSet<&str> = entries
            .iter()
            .filter_map(|(_, path)| path.as_deref())
            .collect();
        let mut by_name = ByName::new();
        for dockerfile in self.dockerfiles.keys() {
            if !named.contains(dockerfile.as_str()) {
                self.by_themselves(dockerfile, &mut by_name);
            }
        }
        for (entry, path) in &entries {
            self.by_entry(*entry, path.as_deref(), &mut by_name);
        }
        let mut drafts = Vec::new();
        let duplicates = Duplicates {
            config: self.config,
            namer: self.namer,
            sources: self.dockerfiles,
        };
        self.problems.extend(duplicates.told(&by_name));
        drafts.extend(
            by_name
                .into_values()
                .filter_map(|same| same.into_iter().next()),
        );
        if drafts.len() > MOST {
            let message = format!("the matrices of the configuration make more than {MOST} images");
            self.problems
                .push(Diagnostic::new(Code::ConfigValue, message));
            drafts.clear();
        }
        drafts.sort_by(|a, b| a.name.cmp(&b.name));
        drafts
    }

    /// The path of the Dockerfile that a path stands for where links lead to its folder; else the path.
    fn through_links(&self, path: String) -> String {
        if self.dockerfiles.contains_key(&path) {
            return path;
        }
        let folder = self.snapshot.folder_path(paths::folder_of(&path));
        let there = folder.map(|folder| paths::join(&folder, paths::file_name(&path)));
        there
            .filter(|there| self.dockerfiles.contains_key(there))
            .unwrap_or(path)
    }

    /// Adds the images that a Dockerfile makes which no entry names.
    fn by_themselves(&mut self, dockerfile: &'c str, by_name: &mut ByName<'c>) {
        let rule = self.rule(dockerfile);
        let draft = |name: String, rule, values| Draft {
            name,
            dockerfile,
            rule,
            entry: None,
            values,
        };
        // What `names` names is one image, for which no matrix holds, nor what is said beside it.
        if let Some(name) = self.namer.configured(dockerfile) {
            let rule = rule.filter(|matched| matched.rule.matrix.is_none());
            match name {
                Ok(name) => insert(by_name, draft(name, rule, Vec::new())),
                Err(problem) => self.problems.push(problem),
            }
            return;
        }
        let combinations = match rule.as_ref().map(|matched| matched.rule) {
            Some(Rule {
                matrix: Some(matrix),
                except,
                ..
            }) => matrix.without(except).0.into_iter().map(Some).collect(),
            _ => vec![None],
        };
        for values in combinations {
            match self.name(dockerfile, rule.as_ref(), values) {
                Ok(name) => {
                    let values = values.into_iter().collect();
                    insert(by_name, draft(name, rule.clone(), values));
                }
                Err(diagnostic) => self.problems.push(diagnostic),
            }
        }
    }

    /// Adds the image of an entry, or what it changes of one that is there.
    fn by_entry(&mut self, entry: Entry<'c>, path: Option<&str>, by_name: &mut ByName<'c>) {
        let Some(name) = self.name_of_entry(entry, path) else {
            return;
        };
        let Entry {
            said: entry,
            values,
            ..
        } = entry;
        let Some(template) = &entry.dockerfile else {
            match by_name
                .get_mut(&key(&name))
                .and_then(|same| same.first_mut())
            {
                Some(draft) => {
                    draft.entry = Some(entry);
                    draft.values.extend(values);
                }
                None => self.unknown(&name, entry, by_name),
            }
            return;
        };
        // Where its template failed, that has been said.
        let Some(path) = path else { return };
        let Some((dockerfile, _)) = self.dockerfiles.get_key_value(path) else {
            let message = format!("there is no Dockerfile `{path}`");
            let known = self.dockerfiles.keys().map(String::as_str);
            let help = nearest(path, known).map_or_else(
                || "paths are relative to the root, and git must track the file".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let problem = Diagnostic::new(Code::MissingDockerfile, message).help(help);
            self.problems.push(self.engine.at(template, problem));
            return;
        };
        // What a rule says beside a matrix may need its values, which this image has not.
        let rule = self.rule(dockerfile);
        let rule = rule.filter(|matched| matched.rule.matrix.is_none());
        let draft = Draft {
            name,
            dockerfile,
            rule,
            entry: Some(entry),
            values: values.into_iter().collect(),
        };
        insert(by_name, draft);
    }

    /// The name of an entry's image: as it is written, or what its template says.
    fn name_of_entry(&mut self, entry: Entry<'_>, path: Option<&str>) -> Option<String> {
        let span = &entry.said.name_span;
        let mut name = entry.key.to_owned();
        if entry.values.is_some() {
            let mut variables = self.variables(path.unwrap_or_default(), &BTreeMap::new());
            variables.extend(entry.variables(self.config));
            let template = Template {
                text: name.clone(),
                span: Some(span.clone()),
                literal: false,
            };
            match self.engine.render(&template, &variables, "`images`") {
                Ok(rendered) => rendered.trim().clone_into(&mut name),
                Err(problem) => {
                    self.problems.push(problem);
                    return None;
                }
            }
        }
        if let Some(problem) = illegal(&name, "the name of an image") {
            self.problems.push(self.at(problem, span.clone()));
            return None;
        }
        Some(name)
    }

    fn rule(&self, dockerfile: &str) -> Option<Matched<'c>> {
        let mut rules = self.config.rules.iter();
        rules.find_map(|rule| {
            let groups = rule.groups(dockerfile)?;
            Some(Matched { rule, groups })
        })
    }

    /// Warns of exceptions that leave out no combination, and refuses those that leave out all.
    fn exceptions(&mut self) {
        let none = Matrix::default();
        let of_rules = self
            .config
            .rules
            .iter()
            .map(|rule| (&rule.matrix, &rule.except));
        let of_images = self.config.images.values();
        let of_images = of_images.map(|entry| (&entry.matrix, &entry.except));
        for (matrix, except) in of_rules.chain(of_images) {
            let (kept, unused) = matrix.as_ref().unwrap_or(&none).without(except);
            for span in unused {
                let message = "this excludes no combination of `for`";
                let remark = Diagnostic::new(Code::UnusedExcept, message)
                    .help("an entry excludes the combinations that match all of its values; correct it or remove it");
                let remark = self.at(remark, span);
                self.remarks.push(remark);
            }
            if let (true, true, Some(span)) = (matrix.is_some(), kept.is_empty(), except.span()) {
                let message = "`except` excludes every combination of `for`";
                let problem = Diagnostic::new(Code::ConfigValue, message)
                    .help("no image is left; remove the whole entry instead");
                self.problems.push(self.at(problem, span));
            }
        }
    }

    /// Warns of rules without effect: those that match no Dockerfile, and those that earlier ones forestall.
    fn unused_rules(&mut self) {
        let rules = &self.config.rules;
        let mut used = vec![false; rules.len()];
        let mut forestalled: Vec<Option<usize>> = vec![None; rules.len()];
        for path in self.dockerfiles.keys() {
            let mut matching = (0..rules.len()).filter(|&index| rules[index].pattern.matches(path));
            let Some(first) = matching.next() else {
                continue;
            };
            used[first] = true;
            for later in matching {
                forestalled[later].get_or_insert(first);
            }
        }
        for (index, rule) in rules.iter().enumerate().filter(|(index, _)| !used[*index]) {
            let pattern = &rule.pattern;
            let remark = if let Some(first) = forestalled[index] {
                let message = format!(
                    "the rule `{}` has no effect: an earlier rule matches everything it matches",
                    pattern.as_str()
                );
                let earlier = format!("for example `{}`", rules[first].pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message)
                    .help(format!("{earlier}: only the first matching rule applies"))
                    .help("move it before the more general rule, or remove it")
            } else {
                let message = format!("the rule `{}` matches no Dockerfile", pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message).help(
                    "it is matched against paths such as `images/php/Dockerfile`; correct it or remove it",
                )
            };
            let remark = self.at(remark, pattern.span.clone());
            self.remarks.push(remark);
        }
    }

    /// The name of an image that a Dockerfile makes by itself, where `names` gives none.
    fn name(
        &mut self,
        dockerfile: &str,
        rule: Option<&Matched<'c>>,
        values: Option<&Combination>,
    ) -> Result<String, Diagnostic> {
        if let Some(Matched { rule, groups }) = rule
            && let Some(template) = &rule.name
        {
            let vars = rule
                .settings
                .build
                .vars
                .over(&self.config.settings.build.vars);
            let mut variables = self.variables(dockerfile, groups);
            variables.extend(
                vars.0
                    .into_iter()
                    .map(|(name, value)| (name, value.value.into())),
            );
            entries::add(&mut variables, values);
            let name = self
                .engine
                .render(template, &variables, &format!("`{dockerfile}`"))?;
            let name = name.trim();
            if !name.is_empty() {
                let what = format!("the name of an image, for `{dockerfile}`");
                return match illegal(name, &what) {
                    Some(problem) => Err(self.engine.at(template, problem)),
                    None => Ok(name.to_owned()),
                };
            }
        }
        let Named { name, changed } = self.namer.name(dockerfile)?;
        if let Some(part) = changed {
            let message =
                format!("`{part}`, in `{dockerfile}`, is changed to a legal name: `{name}`");
            let note = Diagnostic::new(Code::LegalName, message).help(format!(
                r#"to choose another name: `{{"version": 2, "names": {{"/{dockerfile}": "…"}}}}` in .shipwright.json"#
            ));
            self.remarks.push(note);
        }
        Ok(name)
    }

    /// What the templates of a Dockerfile's image may write before it has a name.
    fn variables(&self, dockerfile: &str, groups: &BTreeMap<String, String>) -> Variables {
        let text = |text: &str| Value::from(text);
        let mut variables = Variables::from([
            ("folder".to_owned(), text(paths::folder_of(dockerfile))),
            ("dockerfile".to_owned(), text(dockerfile)),
            (
                "namespace".to_owned(),
                text(self.namer.namespace().unwrap_or_default()),
            ),
        ]);
        variables.extend(
            groups
                .iter()
                .map(|(name, value)| (name.clone(), text(value))),
        );
        variables
    }

    /// The image of a draft, with everything rendered that does not depend on the commit.
    fn definition(&mut self, draft: Draft<'c>) -> Option<Definition> {
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

    fn at(&self, diagnostic: Diagnostic, span: Range<usize>) -> Diagnostic {
        match &self.config.source {
            Some(source) => diagnostic.at(source, span, ""),
            None => diagnostic,
        }
    }

    fn unknown(&mut self, name: &str, entry: &ImageEntry, others: &ByName<'c>) {
        let message = format!("no image is called `{name}`, and this entry has no `dockerfile`");
        let mut diagnostic =
            Diagnostic::new(Code::UnknownImage, message).help("add it: `\"dockerfile\": \"…\"`");
        let names = others.values().flatten().map(|draft| draft.name.as_str());
        if let Some(near) = nearest(name, names) {
            diagnostic = diagnostic.help(format!("or did you mean `{near}`?"));
        }
        self.problems
            .push(self.at(diagnostic, entry.name_span.clone()));
    }
}

fn insert<'c>(by_name: &mut ByName<'c>, draft: Draft<'c>) {
    by_name.entry(key(&draft.name)).or_default().push(draft);
}

/// A problem where a text is not the name of an image.
fn illegal(name: &str, what: &str) -> Option<Diagnostic> {
    let problem = names::problem_of(name)?;
    let message = format!("`{name}` is not {what}: {problem}");
    Some(
        Diagnostic::new(Code::IllegalName, message)
            .help("a name looks like `acme/service` or `acme/service:tag`, in lower case")
            .help("in a template, `| lower`, `| kebab` and `| slug` produce legal names"),
    )
}

/// What two names have in common that mean one image: `x` and `x:latest`.
fn key(name: &str) -> String {
    match Reference::parse(name) {
        Ok(reference) => reference.with_default_tag().to_string(),
        Err(_) => name.to_owned(),
    }
}

fn literal(text: &str) -> Template {
    Template {
        literal: true,
        ..Template::new(text)
    }
}

/// References that are to mean two images.
fn ambiguous_aliases(definitions: &[Definition]) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut owners: BTreeMap<String, &str> = definitions
        .iter()
        .map(|image| (key(&image.name), image.name.as_str()))
        .collect();
    for image in definitions {
        for alias in &image.build.aliases {
            let owner = *owners.entry(key(alias)).or_insert(&image.name);
            if owner != image.name {
                let message = format!("`{alias}` means both `{owner}` and `{}`", image.name);
                diagnostics.push(
                    Diagnostic::new(Code::DuplicateName, message)
                        .help("remove the alias from one of them in .shipwright.json"),
                );
            }
        }
    }
    diagnostics
}
