//! The end of a run: the readable tags move, all of them.
#![allow(
    clippy::disallowed_methods,
    reason = "running docker is the purpose of `exec`"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Setting;
use super::engine::{Failed, Found};
use super::failure::Tail;
use super::progress::Progress;
use super::stop::Stop;
use super::tasks::push_failed;
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
        .help("no tag was moved; run again without `--no-build`, which builds it")
}

/// Moves the tags and, where asked for, pushes every readable tag of the plan.
///
/// Nothing moves where an image is missing, because somebody removed it meanwhile. From here on a wish to stop is not heard: half of the tags moved is the one state that must not
/// stay.
pub(super) fn publish(
    setting: &Setting<'_>,
    plan: &Plan,
    found: &BTreeMap<String, Found>,
    moves: &[Move<'_>],
    progress: &mut dyn Progress,
) -> Diagnostics {
    let absent = |image: &&Image| !found.contains_key(&image.reference);
    let mut problems = Diagnostics::new();
    problems.extend(plan.images.iter().filter(absent).map(missing));
    if problems.has_errors() {
        return problems;
    }
    if !moves.is_empty() {
        progress.note(&format!("moving {} tags", moves.len()));
    }
    problems = in_parallel(setting.options.jobs, moves, |step| {
        setting
            .engine
            .tag(step.source, step.target)
            .map_err(|error| {
                let message = format!("cannot tag `{}` as `{}`: {error}", step.source, step.target);
                Diagnostic::error("tag-failed", message)
            })
    });
    if setting.options.push.is_none() || problems.has_errors() {
        return problems;
    }
    let pushed: Vec<&str> = plan
        .images
        .iter()
        .filter(|image| image.push)
        .flat_map(|image| image.tags.iter().map(String::as_str))
        .collect();
    progress.note(&format!("pushing {} tags", pushed.len()));
    in_parallel(setting.options.jobs, &pushed, |reference| {
        let mut tail = Tail::default();
        let result = setting
            .engine
            .push(reference, &Stop::new(), &mut |line| tail.push(line));
        match result {
            Ok(()) | Err(Failed::Stopped) => Ok(()),
            Err(Failed::Status(status)) => Err(push_failed(reference, &status, &tail)),
        }
    })
}

/// Does all of it on `jobs` threads; gives what went wrong, in the order of the items.
fn in_parallel<T: Sync>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<(), Diagnostic> + Sync,
) -> Diagnostics {
    let next = AtomicUsize::new(0);
    let failed: Mutex<BTreeMap<usize, Diagnostic>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let index = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(index)
                {
                    if let Err(diagnostic) = work(item) {
                        let mut failed = failed.lock().expect("no thread panics with the lock");
                        failed.insert(index, diagnostic);
                    }
                }
            });
        }
    });
    let mut problems = Diagnostics::new();
    problems.extend(
        failed
            .into_inner()
            .expect("no thread panics with the lock")
            .into_values(),
    );
    problems
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

    #[test]
    fn problems_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..50).collect();
        let problems = in_parallel(4, &items, |item| match item % 2 {
            0 => Ok(()),
            _ => Err(Diagnostic::error("x", item.to_string())),
        });
        let odd: Vec<String> = problems.iter().map(|d| d.message.clone()).collect();
        let expected: Vec<String> = (0..50)
            .filter(|i| i % 2 == 1)
            .map(|i| i.to_string())
            .collect();
        assert_eq!(odd, expected);
    }
}
