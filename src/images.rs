//! Which images a repository has: every Dockerfile with its name, context and settings.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::diagnostics::{Diagnostic, Diagnostics, SourceText};
use crate::discover;
use crate::names::Namer;

/// An image as it is defined, before its Dockerfile is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What Dockerfiles call it.
    pub name: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
    /// Folder of its build context; `.` for the root.
    pub context: String,
    /// The stage to build; the last where `None`.
    pub target: Option<String>,
    /// Build arguments, whether or not the Dockerfile declares them.
    pub build_args: BTreeMap<String, String>,
}

/// The images of all Dockerfiles, sorted by name.
///
/// `build_args` go to every image, over the configuration's.
///
/// # Errors
/// When a Dockerfile has no name, or two have the same.
pub fn define(
    dockerfiles: &BTreeMap<String, SourceText>,
    config: &Config,
    namer: &Namer<'_>,
    build_args: &BTreeMap<String, String>,
) -> Result<Vec<Definition>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut by_name: BTreeMap<String, Vec<&SourceText>> = BTreeMap::new();
    for (dockerfile, text) in dockerfiles {
        match namer.name(dockerfile) {
            Ok(named) => by_name.entry(named.name).or_default().push(text),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let mut definitions = Vec::new();
    for (name, texts) in by_name {
        if texts.len() > 1 {
            diagnostics.push(duplicate(&name, &texts));
        }
        let dockerfile = &texts[0].path;
        let mut args = config.build_args.clone();
        args.extend(build_args.clone());
        definitions.push(Definition {
            name,
            dockerfile: dockerfile.clone(),
            context: discover::folder_of(dockerfile).to_owned(),
            target: None,
            build_args: args,
        });
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    Ok(definitions)
}

fn duplicate(name: &str, texts: &[&SourceText]) -> Diagnostic {
    let message = format!("{} Dockerfiles have one name, `{name}`", texts.len());
    let mut diagnostic = Diagnostic::error("duplicate-name", message);
    for text in texts {
        diagnostic = diagnostic.at(text, 0..0, "");
    }
    let last = &texts[texts.len() - 1].path;
    diagnostic.help(format!(
        r#"name them apart in .shipwright.json: `{{"names": {{"/{last}": "{name}-2"}}}}`"#
    ))
}
