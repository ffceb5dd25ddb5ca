//! Credentials as docker keeps them: in its `config.json`, in a helper program, or in `DOCKER_AUTH_CONFIG`.
//!
//! The order is that of docker/cli 28 (`cli/config/configfile`): `DOCKER_AUTH_CONFIG`, then the helper that
//! `credHelpers` names for the registry, else the one of `credsStore`, else `auths`. A helper that keeps
//! nothing is an answer; one that fails or is missing is an error, as a build would fail too.
#![allow(
    clippy::disallowed_methods,
    reason = "credentials are in the user's environment, and age"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Deserializer};

use super::wire::words;
use crate::run::child;

/// How long a credential helper may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer of a helper, in bytes.
const LONGEST: u64 = 1 << 20;
/// How long an answer is used again. Passwords from helpers are valid for an hour as a rule.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The key under which docker keeps the credentials of Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// What a helper prints where it keeps nothing for a registry (docker-credential-helpers).
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user name with which a helper marks an identity token.
const TOKEN_USER: &str = "<token>";

/// What docker keeps for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A user name and a password.
    Password(String, String),
    /// A token that others are got for.
    Identity(String),
    /// A token for the registry itself.
    Registry(String),
}

/// An answer, and when it was given.
type Known = (Instant, Result<Option<Credential>, String>);

/// The credentials that docker keeps, each looked up once for many requests.
#[derive(Default)]
pub(super) struct Stored(Mutex<BTreeMap<String, Known>>);

impl Stored {
    /// The credentials for a registry, where docker keeps some.
    ///
    /// # Errors
    /// When they cannot be read; what to do about it.
    pub(super) fn get(&self, domain: &str) -> Result<Option<Credential>, String> {
        // Held until there is an answer, so that a helper is asked once.
        let mut known = self.0.lock().expect("no thread panics with the lock");
        if let Some((since, answer)) = known.get(domain)
            && since.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = credential(domain);
        known.insert(domain.to_owned(), (Instant::now(), answer.clone()));
        answer
    }
}

/// The part of `config.json` that matters.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    #[serde(deserialize_with = "or_default")]
    auths: BTreeMap<String, Auth>,
    #[serde(deserialize_with = "or_default")]
    creds_store: String,
    #[serde(deserialize_with = "or_default")]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Auth {
    /// `user:password` in base64.
    #[serde(rename = "auth", deserialize_with = "or_default")]
    encoded: String,
    #[serde(deserialize_with = "or_default")]
    username: String,
    #[serde(deserialize_with = "or_default")]
    password: String,
    #[serde(deserialize_with = "or_default")]
    identitytoken: String,
    #[serde(deserialize_with = "or_default")]
    registrytoken: String,
}

/// As for docker, `null` is the same as nothing.
fn or_default<'d, D: Deserializer<'d>, T: Default + Deserialize<'d>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn credential(domain: &str) -> Result<Option<Credential>, String> {
    let key = match domain {
        "docker.io" => HUB_KEY,
        domain => domain,
    };
    if let Some(text) = std::env::var_os("DOCKER_AUTH_CONFIG").filter(|text| !text.is_empty()) {
        let invalid = |error: &dyn std::fmt::Display| {
            format!("the environment variable DOCKER_AUTH_CONFIG is invalid: {error}")
        };
        let text = text.into_string();
        let text = text.map_err(|_| invalid(&"it is not UTF-8"))?;
        let config: Config = serde_json::from_str(&text).map_err(|error| invalid(&error))?;
        if let Some(auth) = config.auths.get(key) {
            return auth.credential().map_err(|error| invalid(&error));
        }
    }
    let Some(path) = path() else {
        return Ok(None);
    };
    let shown = path.display();
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("docker's `{shown}` cannot be read: {error}")),
    };
    let config: Config = serde_json::from_slice(&text)
        .map_err(|error| format!("docker's `{shown}` is invalid: {error}"))?;
    match config.helper(key) {
        Some(helper) => from_helper(helper, key)
            .map_err(|error| format!("{error}; docker's `{shown}` names this credential helper")),
        None => config.auth(key).map_or(Ok(None), |auth| {
            auth.credential().map_err(|error| {
                format!("docker's `{shown}` is invalid for {domain}: {error}; log in again with `docker login {domain}`")
            })
        }),
    }
}

/// Docker's `config.json`; none where the environment names no home.
fn path() -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
    let folder = match named {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".docker"),
    };
    Some(folder.join("config.json"))
}

impl Config {
    /// The helper that keeps the credentials of a registry. An empty name stands for `auths`.
    fn helper(&self, key: &str) -> Option<&str> {
        let helper = self.cred_helpers.get(key).unwrap_or(&self.creds_store);
        (!helper.is_empty()).then_some(helper)
    }

    /// The entry of a registry, by its key or by the host of a key that is an URL.
    fn auth(&self, key: &str) -> Option<&Auth> {
        let by_host = || {
            let mut auths = self.auths.iter();
            let found = auths.find(|(name, _)| host_of_key(name) == key);
            found.map(|(_, auth)| auth)
        };
        self.auths.get(key).or_else(by_host)
    }
}

/// The host and port in a key of `auths`, which may be an URL.
fn host_of_key(name: &str) -> &str {
    let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

impl Auth {
    /// What the entry says; none where it is empty, as `docker login` leaves it beside a helper.
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        let (user, password) = if self.encoded.is_empty() {
            (self.username.clone(), self.password.clone())
        } else {
            decoded(&self.encoded).ok_or("its `auth` is not the base64 form of `user:password`")?
        };
        Ok(if !self.registrytoken.is_empty() {
            Some(Credential::Registry(self.registrytoken.clone()))
        } else if !self.identitytoken.is_empty() {
            Some(Credential::Identity(self.identitytoken.clone()))
        } else if user.is_empty() && password.is_empty() {
            None
        } else {
            Some(Credential::Password(user, password))
        })
    }
}

/// The user name and the password of `auth`.
fn decoded(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    let password = password.trim_matches('\0');
    (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
}

/// What a helper prints for a registry.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What a helper keeps for a registry: `docker-credential-NAME get`, with the key as its input.
fn from_helper(name: &str, key: &str) -> Result<Option<Credential>, String> {
    let program = format!("docker-credential-{name}");
    let output = match ask_helper(&program, key) {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(format!("`{program}` is not on PATH"));
        }
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            let seconds = PATIENCE.as_secs();
            return Err(format!(
                "`{program}` did not answer within {seconds} seconds"
            ));
        }
        Err(error) => return Err(format!("`{program}` cannot be run: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if said.trim() == NOT_FOUND {
            return Ok(None);
        }
        let mut message = format!("`{program}` failed ({})", output.status);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let mut lines = said.lines().chain(stderr.lines());
        if let Some(line) = lines.find(|line| !line.trim().is_empty()) {
            let _ = write!(message, ": {}", words(line.trim()));
        }
        return Err(message);
    }
    let answer: Answer = serde_json::from_str(&said)
        .map_err(|_| format!("`{program}` printed no `Username` and `Secret`"))?;
    Ok(if answer.username == TOKEN_USER {
        Some(Credential::Identity(answer.secret))
    } else {
        Some(Credential::Password(answer.username, answer.secret))
    })
}

fn ask_helper(program: &str, key: &str) -> std::io::Result<Output> {
    let (input, mut output) = std::io::pipe()?;
    // A key is shorter than what a pipe takes in.
    output.write_all(key.as_bytes())?;
    drop(output);
    let mut command = Command::new(program);
    command.arg("get").stdin(input);
    child::limited(command, PATIENCE, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_host() {
        for (name, expected) in [
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io/v2/", "ghcr.io"),
            ("http://localhost:5000", "localhost:5000"),
            ("ghcr.io/us", "ghcr.io"),
            ("", ""),
        ] {
            assert_eq!(host_of_key(name), expected, "{name}");
        }
    }

    #[test]
    fn a_helper_of_the_registry_comes_before_the_store() {
        let config: Config = serde_json::from_str(
            r#"{"credsStore": "all", "credHelpers": {"a.io": "own", "b.io": ""}}"#,
        )
        .expect("it is a configuration");
        for (key, expected) in [("a.io", Some("own")), ("b.io", None), ("c.io", Some("all"))] {
            assert_eq!(config.helper(key), expected, "{key}");
        }
    }
}
