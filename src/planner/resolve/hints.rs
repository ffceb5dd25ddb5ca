//! References that look as if they were meant to be ours, and are not.

use std::collections::{BTreeMap, BTreeSet};

use super::ours::{Meaning, Ours};
use super::{Resolved, uses_of};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use crate::lang::dockerfile::stages::{ImageUse, Place};
use crate::lang::reference::Reference;
use crate::planner::names::short;

/// Where official images live: a folder that has the name of one does not make it ours.
const OFFICIAL: &str = "docker.io/library";

/// How many references under one foreign namespace have to name folders here before it is
/// suspected to be ours.
const ENOUGH: usize = 2;

/// Reports pins, references that match nothing, variables without a value, and namespaces under
/// which other people seem to know our images.
pub(super) fn hints(
    resolved: &[Resolved<'_>],
    ours: &Ours,
    namespace: Option<&str>,
    diagnostics: &mut Diagnostics,
) {
    let names: Vec<&str> = resolved
        .iter()
        .map(|image| image.definition.name.as_str())
        .collect();
    let shorts: BTreeSet<&str> = names.iter().map(|name| short(name)).collect();
    let namespace = namespace
        .and_then(|namespace| Reference::parse(&format!("{namespace}/x")).ok())
        .and_then(|reference| Some(reference.repository().strip_suffix("/x")?.to_owned()));
    // What names itself is ours too: rules and entries may name images under other namespaces.
    let of_names = names.iter().filter_map(|name| {
        let repository = Reference::parse(name).ok()?.repository();
        let (prefix, _) = repository.rsplit_once('/')?;
        (prefix != OFFICIAL).then(|| prefix.to_owned())
    });
    let namespaces: BTreeSet<String> = namespace.iter().cloned().chain(of_names).collect();
    let mut foreign: BTreeMap<String, BTreeSet<Foreign<'_>>> = BTreeMap::new();
    for (index, image) in resolved.iter().enumerate() {
        let mut seen = BTreeSet::new();
        let stages = image.views.iter().flat_map(|view| view.stages.reachable());
        for (_, place, used) in stages.flat_map(uses_of) {
            if !seen.insert((place.span, used.text.clone())) {
                continue;
            }
            diagnostics.extend(unset(image, place, used));
            match ours.meaning(used, index) {
                Meaning::Ours(found) => {
                    let mut others = ours.by_patterns(&used.reference);
                    others.remove(&found);
                    diagnostics.extend(ambiguous(
                        image,
                        place,
                        used,
                        names[found],
                        &others,
                        &names,
                    ));
                }
                Meaning::Pinned(index) => {
                    diagnostics.push(pinned(image, place, used, names[index]));
                }
                Meaning::External => {
                    let repository = used.reference.repository();
                    let Some((prefix, last)) = repository.rsplit_once('/') else {
                        continue;
                    };
                    if namespaces.contains(prefix) {
                        diagnostics.push(unmatched(image, place, used, &names));
                    } else if prefix != OFFICIAL
                        && short(&image.definition.name) != last
                        && shorts.contains(last)
                    {
                        let reference = Foreign {
                            used_in: &image.definition.name,
                            text: &used.text,
                            last: last.to_owned(),
                        };
                        foreign
                            .entry(prefix.to_owned())
                            .or_default()
                            .insert(reference);
                    }
                }
            }
        }
    }
    for (prefix, references) in foreign {
        if references.len() >= ENOUGH {
            diagnostics.push(name_hint(
                &prefix,
                &references,
                namespace.is_some(),
                resolved,
            ));
        }
    }
}

fn unset(image: &Resolved<'_>, place: Place, used: &ImageUse) -> Option<Diagnostic> {
    let list: Vec<String> = used.unset.iter().map(|name| format!("`{name}`")).collect();
    let first = used.unset.first()?;
    let message = format!(
        "{} has no value in the reference `{}`",
        list.join(", "),
        used.text
    );
    Some(
        Diagnostic::new(Code::UnsetVariable, message)
            .at(image.source, place.span.range(), "")
            .because_of(list.join(", "))
            .help(format!(
                r#"give it one: `--build-arg {first}=…`, or `{{"version": 2, "build_args": {{"{first}": "…"}}}}` in .shipwright.json"#
            )),
    )
}

fn pinned(image: &Resolved<'_>, place: Place, used: &ImageUse, name: &str) -> Diagnostic {
    let message = format!(
        "`{}` is left to the registry, though `{name}` is built here",
        used.text
    );
    let diagnostic = Diagnostic::new(Code::Pinned, message)
        .at(image.source, place.span.range(), "")
        .because_of(&used.text)
        .help(format!(
            "to build on the image of this repository, write `{name}`, without tag or digest"
        ));
    // A digest always means the registry.
    if used.reference.digest.is_some() {
        return diagnostic;
    }
    diagnostic
        .help(alias(name, &used.reference))
        .help(r#"or, for literal tags everywhere, `{"version": 2, "pinned": "internal"}` in .shipwright.json"#)
}

/// The line that makes a reference mean an image.
fn alias(name: &str, reference: &Reference) -> String {
    format!(
        r#"or say that this is it: `{{"version": 2, "images": {{"{name}": {{"aliases": ["{}"]}}}}}}` in .shipwright.json"#,
        reference.familiar()
    )
}

fn ambiguous(
    image: &Resolved<'_>,
    place: Place,
    used: &ImageUse,
    meant: &str,
    others: &BTreeSet<usize>,
    names: &[&str],
) -> Option<Diagnostic> {
    let list: Vec<String> = others
        .iter()
        .map(|index| format!("`{}`", names[*index]))
        .collect();
    let first = names[*others.first()?];
    let message = format!(
        "`{}` matches aliases of `{meant}`, which is taken, and of {}",
        used.text,
        list.join(", ")
    );
    let reference = used.reference.familiar();
    Some(
        Diagnostic::new(Code::AmbiguousAlias, message)
            .at(image.source, place.span.range(), "")
            .help("make the patterns exclude each other")
            .help(format!(
                r#"or say which it is, a whole reference wins: `{{"version": 2, "images": {{"{first}": {{"aliases": ["{reference}"]}}}}}}` in .shipwright.json"#
            )),
    )
}

fn unmatched(image: &Resolved<'_>, place: Place, used: &ImageUse, names: &[&str]) -> Diagnostic {
    let message = format!(
        "`{}` looks like an image of this repository, and none is called so",
        used.text
    );
    let diagnostic =
        Diagnostic::new(Code::UnmatchedReference, message).at(image.source, place.span.range(), "");
    let diagnostic = diagnostic.because_of(&used.text);
    match nearest(&used.reference.familiar(), names.iter().copied()) {
        Some(near) => diagnostic
            .help(format!("did you mean `{near}`?"))
            .help(alias(near, &used.reference)),
        None => diagnostic.help(format!(
            r#"if a Dockerfile here builds it, name that: `{{"version": 2, "names": {{"/its/folder": "{}"}}}}` in .shipwright.json"#,
            used.reference.familiar()
        )),
    }
}

/// A reference under a namespace that is not ours, to an image that is called like one of ours.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Foreign<'a> {
    used_in: &'a str,
    text: &'a str,
    /// The last component of the repository.
    last: String,
}

/// How many images a hint spells out.
const SHOWN: usize = 3;

fn name_hint(
    prefix: &str,
    references: &BTreeSet<Foreign<'_>>,
    has_namespace: bool,
    resolved: &[Resolved<'_>],
) -> Diagnostic {
    let prefix = prefix.strip_prefix("docker.io/").unwrap_or(prefix);
    let message = format!(
        "{} references under {prefix} name folders here",
        references.len()
    );
    let diagnostic = Diagnostic::new(Code::NameHint, message);
    if !has_namespace {
        return diagnostic.help(format!(
            r#"if they mean these images, add `"namespace": "{prefix}"` to .shipwright.json, or pass `--namespace {prefix}`"#
        ));
    }
    let lasts: BTreeSet<&str> = references
        .iter()
        .map(|reference| &*reference.last)
        .collect();
    let aliases = lasts.iter().filter_map(|last| {
        let mut images = resolved.iter().map(|image| image.definition);
        let image = images.find(|image| short(&image.name) == *last)?;
        Some(format!(
            r#""{}": {{"aliases": ["{prefix}/{last}"]}}"#,
            image.name
        ))
    });
    let mut aliases: Vec<String> = aliases.collect();
    if aliases.len() > SHOWN {
        aliases.truncate(SHOWN);
        aliases.push("…".to_owned());
    }
    diagnostic.help(format!(
        r#"if they mean these images, say so: `{{"version": 2, "images": {{{}}}}}` in .shipwright.json"#,
        aliases.join(", ")
    ))
}
