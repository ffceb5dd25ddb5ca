//! From what all levels say of an image to what holds for it: merging, rendering, checking.

use std::collections::BTreeMap;

use super::template::{Engine, Template, Variables};
use crate::diagnostics::{Diagnostic, Diagnostics};

/// Renders and checks the settings of one image.
pub(crate) struct Renderer<'r> {
    /// What renders templates.
    pub(crate) engine: &'r Engine<'r>,
    /// What they may write.
    pub(crate) variables: Variables,
    /// What messages call the image.
    pub(crate) of: String,
    /// The folder of the repository that a path stands for, perhaps by way of links.
    pub(crate) folder: &'r dyn Fn(&str) -> Option<String>,
    /// All that is wrong, at its place in the configuration.
    pub(crate) problems: Diagnostics,
}

impl Renderer<'_> {
    /// Reports a problem of what a template says.
    pub(crate) fn refuse(&mut self, template: &Template, problem: Diagnostic) {
        self.problems.push(self.engine.at(template, problem));
    }

    /// What a template says; none where it fails.
    pub(crate) fn rendered(&mut self, template: &Template) -> Option<String> {
        match self.engine.render(template, &self.variables, &self.of) {
            Ok(text) => Some(text),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// What a template says without white space around it, unless it says nothing.
    pub(crate) fn word(&mut self, template: &Template) -> Option<String> {
        let text = self.rendered(template)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A value that may stand at several levels.
pub(crate) trait Setting {
    /// What it comes to for one image.
    type Resolved: Default;

    /// This, and where it says nothing what a wider level says.
    #[must_use]
    fn over(&self, wider: &Self) -> Self;

    /// What it says of an image. Problems are left with the renderer.
    fn resolve(&self, renderer: &mut Renderer<'_>) -> Self::Resolved;

    /// Adds the templates that it holds.
    fn templates<'s>(&'s self, all: &mut Vec<&'s Template>);
}

/// One value within a setting.
pub(crate) trait Part: Clone {
    /// What it comes to for one image.
    type Resolved;

    /// What it says of an image; none where it says nothing, or what is wrong.
    fn resolve(&self, renderer: &mut Renderer<'_>) -> Option<Self::Resolved>;

    /// The template that it is, if it is one.
    fn template(&self) -> Option<&Template> {
        None
    }
}

impl<T: Part> Setting for Option<T> {
    type Resolved = Option<T::Resolved>;

    fn over(&self, wider: &Self) -> Self {
        self.as_ref().or(wider.as_ref()).cloned()
    }

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Self::Resolved {
        self.as_ref().and_then(|part| part.resolve(renderer))
    }

    fn templates<'s>(&'s self, all: &mut Vec<&'s Template>) {
        all.extend(self.iter().filter_map(Part::template));
    }
}

impl<T: Part> Setting for BTreeMap<String, T> {
    type Resolved = BTreeMap<String, T::Resolved>;

    fn over(&self, wider: &Self) -> Self {
        let mut map = wider.clone();
        map.extend(self.clone());
        map
    }

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Self::Resolved {
        let entries = self.iter();
        entries
            .filter_map(|(key, part)| Some((key.clone(), part.resolve(renderer)?)))
            .collect()
    }

    fn templates<'s>(&'s self, all: &mut Vec<&'s Template>) {
        all.extend(self.values().filter_map(Part::template));
    }
}

impl Part for Template {
    type Resolved = String;

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Option<String> {
        renderer.rendered(self)
    }

    fn template(&self) -> Option<&Template> {
        Some(self)
    }
}

/// Values that mean themselves.
macro_rules! as_it_is {
    ($($kind:ty),*) => {
        $(
            impl Part for $kind {
                type Resolved = Self;

                fn resolve(&self, _: &mut Renderer<'_>) -> Option<Self> {
                    Some(self.clone())
                }
            }
        )*
    };
}

as_it_is!(
    String,
    super::Secret,
    super::kinds::Push,
    super::kinds::Runner
);
