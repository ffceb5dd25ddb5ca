//! References that look as if they were meant to be ours, and are not.

mod foreign;

use std::collections::BTreeSet;

use super::internal::{Internal, Meaning};
use super::{Resolved, Settings, uses_of};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, listed, nearest};
use crate::lang::dockerfile::stages::{ImageUse, Place};
use crate::lang::reference::Reference;
use crate::planner::ImageIndex;
use crate::planner::images::Definition;
use foreign::Foreign;

/// Reports pins, references that match nothing, variables without a value, and namespaces under
/// which other people seem to know our images. Gives the references that match nothing, each with the
/// index of the image that has it.
pub(super) fn hints(
    resolved: &[Resolved<'_>],
    internal: &Internal,
    settings: &Settings<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<(ImageIndex, String)> {
    let names: Vec<&str> = resolved
        .iter()
        .map(|image| image.definition.name.as_str())
        .collect();
    let namespaces = namespaces(&names, settings.namespace);
    let mut foreign = Foreign::default();
    let mut matchless = Vec::new();
    for (index, image) in ImageIndex::first(resolved.len()).zip(resolved) {
        let mut seen = BTreeSet::new();
        let stages = image.views.iter().flat_map(|view| view.stages.reachable());
        for (_, place, used) in stages.flat_map(uses_of) {
            if !seen.insert((place.span, used.text.clone())) {
                continue;
            }
            diagnostics.extend(unset(image, place, used));
            match internal.meaning(used, index) {
                Meaning::Internal(found) => {
                    let mut others = internal.by_patterns(&used.reference);
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
                Meaning::Declared => {}
                Meaning::External => {
                    let repository = used.reference.repository();
                    let prefix = repository.rsplit_once('/').map(|(prefix, _)| prefix);
                    let siblings = internal.of_repository(&repository);
                    if siblings == BTreeSet::from([index]) {
                        // In the folder `redis`, `FROM redis` means the official image.
                        continue;
                    }
                    if !siblings.is_empty() {
                        matchless.push((index, used.full_name()));
                        let siblings = siblings.into_iter().map(|index| names[index]);
                        diagnostics.push(unknown_tag(image, place, used, siblings));
                    } else if prefix.is_some_and(|prefix| namespaces.contains(prefix)) {
                        matchless.push((index, used.full_name()));
                        if !settings.without_hints {
                            diagnostics.push(unmatched(image, place, used, &names));
                        }
                    } else if !settings.without_hints {
                        foreign.add(image.definition, used);
                    }
                }
            }
        }
    }
    let images: Vec<&Definition> = resolved.iter().map(|image| image.definition).collect();
    diagnostics.extend(foreign.hints(&images, settings.namespace.is_some()));
    matchless
}

/// The namespaces that names here stand in, written in full.
fn namespaces(names: &[&str], namespace: Option<&str>) -> BTreeSet<String> {
    let configured = namespace.map(|namespace| format!("{namespace}/x"));
    let named = names.iter().filter(|name| name.contains('/'));
    let all = configured
        .into_iter()
        .chain(named.map(|name| (*name).to_owned()));
    let prefix = |name: String| {
        let repository = Reference::parse(&name).ok()?.repository();
        Some(repository.rsplit_once('/')?.0.to_owned())
    };
    all.filter_map(prefix).collect()
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
        "`{}` means the registry, although `{name}` is built here",
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
    diagnostic.help(alias(name, &used.reference)).help(
        r#"or, for all literal tags, `{"version": 2, "pinned": "internal"}` in .shipwright.json"#,
    )
}

/// The line that makes a reference mean an image.
fn alias(name: &str, reference: &Reference) -> String {
    format!(
        r#"or make this reference an alias: `{{"version": 2, "images": {{"{name}": {{"aliases": ["{}"]}}}}}}` in .shipwright.json"#,
        reference.familiar()
    )
}

fn ambiguous(
    image: &Resolved<'_>,
    place: Place,
    used: &ImageUse,
    meant: &str,
    others: &BTreeSet<ImageIndex>,
    names: &[&str],
) -> Option<Diagnostic> {
    let list: Vec<String> = others
        .iter()
        .map(|index| format!("`{}`", names[*index]))
        .collect();
    let first = names[*others.first()?];
    let message = format!(
        "`{}` matches aliases of `{meant}`, which is used, and of {}",
        used.text,
        list.join(", ")
    );
    let reference = used.reference.familiar();
    Some(
        Diagnostic::new(Code::AmbiguousAlias, message)
            .at(image.source, place.span.range(), "")
            .help("change the patterns so that only one matches")
            .help(format!(
                r#"or choose one by a literal alias, which wins: `{{"version": 2, "images": {{"{first}": {{"aliases": ["{reference}"]}}}}}}` in .shipwright.json"#
            )),
    )
}

/// A reference to a repository of ours with a tag that none of its images has.
fn unknown_tag<'n>(
    image: &Resolved<'_>,
    place: Place,
    used: &ImageUse,
    siblings: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    let message = format!(
        "`{}` looks like an image of this repository, but none has this name",
        used.text
    );
    Diagnostic::new(Code::UnmatchedReference, message)
        .at(image.source, place.span.range(), "")
        .help(format!("this repository has {}", listed(siblings)))
}

fn unmatched(image: &Resolved<'_>, place: Place, used: &ImageUse, names: &[&str]) -> Diagnostic {
    let message = format!(
        "`{}` looks like an image of this repository, but none has this name",
        used.text
    );
    let diagnostic =
        Diagnostic::new(Code::UnmatchedReference, message).at(image.source, place.span.range(), "");
    let diagnostic = diagnostic.because_of(&used.text);
    let wanted = used.reference.familiar();
    let near = nearest(&wanted, names.iter().copied());
    let others = names.iter().copied().filter(|name| Some(*name) != near);
    match (near, nearest(&wanted, others)) {
        (Some(near), None) => diagnostic
            .help(format!("did you mean `{near}`?"))
            .help(alias(near, &used.reference)),
        (Some(near), Some(other)) => {
            diagnostic.help(format!("did you mean `{near}`, or `{other}`?"))
        }
        (None, _) => diagnostic
            .help(format!(
                r#"if a Dockerfile here builds it, set its name: `{{"version": 2, "names": {{"/its/folder": "{wanted}"}}}}` in .shipwright.json"#
            ))
            .help(format!(
                r#"if another repository builds it: `{{"version": 2, "external": ["{wanted}"]}}`"#
            )),
    }
}
