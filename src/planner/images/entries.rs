//! Entries of `images`, each as often as its matrix says.

use minijinja::value::Value;

use crate::config::template::{Engine, Variables};
use crate::config::{Combination, Config, ImageEntry};
use crate::diagnostics::Diagnostics;

/// An entry, for one combination of the values of its matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'c> {
    /// The name as it is written: a template where there is a matrix.
    pub(super) key: &'c str,
    pub(super) said: &'c ImageEntry,
    pub(super) values: Option<&'c Combination>,
}

impl Entry<'_> {
    /// The variables that the entry and what is said of every image bring along.
    pub(super) fn variables(&self, config: &Config) -> Variables {
        let vars = self.said.settings.over(&config.settings).build.vars;
        let vars = vars
            .0
            .into_iter()
            .map(|(name, value)| (name, value.value.into()));
        let mut variables: Variables = vars.collect();
        add(&mut variables, self.values);
        variables
    }

    /// The path of its Dockerfile, where it names one. A problem is left with `problems`.
    pub(super) fn dockerfile(
        &self,
        config: &Config,
        engine: &Engine<'_>,
        problems: &mut Diagnostics,
    ) -> Option<String> {
        let template = self.said.dockerfile.as_ref()?;
        let of = format!("the image `{}`", self.key);
        match engine.render(template, &self.variables(config), &of) {
            Ok(path) => Some(path),
            Err(problem) => {
                problems.push(problem);
                None
            }
        }
    }
}

/// Adds the values of a combination.
pub(super) fn add(variables: &mut Variables, values: Option<&Combination>) {
    let values = values.into_iter().flat_map(Combination::values);
    variables.extend(values.map(|(name, value)| (name.to_owned(), Value::from(value))));
}

/// All of them, in the order of their names and matrices.
pub(super) fn entries(config: &Config) -> impl Iterator<Item = Entry<'_>> {
    config.images.iter().flat_map(|(key, entry)| {
        let values: Vec<Option<&Combination>> = match &entry.matrix {
            Some(matrix) => matrix
                .without(&entry.except)
                .0
                .into_iter()
                .map(Some)
                .collect(),
            None => vec![None],
        };
        values.into_iter().map(move |values| Entry {
            key,
            said: entry,
            values,
        })
    })
}

/// The Dockerfiles that entries name; those of a template that fails are not among them.
pub(crate) fn named_dockerfiles(config: &Config) -> impl Iterator<Item = String> {
    let engine = Engine::new(None);
    let mut unused = Diagnostics::new();
    entries(config).filter_map(move |entry| entry.dockerfile(config, &engine, &mut unused))
}
