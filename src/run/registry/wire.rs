//! Requests of the distribution protocol over HTTP, with the credentials that a registry asks for.
//!
//! A registry is a stranger: an answer has a longest length and a longest time, credentials go to
//! nobody but the registry and the token service that it names, and over no plain HTTP but to this
//! machine itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, ResponseExt as _, SendBody};

use super::auth::{self, Challenge};
use super::broken::broken;
use super::stored::{Credential, Stored};
use super::{Refused, Why, retry_after};
use crate::lang::digest::Digest;
use crate::lang::reference::Reference;

/// The kinds of manifest that an image may have: single, and an index of several.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long one request may take as a whole, its body and its redirections included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one layer may take, up or down.
const PATIENCE_FOR_LAYERS: Duration = Duration::from_secs(60 * 60);
/// The longest manifest or configuration that is read, in bytes; registries allow 4 MiB.
const LONGEST: u64 = 8 << 20;
/// How much of a registry's own words is passed on, in characters.
const LONGEST_WORDS: usize = 300;

/// A request within a repository.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// Only the header.
    Head(&'a str),
    Get(&'a str),
    /// A layer: its body is read piece by piece, and may take long.
    Layer(&'a str),
    /// A manifest and its kind.
    Put(&'a str, &'a [u8], &'a str),
    /// Nothing, to begin something.
    Post(&'a str),
    /// An address that the registry gave, to end it.
    Delete(&'a str),
}

impl Ask<'_> {
    fn writes(self) -> bool {
        !matches!(self, Self::Head(_) | Self::Get(_) | Self::Layer(_))
    }
}

/// Connections to registries.
pub(super) struct Wire {
    /// For registries elsewhere, by way of a proxy where the environment names one.
    remote: Agent,
    /// For registries on this machine.
    loopback: Agent,
    /// The value of `Authorization` that a registry accepted, by repository and whether it may write.
    accepted: Mutex<BTreeMap<(String, bool), String>>,
    stored: Stored,
}

impl Wire {
    /// No request is made yet.
    pub(super) fn new() -> Self {
        let config = || {
            let certificates = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
            Agent::config_builder()
                .http_status_as_error(false)
                .timeout_connect(Some(CONNECTING))
                .timeout_global(Some(PATIENCE))
                .tls_config(certificates.build())
                .user_agent(concat!("shipwright/", env!("CARGO_PKG_VERSION")))
        };
        Self {
            remote: config().build().new_agent(),
            loopback: config().proxy(None).build().new_agent(),
            accepted: Mutex::default(),
            stored: Stored::default(),
        }
    }

    /// Sends a request, with the credentials that the registry asks for.
    ///
    /// # Errors
    /// When there is no answer, or one without credentials for what asks for them. Whatever else is
    /// answered is for the caller to judge.
    pub(super) fn ask(
        &self,
        reference: &Reference,
        ask: Ask<'_>,
    ) -> Result<Response<Body>, Refused> {
        let key = (reference.repository(), ask.writes());
        let accepted = self.accepted().get(&key).cloned();
        let response = self.send(reference, ask, accepted.as_deref())?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // The credentials are the registry's own: where it sent on to is told nothing.
        let asking = origin(response.get_uri());
        if base(&reference.domain)
            .parse()
            .ok()
            .as_ref()
            .and_then(origin)
            != asking
        {
            let host = asking.map(|(_, host)| host).unwrap_or_default();
            let message = format!("it redirected to `{host}`, which asks for credentials");
            return Err(Refused::new(Why::Denied, message));
        }
        let challenges = response.headers().get_all("www-authenticate");
        let challenge = challenges
            .iter()
            .find_map(|header| Challenge::parse(header.to_str().ok()?));
        let Some(challenge) = challenge else {
            return Err(Refused::new(
                Why::Denied,
                "it uses an unknown authentication scheme",
            ));
        };
        let authorization = self.answer(&reference.domain, challenge)?;
        let response = self.send(reference, ask, Some(&authorization))?;
        if response.status() != StatusCode::UNAUTHORIZED {
            self.accepted().insert(key, authorization);
        }
        Ok(response)
    }

    fn accepted(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, bool), String>> {
        self.accepted
            .lock()
            .expect("no thread panics with the lock")
    }

    fn agent(&self, host: &str) -> &Agent {
        if is_loopback(host) {
            &self.loopback
        } else {
            &self.remote
        }
    }

    fn send(
        &self,
        reference: &Reference,
        ask: Ask<'_>,
        authorization: Option<&str>,
    ) -> Result<Response<Body>, Refused> {
        let base = base(&reference.domain);
        let agent = self.agent(&reference.domain);
        let url = |rest: &str| format!("{base}/v2/{}/{rest}", reference.path);
        let authorized = |name| authorization.map(|value| (name, value));
        // ureq takes credentials off a request that is sent on to another host.
        macro_rules! send {
            ($request:expr, $send:ident $(, $body:expr)?) => {{
                let mut request = $request;
                if let Some((name, value)) = authorized("Authorization") {
                    request = request.header(name, value);
                }
                request.$send($($body)?)
            }};
        }
        let sent = match ask {
            Ask::Head(rest) => send!(agent.head(url(rest)).header("Accept", MANIFESTS), call),
            Ask::Get(rest) => send!(agent.get(url(rest)).header("Accept", MANIFESTS), call),
            Ask::Layer(rest) => {
                let request = agent.get(url(rest)).config();
                let request = request.timeout_global(Some(PATIENCE_FOR_LAYERS)).build();
                send!(request, call)
            }
            Ask::Put(rest, bytes, kind) => {
                send!(agent.put(url(rest)).content_type(kind), send, bytes)
            }
            Ask::Post(rest) => send!(agent.post(url(rest)), send_empty),
            Ask::Delete(given) => match within(&base, given) {
                Some(url) => send!(agent.delete(url), call),
                None => return Err(Refused::new(Why::Final, "it redirected to another host")),
            },
        };
        sent.map_err(|error| broken(&error))
    }

    /// Ends an upload at the address that the registry gave when it was begun: sends all bytes of a blob.
    ///
    /// # Errors
    /// When it does not arrive, or the registry does not take it.
    pub(super) fn upload(
        &self,
        reference: &Reference,
        address: &str,
        digest: &Digest,
        (bytes, length): (&mut dyn Read, u64),
    ) -> Result<(), Refused> {
        let base = base(&reference.domain);
        let elsewhere = || Refused::new(Why::Final, "it redirected to another host");
        let address = within(&base, address).ok_or_else(elsewhere)?;
        let separator = if address.contains('?') { '&' } else { '?' };
        let agent = self.agent(&reference.domain);
        let request = agent
            .put(format!("{address}{separator}digest={digest}"))
            .config()
            .timeout_global(Some(PATIENCE_FOR_LAYERS))
            .build();
        let mut request = request
            .content_type("application/octet-stream")
            .header("Content-Length", length.to_string());
        let accepted = self
            .accepted()
            .get(&(reference.repository(), true))
            .cloned();
        if let Some(authorization) = accepted {
            request = request.header("Authorization", authorization);
        }
        let sent = request.send(SendBody::from_reader(&mut { bytes }));
        let response = sent.map_err(|error| broken(&error))?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(refused(response))
        }
    }

    /// What to send in `Authorization` where the registry asks for it.
    fn answer(&self, domain: &str, challenge: Challenge) -> Result<String, Refused> {
        let credential = self.stored.get(domain);
        let credential = credential.map_err(|error| Refused::new(Why::Denied, error))?;
        let (realm, parameters) = match challenge {
            Challenge::Basic => {
                return match credential {
                    Some(Credential::Password(user, password)) => Ok(auth::basic(&user, &password)),
                    Some(_) => {
                        let message = format!(
                            "it asks for a password, and docker keeps a token for it: `docker login {domain}`"
                        );
                        Err(Refused::new(Why::Denied, message))
                    }
                    None => {
                        let message = format!("not logged in: `docker login {domain}`");
                        Err(Refused::new(Why::Denied, message))
                    }
                };
            }
            Challenge::Bearer { realm, parameters } => (realm, parameters),
        };
        if let Some(Credential::Registry(token)) = credential {
            return Ok(format!("Bearer {token}"));
        }
        let host = token_host(&realm).ok_or_else(|| {
            let message = "its token service does not use an encrypted connection";
            Refused::new(Why::Denied, message)
        })?;
        auth::token(self.agent(&host), &realm, parameters, credential)
    }
}

/// Where a registry is: on this machine without encryption, as for docker.
fn base(domain: &str) -> String {
    match domain {
        "docker.io" => "https://registry-1.docker.io".to_owned(),
        domain if is_loopback(domain) => format!("http://{domain}"),
        domain => format!("https://{domain}"),
    }
}

/// Whether a host, with its port or without, is this machine.
fn is_loopback(domain: &str) -> bool {
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => domain,
    };
    let four = host.parse::<std::net::Ipv4Addr>();
    let six = host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>();
    host == "localhost"
        || four.is_ok_and(|address| address.is_loopback())
        || six.is_ok_and(|address| address.is_loopback())
}

/// The scheme and the host with its port of an address.
fn origin(address: &Uri) -> Option<(String, String)> {
    let (scheme, host) = (address.scheme_str()?, address.authority()?);
    Some((scheme.to_owned(), host.to_string()))
}

/// The host of a token service that credentials may be sent to.
fn token_host(realm: &str) -> Option<String> {
    let realm: Uri = realm.parse().ok()?;
    let host = realm.host()?;
    match realm.scheme_str() {
        Some("https") => Some(host.to_owned()),
        Some("http") if is_loopback(host) => Some(host.to_owned()),
        _ => None,
    }
}

/// An address that a registry gave of something of its own.
fn within(base: &str, given: &str) -> Option<String> {
    if given.starts_with('/') && !given.starts_with("//") {
        return Some(format!("{base}{given}"));
    }
    let rest = given.strip_prefix(base)?;
    rest.starts_with('/').then(|| given.to_owned())
}

/// The value of a header, where it is text.
pub(in crate::run) fn header(response: &Response<Body>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// The body of an answer.
///
/// # Errors
/// When it is too long, or does not come whole.
pub(super) fn body(response: Response<Body>) -> Result<Vec<u8>, Refused> {
    let read = response.into_body().into_with_config().limit(LONGEST);
    read.read_to_vec().map_err(|error| broken(&error))
}

/// What kind of refusal an answer is that is no success.
#[expect(
    clippy::disallowed_methods,
    reason = "a date until which to wait is compared with the clock"
)]
pub(in crate::run) fn why(response: &Response<Body>) -> Why {
    match response.status().as_u16() {
        401 | 403 => Why::Denied,
        408 | 429 | 500.. => Why::Busy(header(response, "retry-after").and_then(|text| {
            let date = header(response, "date");
            retry_after::wait(
                &text,
                retry_after::time_of(date.as_deref(), SystemTime::now()),
            )
        })),
        _ => Why::Final,
    }
}

/// Words of a stranger, as far as they are passed on.
pub(super) fn words(said: &str) -> String {
    let said = said.chars().filter(|character| !character.is_control());
    said.take(LONGEST_WORDS).collect()
}

/// An answer that is no success: its status, and its own words where it has some.
pub(super) fn refused(response: Response<Body>) -> Refused {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let status = response.status();
    let why = why(&response);
    let bytes = body(response).unwrap_or_default();
    let errors: Option<Errors> = serde_json::from_slice(&bytes).ok();
    let said = errors.and_then(|errors| errors.errors.into_iter().next());
    let said = said.map(|error| {
        let said = format!("{}: {}", error.code, error.message);
        format!(" ({})", words(&said))
    });
    let mut message = format!("it answers {status}{}", said.unwrap_or_default());
    if let Why::Busy(Some(wait)) = why {
        let _ = write!(message, " and asks to wait {} seconds", wait.as_secs());
    }
    Refused::new(why, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption() {
        for (domain, expected) in [
            ("docker.io", "https://registry-1.docker.io"),
            ("ghcr.io", "https://ghcr.io"),
            ("localhost:5000", "http://localhost:5000"),
            ("localhost", "http://localhost"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("127.9.9.9", "http://127.9.9.9"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000"),
            ("localhost.example.com", "https://localhost.example.com"),
        ] {
            assert_eq!(base(domain), expected);
        }
    }

    #[test]
    fn credentials_go_to_no_token_service_without_encryption() {
        for (realm, expected) in [
            ("https://auth.docker.io/token", Some("auth.docker.io")),
            ("http://127.0.0.1:5001/token", Some("127.0.0.1")),
            ("http://localhost/token", Some("localhost")),
            ("http://auth.example.com/token", None),
            ("http://localhost.example.com/token", None),
            ("http://localhost@example.com/token", None),
            ("ftp://localhost/token", None),
            ("/token", None),
        ] {
            assert_eq!(token_host(realm).as_deref(), expected, "{realm}");
        }
    }

    #[test]
    fn an_upload_is_ended_where_it_was_begun() {
        let base = "https://ghcr.io";
        for (given, expected) in [
            (
                "/v2/x/blobs/uploads/1",
                Some("https://ghcr.io/v2/x/blobs/uploads/1"),
            ),
            ("https://ghcr.io/v2/1?a=b", Some("https://ghcr.io/v2/1?a=b")),
            ("https://ghcr.io.example.com/v2/1", None),
            ("//example.com/v2/1", None),
            ("http://ghcr.io/v2/1", None),
        ] {
            assert_eq!(within(base, given).as_deref(), expected, "{given}");
        }
    }
}
