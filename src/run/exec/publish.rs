//! The end of a run: the readable tags move, all of them, in the engine and where they are published.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::Inventory;
use super::progress::Progress;
use super::work::Work;
use super::{Place, Setting};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};
use crate::run::found::Found;
use crate::run::registry;

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

/// The tags that are to move, given what there is. An image that is in its registry alone gets no tag
/// in the engine.
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
        let look = |tag: &str| {
            let digest = setting.registry.digest(tag)?;
            Ok(digest.map(|id| Found {
                id,
                ..Found::default()
            }))
        };
        let answers = registry::ask(&tags, Some(&setting.options.stop), look);
        problems.extend(answers.warnings());
        let tags = answers.found;
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

/// Moves the tags, those in the engine first; gives the ones that moved.
///
/// From here on a wish to stop is not heard: half of the tags moved is the one state that must not
/// stay.
pub(super) fn publish<'a>(
    setting: &Setting<'_>,
    moves: Vec<Move<'a>>,
    problems: &mut Diagnostics,
    progress: &mut dyn Progress,
) -> Vec<Move<'a>> {
    let (here, there): (Vec<_>, Vec<_>) = moves
        .into_iter()
        .partition(|step| step.place == Place::Engine);
    if !here.is_empty() {
        progress.note(&format!("moving {} tags", here.len()));
    }
    let mut done = tag(setting, here, problems);
    if !there.is_empty() && !problems.has_errors() {
        progress.note(&format!("moving {} tags in the registry", there.len()));
        done.extend(tag_remotely(setting, there, problems));
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
    moves: Vec<Move<'a>>,
    problems: &mut Diagnostics,
) -> Vec<Move<'a>> {
    let mut by_source: BTreeMap<&str, Vec<Move<'a>>> = BTreeMap::new();
    for step in moves {
        by_source.entry(step.source).or_default().push(step);
    }
    let targets = |steps: &Vec<Move<'a>>| steps.iter().map(|step| step.target).collect();
    let jobs: Vec<(&str, Vec<&str>)> = by_source
        .iter()
        .map(|(source, steps)| (*source, targets(steps)))
        .collect();
    let results = registry::tag_all(setting.registry, &jobs);
    let mut done = Vec::new();
    for (steps, result) in by_source.into_values().zip(results) {
        match result {
            Ok(()) => done.extend(steps),
            Err(error) => {
                problems.extend(steps.iter().map(|step| refused(step, &error.message)));
            }
        }
    }
    done
}

fn refused(step: &Move<'_>, why: &str) -> Diagnostic {
    let (source, target) = (step.source, step.target);
    let place = match step.place {
        Place::Engine => "",
        Place::Registry => " in the registry",
    };
    Diagnostic::new(
        Code::TagFailed,
        format!("cannot tag `{source}` as `{target}`{place}: {why}"),
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
