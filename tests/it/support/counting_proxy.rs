//! A proxy before a registry, which notes each request and may answer some itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::request::{Request, answer};

/// A proxy on this machine; serves until the test ends.
pub(crate) struct CountingProxy {
    host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    upstream: String,
    requests: Mutex<Vec<String>>,
    /// How often it says at an address that it is busy.
    busy: Mutex<BTreeMap<String, usize>>,
    /// Addresses at which it has nothing.
    hidden: Mutex<BTreeSet<String>>,
    /// What it gives at an address in place of what the server has.
    replaced: Mutex<BTreeMap<String, String>>,
}

impl CountingProxy {
    /// One before the server at that host and port.
    #[track_caller]
    pub(crate) fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away in between is its own business.
                thread::spawn(move || pass(&stream, &state).ok());
            }
        });
        Self { host, state }
    }

    /// Its host and port, which references name.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The requests since the last call, as `HEAD /v2/x/manifests/1`, sorted.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut *self.state.requests.lock().unwrap());
        requests.sort();
        requests
    }

    /// Lets it say at an address, so many times, that it is busy for a second.
    pub(crate) fn be_busy(&self, path: &str, times: usize) {
        let mut busy = self.state.busy.lock().unwrap();
        busy.insert(path.to_owned(), times);
    }

    /// Lets it have nothing at an address, or what the server has.
    pub(crate) fn hide(&self, path: &str, hidden: bool) {
        let mut all = self.state.hidden.lock().unwrap();
        if hidden {
            all.insert(path.to_owned());
        } else {
            all.remove(path);
        }
    }

    /// Lets it give a text at an address in place of what the server has.
    pub(crate) fn replace(&self, path: &str, text: &str) {
        let mut replaced = self.state.replaced.lock().unwrap();
        replaced.insert(path.to_owned(), text.to_owned());
    }
}

/// Answers one request; each connection has but one.
fn pass(client: &TcpStream, state: &State) -> std::io::Result<()> {
    let Some(request) = Request::read(client)? else {
        return Ok(());
    };
    let path = &request.path;
    let line = format!("{} {path}", request.method);
    state.requests.lock().unwrap().push(line);
    if let Some(times) = state
        .busy
        .lock()
        .unwrap()
        .get_mut(path)
        .filter(|times| **times > 0)
    {
        *times -= 1;
        return answer(client, "429 Too Many Requests", "Retry-After: 1\r\n", "");
    }
    if state.hidden.lock().unwrap().contains(path) {
        return answer(client, "404 Not Found", "", "");
    }
    if let Some(text) = state.replaced.lock().unwrap().get(path) {
        return answer(client, "200 OK", "", text);
    }
    let mut client = client;
    std::io::copy(&mut request.send(&state.upstream)?, &mut client)?;
    Ok(())
}
