//! The end of a run: the readable tags move, all of them, in the engine and where they are published.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::Inventory;
use super::progress::Progress;
use super::work::Work;
use super::{Place, Setting};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};
use crate::run::found::Found;
use crate::run::{registry, tags};

/// A readable tag that does not point yet at the image that the plan gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move<'a> {
    /// Position of the image in the plan.
    pub(super) position: usize,
    /// The image's content reference.
    pub(super) source: &'a str,
    /// The readable reference.
    pub(super) target: &'a str,
    /// Where it moves.
    pub(super) place: Place,
}

/// The tags that are to move, given what there is; none where a registry does not say what its tags name. An
/// image that is in its registry alone gets no tag in the engine.
pub(super) fn moves<'a>(
    setting: &Setting<'_>,
    work: &Work<'a>,
    inventory: &Inventory,
    problems: &mut Diagnostics,
) -> Vec<Move<'a>> {
    let plan = work.plan;
    let required: BTreeSet<&str> = work.required().map(|image| &*image.name).collect();
    let at_home = |image: &&Image| {
        inventory.local.contains_key(&image.reference)
            || (required.contains(&*image.name) && !inventory.remote.contains_key(&image.reference))
    };
    let mut moves = to_move(
        plan,
        Place::Engine,
        &inventory.local,
        &inventory.local,
        at_home,
    );
    if setting.options.push.is_some() {
        let published = plan.images.iter().filter(|image| image.push);
        let tags: BTreeSet<&str> = published
            .flat_map(|image| image.tags.iter().map(String::as_str))
            .collect();
        let digests = match tags::digests(setting.registry, &tags, &setting.options.stop) {
            Ok(digests) => digests,
            Err(unknown) => {
                problems.extend(unknown);
                return Vec::new();
            }
        };
        let named = digests.into_iter().map(|(tag, id)| {
            let found = Found {
                id,
                ..Found::default()
            };
            (tag, found)
        });
        let tags = named.collect();
        let published = |image: &&Image| image.push;
        moves.extend(to_move(
            plan,
            Place::Registry,
            &inventory.remote,
            &tags,
            published,
        ));
    }
    moves
}

/// Those of the tags that do not name yet what the content reference names.
fn to_move<'a>(
    plan: &'a Plan,
    place: Place,
    contents: &BTreeMap<String, Found>,
    tags: &BTreeMap<String, Found>,
    wanted: impl Fn(&&Image) -> bool,
) -> Vec<Move<'a>> {
    let mut moves = Vec::new();
    for (position, image) in plan.images.iter().enumerate() {
        if !wanted(&image) {
            continue;
        }
        let id = contents.get(&image.reference).map(|image| &image.id);
        for target in &image.tags {
            if id.is_none() || tags.get(target).map(|image| &image.id) != id {
                moves.push(Move {
                    position,
                    source: &image.reference,
                    target,
                    place,
                });
            }
        }
    }
    moves
}

/// The error for an image that should exist and does not.
pub(super) fn missing(image: &Image) -> Diagnostic {
    let message = format!("`{}` does not exist: `{}`", image.name, image.reference);
    let missing = Diagnostic::new(Code::ImageMissing, message)
        .help("no tag was moved; run again, without `--no-build`, to build it");
    if image.push {
        missing
    } else {
        missing.help("with `\"push\": false` it exists only on the machine that built it")
    }
}

/// Moves the tags, those in the engine first; gives the ones that moved. Unless that was tried before the
/// first build, none moves where a repository cannot be written to.
///
/// From here on a wish to stop is not heard: half of the tags moved is the one state that must not
/// stay.
pub(super) fn publish<'a>(
    setting: &Setting<'_>,
    plan: &Plan,
    (moves, was_tried): (Vec<Move<'a>>, bool),
    problems: &mut Diagnostics,
    progress: &mut dyn Progress,
) -> Vec<Move<'a>> {
    let (here, there): (Vec<_>, Vec<_>) = moves
        .into_iter()
        .partition(|step| step.place == Place::Engine);
    if !was_tried {
        let repositories = there.iter().map(|step| registry::repository(step.target));
        let (registry, stop) = (setting.registry, &setting.options.stop);
        let refused = registry::refused_writes(registry, &repositories.collect(), stop);
        if !refused.is_empty() {
            let refused = refused.iter();
            problems.extend(refused.map(|(repository, why)| {
                registry::push_refused(repository, why, "no tag was moved")
            }));
            return Vec::new();
        }
    }
    if !here.is_empty() {
        progress.note(&format!("moving {} tags", here.len()));
    }
    let mut done = tag(setting, here, problems);
    if !there.is_empty() && !problems.has_errors() {
        progress.note(&format!("moving {} tags in the registry", there.len()));
        done.extend(tag_remotely(setting, plan, there, problems));
    }
    done
}

fn tag<'a>(
    setting: &Setting<'_>,
    moves: Vec<Move<'a>>,
    problems: &mut Diagnostics,
) -> Vec<Move<'a>> {
    if moves.is_empty() {
        return moves;
    }
    let pairs: Vec<(&str, &str)> = moves
        .iter()
        .map(|step| (step.source, step.target))
        .collect();
    let results = setting.engine.tag(&pairs, setting.options.jobs);
    let mut done = Vec::new();
    for (step, result) in moves.into_iter().zip(results) {
        match result {
            Ok(()) => done.push(step),
            Err(error) => problems.push(refused(&step, &error)),
        }
    }
    done
}

/// One request for the manifest of each image, then one for each of its tags.
fn tag_remotely<'a>(
    setting: &Setting<'_>,
    plan: &Plan,
    moves: Vec<Move<'a>>,
    problems: &mut Diagnostics,
) -> Vec<Move<'a>> {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in &moves {
        by_source.entry(step.source).or_default().push(step.target);
    }
    let jobs: Vec<tags::Move<'_>> = by_source
        .into_iter()
        .map(|(source, targets)| tags::Move { source, targets })
        .collect();
    let (moved, refused) = tags::move_all(setting.registry, &plan.source.revision, &jobs);
    problems.extend(refused);
    let has_moved = |step: &Move<'a>| moved.contains(step.target);
    moves.into_iter().filter(has_moved).collect()
}

fn refused(step: &Move<'_>, why: &str) -> Diagnostic {
    let (source, target) = (step.source, step.target);
    Diagnostic::new(
        Code::TagFailed,
        format!("cannot tag `{source}` as `{target}`: {why}"),
    )
    .help("other tags have moved; run again to move the rest")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::tests::{image, plan};

    fn found(pairs: &[(&str, &str)]) -> BTreeMap<String, Found> {
        let image = |id: &str| Found {
            id: id.to_owned(),
            ..Found::default()
        };
        pairs
            .iter()
            .map(|(reference, id)| ((*reference).to_owned(), image(id)))
            .collect()
    }

    #[test]
    fn a_tag_moves_unless_it_is_there() {
        let plan = plan(vec![image("a", &[])]);
        for (inventory, expected) in [
            (&[][..], 1),
            (&[("us/a:sw-a", "1")], 1),
            (&[("us/a:sw-a", "1"), ("us/a:main", "2")], 1),
            (&[("us/a:sw-a", "1"), ("us/a:main", "1")], 0),
            (&[("us/a:main", "1")], 1),
        ] {
            let found = found(inventory);
            let moves = to_move(&plan, Place::Engine, &found, &found, |_| true);
            assert_eq!(moves.len(), expected, "{inventory:?}");
        }
    }
}
