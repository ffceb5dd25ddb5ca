//! Which images there are, and what each is called: a [`Draft`] for each, whose settings are rendered later.

use std::collections::{BTreeMap, BTreeSet};

use super::duplicates::Duplicates;
use super::entries::{self, Entry};
use super::{Definer, key};
use crate::config::resolve::Setting;
use crate::config::template::Template;
use crate::config::{Combination, ImageEntry, Rule};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::paths;
use crate::planner::names::{self, Named};

/// The most images that all matrices together may make.
const MOST_IMAGES: usize = 100_000;

/// An image whose settings are not rendered yet.
pub(super) struct Draft<'c> {
    pub(super) name: String,
    pub(super) dockerfile: &'c str,
    pub(super) rule: Option<Matched<'c>>,
    pub(super) entry: Option<&'c ImageEntry>,
    /// The values of the matrices that it comes from.
    pub(super) values: Vec<&'c Combination>,
}

/// The first rule that matches a Dockerfile's path.
#[derive(Clone)]
pub(super) struct Matched<'c> {
    pub(super) rule: &'c Rule,
    pub(super) groups: BTreeMap<String, String>,
}

/// Images by what their names mean.
pub(super) type ByName<'c> = BTreeMap<String, Vec<Draft<'c>>>;

impl<'c> Definer<'c, '_> {
    /// All images with their names, sorted by these.
    pub(super) fn drafts(&mut self) -> Vec<Draft<'c>> {
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
        if drafts.len() > MOST_IMAGES {
            let message =
                format!("the matrices of the configuration make more than {MOST_IMAGES} images");
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

    /// The first rule that matches a path, and the groups of its pattern.
    fn rule(&self, dockerfile: &str) -> Option<Matched<'c>> {
        let mut rules = self.config.rules.iter();
        rules.find_map(|rule| {
            let groups = rule.groups(dockerfile)?;
            Some(Matched { rule, groups })
        })
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

    /// Refuses an entry that neither changes an image nor makes one.
    fn unknown(&mut self, name: &str, entry: &ImageEntry, others: &ByName<'c>) {
        let message = format!("there is no image `{name}`, and this entry has no `dockerfile`");
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
