//! Which images a repository has: every Dockerfile with its name, context and settings.
//!
//! `names`, then the first of `rules` that matches, then the folder name an image; entries of
//! `images` change one, or make further ones of a Dockerfile that then has no other.

mod planned;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::value::Value;

use crate::config::resolve::Renderer;
use crate::config::template::{Engine, Template, Variables};
use crate::config::{Config, ImageEntry, ResolvedBuild, Rule, Settings};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText, nearest};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::planner::names::{self, Named, Namer};
use crate::tree::snapshot::Folder;

pub(crate) use planned::{as_planned, differs};

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
pub(crate) struct Over<'o> {
    /// Build arguments.
    pub build_args: &'o BTreeMap<String, String>,
    /// Stamp arguments.
    pub stamp_args: &'o BTreeMap<String, String>,
    /// Platforms, where there are any.
    pub platforms: &'o [Platform],
    /// The repository template.
    pub repository: Option<&'o str>,
}

/// The images of all Dockerfiles, sorted by name.
///
/// # Errors
/// When a Dockerfile has no name, two images have the same, or the configuration says of one what
/// cannot be.
pub(crate) fn define(
    dockerfiles: &BTreeMap<String, SourceText>,
    root: &Folder,
    config: &Config,
    namer: &Namer<'_>,
    over: Over<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Definition>, Diagnostics> {
    let mut definer = Definer {
        config,
        namer,
        engine: Engine::new(config.source.as_ref()),
        over,
        root,
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
    let mut problems = definer.problems;
    problems.extend(ambiguous_aliases(&definitions));
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(definitions)
}

/// An image whose settings are not rendered yet.
struct Draft<'c> {
    name: String,
    dockerfile: &'c str,
    /// The first rule that matches the Dockerfile's path, and its groups.
    rule: Option<(&'c Rule, BTreeMap<String, String>)>,
    entry: Option<&'c ImageEntry>,
}

struct Definer<'c, 'd> {
    config: &'c Config,
    namer: &'c Namer<'c>,
    engine: Engine<'c>,
    over: Over<'c>,
    root: &'c Folder,
    dockerfiles: &'c BTreeMap<String, SourceText>,
    problems: Diagnostics,
    remarks: &'d mut Diagnostics,
}

impl<'c> Definer<'c, '_> {
    /// All images with their names, sorted by these.
    fn drafts(&mut self) -> Vec<Draft<'c>> {
        let entries = &self.config.images;
        let named: BTreeSet<&str> = entries
            .values()
            .filter_map(|entry| Some(entry.dockerfile.as_ref()?.value.as_str()))
            .collect();
        let mut by_name: BTreeMap<String, Vec<Draft<'c>>> = BTreeMap::new();
        let dockerfiles = self.dockerfiles;
        for dockerfile in dockerfiles.keys() {
            if named.contains(dockerfile.as_str()) {
                continue;
            }
            let rule = self.rule(dockerfile);
            match self.name(dockerfile, rule.as_ref()) {
                Ok(name) => by_name.entry(key(&name)).or_default().push(Draft {
                    name,
                    dockerfile,
                    rule,
                    entry: None,
                }),
                Err(diagnostic) => self.problems.push(diagnostic),
            }
        }
        for (name, entry) in entries {
            if let Some(problem) = illegal(name, "the name of an image") {
                self.problems
                    .push(self.at(problem, entry.name_span.clone()));
                continue;
            }
            let drafts = by_name.entry(key(name)).or_default();
            let Some(dockerfile) = &entry.dockerfile else {
                if let Some(draft) = drafts.first_mut() {
                    draft.entry = Some(entry);
                } else {
                    by_name.remove(&key(name));
                    self.unknown(name, entry, &by_name);
                }
                continue;
            };
            let Some((path, _)) = dockerfiles.get_key_value(&dockerfile.value) else {
                let message = format!("there is no Dockerfile `{}`", dockerfile.value);
                let known = dockerfiles.keys().map(String::as_str);
                let near = nearest(&dockerfile.value, known);
                let help = near.map_or_else(
                    || "paths are relative to the root, and git must track the file".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let problem = Diagnostic::new(Code::MissingDockerfile, message).help(help);
                self.problems
                    .push(self.at(problem, dockerfile.span.clone()));
                continue;
            };
            drafts.push(Draft {
                name: name.clone(),
                dockerfile: path,
                rule: self.rule(path),
                entry: Some(entry),
            });
        }
        let mut drafts = Vec::new();
        for mut same in by_name.into_values() {
            if same.len() > 1 {
                self.problems.push(self.duplicate(&same));
            }
            drafts.extend(same.drain(..).next());
        }
        drafts.sort_by(|a, b| a.name.cmp(&b.name));
        drafts
    }

    fn rule(&self, dockerfile: &str) -> Option<(&'c Rule, BTreeMap<String, String>)> {
        let mut rules = self.config.rules.iter();
        rules.find_map(|rule| Some((rule, rule.groups(dockerfile)?)))
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
                    "the rule `{}` has no effect: an earlier one matches all that it does",
                    pattern.as_str()
                );
                let earlier = format!("as does, for one, `{}`", rules[first].pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message)
                    .help(format!(
                        "{earlier}: only the first rule that matches counts"
                    ))
                    .help("put the narrower rule before the wider one, or remove it")
            } else {
                let message = format!("the rule `{}` matches no Dockerfile", pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message).help(
                    "it is held against paths like `images/php/Dockerfile`; correct it, or remove it",
                )
            };
            let remark = self.at(remark, pattern.span.clone());
            self.remarks.push(remark);
        }
    }

    /// The name of the image that a Dockerfile makes by itself.
    fn name(
        &mut self,
        dockerfile: &str,
        rule: Option<&(&'c Rule, BTreeMap<String, String>)>,
    ) -> Result<String, Diagnostic> {
        if let Some(name) = self.namer.configured(dockerfile) {
            return name;
        }
        if let Some((rule, groups)) = rule
            && let Some(template) = &rule.name
        {
            let variables = self.variables(dockerfile, groups);
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
            let message = format!("`{part}`, in `{dockerfile}`, is made legal: `{name}`");
            let note = Diagnostic::new(Code::LegalName, message).help(format!(
                r#"to choose another name: `"names": {{"/{dockerfile}": "…"}}` in .shipwright.json"#
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
        let (rule, groups) = draft.rule.unzip();
        let mut settings = self.config.settings.clone();
        if let Some(rule) = rule {
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
        let mut variables = self.variables(draft.dockerfile, &groups.unwrap_or_default());
        let (bare, tag) = split_tag(&draft.name);
        for (name, value) in [
            ("name", bare),
            ("short", paths::file_name(bare)),
            ("tag", tag.unwrap_or_default()),
        ] {
            variables.insert(name.to_owned(), Value::from(value));
        }
        let root = self.root;
        let mut renderer = Renderer {
            engine: &self.engine,
            variables,
            of: format!("`{}`", draft.name),
            has_folder: &|path| root.folder(path).is_some(),
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

    fn at(&self, diagnostic: Diagnostic, span: Range<usize>) -> Diagnostic {
        match &self.config.source {
            Some(source) => diagnostic.at(source, span, ""),
            None => diagnostic,
        }
    }

    fn unknown(
        &mut self,
        name: &str,
        entry: &ImageEntry,
        others: &BTreeMap<String, Vec<Draft<'c>>>,
    ) {
        let message = format!("no image is called `{name}`, and this entry names no Dockerfile");
        let mut diagnostic =
            Diagnostic::new(Code::UnknownImage, message).help("say which: `\"dockerfile\": \"…\"`");
        let names = others.values().flatten().map(|draft| draft.name.as_str());
        if let Some(near) = nearest(name, names) {
            diagnostic = diagnostic.help(format!("or did you mean `{near}`?"));
        }
        self.problems
            .push(self.at(diagnostic, entry.name_span.clone()));
    }

    fn duplicate(&self, drafts: &[Draft<'_>]) -> Diagnostic {
        let name = &drafts[0].name;
        let dockerfiles: BTreeSet<&str> = drafts.iter().map(|draft| draft.dockerfile).collect();
        let message = format!("{} Dockerfiles have one name, `{name}`", drafts.len());
        let mut diagnostic = Diagnostic::new(Code::DuplicateName, message);
        for path in &dockerfiles {
            diagnostic = diagnostic.at(&self.dockerfiles[*path], 0..0, "");
        }
        let last = dockerfiles.last().copied().unwrap_or_default();
        diagnostic.help(format!(
            r#"name them apart in .shipwright.json: `{{"names": {{"/{last}": "{name}-2"}}}}`"#
        ))
    }
}

/// A problem where a text is not the name of an image.
fn illegal(name: &str, what: &str) -> Option<Diagnostic> {
    let problem = names::problem_of(name)?;
    let message = format!("`{name}` is not {what}: {problem}");
    Some(
        Diagnostic::new(Code::IllegalName, message)
            .help("a name is like `acme/service` or `acme/service:tag`, in lower case")
            .help("in a template, `| lower`, `| kebab` and `| slug` make one of other text"),
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
                let message = format!("`{alias}` is to mean both `{owner}` and `{}`", image.name);
                diagnostics.push(
                    Diagnostic::new(Code::DuplicateName, message)
                        .help("take the alias from one of them in .shipwright.json"),
                );
            }
        }
    }
    diagnostics
}
