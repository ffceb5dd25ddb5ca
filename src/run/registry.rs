//! What a run asks of image registries: few methods, so that a test can stand in for one.

mod auth;
mod bases;
mod broken;
mod copy;
mod http;
mod join;
mod manifest;
mod retry_after;
mod stored;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(crate) use bases::Named;
pub(super) use broken::broken;
pub use http::HttpRegistry;
pub(super) use wire::{header, why};

use super::found::Found;
use super::parallel;
use super::retry::{Again, retry};
use super::stop::Stop;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};

/// How many requests are under way at a time; they wait more than they work.
pub(super) const REQUESTS: usize = 8;
/// How long all questions to the registries may take together.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Why a registry did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it said, or how the connection broke.
    pub message: String,
    /// What kind of refusal it is.
    pub why: Why,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There was no answer, or none that came whole.
    Silent,
    /// It cannot now; it may be known when to ask again.
    Busy(Option<Duration>),
    /// No encrypted connection that can be trusted comes about.
    Untrusted,
    /// Permission is missing.
    Denied,
    /// It will say the same again.
    Final,
}

impl Refused {
    /// A refusal in these words.
    pub fn new(why: Why, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message, why }
    }

    /// Whether it says the same of everything on its host, so that nothing else is asked there.
    pub(super) fn is_of_host(&self) -> bool {
        matches!(self.why, Why::Silent | Why::Busy(_) | Why::Untrusted)
    }

    /// Whether the same question may be answered later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.why, Why::Silent | Why::Busy(_))
    }

    /// Whether asking again may help.
    pub(super) fn again(&self) -> Again {
        match self.why {
            Why::Silent => Again::After(None),
            Why::Busy(wait) => Again::After(wait),
            Why::Untrusted | Why::Denied | Why::Final => Again::Never,
        }
    }
}

/// Image registries, each reached by the host that a reference names.
pub trait Registry: Sync {
    /// The image under a reference, its id being the manifest's digest; none where there is none.
    ///
    /// # Errors
    /// When the registry cannot be read: only its 404 means that there is none.
    fn look(&self, reference: &str) -> Result<Option<Found>, Refused>;

    /// The digest of the manifest under a reference; none where there is none.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn digest(&self, reference: &str) -> Result<Option<String>, Refused>;

    /// Lets references of the same repository name what `source` names, byte for byte. Tells of each
    /// whether it does now.
    fn tag(&self, source: &str, targets: &[&str]) -> Vec<Result<(), Refused>>;

    /// Joins parts, each given with the platform that it is for, to the index of all of them, and puts it
    /// under `target` where nothing is yet; without `target` nothing is put. Gives its digest.
    ///
    /// # Errors
    /// When a part is not what it should be, or the registry does not let it.
    fn join(&self, parts: &[(&str, &str)], target: Option<&str>) -> Result<String, Refused>;

    /// Begins an upload into a repository, and cancels it.
    ///
    /// # Errors
    /// When the registry does not let it: a push would fail too.
    fn may_write(&self, repository: &str) -> Result<(), Refused>;
}

/// What came of asking for many references.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    /// What was found.
    pub(crate) found: BTreeMap<String, T>,
    /// What could not be asked for, or was not answered: it may be there or not.
    pub(crate) unknown: BTreeMap<String, Refused>,
}

impl<T> Answers<T> {
    /// Where permission to read is missing and an upload is granted, there is nothing: some registries
    /// say so of a repository that is not there yet.
    pub(crate) fn settle_denied(&mut self, registry: &dyn Registry, stop: &Stop) {
        let denied = self.unknown.iter();
        let denied = denied.filter(|(_, refused)| refused.why == Why::Denied);
        let repositories: BTreeSet<&str> =
            denied.map(|(reference, _)| repository(reference)).collect();
        if repositories.is_empty() {
            return;
        }
        let refused = refused_writes(registry, &repositories, stop);
        self.unknown.retain(|reference, why| {
            why.why != Why::Denied || refused.contains_key(repository(reference))
        });
    }

    /// An error for each reference of which it is not known whether it is there.
    pub(crate) fn errors(&self) -> Diagnostics {
        let each = self.unknown.iter();
        each.map(|(reference, refused)| unknown(reference, refused))
            .collect()
    }

    /// One warning for each host that could not be read.
    pub(crate) fn warnings(&self) -> Vec<Diagnostic> {
        let mut by_host: BTreeMap<&str, &Refused> = BTreeMap::new();
        for (reference, refused) in &self.unknown {
            by_host.entry(host(reference)).or_insert(refused);
        }
        let warning = |(host, refused): (&str, &Refused)| {
            let message = format!("the registry `{host}` cannot be read: {}", refused.message);
            Diagnostic::new(Code::RegistryUnreadable, message)
                .help("images that cannot be read count as missing; to log in: `docker login`")
        };
        by_host.into_iter().map(warning).collect()
    }
}

/// The error for a reference of which it is not known whether it is there.
pub(super) fn unknown(reference: &str, refused: &Refused) -> Diagnostic {
    let message = format!(
        "cannot determine whether `{reference}` is in its registry: {}",
        refused.message
    );
    Diagnostic::new(Code::RegistryNoAnswer, message)
        .help("only a 404 response counts as missing; run again, or log in with `docker login`")
        .because_of(format!("{}: {}", host(reference), refused.message))
}

/// The error for a repository that cannot be written to, which says how far the run has come.
pub(super) fn push_refused(repository: &str, refused: &Refused, state: &str) -> Diagnostic {
    let message = format!("cannot push to `{repository}`: {}", refused.message);
    let action = match refused.why {
        Why::Silent | Why::Busy(_) => "run again",
        Why::Untrusted => "run again once its certificate is trusted",
        Why::Denied | Why::Final => "log in with `docker login`, or create the repository first",
    };
    Diagnostic::new(Code::PushRefused, message).help(format!("{state}; {action}"))
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

/// A reference without its tag.
pub(super) fn repository(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    }
}

/// What `step` gives for each of the references. With `patient`, what may help is asked for again. A
/// host that does not answer, or cannot, is asked no further.
#[expect(
    clippy::disallowed_methods,
    reason = "all questions have one time limit"
)]
pub(super) fn ask<T: Send>(
    references: &BTreeSet<&str>,
    patient: Option<&Stop>,
    step: impl Fn(&str) -> Result<Option<T>, Refused> + Sync,
) -> Answers<T> {
    let started = Instant::now();
    let step = |reference: &&str| {
        if started.elapsed() > PATIENCE {
            return Err(Refused::new(Why::Silent, "it took too long to answer"));
        }
        match patient {
            Some(stop) => retry(stop, || step(reference), Refused::again),
            None => step(reference),
        }
    };
    let mut by_host: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in references {
        by_host.entry(host(reference)).or_default().push(reference);
    }
    let mut answers = Answers {
        found: BTreeMap::new(),
        unknown: BTreeMap::new(),
    };
    for references in by_host.into_values() {
        // The first one alone: silence then costs one wait, not one for each.
        let (first, others) = references.split_at(1);
        let mut given_up: Option<Refused> = None;
        for part in [first, others] {
            let results = match &given_up {
                Some(refused) => part.iter().map(|_| Err(refused.clone())).collect(),
                None => parallel::map(REQUESTS, part, step),
            };
            for (reference, result) in part.iter().zip(results) {
                match result {
                    Ok(Some(value)) => {
                        answers.found.insert((*reference).to_owned(), value);
                    }
                    Ok(None) => {}
                    Err(refused) => {
                        if refused.is_of_host() {
                            given_up = given_up.or_else(|| Some(refused.clone()));
                        }
                        answers.unknown.insert((*reference).to_owned(), refused);
                    }
                }
            }
        }
    }
    answers
}

/// Asks each registry for the images of these references.
pub(super) fn look(
    registry: &dyn Registry,
    references: &BTreeSet<&str>,
    patient: Option<&Stop>,
) -> Answers<Found> {
    ask(references, patient, |reference| registry.look(reference))
}

/// Why some of these repositories cannot be written to, by repository.
pub(super) fn refused_writes(
    registry: &dyn Registry,
    repositories: &BTreeSet<&str>,
    stop: &Stop,
) -> BTreeMap<String, Refused> {
    let may_write = |repository: &str| registry.may_write(repository).map(Some);
    ask(repositories, Some(stop), may_write).unknown
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_repository_that_cannot_be_written_to_is_created_or_asked_again() {
        for (why, expected) in [
            (Why::Busy(None), "nothing was built; run again"),
            (
                Why::Final,
                "nothing was built; log in with `docker login`, or create the repository first",
            ),
        ] {
            let refused = Refused::new(why, "no");
            let problem = push_refused("a.io/x", &refused, "nothing was built");
            assert_eq!(problem.message, "cannot push to `a.io/x`: no");
            assert_eq!(problem.help, [expected]);
        }
    }

    /// What is found and asked for where `a.io` refuses like that.
    #[track_caller]
    fn check(why: Why, expected_asked: &[&str]) {
        let asked = std::sync::Mutex::new(Vec::new());
        let references = BTreeSet::from(["a.io/x:1", "a.io/y:1", "b.io/x:1", "b.io/y:1"]);
        let answers = ask(&references, None, |reference| {
            let mut asked = asked.lock().expect("no thread panics");
            asked.push(reference.to_owned());
            if reference.starts_with("a.io") {
                return Err(Refused::new(why, "no"));
            }
            Ok(reference.contains('y').then_some(()))
        });
        assert!(answers.found.keys().eq(["b.io/y:1"]));
        assert!(answers.unknown.keys().eq(["a.io/x:1", "a.io/y:1"]));
        assert_eq!(answers.warnings().len(), 1);
        let causes: BTreeSet<_> = answers
            .errors()
            .into_iter()
            .map(|error| error.cause)
            .collect();
        assert_eq!(causes, BTreeSet::from([Some("a.io: no".to_owned())]));
        let asked = asked.into_inner().expect("no thread panics");
        assert_eq!(asked, expected_asked);
    }

    #[test]
    fn a_host_that_does_not_answer_is_asked_once() {
        let once = ["a.io/x:1", "b.io/x:1", "b.io/y:1"];
        check(Why::Silent, &once);
        check(Why::Busy(None), &once);
        check(Why::Untrusted, &once);
        let each = ["a.io/x:1", "a.io/y:1", "b.io/x:1", "b.io/y:1"];
        check(Why::Denied, &each);
        check(Why::Final, &each);
    }
}
