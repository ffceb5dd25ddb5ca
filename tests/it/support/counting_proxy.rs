//! A proxy before a registry, which notes each request and may answer some itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy on this machine, for reading alone; serves until the test ends.
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

/// How the first message of an encrypted connection begins.
pub(crate) const TLS: u8 = 0x16;

/// Answers one request; each connection has but one.
fn pass(client: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    if reader.fill_buf()?.first() == Some(&TLS) {
        // By this an engine knows that there is no encryption.
        let mut client = client;
        return client.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
    }
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let request = first.rsplit_once(' ').map_or("", |(request, _)| request);
    let path = request.split_once(' ').map_or("", |(_, path)| path);
    let mut head = first.clone();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim_end().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    state.requests.lock().unwrap().push(request.to_owned());
    let mut client = client;
    let mut own = |status: &str, header: &str, text: &str| {
        let length = text.len();
        write!(
            client,
            "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
        )
    };
    if let Some(times) = state
        .busy
        .lock()
        .unwrap()
        .get_mut(path)
        .filter(|times| **times > 0)
    {
        *times -= 1;
        return own("429 Too Many Requests", "Retry-After: 1\r\n", "");
    }
    if state.hidden.lock().unwrap().contains(path) {
        return own("404 Not Found", "", "");
    }
    if let Some(text) = state.replaced.lock().unwrap().get(path) {
        return own("200 OK", "", text);
    }
    let mut server = TcpStream::connect(&state.upstream)?;
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client)?;
    Ok(())
}
