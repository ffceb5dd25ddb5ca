//! The engine's own socket, for what is asked often: a client process for a tag takes seven times as
//! long, and a new revision moves a tag of every image.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the engine may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line of a header that is read.
const LONGEST_LINE: u64 = 64 << 10;
/// The longest answer that is read: a listing of a hundred thousand images takes 50 MB.
const LONGEST: usize = 512 << 20;

/// A connection to an engine on this machine.
pub(super) struct Socket {
    stream: BufReader<UnixStream>,
}

impl Socket {
    /// Connects to an endpoint of the form `unix:///path`; nothing where it is of another form or
    /// does not answer.
    pub(super) fn connect(endpoint: &str) -> Option<Self> {
        let stream = UnixStream::connect(endpoint.strip_prefix("unix://")?).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Lets `target` name what `source` names.
    ///
    /// # Errors
    /// What the engine says against it, or how the connection broke.
    pub(super) fn tag(&mut self, source: &str, target: &str) -> Result<(), String> {
        let (repository, tag) = match target.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (target, "latest"),
        };
        let request = format!(
            "POST /images/{}/tag?repo={}&tag={} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n",
            escaped(source),
            escaped(repository),
            escaped(tag)
        );
        match self.ask(&request) {
            Ok((201, _)) => Ok(()),
            Ok((_, body)) => Err(message(&body)),
            Err(error) => Err(format!("lost the engine: {error}")),
        }
    }

    /// The body that the engine gives for a path.
    ///
    /// # Errors
    /// When it gives none, or the connection broke.
    pub(super) fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let (status, body) = self.ask(&format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n"))?;
        match status {
            200 => Ok(body),
            _ => Err(io::Error::other(message(&body))),
        }
    }

    /// Sends one request; gives the status and the body of the answer.
    fn ask(&mut self, request: &str) -> io::Result<(u16, Vec<u8>)> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let line = self.header_line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status =
            status.ok_or_else(|| io::Error::other(format!("unexpected answer `{line}`")))?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.header_line()?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(usize::MAX);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        let mut body = Vec::new();
        if is_chunked {
            while self.chunk(&mut body)? {}
        } else {
            self.part(length, &mut body)?;
        }
        Ok((status, body))
    }

    /// Reads one chunk of a body; whether another follows.
    fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let line = self.header_line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16)
            .map_err(|_| io::Error::other(format!("unexpected chunk `{line}`")))?;
        self.part(length, body)?;
        self.header_line()?;
        Ok(length > 0)
    }

    /// Reads so many bytes of a body.
    fn part(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
        let start = body.len();
        if length > LONGEST - start {
            return Err(io::Error::other("the answer is too long"));
        }
        body.resize(start + length, 0);
        self.stream.read_exact(&mut body[start..])
    }

    fn header_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let read = (&mut self.stream).take(LONGEST_LINE).read_line(&mut line)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The text of the engine's error, which is an object with a `message`.
fn message(body: &[u8]) -> String {
    let error: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = error
        .as_ref()
        .and_then(|error| error.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

/// The text with all but what references are made of in hexadecimal.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the engine of the test is a thread"
)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// What comes of asking an engine that sends these answers, one a request, and the request lines.
    fn asked<T>(
        answers: &'static [&'static str],
        ask: impl FnOnce(&mut Socket) -> T,
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
        let mut socket = Socket::connect(&endpoint).expect("the engine listens");
        let result = ask(&mut socket);
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
        let lost = "lost the engine: unexpected answer `what`".to_owned();
        assert_eq!(
            results,
            [Ok(()), Err("no such".to_owned()), Ok(()), Err(lost)]
        );
        let expected = [
            "POST /images/us/a:sw-1/tag?repo=us/a&tag=main HTTP/1.1",
            "POST /images/us/a:sw-1/tag?repo=us/a&tag=x HTTP/1.1",
            "POST /images/us/a:sw-1/tag?repo=h:5000/a&tag=latest HTTP/1.1",
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
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(
            results,
            [
                Ok("[1,2]".to_owned()),
                Ok("[1,2]".to_owned()),
                error("no"),
                error("unexpected chunk `zz`")
            ]
        );
        assert_eq!(requests[0], "GET /images/json HTTP/1.1");
    }

    #[test]
    fn only_a_socket_of_this_machine_is_taken() {
        assert!(Socket::connect("tcp://127.0.0.1:2375").is_none());
        assert!(Socket::connect("unix:///nowhere/at/all.sock").is_none());
    }
}
