//! What the settings of an image come to, once it has a name.

use std::collections::BTreeMap;

use crate::config::template::{Engine, Template, Variables};
use crate::config::{self, ImageSettings};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::tree::snapshot::Folder;

/// How the value of a named context begins where it is an image.
pub(crate) const IMAGE_SCHEME: &str = "docker-image://";

/// What a further named context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamedContext {
    /// A folder, relative to the root of the plan.
    Folder(String),
    /// An image, ours or another's.
    Image(Reference),
}

/// Settings that do not depend on the commit, rendered and checked.
pub(super) struct Settled {
    pub(super) context: Option<String>,
    pub(super) target: Option<String>,
    pub(super) build_args: BTreeMap<String, String>,
    pub(super) aliases: Vec<String>,
    pub(super) contexts: BTreeMap<String, NamedContext>,
    pub(super) platforms: Vec<Platform>,
}

/// Renders and checks the settings of the image that messages call `of`.
///
/// # Errors
/// Everything that is wrong with them, at its place in the configuration.
pub(super) fn settle(
    settings: &ImageSettings,
    variables: &Variables,
    of: &str,
    engine: &Engine<'_>,
    root: &Folder,
) -> Result<Settled, Diagnostics> {
    let mut settler = Settler {
        variables,
        of,
        engine,
        root,
        problems: Diagnostics::new(),
    };
    let mut build_args = BTreeMap::new();
    for (key, value) in &settings.build_args {
        if let Some(value) = settler.rendered(value) {
            build_args.insert(key.clone(), value);
        }
    }
    let aliases = settings.aliases.iter().flatten();
    let aliases = aliases.filter_map(|alias| settler.alias(alias)).collect();
    let contexts = settings.contexts.iter();
    let contexts = contexts
        .filter_map(|(name, value)| settler.context(name, value))
        .collect();
    let platforms = settings.platforms.iter().flatten();
    let platforms = platforms
        .filter_map(|template| settler.platform(template))
        .collect();
    let context = settings.context.as_ref();
    let target = settings.target.as_ref();
    let settled = Settled {
        context: context.and_then(|template| settler.folder(template)),
        target: target.and_then(|template| settler.text(template)),
        build_args,
        aliases,
        contexts,
        platforms,
    };
    if settler.problems.has_errors() {
        return Err(settler.problems);
    }
    Ok(settled)
}

struct Settler<'s> {
    variables: &'s Variables,
    of: &'s str,
    engine: &'s Engine<'s>,
    root: &'s Folder,
    problems: Diagnostics,
}

impl Settler<'_> {
    fn refuse(&mut self, template: &Template, problem: Diagnostic) {
        self.problems.push(self.engine.at(template, problem));
    }

    fn rendered(&mut self, template: &Template) -> Option<String> {
        match self.engine.render(template, self.variables, self.of) {
            Ok(text) => Some(text),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// What a template says, unless it says nothing.
    fn text(&mut self, template: &Template) -> Option<String> {
        let text = self.rendered(template)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A folder of the repository.
    fn folder(&mut self, template: &Template) -> Option<String> {
        let text = self.text(template)?;
        let path = paths::clean(text.trim_start_matches('/'));
        if self.root.folder(&path).is_some() {
            return Some(path);
        }
        let message = format!("there is no folder `{text}`, the context of {}", self.of);
        let problem = Diagnostic::new(Code::MissingContext, message)
            .help("paths are relative to the root of the plan, which is `.`");
        self.refuse(template, problem);
        None
    }

    fn platform(&mut self, template: &Template) -> Option<Platform> {
        let text = self.text(template)?;
        match Platform::parse(&text) {
            Ok(platform) => Some(platform),
            Err(error) => {
                let problem = Diagnostic::new(Code::ConfigValue, error.to_string())
                    .help(config::PLATFORM_HELP);
                self.refuse(template, problem);
                None
            }
        }
    }

    fn alias(&mut self, template: &Template) -> Option<String> {
        let alias = self.text(template)?;
        let problem = if is_glob(&alias) {
            paths::glob(&alias).err().map(|error| error.to_string())
        } else {
            Reference::parse(&alias)
                .err()
                .map(|error| error.to_string())
        };
        let Some(problem) = problem else {
            return Some(alias);
        };
        let message = format!("`{alias}` cannot be an alias of {}: {problem}", self.of);
        let problem = Diagnostic::new(Code::IllegalName, message)
            .help("an alias is a reference, like `acme/service`, `base` or `acme/runtime:8.0.*`");
        self.refuse(template, problem);
        None
    }

    fn context(&mut self, name: &str, template: &Template) -> Option<(String, NamedContext)> {
        let key = match Reference::parse(name) {
            Ok(reference) => reference.context_key(),
            Err(error) => {
                let message = format!("`{name}` cannot name a context: {error}");
                let problem = Diagnostic::new(Code::IllegalName, message)
                    .help("builders look contexts up like images: a name is like `base`");
                self.refuse(template, problem);
                return None;
            }
        };
        let text = self.text(template)?;
        let Some(image) = text.strip_prefix(IMAGE_SCHEME) else {
            if text.contains("://") {
                let message = format!("`{text}` is neither a folder nor an image");
                let problem = Diagnostic::new(Code::ConfigValue, message).help(format!(
                    "a context is a folder of the repository, or `{IMAGE_SCHEME}` and a reference"
                ));
                self.refuse(template, problem);
                return None;
            }
            return Some((key, NamedContext::Folder(self.folder(template)?)));
        };
        match Reference::parse(image) {
            Ok(reference) => Some((key, NamedContext::Image(reference))),
            Err(error) => {
                let message = format!("`{image}` is not the reference of an image: {error}");
                self.refuse(template, Diagnostic::new(Code::IllegalName, message));
                None
            }
        }
    }
}

/// Whether an alias is a pattern rather than a reference.
pub(crate) fn is_glob(alias: &str) -> bool {
    alias.contains(['*', '?', '[', '{'])
}
