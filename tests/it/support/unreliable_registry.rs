//! A registry that is busy, unavailable or silent at random moments, keeps tags as they are, or takes nothing
//! into repositories that nobody has created.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use super::generate::Random;
use super::own_registry::OwnRegistry;
use super::raw_registry::Raw;
use super::request::{Request, answer};

/// What the registry is like.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// One request of so many of the program fails; 0: none does.
    pub(crate) fails_one_in: usize,
    /// Whether a tag that is there is never taken again, as in repositories with immutable tags.
    pub(crate) immutable: bool,
    /// The repositories that somebody has created, where that is needed before a push, as it is at ECR.
    pub(crate) created: Option<BTreeSet<String>>,
}

/// A registry of the test's own and the proxy before it, which behaves like that.
pub(crate) struct UnreliableRegistry {
    registry: OwnRegistry,
    host: String,
    state: Arc<State>,
}

struct State {
    upstream: String,
    behaviour: Mutex<Behaviour>,
    random: Mutex<Random>,
    seen: Mutex<Seen>,
    hold: Mutex<Option<Hold>>,
}

/// From which request on nothing is answered.
struct Hold {
    /// How requests begin that count.
    start: String,
    /// How many are answered before.
    left: usize,
    /// Whether the first that is not answered is done in spite of that.
    done: bool,
    reached: Sender<()>,
    /// Whether those that are held are answered now.
    released: bool,
}

/// What happened, since somebody looked last.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often it failed, by how.
    pub(crate) failures: BTreeMap<&'static str, usize>,
    /// The requests that reached it, as `PUT /v2/x/manifests/1`.
    pub(crate) requests: Vec<String>,
    /// Tags that were taken with bytes where other bytes were.
    pub(crate) overwritten: Vec<String>,
}

impl UnreliableRegistry {
    /// One that behaves well; or nothing but a loud line.
    #[track_caller]
    pub(crate) fn start(seed: u64) -> Option<Self> {
        let mut registry = OwnRegistry::new()?;
        registry.start();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            upstream: registry.host().to_owned(),
            behaviour: Mutex::default(),
            random: Mutex::new(Random::new(seed)),
            seen: Mutex::default(),
            hold: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away in between is its own business.
                thread::spawn(move || state.serve(&stream).ok());
            }
        });
        Some(Self {
            registry,
            host,
            state,
        })
    }

    /// Its host and port, which references name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The registry itself, which behaves well.
    pub(crate) fn raw(&self) -> Raw<'_> {
        Raw {
            host: self.registry.host(),
        }
    }

    /// What it is like from now on.
    pub(crate) fn behave(&self) -> MutexGuard<'_, Behaviour> {
        self.state.behaviour.lock().unwrap()
    }

    /// Answers so many requests from now on, and none after them; the first of these is done or not. Tells
    /// when it comes.
    pub(crate) fn hold_after(&self, count: usize, done: bool) -> Receiver<()> {
        self.hold("", count, done)
    }

    /// Holds the requests that begin like that. Tells when the first comes.
    pub(crate) fn hold_at(&self, start: &str) -> Receiver<()> {
        self.hold(start, 0, false)
    }

    fn hold(&self, start: &str, left: usize, done: bool) -> Receiver<()> {
        let (reached, told) = mpsc::channel();
        *self.state.hold.lock().unwrap() = Some(Hold {
            start: start.to_owned(),
            left,
            done,
            reached,
            released: false,
        });
        told
    }

    /// Answers what it holds, and all that comes.
    pub(crate) fn release(&self) {
        if let Some(hold) = &mut *self.state.hold.lock().unwrap() {
            hold.released = true;
        }
    }

    /// Drops what it holds, and answers all that comes.
    pub(crate) fn go_on(&self) {
        *self.state.hold.lock().unwrap() = None;
    }

    /// What happened since the last call.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.state.seen.lock().unwrap())
    }
}

impl State {
    /// Answers one request; each connection has but one.
    fn serve(&self, client: &TcpStream) -> std::io::Result<()> {
        let Some(request) = Request::read(client)? else {
            return Ok(());
        };
        let line = format!("{} {}", request.method, request.path);
        if let Some(done) = self.holds(&line) {
            if done {
                self.pass(&request, None)?;
            }
            if !self.is_released() {
                return Ok(());
            }
        }
        // The engine has patience of its own, of many seconds.
        let agent = request.header("user-agent").unwrap_or_default();
        let failure = if agent.starts_with("shipwright/") {
            self.failure()
        } else {
            None
        };
        if let Some(failure) = failure {
            let mut seen = self.seen.lock().unwrap();
            *seen.failures.entry(failure).or_default() += 1;
            drop(seen);
            match failure {
                "busy" => return answer(client, "429 Too Many Requests", "Retry-After: 0\r\n", ""),
                "unavailable" => {
                    return answer(client, "503 Service Unavailable", "Retry-After: 0\r\n", "");
                }
                "silent" => return Ok(()),
                // What is asked for is done, and nobody hears of it.
                _ => return self.pass(&request, None),
            }
        }
        self.pass(&request, Some(client))
    }

    /// Whether a request is held, and then whether it is done.
    fn holds(&self, line: &str) -> Option<bool> {
        let mut hold = self.hold.lock().unwrap();
        let hold = hold.as_mut()?;
        if hold.released || !line.starts_with(&hold.start) {
            return None;
        }
        if hold.left > 0 {
            hold.left -= 1;
            return None;
        }
        let _ = hold.reached.send(());
        Some(std::mem::take(&mut hold.done))
    }

    /// Waits until what is held is answered, or not to be.
    fn is_released(&self) -> bool {
        loop {
            match &*self.hold.lock().unwrap() {
                None => return false,
                Some(hold) if hold.released => return true,
                Some(_) => {}
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// How it fails now, if it does.
    fn failure(&self) -> Option<&'static str> {
        let one_in = self.behaviour.lock().unwrap().fails_one_in;
        let mut random = self.random.lock().unwrap();
        let failures = [
            "busy",
            "unavailable",
            "busy",
            "unavailable",
            "silent",
            "unheard",
        ];
        (one_in > 0 && random.one_in(one_in)).then(|| failures[random.below(failures.len())])
    }

    fn pass(&self, request: &Request, client: Option<&TcpStream>) -> std::io::Result<()> {
        let repository = request.path.strip_prefix("/v2/").and_then(|path| {
            let end = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
            end.iter().find_map(|end| Some(path.split_once(end)?.0))
        });
        let behaviour = self.behaviour.lock().unwrap();
        if let (Some(repository), Some(created)) = (repository, &behaviour.created)
            && !created.contains(repository)
        {
            let text = format!(
                "{{\"errors\": [{{\"code\": \"NAME_UNKNOWN\", \"message\": \"The repository with name \
                 '{repository}' does not exist in the registry\"}}]}}"
            );
            return client.map_or(Ok(()), |client| answer(client, "404 Not Found", "", &text));
        }
        let immutable = behaviour.immutable;
        drop(behaviour);
        let mut seen = self.seen.lock().unwrap();
        seen.requests
            .push(format!("{} {}", request.method, request.path));
        if request.method == "PUT"
            && let Some((repository, tag)) = repository.zip(request.path.split_once("/manifests/"))
            && let (_, tag) = tag
            && !tag.starts_with("sha256:")
        {
            // Nobody else puts a manifest while this one is looked for.
            let raw = Raw {
                host: &self.upstream,
            };
            let there = raw.manifest_text(repository, tag);
            if there.is_some() && immutable {
                let text = format!(
                    "{{\"errors\": [{{\"code\": \"TAG_INVALID\", \"message\": \"The image tag '{tag}' \
                     already exists in the '{repository}' repository and cannot be overwritten because the \
                     tag is immutable.\"}}]}}"
                );
                return client.map_or(Ok(()), |client| {
                    answer(client, "400 Bad Request", "", &text)
                });
            }
            if there.is_some_and(|there| there.as_bytes() != request.body) {
                seen.overwritten.push(format!("{repository}:{tag}"));
            }
            return self.forward(request, client);
        }
        drop(seen);
        self.forward(request, client)
    }

    fn forward(&self, request: &Request, client: Option<&TcpStream>) -> std::io::Result<()> {
        let mut server = request.send(&self.upstream)?;
        match client {
            Some(mut client) => std::io::copy(&mut server, &mut client)?,
            None => std::io::copy(&mut server, &mut std::io::sink())?,
        };
        Ok(())
    }
}
