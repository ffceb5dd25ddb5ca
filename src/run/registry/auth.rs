//! Who a registry is told we are: what it asks for, and what is sent in answer.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use ureq::Agent;

use super::broken::broken;
use super::stored::Credential;
use super::wire::{body, refused};
use super::{Refused, Why};

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

/// What a token service answers; the two names are of two versions of the protocol.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    fn value(self) -> Option<String> {
        self.token.or(self.access_token)
    }
}

/// The value of the header `Authorization` that a token service gives for these credentials.
///
/// # Errors
/// When it does not answer, or gives no token.
pub(super) fn token(
    agent: &Agent,
    realm: &str,
    parameters: Vec<(String, String)>,
    credential: Option<Credential>,
) -> Result<String, Refused> {
    // A token service that sends elsewhere is not followed: the request carries the credentials.
    let sent = if let Some(Credential::Identity(token)) = credential {
        let mut form = parameters;
        for (name, value) in [
            ("grant_type", "refresh_token"),
            ("client_id", "shipwright"),
            ("refresh_token", &token),
        ] {
            form.push((name.to_owned(), value.to_owned()));
        }
        let request = agent.post(realm).config().max_redirects(0);
        let request = request.max_redirects_will_error(false).build();
        request.send_form(form)
    } else {
        let request = agent.get(realm).query_pairs(parameters).config();
        let request = request.max_redirects(0).max_redirects_will_error(false);
        match credential {
            Some(Credential::Password(user, password)) => request
                .build()
                .header("Authorization", basic(&user, &password))
                .call(),
            _ => request.build().call(),
        }
    };
    let response = sent.map_err(|error| broken(&error))?;
    if !response.status().is_success() {
        let Refused { why, message } = refused(response);
        return Err(Refused::new(
            why,
            format!("of its token service: {message}"),
        ));
    }
    let token: Option<Token> = serde_json::from_slice(&body(response)?).ok();
    let token = token.and_then(Token::value);
    let token =
        token.ok_or_else(|| Refused::new(Why::Final, "its token service returned no token"))?;
    Ok(format!("Bearer {token}"))
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
