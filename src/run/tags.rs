//! Tags in registries: what they name, and how many of them move together.

use std::collections::{BTreeMap, BTreeSet};

use super::parallel;
use super::registry::{self, REQUESTS, Refused, Registry, Why};
use super::retry::retry;
use super::stop::Stop;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};

/// Tags that are to name what a reference of the same repository names.
pub(super) struct Move<'m> {
    pub(super) source: &'m str,
    pub(super) targets: Vec<&'m str>,
}

/// The digests that these tags name.
///
/// # Errors
/// When a registry does not say: a tag that need not move would be moved, or others without it. A
/// repository that is not there yet may be denied; its tags are missing then.
pub(super) fn digests(
    registry: &dyn Registry,
    tags: &BTreeSet<&str>,
    stop: &Stop,
) -> Result<BTreeMap<String, String>, Diagnostics> {
    let mut answers = registry::ask(tags, Some(stop), |tag| registry.digest(tag));
    answers
        .unknown
        .retain(|_, refused| refused.why != Why::Denied);
    answers.errors().fail_on_errors()?;
    Ok(answers.found)
}

/// Moves tags, several at a time and each again where that may help: those of the revision first, and the
/// others only if all of these have moved, so that a branch never names what has no other name.
///
/// Gives the tags that moved, and an error for each that a registry refused.
pub(super) fn move_all<'m>(
    registry: &dyn Registry,
    revision: &str,
    moves: &[Move<'m>],
) -> (BTreeSet<&'m str>, Diagnostics) {
    let revision = revision.get(..12).unwrap_or_default();
    let count: usize = moves.iter().map(|step| step.targets.len()).sum();
    let mut moved = BTreeSet::new();
    let mut refused = Vec::new();
    for of_revision in [true, false] {
        let is_now = |tag: &&&str| tag.ends_with(revision) == of_revision;
        let jobs: Vec<(&str, Vec<&str>)> = moves
            .iter()
            .map(|step| {
                let targets = step.targets.iter().filter(is_now).copied();
                (step.source, targets.collect())
            })
            .filter(|(_, targets): &(&str, Vec<&str>)| !targets.is_empty())
            .collect();
        let results = parallel::map(REQUESTS, &jobs, |(source, targets)| {
            patiently(registry, source, targets)
        });
        for ((source, targets), results) in jobs.iter().zip(results) {
            for (target, result) in targets.iter().zip(results) {
                match result {
                    Ok(()) => drop(moved.insert(*target)),
                    Err(error) => refused.push((*source, *target, error)),
                }
            }
        }
        if !refused.is_empty() {
            break;
        }
    }
    let problems = refused.iter().map(|(source, target, why)| {
        let message = format!(
            "cannot tag `{source}` as `{target}` in the registry: {}",
            why.message
        );
        Diagnostic::new(Code::TagFailed, message).help(help(why, moved.len(), count))
    });
    let problems = problems.collect();
    (moved, problems)
}

/// Half of the tags moved is the one state that must not stay: a wish to stop is not heard.
fn patiently(registry: &dyn Registry, source: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
    let mut results: Vec<Option<Result<(), Refused>>> = vec![None; targets.len()];
    let attempt = || {
        let is_open = |result: &Option<Result<(), Refused>>| match result {
            None => true,
            Some(Ok(())) => false,
            Some(Err(refused)) => refused.may_pass(),
        };
        let open: Vec<usize> = (0..targets.len())
            .filter(|at| is_open(&results[*at]))
            .collect();
        let names: Vec<&str> = open.iter().map(|at| targets[*at]).collect();
        for (at, result) in open.iter().zip(registry.tag(source, &names)) {
            results[*at] = Some(result);
        }
        let mut failed = results.iter().flatten().filter_map(|r| r.as_ref().err());
        let passing = failed.find(|refused| refused.may_pass());
        passing.map_or(Ok(()), |refused| Err(refused.clone()))
    };
    let _ = retry(&Stop::new(), attempt, Refused::again);
    let silent = || Err(Refused::new(Why::Silent, "it was not asked"));
    results
        .into_iter()
        .map(|result| result.unwrap_or_else(silent))
        .collect()
}

/// What to do about a tag that does not move.
fn help(refused: &Refused, moved: usize, count: usize) -> String {
    let state = format!("{moved} of {count} tags have moved");
    match refused.why {
        Why::Silent | Why::Busy(_) => format!("{state}; run again to move the rest"),
        Why::Denied | Why::Untrusted => {
            format!("{state}; log in with `docker login`, then run again to move the rest")
        }
        Why::Final => format!(
            "{state}; if the repository has immutable tags, let this tag be moved in its settings or \
             remove it from `tags` in .shipwright.json, then run again to move the rest"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::found::Found;

    /// A registry that refuses some tags, some of them once.
    #[derive(Default)]
    struct Refusing {
        refused: BTreeMap<&'static str, Why>,
        once: Mutex<BTreeSet<String>>,
        asked: Mutex<Vec<String>>,
    }

    impl Registry for Refusing {
        fn look(&self, _: &str) -> Result<Option<Found>, Refused> {
            unreachable!("nothing is looked for")
        }
        fn digest(&self, tag: &str) -> Result<Option<String>, Refused> {
            match self.refused.get(tag) {
                Some(why) => Err(Refused::new(*why, "no")),
                None => Ok(tag.ends_with("main").then(|| "sha256:1".to_owned())),
            }
        }
        fn tag(&self, _: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
            let result = |target: &&str| {
                self.asked.lock().unwrap().push((*target).to_owned());
                if self.once.lock().unwrap().remove(*target) {
                    let soon = Some(std::time::Duration::ZERO);
                    return Err(Refused::new(Why::Busy(soon), "busy"));
                }
                match self.refused.get(target) {
                    Some(why) => Err(Refused::new(*why, "no")),
                    None => Ok(()),
                }
            };
            targets.iter().map(result).collect()
        }
        fn join(&self, _: &[(&str, &str)], _: Option<&str>) -> Result<String, Refused> {
            unreachable!("nothing is joined")
        }
        fn may_write(&self, _: &str) -> Result<(), Refused> {
            Ok(())
        }
    }

    const REVISION: &str = "0123456789ab0000";

    fn moves() -> Vec<Move<'static>> {
        vec![
            Move {
                source: "a:sw-1",
                targets: vec!["a:main", "a:0123456789ab"],
            },
            Move {
                source: "b:sw-2",
                targets: vec!["b:main", "b:0123456789ab"],
            },
        ]
    }

    #[test]
    fn tags_of_the_revision_move_first() {
        let registry = Refusing::default();
        let (moved, problems) = move_all(&registry, REVISION, &moves());
        assert_eq!((moved.len(), problems.is_empty()), (4, true));
        let asked = registry.asked.into_inner().unwrap();
        assert!(
            asked[..2].iter().all(|tag| tag.ends_with("ab")),
            "{asked:?}"
        );
    }

    #[test]
    fn a_branch_stays_where_a_tag_of_the_revision_is_refused() {
        let registry = Refusing {
            refused: BTreeMap::from([("b:0123456789ab", Why::Final)]),
            ..Refusing::default()
        };
        let (moved, problems) = move_all(&registry, REVISION, &moves());
        assert_eq!(moved, BTreeSet::from(["a:0123456789ab"]));
        let problem = problems.iter().next().expect("one is refused");
        assert!(
            problem
                .message
                .starts_with("cannot tag `b:sw-2` as `b:0123456789ab`")
        );
        let help = help(&Refused::new(Why::Final, "no"), 1, 4);
        assert!(help.starts_with("1 of 4 tags have moved; if the repository has immutable tags"));
    }

    #[test]
    fn only_what_may_pass_is_asked_for_again() {
        let registry = Refusing {
            refused: BTreeMap::from([("a:main", Why::Final)]),
            once: Mutex::new(BTreeSet::from(["b:main".to_owned()])),
            ..Refusing::default()
        };
        let (moved, problems) = move_all(&registry, REVISION, &moves());
        assert!(moved.contains("b:main") && !moved.contains("a:main"));
        assert_eq!(problems.iter().count(), 1);
        let asked = registry.asked.into_inner().unwrap();
        let count = |tag| asked.iter().filter(|asked| *asked == tag).count();
        assert_eq!((count("b:main"), count("a:main")), (2, 1));
    }

    #[test]
    fn what_a_registry_does_not_say_of_a_tag_stops_all() {
        let tags = BTreeSet::from(["a:main", "b:main"]);
        for (why, expected) in [(Why::Denied, Some(1)), (Why::Final, None)] {
            let registry = Refusing {
                refused: BTreeMap::from([("a:main", why)]),
                ..Refusing::default()
            };
            let found = digests(&registry, &tags, &Stop::new());
            assert_eq!(found.ok().map(|found| found.len()), expected);
        }
    }
}
