//! Names that several images have: what they are, and what in the configuration tells them apart.

use std::collections::{BTreeMap, BTreeSet};

use super::drafts::{ByName, Draft};
use crate::config::{self, Config};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::planner::align::rule::{Form, forms, names_beside};
use crate::planner::align::{File, Shape};
use crate::planner::names::Namer;

/// How many images of one name are shown.
const SHOWN: usize = 3;

/// How many Dockerfiles are named one by one, at most.
const FEW: usize = 2;

/// What the images are made of.
pub(super) struct Duplicates<'c> {
    pub(super) config: &'c Config,
    pub(super) namer: &'c Namer<'c>,
    /// The Dockerfiles by their paths.
    pub(super) sources: &'c BTreeMap<String, SourceText>,
}

impl Duplicates<'_> {
    /// An error for each name that several images have; of those that folders give, all have one cause.
    pub(super) fn told(&self, by_name: &ByName<'_>) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let several = by_name.values().filter(|same| same.len() > 1);
        let (of_matrix, of_paths): (Vec<_>, Vec<_>) = several
            .map(Vec::as_slice)
            .partition(|same| same.iter().any(|draft| !draft.values.is_empty()));
        diagnostics.extend(of_matrix.into_iter().map(|same| self.of_matrix(same)));
        if of_paths.is_empty() {
            return diagnostics;
        }
        let mut help = self.help(&of_paths, by_name);
        diagnostics.extend(of_paths.into_iter().map(|same| {
            let mut told = self.of_paths(same).because_of("folders");
            told.help = std::mem::take(&mut help);
            told
        }));
        diagnostics
    }

    fn of_matrix(&self, same: &[Draft<'_>]) -> Diagnostic {
        let message = format!(
            "{} images have the same name, `{}`",
            same.len(),
            same[0].name
        );
        let mut diagnostic = Diagnostic::new(Code::DuplicateName, message);
        for draft in same.iter().take(SHOWN) {
            let values: Vec<String> = draft.values.iter().map(ToString::to_string).collect();
            let label = match values.join(", ") {
                none if none.is_empty() => none,
                values => format!("with {values}"),
            };
            diagnostic = diagnostic.at(&self.sources[draft.dockerfile], 0..0, label);
        }
        diagnostic.help("add a variable of `for` to the name, in `{{ }}`")
    }

    fn of_paths(&self, same: &[Draft<'_>]) -> Diagnostic {
        let paths: BTreeSet<&str> = same.iter().map(|draft| draft.dockerfile).collect();
        let message = format!(
            "{} Dockerfiles have the same name, `{}`",
            same.len(),
            same[0].name
        );
        let diagnostic = Diagnostic::new(Code::DuplicateName, message);
        let shown = paths.into_iter().take(SHOWN);
        shown.fold(diagnostic, |diagnostic, path| {
            diagnostic.at(&self.sources[path], 0..0, "")
        })
    }

    /// What to add to the configuration. It has been tried: with it, no name is given twice.
    fn help(&self, groups: &[&[Draft<'_>]], by_name: &ByName<'_>) -> Vec<String> {
        let mut help = Vec::new();
        let names = self.by_path(groups, by_name);
        let few = names.as_ref().filter(|names| names.len() <= FEW);
        if let Some(names) = few {
            let names = object(
                names
                    .iter()
                    .map(|(path, name)| (path.as_str(), name.as_str())),
            );
            help.push(format!(
                r#"give them different names in {}: `{{"version": 2, "names": {names}}}`"#,
                config::PATH
            ));
        } else if let Some(rule) = self.by_rule(by_name) {
            let rule = object([("match", rule.matches.as_str()), ("name", &rule.name)]);
            help.push(match self.config.source {
                None => format!(
                    r#"a rule gives each a name of its own, in {}: `{{"version": 2, "rules": [{rule}]}}`"#,
                    config::PATH
                ),
                Some(_) => format!("a rule at the end of `rules` gives each a unique name: `{rule}`"),
            });
        }
        help.push(match self.config.source {
            None => "or let `shipwright init` name all images".to_owned(),
            Some(_) => "or see how `shipwright init -o -` names all images".to_owned(),
        });
        help
    }

    /// Names for all Dockerfiles but the one nearest to the root of each group, if their folders give them some
    /// that nothing else has.
    fn by_path(
        &self,
        groups: &[&[Draft<'_>]],
        by_name: &ByName<'_>,
    ) -> Option<BTreeMap<String, String>> {
        let mut taken: BTreeSet<String> =
            by_name.values().map(|same| same[0].name.clone()).collect();
        let mut names = BTreeMap::new();
        for same in groups {
            let mut paths: Vec<&str> = same.iter().map(|draft| draft.dockerfile).collect();
            paths.sort_by_key(|path| (path.matches('/').count(), *path));
            for path in &paths[1..] {
                let file = [File::new(path)];
                let mut longer = Shape::longer(self.namer.namespace(), &file);
                let name = longer.find_map(|shape| {
                    let name = shape.name(&file[0])?;
                    (!taken.contains(&name)).then_some(name)
                })?;
                taken.insert(name.clone());
                names.insert(format!("/{path}"), name);
            }
        }
        Some(names)
    }

    /// The shortest rule that gives each Dockerfile which nothing else names a name of its own.
    fn by_rule(&self, by_name: &ByName<'_>) -> Option<Form> {
        let is_free = |draft: &&Draft<'_>| {
            let is_named = draft
                .rule
                .as_ref()
                .is_some_and(|found| found.rule.name.is_some());
            !is_named && draft.entry.is_none() && self.namer.configured(draft.dockerfile).is_none()
        };
        let drafts = || by_name.values().flatten();
        let free: BTreeMap<&str, &str> = drafts()
            .filter(is_free)
            .map(|draft| (draft.dockerfile, draft.name.as_str()))
            .collect();
        let fixed = drafts().filter(|draft| !is_free(draft));
        let fixed: BTreeSet<&str> = fixed.map(|draft| draft.name.as_str()).collect();
        let namespace = self.namer.namespace();
        let files: Vec<File> = free.keys().map(|path| File::new(path)).collect();
        let mut shapes = Shape::longer(namespace, &files);
        shapes.find_map(|shape| {
            let wanted: BTreeMap<String, String> = free
                .iter()
                .zip(&files)
                .map(|((path, name), file)| {
                    let name = shape.name(file).unwrap_or_else(|| (*name).to_owned());
                    ((*path).to_owned(), name)
                })
                .collect();
            let names: BTreeSet<&str> = wanted.values().map(String::as_str).collect();
            if names.len() < wanted.len() || !names.is_disjoint(&fixed) {
                return None;
            }
            let gives_all = |form: &Form| {
                let others = names_beside(std::slice::from_ref(form), &wanted, namespace);
                others.is_some_and(|others| others.is_empty())
            };
            forms(".", &shape, &wanted).into_iter().find(gives_all)
        })
    }
}

/// A JSON object as people write it on one line.
fn object<'t>(entries: impl IntoIterator<Item = (&'t str, &'t str)>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let entries = entries.into_iter();
    let entries = entries.map(|(key, value)| format!("{}: {}", text(key), text(value)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}
