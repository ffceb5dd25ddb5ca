//! Requests to a registry, as a server sees them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use shipwright::run::exec::Found;
use shipwright::run::exec::registry::{HttpRegistry, Registry};

/// A server on this machine that gives fixed answers, to those who carry its token.
struct Server {
    host: String,
    /// Each request: method and path, then its body.
    requests: Arc<Mutex<Vec<String>>>,
}

const INDEX: &str = r#"{"manifests": [
    {"digest": "sha256:a", "platform": {"architecture": "arm64", "os": "linux"}},
    {"digest": "sha256:b", "platform": {"architecture": "amd64", "os": "linux"}},
    {"digest": "sha256:c", "platform": {"architecture": "unknown", "os": "unknown"}}]}"#;

impl Server {
    /// Answers with the text at a path below `/v2/us/app/`; what is not there is not found.
    fn start(answers: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, String> = answers
            .iter()
            .map(|(path, text)| (format!("/v2/us/app/{path}"), (*text).to_owned()))
            .collect();
        let (seen, realm) = (Arc::clone(&requests), format!("http://{host}/token"));
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &answers, &realm, &seen);
            }
        });
        Self { host, requests }
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}/us/app:{tag}", self.host)
    }

    fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &BTreeMap<String, String>,
    realm: &str,
    seen: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let request = line
        .rsplit_once(' ')
        .map_or("", |(request, _)| request)
        .to_owned();
    let (mut length, mut allowed) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        allowed |= header == "authorization: bearer secret";
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let (method, path) = request.split_once(' ').unwrap_or_default();
    let mut more = String::new();
    let (status, text) = if path.starts_with("/token") {
        ("200 OK", r#"{"token": "secret"}"#)
    } else if !allowed {
        more = format!(
            "WWW-Authenticate: Bearer realm=\"{realm}\",scope=\"repository:us/app:pull\"\r\n"
        );
        ("401 Unauthorized", "{}")
    } else if path.ends_with("/forbidden") {
        let text = r#"{"errors": [{"code": "DENIED", "message": "not yours"}]}"#;
        ("403 Forbidden", text)
    } else if method == "PUT" {
        ("201 Created", "")
    } else {
        match answers.get(path) {
            Some(text) => ("200 OK", &**text),
            None => ("404 Not Found", "{}"),
        }
    };
    let text = if method == "HEAD" { "" } else { text };
    seen.lock()
        .unwrap()
        .push(format!("{request} {body}").trim_end().to_owned());
    let length = text.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\n{more}Content-Type: a/kind\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{text}"
    );
}

#[test]
fn a_token_is_got_once_and_an_index_moves_byte_for_byte() {
    let config =
        r#"{"architecture": "arm64", "config": {"Labels": {"dev.shipwright.fingerprint": "f"}}}"#;
    let server = Server::start(&[
        ("manifests/sw-1", INDEX),
        (
            "manifests/sha256:a",
            r#"{"config": {"digest": "sha256:x"}}"#,
        ),
        (
            "manifests/sha256:b",
            r#"{"config": {"digest": "sha256:x"}}"#,
        ),
        ("blobs/sha256:x", config),
    ]);
    let registry = HttpRegistry::new();
    let found = registry.look(&server.reference("sw-1")).unwrap().unwrap();
    let expected = Found {
        id: found.id.clone(),
        fingerprint: Some("f".to_owned()),
        architecture: "arm64".to_owned(),
    };
    assert_eq!(found, expected);
    assert!(found.id.starts_with("sha256:"));
    let requests = server.take_requests();
    assert_eq!(
        requests[..3],
        [
            "GET /v2/us/app/manifests/sw-1",
            "GET /token?scope=repository%3Aus%2Fapp%3Apull",
            "GET /v2/us/app/manifests/sw-1",
        ]
    );
    assert_eq!(requests.len(), 7, "{requests:?}");

    assert_eq!(registry.look(&server.reference("gone")), Ok(None));
    assert_eq!(
        registry.digest(&server.reference("sw-1")),
        Ok(Some(found.id))
    );
    server.take_requests();
    let targets = [server.reference("main"), server.reference("next")];
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    registry.tag(&server.reference("sw-1"), &targets).unwrap();
    let mut requests = server.take_requests();
    requests.retain(|request| request.starts_with("PUT"));
    let put = |tag: &str| format!("PUT /v2/us/app/manifests/{tag} {INDEX}");
    // The first is refused: what may read need not be allowed to write, so a token is asked for.
    assert_eq!(requests, [put("main"), put("main"), put("next")]);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_registry() {
    let server = Server::start(&[]);
    let refused = HttpRegistry::new()
        .look(&server.reference("forbidden"))
        .unwrap_err();
    assert_eq!(
        refused.message,
        "it answers 403 Forbidden (DENIED: not yours)"
    );
    assert!(!refused.passing);
    let silent = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = HttpRegistry::new()
        .look(&format!("{silent}/us/app:1"))
        .unwrap_err();
    assert!(refused.passing, "{refused:?}");
}
