//! The end of a run: the readable tags move, all of them.
use std::collections::BTreeMap;

use super::Setting;
use super::engine::{Failed, Found};
use super::failure::{Tail, push_failed};
use super::parallel;
use super::progress::Progress;
use super::stop::Stop;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};

/// A readable tag that does not point yet at the image that the plan gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move<'a> {
    /// Position of the image in the plan.
    pub(super) position: usize,
    /// The image's content reference.
    pub(super) source: &'a str,
    /// The readable reference.
    pub(super) target: &'a str,
}

/// The tags that are to move, given what the engine holds; none points at nothing meanwhile.
pub(super) fn moves<'a>(plan: &'a Plan, found: &BTreeMap<String, Found>) -> Vec<Move<'a>> {
    let mut moves = Vec::new();
    for (position, image) in plan.images.iter().enumerate() {
        let id = found.get(&image.reference).map(|image| &image.id);
        for target in &image.tags {
            if id.is_none() || found.get(target).map(|image| &image.id) != id {
                moves.push(Move {
                    position,
                    source: &image.reference,
                    target,
                });
            }
        }
    }
    moves
}

/// The error for an image that should exist and does not.
pub(super) fn missing(image: &Image) -> Diagnostic {
    let message = format!("`{}` does not exist: `{}`", image.name, image.reference);
    Diagnostic::error("image-missing", message)
        .help("no tag was moved; run again, without `--no-build`, to build it")
}

/// Moves the tags and, where asked for, pushes every readable tag of the plan. Gives the tags that
/// moved.
///
/// From here on a wish to stop is not heard: half of the tags moved is the one state that must not
/// stay.
pub(super) fn publish<'a>(
    setting: &Setting<'_>,
    plan: &Plan,
    moves: Vec<Move<'a>>,
    problems: &mut Diagnostics,
    progress: &mut dyn Progress,
) -> Vec<Move<'a>> {
    if !moves.is_empty() {
        progress.note(&format!("moving {} tags", moves.len()));
    }
    let done = tag(setting, moves, problems);
    if setting.options.push.is_some() && !problems.has_errors() {
        let pushed = plan.images.iter().filter(|image| image.push);
        let tags: Vec<&String> = pushed.flat_map(|image| &image.tags).collect();
        progress.note(&format!("pushing {} tags", tags.len()));
        problems.extend(push(setting, &tags));
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
            Err(error) => {
                let (source, target) = (step.source, step.target);
                let message = format!("cannot tag `{source}` as `{target}`: {error}");
                problems.push(Diagnostic::error("tag-failed", message));
            }
        }
    }
    done
}

fn push(setting: &Setting<'_>, tags: &[&String]) -> Vec<Diagnostic> {
    let push = |reference: &&String| {
        let mut tail = Tail::default();
        let result = setting
            .engine
            .push(reference, &Stop::new(), &mut |line| tail.push(line));
        match result {
            Ok(()) | Err(Failed::Stopped) => None,
            Err(Failed::Status(status)) => Some(push_failed(reference, &status, &tail)),
        }
    };
    let results = parallel::map(setting.options.jobs, tags, push);
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::tests::{image, plan};

    fn found(pairs: &[(&str, &str)]) -> BTreeMap<String, Found> {
        let image = |id: &str| Found {
            id: id.to_owned(),
            fingerprint: None,
            architecture: String::new(),
        };
        pairs
            .iter()
            .map(|(reference, id)| ((*reference).to_owned(), image(id)))
            .collect()
    }

    #[test]
    fn a_tag_moves_unless_it_is_there() {
        let plan = plan(vec![image("a", &[])]);
        for (held, expected) in [
            (&[][..], 1),
            (&[("us/a:sw-a", "1")], 1),
            (&[("us/a:sw-a", "1"), ("us/a:main", "2")], 1),
            (&[("us/a:sw-a", "1"), ("us/a:main", "1")], 0),
            (&[("us/a:main", "1")], 1),
        ] {
            let found = found(held);
            assert_eq!(moves(&plan, &found).len(), expected, "{held:?}");
        }
    }
}
