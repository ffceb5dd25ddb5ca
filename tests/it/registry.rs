//! Requests to a registry, as a server sees them, and what a registry cannot make anybody believe.

use std::net::TcpListener;
use std::time::Duration;

use shipwright::run::exec::Found;
use shipwright::run::registry::{HttpRegistry, Registry, Why};

use crate::support::fixed_registry::{self, Answer, CONFIG, Server, digest, manifest};
use crate::support::program::shipwright;
use crate::support::repo::Repo;

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
    let moved = registry.tag(&server.reference("sw-1"), &targets);
    assert_eq!(moved, [Ok(()), Ok(())]);
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
            "it answers 429 Too Many Requests and asks to wait 17 seconds",
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
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = nobody.local_addr().unwrap();
    drop(nobody);
    let refused = HttpRegistry::new().look(&format!("{host}/us/app:1"));
    let refused = refused.unwrap_err();
    assert_eq!(refused.why, Why::Silent, "{refused:?}");
    assert!(
        refused.message.starts_with("Connection refused"),
        "{refused:?}"
    );
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
    let server = Server::with_challenge(&[], "Bearer secret", |_| {
        "Bearer realm=\"http://auth.example.invalid/token\"".to_owned()
    });
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

#[test]
fn a_registry_that_takes_no_head_is_asked_for_the_whole() {
    let single = manifest(&digest(CONFIG));
    for status in ["405 Method Not Allowed", "501 Not Implemented"] {
        let refuses = Answer {
            status,
            header: String::new(),
            body: String::new(),
        };
        let server = Server::start(&[
            ("HEAD manifests/1", refuses),
            ("manifests/1", single.as_str().into()),
        ]);
        let found = HttpRegistry::new().digest(&server.reference("1"));
        assert_eq!(found, Ok(Some(digest(&single))), "{status}");
    }
}

/// What `lock` says of an image at `0.0.0.0`, which is this machine and, by its name, any other.
fn lock_from_elsewhere(port: u16, environment: &[(&str, &str)]) -> String {
    let repo = Repo::new(&format!("//- a/Dockerfile\nFROM 0.0.0.0:{port}/us/app:1\n"));
    let output = shipwright(&repo, ".")
        .arg("lock")
        .env("NO_PROXY", "*")
        .env_remove("SSL_CERT_FILE")
        .envs(environment.iter().copied())
        .output()
        .expect("the program was built");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_certificate_is_trusted_or_the_error_says_how_to() {
    let port = fixed_registry::encrypted();
    let said = lock_from_elsewhere(port, &[]);
    assert!(said.contains("does not trust"), "{said}");
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
    assert!(!said.contains("again"), "it would not help: {said}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, fixed_registry::CERTIFICATE).unwrap();
    let said = lock_from_elsewhere(port, &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    assert!(said.contains("error[lock-gone]"), "it has nothing: {said}");
}

#[test]
fn only_this_machine_is_asked_in_clear() {
    let server = Server::start(&[]);
    let port = server.host.rsplit_once(':').unwrap().1.parse().unwrap();
    let said = lock_from_elsewhere(port, &[]);
    assert!(said.contains("it does not use TLS"), "{said}");
}
