//! What a run asks of image registries: few methods, so that a test can stand in for one.

mod auth;
mod http;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

pub use http::HttpRegistry;

use super::engine::Found;
use super::parallel;
use super::stop::Stop;
use crate::diagnostics::{Code, Diagnostic};

/// How many requests are under way at a time; they wait more than they work.
const REQUESTS: usize = 8;
/// How long to wait before each further attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
];
/// How often a wait looks whether the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// Why a registry did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it said, or how the connection broke.
    pub message: String,
    /// Whether it may help to ask again: not where permission is missing.
    pub passing: bool,
}

/// Image registries, each reached by the host that a reference names.
pub trait Registry: Sync {
    /// The image under a reference, its id being the manifest's digest; none where there is none.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn look(&self, reference: &str) -> Result<Option<Found>, Refused>;

    /// The digest of the manifest under a reference; none where there is none.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn digest(&self, reference: &str) -> Result<Option<String>, Refused>;

    /// Lets references of the same repository name what `source` names, byte for byte.
    ///
    /// # Errors
    /// When the registry does not let it.
    fn tag(&self, source: &str, targets: &[&str]) -> Result<(), Refused>;
}

/// Whether a repository names the registry that it is in, rather than leaving it to Docker Hub.
pub(super) fn names_host(repository: &str) -> bool {
    let host = repository.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| host == "localhost" || host.contains(['.', ':']))
}

/// The host of a reference, for messages and for asking each but once.
fn host(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if names_host(reference) => host,
        _ => "docker.io",
    }
}

/// What `step` gives for those of the references that it finds something for; what cannot be read
/// counts as not there, and one warning for each host says so. A host that does not answer at all is
/// asked no further.
pub(super) fn ask<T: Send>(
    references: &BTreeSet<&str>,
    step: impl Fn(&str) -> Result<Option<T>, Refused> + Sync,
) -> (BTreeMap<String, T>, Vec<Diagnostic>) {
    let mut by_host: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in references {
        by_host.entry(host(reference)).or_default().push(reference);
    }
    let mut found = BTreeMap::new();
    let mut warnings = Vec::new();
    for (host, references) in by_host {
        // The first one alone: silence then costs one wait, not one for each.
        let (first, others) = references.split_at(1);
        let mut refused: Option<Refused> = None;
        for part in [first, others] {
            if refused.as_ref().is_some_and(|refused| refused.passing) {
                break;
            }
            let results = parallel::map(REQUESTS, part, |reference| step(reference));
            for (reference, result) in part.iter().zip(results) {
                match result {
                    Ok(Some(value)) => {
                        found.insert((*reference).to_owned(), value);
                    }
                    Ok(None) => {}
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
        }
        if let Some(refused) = refused {
            warnings.push(unreadable(host, &refused));
        }
    }
    (found, warnings)
}

fn unreadable(host: &str, refused: &Refused) -> Diagnostic {
    let message = format!("the registry `{host}` cannot be read: {}", refused.message);
    Diagnostic::new(Code::RegistryUnreadable, message)
        .help("what cannot be read counts as missing; `docker login` stores credentials")
}

/// Asks each registry for the images of these references.
pub(super) fn look(
    registry: &dyn Registry,
    references: &BTreeSet<&str>,
) -> (BTreeMap<String, Found>, Vec<Diagnostic>) {
    ask(references, |reference| registry.look(reference))
}

/// The same small step for many sources, several at a time and each again where that may help.
pub(super) fn tag_all(
    registry: &dyn Registry,
    moves: &[(&str, Vec<&str>)],
) -> Vec<Result<(), Refused>> {
    parallel::map(REQUESTS, moves, |(source, targets)| {
        // Half of the tags moved is the one state that must not stay: a wish to stop is not heard.
        again(
            &Stop::new(),
            || registry.tag(source, targets),
            |error| error.passing,
        )
    })
}

/// Takes a step, and again after a while where the failure may pass, and nobody wishes to stop.
pub(super) fn again<T, E>(
    stop: &Stop,
    mut step: impl FnMut() -> Result<T, E>,
    passing: impl Fn(&E) -> bool,
) -> Result<T, E> {
    for pause in PAUSES {
        match step() {
            Err(error) if passing(&error) && !stop.requested() => wait(pause, stop),
            result => return result,
        }
    }
    step()
}

fn wait(pause: Duration, stop: &Stop) {
    let mut left = pause;
    while !left.is_zero() && !stop.requested() {
        let part = left.min(GLANCE);
        thread::sleep(part);
        left -= part;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_host_is_told_from_a_namespace() {
        for (reference, expected) in [
            ("us/app:1", "docker.io"),
            ("app:1", "docker.io"),
            ("localhost/app:1", "localhost"),
            ("127.0.0.1:5000/us/app:1", "127.0.0.1:5000"),
            ("ghcr.io/us/app:1", "ghcr.io"),
        ] {
            assert_eq!(host(reference), expected, "{reference}");
        }
    }

    /// What is found and asked for where `a.io` refuses for a while or for good, and the warnings.
    #[track_caller]
    fn check(passing: bool, expected_asked: &[&str]) {
        let asked = std::sync::Mutex::new(Vec::new());
        let references = BTreeSet::from(["a.io/x:1", "a.io/y:1", "b.io/x:1", "b.io/y:1"]);
        let (found, warnings) = ask(&references, |reference| {
            let mut asked = asked.lock().expect("no thread panics");
            asked.push(reference.to_owned());
            if reference.starts_with("a.io") {
                let message = "no".to_owned();
                return Err(Refused { message, passing });
            }
            Ok(reference.contains('y').then_some(()))
        });
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b.io/y:1"]);
        assert_eq!(warnings.len(), 1);
        let asked = asked.into_inner().expect("no thread panics");
        assert_eq!(asked, expected_asked);
    }

    #[test]
    fn a_host_that_does_not_answer_is_asked_once() {
        check(true, &["a.io/x:1", "b.io/x:1", "b.io/y:1"]);
        check(false, &["a.io/x:1", "a.io/y:1", "b.io/x:1", "b.io/y:1"]);
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again() {
        let count = Cell::new(0);
        let step = || {
            count.set(count.get() + 1);
            Err::<(), bool>(false)
        };
        assert_eq!(again(&Stop::new(), step, |passing| *passing), Err(false));
        assert_eq!(count.get(), 1);
        let stop = Stop::new();
        stop.request();
        assert_eq!(
            again(&stop, || Err::<(), bool>(true), |passing| *passing),
            Err(true)
        );
    }
}
