//! Who a registry is told we are: the credentials that docker keeps, and the tokens got for them.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;

/// How long a credential helper may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key under which docker keeps the credentials of Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What a registry asks for, from the header `WWW-Authenticate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token from another service.
    Bearer {
        /// Where to get it.
        realm: String,
        /// The further parameters of the request for it.
        parameters: Vec<(String, String)>,
    },
}

impl Challenge {
    /// Reads `Bearer realm="…",service="…",scope="…"`; none where it is of no known form.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parameters = parameters(rest);
        let realm = parameters.iter().position(|(name, _)| name == "realm")?;
        let (_, realm) = parameters.remove(realm);
        parameters.retain(|(name, _)| name == "service" || name == "scope");
        Some(Self::Bearer { realm, parameters })
    }
}

/// `name="value"` with commas between, of which the values may hold some.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.push((name, value.trim().to_owned()));
        rest = after;
    }
    parameters
}

/// What docker keeps for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A user name and a password.
    Password(String, String),
    /// A token that others are got for.
    Identity(String),
}

/// The credentials for a registry, where docker keeps some.
#[expect(
    clippy::disallowed_methods,
    reason = "a helper is not waited for without end"
)]
pub(super) fn credential(domain: &str) -> Result<Option<Credential>, String> {
    let key = if domain == "docker.io" {
        HUB_KEY
    } else {
        domain
    };
    let key = key.to_owned();
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || sender.send(docker_credential::get_credential(&key)));
    // A helper may ask for a password where nobody sees it.
    let Ok(answer) = answer.recv_timeout(PATIENCE) else {
        return Err("docker's credential helper does not answer".to_owned());
    };
    match answer {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Some(Credential::Password(user, password)))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Err(
            CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError
            | CredentialRetrievalError::NoCredentialConfigured
            // What a helper says where it keeps nothing.
            | CredentialRetrievalError::HelperFailure { .. },
        ) => Ok(None),
        Err(error) => Err(format!("docker's credentials cannot be read: {error}")),
    }
}

/// What a token service answers; the two names are of two versions of the protocol.
#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    /// The token.
    pub(super) fn value(self) -> Option<String> {
        self.token.or(self.access_token)
    }
}

/// The value of the header `Authorization` for a user name and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, parameters: &[(&str, &str)]| Challenge::Bearer {
            realm: realm.to_owned(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        for (header, expected) in [
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            ("Negotiate", None),
            ("Bearer service=\"x\"", None),
            (
                "Bearer realm=\"https://a/token\",service=\"a.io\",scope=\"repository:x/y:pull,push\"",
                Some(bearer(
                    "https://a/token",
                    &[("service", "a.io"), ("scope", "repository:x/y:pull,push")],
                )),
            ),
            (
                "bearer realm=https://a , Service=b,error=\"invalid\"",
                Some(bearer("https://a", &[("service", "b")])),
            ),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    #[test]
    fn passwords_are_written_in_base64() {
        assert_eq!(basic("us", "pass:word"), "Basic dXM6cGFzczp3b3Jk");
    }
}
