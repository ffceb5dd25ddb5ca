//! A registry with fixed answers, which lets in only those who carry what it asks for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest, Sha256};

use super::request::TLS;

/// What a server gives at one path.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    /// Further lines of the header, each with its end.
    pub(crate) header: String,
    pub(crate) body: String,
}

impl From<&str> for Answer {
    fn from(body: &str) -> Self {
        Self {
            status: "200 OK",
            header: String::new(),
            body: body.to_owned(),
        }
    }
}

/// A server on this machine that gives fixed answers, to those who carry what it asks for.
pub(crate) struct Server {
    pub(crate) host: String,
    inside: Arc<Inside>,
}

struct Inside {
    answers: BTreeMap<String, Answer>,
    authorization: String,
    challenge: String,
    requests: Mutex<Vec<String>>,
    authorizations: Mutex<Vec<String>>,
}

impl Server {
    /// Answers at a path below `/v2/us/app/`, or at a method and such a path; what is not there is not
    /// found. A token is asked for.
    pub(crate) fn start(answers: &[(&str, Answer)]) -> Self {
        Self::with_challenge(answers, "Bearer secret", |host| {
            format!("Bearer realm=\"http://{host}/token\",scope=\"repository:us/app:pull\"")
        })
    }

    /// The same to those who carry that authorization; to the others it says `challenge`.
    pub(crate) fn with_challenge(
        answers: &[(&str, Answer)],
        authorization: &str,
        challenge: impl FnOnce(&str) -> String,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let place = |place: &str| match place.split_once(' ') {
            Some((method, path)) => format!("{method} /v2/us/app/{path}"),
            None => format!("/v2/us/app/{place}"),
        };
        let answers = answers.iter();
        let inside = Inside {
            answers: answers
                .map(|(at, answer)| (place(at), answer.clone()))
                .collect(),
            authorization: authorization.to_owned(),
            challenge: challenge(&host),
            requests: Mutex::default(),
            authorizations: Mutex::default(),
        };
        let inside = Arc::new(inside);
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { host, inside }
    }

    pub(crate) fn reference(&self, tag: &str) -> String {
        format!("{}/us/app:{tag}", self.host)
    }

    /// The requests since the last call: method and path, then the body.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.requests.lock().unwrap())
    }

    /// What came in `Authorization` since the last call, as `PATH: VALUE`.
    pub(crate) fn take_authorizations(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.authorizations.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, inside: &Inside) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    if reader.fill_buf().unwrap().first() == Some(&TLS) {
        // By this a client knows that there is no encryption.
        let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
        return;
    }
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let request = line
        .rsplit_once(' ')
        .map_or("", |(request, _)| request)
        .to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match &*name.to_ascii_lowercase() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let (method, path) = request.split_once(' ').unwrap_or_default();
    let answers = &inside.answers;
    if !authorization.is_empty() {
        let path = path.split('?').next().unwrap_or_default();
        let carried = format!("{path}: {authorization}");
        inside.authorizations.lock().unwrap().push(carried);
    }
    let given = |status, header: &str, body: &str| Answer {
        status,
        header: header.to_owned(),
        body: body.to_owned(),
    };
    let mut answer = if path.starts_with("/token") {
        r#"{"token": "secret"}"#.into()
    } else if authorization != inside.authorization {
        let header = format!("WWW-Authenticate: {}\r\n", inside.challenge);
        given("401 Unauthorized", &header, "{}")
    } else if let Some(answer) = answers.get(&request).or_else(|| answers.get(path)) {
        answer.clone()
    } else if method == "PUT" {
        given("201 Created", "", "")
    } else {
        given("404 Not Found", "", "{}")
    };
    if method == "HEAD" {
        answer.body.clear();
    }
    let request = format!("{request} {body}");
    let mut requests = inside.requests.lock().unwrap();
    requests.push(request.trim_end().to_owned());
    drop(requests);
    let Answer {
        status,
        header,
        body,
    } = answer;
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\n{header}Content-Type: a/kind\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
}

pub(crate) fn digest(text: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        write!(digest, "{byte:02x}").unwrap();
    }
    digest
}

pub(crate) const CONFIG: &str =
    r#"{"architecture": "arm64", "config": {"Labels": {"dev.shipwright.fingerprint": "f"}}}"#;

/// A manifest whose configuration has that digest.
pub(crate) fn manifest(config: &str) -> String {
    format!(r#"{{"config": {{"digest": "{config}"}}}}"#)
}

/// A certificate for `0.0.0.0` that nobody signed but itself, valid until 2126, and its key:
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500
/// -addext subjectAltName=IP:0.0.0.0 -addext basicConstraints=critical,CA:FALSE`.
pub(crate) const CERTIFICATE: &str = include_str!("certificate.pem");
const KEY: &str = include_str!("certificate.key");

/// A server on this machine that speaks TLS and has nothing; gives its port.
pub(crate) fn encrypted() -> u16 {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that does not trust it goes away.
            let _ = nothing(stream, &config);
        }
    });
    port
}

fn nothing(stream: TcpStream, config: &Arc<ServerConfig>) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::from("a request");
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let stream = reader.get_mut();
    stream
        .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}
