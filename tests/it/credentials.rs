//! Credentials of docker, as `lock` finds and sends them: `config.json`, helpers, `DOCKER_AUTH_CONFIG`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use tempfile::TempDir;

use crate::support::fixed_registry::{Answer, CONFIG, Server, digest, manifest};
use crate::support::program::shipwright;
use crate::support::repo::Repo;

/// What each helper does with the key on its input, which it notes.
const HELPERS: &[(&str, &str)] = &[
    (
        "keeps",
        r#"echo '{"ServerURL":"x","Username":"us","Secret":"kept"}'"#,
    ),
    (
        "token",
        r#"echo '{"Username":"<token>","Secret":"identity"}'"#,
    ),
    (
        "empty",
        "echo credentials not found in native keychain; exit 1",
    ),
    ("fails", "echo the keychain is locked >&2; exit 3"),
    ("babbles", "echo hello"),
];

/// A registry, a repository that takes an image of it, and a machine on which docker keeps credentials.
struct Machine {
    server: Server,
    repo: Repo,
    home: TempDir,
}

/// What the registry asks for.
#[derive(Clone, Copy)]
enum Asks {
    Password,
    Token,
}

impl Machine {
    fn new(asks: Asks, authorization: &str) -> Self {
        let single = manifest(&digest(CONFIG));
        let answers: [(&str, Answer); 3] = [
            ("manifests/1", single.as_str().into()),
            (
                &format!("manifests/{}", digest(&single)),
                single.as_str().into(),
            ),
            (&format!("blobs/{}", digest(CONFIG)), CONFIG.into()),
        ];
        let server = Server::with_challenge(&answers, authorization, |host| match asks {
            Asks::Password => "Basic realm=\"x\"".to_owned(),
            Asks::Token => format!("Bearer realm=\"http://{host}/token\",service=\"it\""),
        });
        let repo = Repo::new(&format!(
            "//- a/Dockerfile\nFROM {}\n",
            server.reference("1")
        ));
        let home = TempDir::with_prefix("shipwright-home-").unwrap();
        for (name, script) in HELPERS {
            let file = home.path().join(format!("docker-credential-{name}"));
            let script = format!("#!/bin/sh\ncat >>\"${{0%/*}}/asked\"\n{script}\n");
            fs::write(&file, script).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { server, repo, home }
    }

    /// Runs `lock` with that `config.json`, in which HOST stands for the registry.
    fn lock(&self, config: &str, environment: &[(&str, &str)]) -> Output {
        let file = self.home.path().join("config.json");
        fs::write(file, config.replace("HOST", &self.server.host)).unwrap();
        let rest = std::env::var("PATH").expect("a PATH");
        let home = self.home.path().display();
        let environment = environment.iter();
        let environment =
            environment.map(|(name, value)| (*name, value.replace("HOST", &self.server.host)));
        let output = shipwright(&self.repo, ".")
            .arg("lock")
            .env("PATH", format!("{home}:{rest}"))
            .env("DOCKER_CONFIG", self.home.path())
            .env_remove("DOCKER_AUTH_CONFIG")
            .envs(environment)
            .output();
        output.expect("the program was built")
    }
}

/// `lock` succeeds where the registry lets in only that authorization; gives the keys that helpers were
/// asked for.
#[track_caller]
fn accepted(asks: Asks, authorization: &str, config: &str, environment: &[(&str, &str)]) -> String {
    let machine = Machine::new(asks, authorization);
    let output = machine.lock(config, environment);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{config}: {stderr}");
    let asked = fs::read_to_string(machine.home.path().join("asked")).unwrap_or_default();
    asked.replace(&machine.server.host, "HOST")
}

/// `lock` ends with an error that has these words, and none of what docker keeps.
#[track_caller]
fn refused(asks: Asks, config: &str, words: &str) {
    let machine = Machine::new(asks, "nothing is right");
    let output = machine.lock(config, &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{config}: {stderr}");
    assert!(stderr.contains("error[lock-unanswered]"), "{stderr}");
    let home = machine.home.path().display().to_string();
    let words = words.replace("HOST", &machine.server.host);
    assert!(
        stderr.replace(&home, "HOME").contains(&words),
        "{words}: {stderr}"
    );
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

/// `us:kept` and `us:hunter2`, as a request carries them.
const KEPT: &str = "Basic dXM6a2VwdA==";
const HUNTER2: &str = "Basic dXM6aHVudGVyMg==";

#[test]
fn a_password_is_found_where_docker_finds_it() {
    for (authorization, config, asked) in [
        (
            HUNTER2,
            r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}}"#,
            "",
        ),
        (
            HUNTER2,
            r#"{"auths": {"HOST": {"username": "us", "password": "hunter2"}}}"#,
            "",
        ),
        (
            HUNTER2,
            r#"{"auths": {"http://HOST/v1/": {"auth": "dXM6aHVudGVyMg=="}}, "credsStore": null}"#,
            "",
        ),
        (
            KEPT,
            r#"{"auths": {"HOST": {}}, "credsStore": "keeps"}"#,
            "HOST",
        ),
        // What was logged in with before there was a store is stale.
        (
            KEPT,
            r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}, "credsStore": "keeps"}"#,
            "HOST",
        ),
        (
            KEPT,
            r#"{"credsStore": "fails", "credHelpers": {"HOST": "keeps"}}"#,
            "HOST",
        ),
        // An empty name takes a registry from the store.
        (
            HUNTER2,
            r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}, "credsStore": "fails", "credHelpers": {"HOST": ""}}"#,
            "",
        ),
    ] {
        let seen = accepted(Asks::Password, authorization, config, &[]);
        assert_eq!(
            seen, asked,
            "a helper is asked once, or not at all: {config}"
        );
    }
    let variable = r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}}"#;
    let environment = [("DOCKER_AUTH_CONFIG", variable)];
    accepted(
        Asks::Password,
        HUNTER2,
        r#"{"credsStore": "fails"}"#,
        &environment,
    );
    let other = [(
        "DOCKER_AUTH_CONFIG",
        r#"{"auths": {"other.example.com": {"auth": "eDp5"}}}"#,
    )];
    accepted(Asks::Password, KEPT, r#"{"credsStore": "keeps"}"#, &other);
}

#[test]
fn what_cannot_be_had_is_an_error_that_says_what_to_do() {
    for (asks, config, words) in [
        (Asks::Password, "{}", "not logged in: `docker login HOST`"),
        (
            Asks::Password,
            r#"{"auths": {"other.example.com": {"auth": "eDp5"}}}"#,
            "not logged in",
        ),
        (
            Asks::Password,
            r#"{"credsStore": "empty"}"#,
            "not logged in",
        ),
        (
            Asks::Password,
            r#"{"credsStore": "missing"}"#,
            "`docker-credential-missing` is not on PATH; docker's `HOME/config.json` names this credential helper",
        ),
        (
            Asks::Token,
            r#"{"credHelpers": {"HOST": "fails"}}"#,
            "`docker-credential-fails` failed (exit status: 3): the keychain is locked",
        ),
        (
            Asks::Token,
            r#"{"credsStore": "babbles"}"#,
            "`docker-credential-babbles` printed no `Username` and `Secret`",
        ),
        (
            Asks::Token,
            r#"{"auths": {"HOST": {"auth": "hunter2"}}}"#,
            "its `auth` is not the base64 form of `user:password`; log in again with `docker login HOST`",
        ),
        (
            Asks::Token,
            "{\"auths\": {\n\"HOST\": hunter2}}",
            "docker's `HOME/config.json` is invalid: expected value at line 2 column",
        ),
        (
            Asks::Password,
            r#"{"credsStore": "token"}"#,
            "it asks for a password, and docker keeps a token for it: `docker login HOST`",
        ),
        // They are wrong.
        (
            Asks::Password,
            r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}}"#,
            "it answers 401 Unauthorized",
        ),
    ] {
        refused(asks, config, words);
    }
}

#[test]
fn tokens_are_got_and_sent_as_docker_does() {
    let config = r#"{"auths": {"HOST": {"registrytoken": "own"}}}"#;
    accepted(Asks::Token, "Bearer own", config, &[]);
    for (config, request, carried) in [
        ("{}", "GET /token?service=it", None),
        (
            r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}}"#,
            "GET /token?service=it",
            Some(HUNTER2),
        ),
        (
            r#"{"auths": {"HOST": {"auth": "dXM6", "identitytoken": "identity"}}}"#,
            "POST /token service=it&grant_type=refresh_token&client_id=shipwright&refresh_token=identity",
            None,
        ),
        (
            r#"{"credsStore": "token"}"#,
            "POST /token service=it&grant_type=refresh_token&client_id=shipwright&refresh_token=identity",
            None,
        ),
    ] {
        let machine = Machine::new(Asks::Token, "Bearer secret");
        let output = machine.lock(config, &[]);
        assert!(output.status.success(), "{config}: {output:?}");
        let requests = machine.server.take_requests();
        let tokens = requests.iter().filter(|request| request.contains("/token"));
        assert_eq!(tokens.collect::<Vec<_>>(), [request], "{config}");
        let authorizations = machine.server.take_authorizations();
        let mut to_service = authorizations.iter();
        let to_service = to_service.find_map(|carried| carried.strip_prefix("/token: "));
        assert_eq!(to_service, carried, "{config}");
    }
}

#[test]
fn credentials_answer_no_other_host_that_a_registry_sends_to() {
    for challenge in [
        "Basic realm=\"x\"",
        "Bearer realm=\"http://ELSEWHERE/token\"",
    ] {
        let elsewhere = Server::with_challenge(&[], "nothing is right", |host| {
            challenge.replace("ELSEWHERE", host)
        });
        let port = elsewhere.host.rsplit_once(':').unwrap().1;
        let moved = Answer {
            status: "307 Temporary Redirect",
            // `localhost` and 127.0.0.1 are two hosts to whoever reads names.
            header: format!("Location: http://localhost:{port}/v2/us/app/manifests/1\r\n"),
            body: String::new(),
        };
        // It sends on whoever comes, with credentials or without.
        let server = Server::with_challenge(&[("manifests/1", moved)], "", |_| String::new());
        let mut machine = Machine::new(Asks::Password, "");
        let fixture = format!("//- a/Dockerfile\nFROM {}\n", server.reference("1"));
        machine.repo.write(&fixture);
        machine.server = server;
        let config = r#"{"auths": {"HOST": {"auth": "dXM6aHVudGVyMg=="}}}"#;
        let output = machine.lock(config, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let words = format!("it redirected to `localhost:{port}`, which asks for credentials");
        assert!(stderr.contains(&words), "{stderr}");
        assert_eq!(elsewhere.take_requests(), ["GET /v2/us/app/manifests/1"]);
        assert_eq!(elsewhere.take_authorizations(), [""; 0]);
    }
}
