//! What was taken from where, and what of it has no place in a configuration, for people.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::naming::{Named, Wanted};
use super::{plain, required};
use crate::diagnostics::{Code, Diagnostic, listed};
use crate::lang::reference::Reference;
use crate::planner::align::Found;

/// How many builds that give one argument are spelled out.
const SHOWN: usize = 2;

/// What was taken from where.
pub(super) fn taken(
    wanted: &Wanted,
    draft: &Draft,
    contexts: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &wanted.found {
        let mut means = found.means.iter();
        let first = means.find(|(_, path)| wanted.is_written(found, path));
        let first = first.and_then(|(index, path)| Some((wanted.spoken.get(*index)?, path)));
        if let Some((reference, path)) = first {
            lines.push(format!(
                "{}, such as `{}` for {path}",
                plain::told(found),
                reference.full()
            ));
        }
    }
    lines.extend(wanted.found.iter().flat_map(|found| rivals(wanted, found)));
    lines.extend(required::told(&wanted.arguments));
    lines.extend(of_pins(wanted, draft));
    lines.extend(without_effect(wanted, draft));
    lines.extend(contexts.iter().map(|(path, folder)| {
        format!("{path}: the files it copies are in `{folder}`, which is used as its context")
    }));
    let images = wanted.images.iter();
    lines.extend(images.map(|image| of_build(image, draft)));
    lines
}

/// What a reference means by each other way that explains as much as one does, beside what it means by that.
fn rivals<'w>(wanted: &'w Wanted, found: &'w Found) -> impl Iterator<Item = String> + use<'w> {
    found.rivals.iter().filter_map(|rival| {
        let mut both = rival
            .iter()
            .filter_map(|(index, other)| Some((index, found.means.get(index)?, other)));
        let (index, path, other) = both.find(|(_, path, other)| path != other)?;
        let reference = wanted.spoken.get(*index)?.full();
        Some(format!(
            "`{reference}` means {path}; that it means {other} explains the references as well: if it does, \
             change their names in .shipwright.json"
        ))
    })
}

/// What the literal tags of references to images here mean, but for those that are names of images.
fn of_pins(wanted: &Wanted, draft: &Draft) -> Option<String> {
    let images = wanted.images.iter();
    let names: BTreeSet<&String> = images
        .flat_map(|image| image.aliases.iter().chain([&image.name]))
        .collect();
    let mut pins = wanted.pins();
    pins.retain(|pin| !names.contains(&pin.full()));
    let first = pins.first()?;
    let what = match draft.pinned {
        Some(_) => "which `\"pinned\": \"internal\"` treats as images built here",
        None => {
            "which means the registry; `\"pinned\": \"internal\"` would make it mean the image built here"
        }
    };
    let have = match pins.len() {
        1 => "1 reference to images here has".to_owned(),
        count => format!("{count} references to images here have"),
    };
    Some(format!(
        "{have} a literal tag, like `{}`, {what}",
        first.full()
    ))
}

/// The arguments that builds give and the configuration does not: no Dockerfile of these declares them, or they have
/// that value anyway.
fn without_effect(wanted: &Wanted, draft: &Draft) -> Option<String> {
    let mut given: BTreeMap<&String, usize> = BTreeMap::new();
    let mut left_out: BTreeMap<&String, Vec<&Named>> = BTreeMap::new();
    for image in &wanted.images {
        let entry = draft.images.get(&image.name);
        for name in image.build.arguments.keys() {
            *given.entry(name).or_default() += 1;
            let is_said = entry.is_some_and(|entry| entry.build_args.contains_key(name));
            if !is_said && !draft.build_args.contains_key(name) {
                left_out.entry(name).or_default().push(image);
            }
        }
    }
    let names = left_out.into_iter().map(|(name, images)| {
        if images.len() == given[name] {
            return format!("`{name}`");
        }
        let kind = images[0].build.kind;
        let labels = listed(images.iter().take(SHOWN).map(|image| image.build.label()));
        let s = if images.len() == 1 { "" } else { "s" };
        match images.len().saturating_sub(SHOWN) {
            0 => format!("`{name}` of {kind}{s} {labels}"),
            more => format!("`{name}` of {kind}s {labels} and {more} more"),
        }
    });
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("arguments that change nothing in the builds that give them are left out: {names}")
    })
}

/// Tells of builds whose tags are in more repositories than one, which is all that an image has.
pub(super) fn further_repositories(wanted: &Wanted) -> impl Iterator<Item = Diagnostic> {
    wanted.images.iter().filter_map(|image| {
        let build = &image.build;
        let tags = build.references.iter();
        let tags = tags.filter_map(|text| Some(Reference::parse(text).ok()?.familiar_repository()));
        let mut further: BTreeSet<String> = tags.clone().skip(1).collect();
        let own = match wanted.repository {
            Some(_) => tags.clone().next()?,
            None => Reference::parse(&image.name).ok()?.familiar_repository(),
        };
        further.remove(&own);
        if further.is_empty() {
            return None;
        }
        let further = listed(further.iter().map(String::as_str));
        let message = format!(
            "`tags` of {} in {further} are not carried over: its image is in `{own}` alone",
            build.title()
        );
        Some(
            Diagnostic::new(Code::ValueLeftOut, message)
                .at(&build.source, build.span.clone(), "")
                .because_of("tags in several repositories")
                .help("`shipwright promote --to TEMPLATE` copies images to another repository"),
        )
    })
}

/// What a build gave: its name, and what of it the configuration says.
fn of_build(image: &Named, draft: &Draft) -> String {
    let build = &image.build;
    let mut line = format!(
        "{}:{}: {} is `{}`, of {}",
        build.source.path,
        build.line(),
        build.title(),
        image.name,
        build.dockerfile
    );
    if let Some(entry) = draft.images.get(&image.name) {
        let names = entry
            .build_args
            .keys()
            .map(|name| format!("argument `{name}`"));
        let context = entry
            .context
            .iter()
            .map(|folder| format!("context `{folder}`"));
        let target = entry
            .target
            .iter()
            .map(|target| format!("target `{target}`"));
        let contexts = entry
            .contexts
            .keys()
            .map(|name| format!("named context `{name}`"));
        let aliases = entry.aliases.iter().map(|alias| format!("alias `{alias}`"));
        let settings = entry.settings.keys().map(|key| format!("`{key}`"));
        let with: Vec<String> = context
            .chain(target)
            .chain(names)
            .chain(contexts)
            .chain(aliases)
            .chain(settings)
            .collect();
        if !with.is_empty() {
            line = format!("{line}, with {}", with.join(", "));
        }
    }
    line
}
