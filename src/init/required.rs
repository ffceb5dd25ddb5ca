//! Arguments that a Dockerfile's references need and have no value for: asked for once, not left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::Dockerfile;
use crate::lang::dockerfile::instruction::Kind;
use crate::lang::dockerfile::stages::{NoBases, Request, StageGraph};
use crate::lang::platform::Platform;
use crate::paths::{file_name, folder_of};
use crate::planner::resolve::Parsed;

/// The value that somebody is to replace: legal as a repository, as a tag and as a part of both.
pub(super) const VALUE: &str = "set-me";

/// How many rounds of arguments are looked at: one may be hidden by another.
const ROUNDS: usize = 4;

/// What an argument is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// This text.
    Text(String),
    /// The name of the image of the Dockerfile at this path.
    Image(String),
}

/// Build arguments by the paths of the Dockerfiles that need them, each with the place that needs it.
pub(super) type Arguments = BTreeMap<String, BTreeMap<String, (Given, Range<usize>)>>;

/// The arguments that Dockerfiles need: those of their references that are none without a value. A default like
/// `<base>` that names the folder of another Dockerfile means its image; else what `values` has is taken, and
/// [`VALUE`] where it has nothing.
pub(super) fn arguments(
    read: &BTreeMap<&str, Parsed<'_>>,
    values: &BTreeMap<String, String>,
    is_built: impl Fn(&str) -> bool,
) -> Arguments {
    let mut all = Arguments::new();
    for (path, Parsed { dockerfile, .. }) in read.iter().filter(|(path, _)| !is_built(path)) {
        if dockerfile.all_errors().next().is_some() {
            continue;
        }
        let mut arguments = BTreeMap::new();
        for _ in 0..ROUNDS {
            match lacking(dockerfile, &arguments) {
                Some(needed) if !needed.is_empty() => {
                    for (name, span) in needed {
                        let given = placeholder(dockerfile, &name, path, read);
                        let value = values.get(&name).map_or(VALUE, String::as_str);
                        let given = given.unwrap_or_else(|| Given::Text(value.to_owned()));
                        arguments.insert(name, (given, span));
                    }
                }
                None if !arguments.is_empty() => {
                    forget_optional(dockerfile, &mut arguments);
                    all.insert((*path).to_owned(), arguments);
                    break;
                }
                _ => break,
            }
        }
    }
    all
}

/// Takes out those of some arguments that may be empty beside the others: a registry before a name.
fn forget_optional(
    parsed: &Dockerfile<'_>,
    arguments: &mut BTreeMap<String, (Given, Range<usize>)>,
) {
    let names: Vec<String> = arguments.keys().cloned().collect();
    for name in names {
        let Some(given) = arguments.remove(&name) else {
            continue;
        };
        if arguments.is_empty() || lacking(parsed, arguments).is_some() {
            arguments.insert(name, given);
        }
    }
}

/// The texts of a Dockerfile's arguments, where the names of images are not known yet.
pub(super) fn texts_of(
    arguments: &BTreeMap<String, (Given, Range<usize>)>,
) -> BTreeMap<String, String> {
    let texts = arguments.iter().map(|(name, (given, _))| {
        let text = match given {
            Given::Text(text) => text.clone(),
            Given::Image(_) => VALUE.to_owned(),
        };
        (name.clone(), text)
    });
    texts.collect()
}

/// The variables, each with a place, without which references are none; nothing where all are some. Empty where a
/// value mends nothing.
fn lacking(
    parsed: &Dockerfile<'_>,
    arguments: &BTreeMap<String, (Given, Range<usize>)>,
) -> Option<BTreeMap<String, Range<usize>>> {
    let platform = Platform::default();
    let request = Request {
        target: None,
        build_args: &texts_of(arguments),
        platform: &platform,
        build_platform: &platform,
        contexts: &BTreeSet::new(),
        bases: &NoBases,
    };
    let errors = StageGraph::new(parsed, &request).err()?;
    let mut needed = BTreeMap::new();
    for error in errors {
        let place = error.places.first().map(|place| place.span.range());
        let new = error.variables.into_iter();
        let new: Vec<String> = new.filter(|name| !arguments.contains_key(name)).collect();
        if new.is_empty() {
            return Some(BTreeMap::new());
        }
        for name in new {
            needed
                .entry(name)
                .or_insert_with(|| place.clone().unwrap_or_default());
        }
    }
    Some(needed)
}

/// The Dockerfile that a default like `<base>` means: of that folder, beside this one's where there are several.
fn placeholder(
    dockerfile: &Dockerfile<'_>,
    name: &str,
    path: &str,
    read: &BTreeMap<&str, Parsed<'_>>,
) -> Option<Given> {
    let defaults = dockerfile
        .instructions
        .iter()
        .flat_map(|instruction| match &instruction.kind {
            Kind::Arg(arguments) => arguments.as_slice(),
            _ => &[],
        });
    let mut defaults = defaults.filter(|argument| argument.name.text == name);
    let default = defaults.find_map(|argument| argument.default)?.text;
    let default = default.trim_matches(['"', '\'']);
    let folder = default.strip_prefix('<')?.strip_suffix('>')?;
    let is_meant = |other: &&str| {
        *other != path && file_name(other) == "Dockerfile" && file_name(folder_of(other)) == folder
    };
    let meant: Vec<&str> = read.keys().copied().filter(is_meant).collect();
    let above = |path: &str| folder_of(folder_of(path)).to_owned();
    let near: Vec<&str> = meant
        .iter()
        .copied()
        .filter(|other| above(other) == above(path))
        .collect();
    match (near.as_slice(), meant.as_slice()) {
        ([one], _) | ([], [one]) => Some(Given::Image((*one).to_owned())),
        _ => None,
    }
}

/// What to do about the arguments that got [`VALUE`]: a warning for each.
pub(super) fn asked(arguments: &Arguments, read: &BTreeMap<&str, Parsed<'_>>) -> Diagnostics {
    let mut needing: BTreeMap<&str, Vec<(&str, &Range<usize>)>> = BTreeMap::new();
    for (path, arguments) in arguments {
        for (name, (given, span)) in arguments {
            if *given == Given::Text(VALUE.to_owned()) {
                needing.entry(name).or_default().push((path, span));
            }
        }
    }
    let mut diagnostics = Diagnostics::new();
    for (name, places) in needing {
        let (path, span) = places[0];
        let of = match places.len() {
            1 => String::new(),
            count => format!(" in {count} Dockerfiles"),
        };
        let message = format!("`{name}` has no value{of}; the configuration sets it to `{VALUE}`");
        let diagnostic = Diagnostic::new(Code::UnsetVariable, message);
        diagnostics.push(
            diagnostic
                .at(read[path].source, span.clone(), "")
                .because_of("required")
                .help(format!("replace `{VALUE}` there, or start again with `shipwright init --build-arg {name}=…`")),
        );
    }
    diagnostics
}

/// A line that says which images placeholders are; none where there are none.
pub(super) fn told(arguments: &Arguments) -> Option<String> {
    let mut images = arguments.iter().flat_map(|(path, arguments)| {
        arguments
            .iter()
            .filter_map(move |(name, (given, _))| match given {
                Given::Image(image) => Some((path, name, image)),
                Given::Text(_) => None,
            })
    });
    let (path, name, image) = images.next()?;
    let more = match images.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "{path}: the placeholder in `{name}` names the folder of {image}{more}"
    ))
}
