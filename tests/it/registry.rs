//! Requests to a registry, as a server sees them, and what a registry cannot make anybody believe.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use shipwright::run::exec::Found;
use shipwright::run::registry::{HttpRegistry, Registry, Why};

/// What a server gives at one path.
#[derive(Clone)]
struct Answer {
    status: &'static str,
    header: String,
    body: String,
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

/// A server on this machine that gives fixed answers, to those who carry its token.
struct Server {
    host: String,
    /// Each request: method and path, then its body.
    requests: Arc<Mutex<Vec<String>>>,
}

/// How a server answers those without a token.
struct Lock {
    realm: String,
}

impl Server {
    /// Answers at a path below `/v2/us/app/`; what is not there is not found.
    fn start(answers: &[(&str, Answer)]) -> Self {
        Self::with_realm(answers, |host| format!("http://{host}/token"))
    }

    fn with_realm(answers: &[(&str, Answer)], realm: impl FnOnce(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, Answer> = answers
            .iter()
            .map(|(path, answer)| (format!("/v2/us/app/{path}"), answer.clone()))
            .collect();
        let (seen, lock) = (
            Arc::clone(&requests),
            Lock {
                realm: realm(&host),
            },
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &answers, &lock, &seen);
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
    answers: &BTreeMap<String, Answer>,
    lock: &Lock,
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
    let given = |status, header: &str, body: &str| Answer {
        status,
        header: header.to_owned(),
        body: body.to_owned(),
    };
    let mut answer = if path.starts_with("/token") {
        r#"{"token": "secret"}"#.into()
    } else if !allowed {
        let realm = &lock.realm;
        let header = format!(
            "WWW-Authenticate: Bearer realm=\"{realm}\",scope=\"repository:us/app:pull\"\r\n"
        );
        given("401 Unauthorized", &header, "{}")
    } else if let Some(answer) = answers.get(path) {
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
    seen.lock().unwrap().push(request.trim_end().to_owned());
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

fn digest(text: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        write!(digest, "{byte:02x}").unwrap();
    }
    digest
}

const CONFIG: &str =
    r#"{"architecture": "arm64", "config": {"Labels": {"dev.shipwright.fingerprint": "f"}}}"#;

/// A manifest whose configuration has that digest.
fn manifest(config: &str) -> String {
    format!(r#"{{"config": {{"digest": "{config}"}}}}"#)
}

/// An index of that manifest, twice, and of what stands for no platform.
fn index(manifest: &str) -> String {
    format!(
        r#"{{"manifests": [
        {{"digest": "{manifest}", "platform": {{"architecture": "arm64", "os": "linux"}}}},
        {{"digest": "{manifest}", "platform": {{"architecture": "amd64", "os": "linux"}}}},
        {{"digest": "x", "platform": {{"architecture": "unknown", "os": "unknown"}}}}]}}"#
    )
}

#[test]
fn a_token_is_got_once_and_an_index_moves_byte_for_byte() {
    let single = manifest(&digest(CONFIG));
    let index = index(&digest(&single));
    let server = Server::start(&[
        ("manifests/sw-1", index.as_str().into()),
        (
            &format!("manifests/{}", digest(&single)),
            single.as_str().into(),
        ),
        (&format!("blobs/{}", digest(CONFIG)), CONFIG.into()),
    ]);
    let registry = HttpRegistry::new();
    let found = registry.look(&server.reference("sw-1")).unwrap().unwrap();
    let expected = Found {
        id: digest(&index),
        fingerprint: Some("f".into()),
        architecture: "arm64".to_owned(),
        size: None,
    };
    assert_eq!(found, expected);
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
    let put = |tag: &str| format!("PUT /v2/us/app/manifests/{tag} {index}");
    // The first is refused: what may read need not be allowed to write, so a token is asked for.
    assert_eq!(requests, [put("main"), put("main"), put("next")]);
}

#[test]
fn an_upload_is_begun_and_cancelled() {
    let upload = Answer {
        status: "202 Accepted",
        header: "Location: /v2/us/app/blobs/uploads/1?state=x\r\n".to_owned(),
        body: String::new(),
    };
    let server = Server::start(&[("blobs/uploads/", upload)]);
    let repository = format!("{}/us/app", server.host);
    assert_eq!(HttpRegistry::new().may_write(&repository), Ok(()));
    let requests = server.take_requests();
    let last: Vec<&str> = requests.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "DELETE /v2/us/app/blobs/uploads/1?state=x",
            "POST /v2/us/app/blobs/uploads/"
        ]
    );
}

/// What a look says against these answers, and the requests that it took.
#[track_caller]
fn refused(answers: &[(&str, Answer)]) -> (Why, String, Vec<String>) {
    let server = Server::start(answers);
    let refused = HttpRegistry::new().look(&server.reference("sw-1"));
    let refused = refused.unwrap_err();
    (refused.why, refused.message, server.take_requests())
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_registry() {
    for (status, header, body, why, message) in [
        (
            "403 Forbidden",
            "",
            r#"{"errors": [{"code": "DENIED", "message": "not\u001b yours"}]}"#,
            Why::Denied,
            "it answers 403 Forbidden (DENIED: not yours)",
        ),
        (
            "429 Too Many Requests",
            "Retry-After: 17\r\n",
            "slow down",
            Why::Busy(Some(Duration::from_secs(17))),
            "it answers 429 Too Many Requests",
        ),
        (
            "503 Service Unavailable",
            "Retry-After: soon\r\n",
            "",
            Why::Busy(None),
            "it answers 503 Service Unavailable",
        ),
        (
            "418 I'm a teapot",
            "",
            "",
            Why::Final,
            "it answers 418 I'm a teapot",
        ),
    ] {
        let answer = Answer {
            status,
            header: header.to_owned(),
            body: body.to_owned(),
        };
        let (seen, words, _) = refused(&[("manifests/sw-1", answer)]);
        assert_eq!((seen, &*words), (why, message));
    }
    let silent = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = HttpRegistry::new()
        .look(&format!("{silent}/us/app:1"))
        .unwrap_err();
    assert_eq!(refused.why, Why::Silent, "{refused:?}");
}

#[test]
fn what_is_asked_for_by_digest_has_that_digest() {
    let other = digest("other");
    let says = |digest: &str| format!("its response for {digest} has another digest");
    // A configuration.
    let single = manifest(&other);
    let blob = format!("blobs/{other}");
    let (_, message, _) = refused(&[
        ("manifests/sw-1", single.as_str().into()),
        (&blob, CONFIG.into()),
    ]);
    assert_eq!(message, says(&other));
    // A manifest of an index.
    let child = format!("manifests/{other}");
    let (_, message, _) = refused(&[
        ("manifests/sw-1", index(&other).as_str().into()),
        (&child, manifest(&digest(CONFIG)).as_str().into()),
    ]);
    assert_eq!(message, says(&other));
    // By way of another address.
    let moved = Answer {
        status: "307 Temporary Redirect",
        header: "Location: /v2/us/app/elsewhere\r\n".to_owned(),
        body: String::new(),
    };
    let (_, message, _) = refused(&[
        ("manifests/sw-1", single.as_str().into()),
        (&blob, moved),
        ("elsewhere", CONFIG.into()),
    ]);
    assert!(
        message == says(&other) || message.contains("401"),
        "{message}"
    );
}

#[test]
fn what_is_no_digest_goes_into_no_address() {
    for text in [
        "../../../../evil?x=y#",
        "sha256:../../evil",
        "sha256:0",
        "latest",
        "",
    ] {
        for answer in [manifest(text), index(text)] {
            let (_, message, requests) = refused(&[("manifests/sw-1", answer.as_str().into())]);
            assert_eq!(message, "its response has an invalid digest");
            assert_eq!(requests.len(), 3, "{requests:?}");
        }
    }
}

#[test]
fn an_answer_has_a_longest_length() {
    let long = " ".repeat((8 << 20) + 1);
    let (why, message, _) = refused(&[("manifests/sw-1", long.as_str().into())]);
    assert_eq!(why, Why::Final, "{message}");
}

#[test]
fn credentials_go_to_no_token_service_in_clear() {
    let server = Server::with_realm(&[], |_| "http://auth.example.invalid/token".to_owned());
    let refused = HttpRegistry::new().look(&server.reference("sw-1"));
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.message,
        "its token service does not use an encrypted connection"
    );
    assert_eq!(refused.why, Why::Denied);
}

#[test]
fn credentials_do_not_follow_to_another_host() {
    // `localhost` and 127.0.0.1 are two hosts to whoever reads names.
    let elsewhere = Server::start(&[("manifests/sw-1", manifest(&digest(CONFIG)).as_str().into())]);
    let port = elsewhere.host.rsplit_once(':').unwrap().1;
    let moved = Answer {
        status: "307 Temporary Redirect",
        header: format!("Location: http://localhost:{port}/v2/us/app/manifests/sw-1\r\n"),
        body: String::new(),
    };
    let server = Server::start(&[("manifests/sw-1", moved)]);
    let looked = HttpRegistry::new().look(&server.reference("sw-1"));
    assert!(looked.is_err(), "the other host was given the token");
    assert_eq!(elsewhere.take_requests(), ["GET /v2/us/app/manifests/sw-1"]);
}
