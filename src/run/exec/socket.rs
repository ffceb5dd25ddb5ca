//! The engine's own socket, for what is asked often: a client process for a tag takes seven times as
//! long, and a new revision moves a tag of every image. ureq speaks HTTP over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Agent, Body, Error};

/// How long the engine may take for one answer as a whole.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer that is read: a listing of a hundred thousand images takes 50 MB.
const LONGEST: u64 = 512 << 20;

/// Connections to an engine on this machine.
pub(super) struct Socket(Agent);

impl Socket {
    /// To an endpoint of the form `unix:///path`; nothing where it is of another form or does not
    /// answer.
    pub(super) fn connect(endpoint: &str) -> Option<Self> {
        let path = PathBuf::from(endpoint.strip_prefix("unix://")?);
        let first = Mutex::new(Some(UnixStream::connect(&path).ok()?));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .proxy(None)
            .build();
        Some(Self(Agent::with_parts(
            config,
            AtPath { path, first },
            Nowhere,
        )))
    }

    /// Lets `target` name what `source` names.
    ///
    /// # Errors
    /// What the engine says against it, or how the connection broke.
    pub(super) fn tag(&self, source: &str, target: &str) -> Result<(), String> {
        let (repository, tag) = match target.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (target, "latest"),
        };
        let request = self.0.post(format!("http://docker/images/{source}/tag"));
        let request = request.query("repo", repository).query("tag", tag);
        let answer = request.send_empty().map_err(io::Error::other);
        match answer.and_then(|answer| Ok((answer.status(), body(answer)?))) {
            Ok((status, _)) if status == 201 => Ok(()),
            Ok((_, body)) => Err(message(&body)),
            Err(error) => Err(format!("lost the connection to the engine: {error}")),
        }
    }

    /// The body that the engine gives for a path.
    ///
    /// # Errors
    /// When it gives none, or the connection broke.
    pub(super) fn get(&self, path: &str) -> io::Result<Vec<u8>> {
        let answer = self.0.get(format!("http://docker{path}")).call();
        let answer = answer.map_err(io::Error::other)?;
        let status = answer.status();
        let body = body(answer)?;
        match status.as_u16() {
            200 => Ok(body),
            _ => Err(io::Error::other(message(&body))),
        }
    }
}

fn body(answer: Response<Body>) -> io::Result<Vec<u8>> {
    let read = answer.into_body().into_with_config().limit(LONGEST);
    read.read_to_vec().map_err(io::Error::other)
}

/// The text of the engine's error, which is an object with a `message`.
fn message(body: &[u8]) -> String {
    let error: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = error
        .as_ref()
        .and_then(|error| error.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

/// Connects to a socket of this machine, whatever the address says.
#[derive(Debug)]
struct AtPath {
    path: PathBuf,
    /// The connection that showed that somebody answers.
    first: Mutex<Option<UnixStream>>,
}

impl Connector for AtPath {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let sizes = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Ok(Some(Connection {
            stream: first.map_or_else(|| UnixStream::connect(&self.path), Ok)?,
            buffers: LazyBuffers::new(sizes.0, sizes.1),
        }))
    }
}

/// A socket needs no address.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Ok(addresses)
    }
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.set_write_timeout(limit(timeout))?;
        let output = &self.buffers.output()[..amount];
        let sent = self.stream.write_all(output);
        sent.map_err(|error| in_time(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_read_timeout(limit(timeout))?;
        let read = self.stream.read(self.buffers.input_append_buf());
        let read = read.map_err(|error| in_time(error, timeout))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // Nobody speaks unasked: what can be read is the end.
        let mut probe = || {
            self.stream.set_nonblocking(true)?;
            let read = self.stream.read(&mut [0]);
            self.stream.set_nonblocking(false)?;
            read
        };
        probe().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// What is left of the time for the whole request.
fn limit(timeout: NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|left| *left)
}

fn in_time(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the engine of the test is a thread"
)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What comes of asking an engine that sends these answers, one a request, and the request lines.
    fn asked<T>(
        answers: &'static [&'static str],
        ask: impl FnOnce(&Socket) -> T,
    ) -> (T, Vec<String>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let engine = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            let mut requests = Vec::new();
            for answer in answers {
                requests.push(lines.next().expect("a request").expect("text"));
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                (&stream)
                    .write_all(answer.as_bytes())
                    .expect("an open connection");
            }
            requests
        });
        let endpoint = format!("unix://{}", path.display());
        let socket = Socket::connect(&endpoint).expect("the engine listens");
        let result = ask(&socket);
        (result, engine.join().expect("the engine ends"))
    }

    #[test]
    fn one_connection_serves_all_tags() {
        const DONE: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        const GONE: &str =
            "HTTP/1.1 404 Not Found\r\ncontent-length: 21\r\n\r\n{\"message\":\"no such\"}";
        let (results, requests) = asked(&[DONE, GONE, DONE, "what\r\n"], |socket| {
            ["us/a:main", "us/a:x", "h:5000/a", "a:b c\r\nx"]
                .map(|target| socket.tag("us/a:sw-1", target))
        });
        let [first, second, third, last] = results;
        assert_eq!(
            [first, second, third],
            [Ok(()), Err("no such".to_owned()), Ok(())]
        );
        assert!(last.is_err_and(|error| error.starts_with("lost the connection to the engine: ")));
        let expected = [
            "POST /images/us/a:sw-1/tag?repo=us%2Fa&tag=main HTTP/1.1",
            "POST /images/us/a:sw-1/tag?repo=us%2Fa&tag=x HTTP/1.1",
            "POST /images/us/a:sw-1/tag?repo=h%3A5000%2Fa&tag=latest HTTP/1.1",
            "POST /images/us/a:sw-1/tag?repo=a&tag=b%20c%0D%0Ax HTTP/1.1",
        ];
        assert_eq!(requests, expected);
    }

    #[test]
    fn a_body_comes_whole_or_in_chunks() {
        const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]";
        const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
        const REFUSED: &str = "HTTP/1.1 500 No\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}";
        const BROKEN: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
        let (results, requests) = asked(&[WHOLE, CHUNKED, REFUSED, BROKEN], |socket| {
            let results = (0..4).map(|_| socket.get("/images/json"));
            let text = |body: Vec<u8>| String::from_utf8(body).expect("text");
            let results = results.map(|result| result.map(text).map_err(|error| error.to_string()));
            results.collect::<Vec<_>>()
        });
        let body = || Ok("[1,2]".to_owned());
        assert_eq!(results[..3], [body(), body(), Err("no".to_owned())]);
        assert!(results[3].is_err(), "{results:?}");
        assert_eq!(requests[0], "GET /images/json HTTP/1.1");
    }

    #[test]
    fn only_a_socket_of_this_machine_is_taken() {
        assert!(Socket::connect("tcp://127.0.0.1:2375").is_none());
        assert!(Socket::connect("unix:///nowhere/at/all.sock").is_none());
    }
}
