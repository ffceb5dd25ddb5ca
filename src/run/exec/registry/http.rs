//! Registries over HTTP: the few requests of the distribution protocol that a run needs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::auth::{self, Challenge, Credential, Token};
use super::{Refused, Registry};
use crate::lang::reference::Reference;
use crate::run::exec::engine::{FINGERPRINT_LABEL, Found};

/// The kinds of manifest that an image may have: single, and an index of several.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest manifest or configuration that is read, in bytes; registries allow 4 MiB.
const LONGEST: u64 = 8 << 20;

/// Registries as references name them, with the credentials that docker keeps.
pub struct HttpRegistry {
    /// For registries elsewhere, by way of a proxy where the environment names one.
    far: Agent,
    /// For registries on this machine.
    near: Agent,
    /// The value of `Authorization` that a registry accepted, by repository and whether it may write.
    accepted: Mutex<BTreeMap<(String, bool), String>>,
}

impl Default for HttpRegistry {
    fn default() -> Self {
        Self::new()
    }
}

/// A request within a repository.
#[derive(Clone, Copy)]
enum Ask<'a> {
    /// Only the header.
    Head(&'a str),
    Get(&'a str),
    /// A manifest and its kind.
    Put(&'a str, &'a [u8], &'a str),
}

/// A manifest as it was sent.
struct Manifest {
    bytes: Vec<u8>,
    kind: String,
}

impl HttpRegistry {
    /// No request is made yet.
    pub fn new() -> Self {
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
            far: config().build().new_agent(),
            near: config().proxy(None).build().new_agent(),
            accepted: Mutex::default(),
        }
    }

    /// Sends a request, with the credentials that the registry asks for.
    fn ask(&self, reference: &Reference, ask: Ask<'_>) -> Result<Response<Body>, Refused> {
        let writing = matches!(ask, Ask::Put(..));
        let key = (reference.repository(), writing);
        let accepted = self.accepted().get(&key).cloned();
        let response = self.send(reference, ask, accepted.as_deref())?;
        if response.status() != 401 {
            return Ok(response);
        }
        let challenges = response.headers().get_all("www-authenticate");
        let challenge = challenges
            .iter()
            .find_map(|header| Challenge::parse(header.to_str().ok()?));
        let Some(challenge) = challenge else {
            return Err(for_good(
                "it asks for credentials in a way that is not known",
            ));
        };
        let authorization = self.answer(&reference.domain, challenge)?;
        let response = self.send(reference, ask, Some(&authorization))?;
        if response.status() != 401 {
            self.accepted().insert(key, authorization);
        }
        Ok(response)
    }

    fn accepted(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, bool), String>> {
        self.accepted
            .lock()
            .expect("no thread panics with the lock")
    }

    fn send(
        &self,
        reference: &Reference,
        ask: Ask<'_>,
        authorization: Option<&str>,
    ) -> Result<Response<Body>, Refused> {
        let (base, near) = base(&reference.domain);
        let agent = if near { &self.near } else { &self.far };
        let url = |rest: &str| format!("{base}/v2/{}/{rest}", reference.path);
        let with = authorization.unwrap_or_default();
        let sent = match ask {
            Ask::Head(rest) | Ask::Get(rest) => {
                let request = match ask {
                    Ask::Head(_) => agent.head(url(rest)),
                    _ => agent.get(url(rest)),
                };
                let request = request.header("Accept", MANIFESTS);
                match authorization {
                    Some(_) => request.header("Authorization", with).call(),
                    None => request.call(),
                }
            }
            Ask::Put(rest, bytes, kind) => {
                let request = agent.put(url(rest)).content_type(kind);
                match authorization {
                    Some(_) => request.header("Authorization", with).send(bytes),
                    None => request.send(bytes),
                }
            }
        };
        sent.map_err(|error| passing(error.to_string()))
    }

    /// What to send in `Authorization` where the registry asks for it.
    fn answer(&self, domain: &str, challenge: Challenge) -> Result<String, Refused> {
        let credential = auth::credential(domain).map_err(|error| for_good(&error))?;
        let (realm, parameters) = match (challenge, &credential) {
            (Challenge::Basic, Some(Credential::Password(user, password))) => {
                return Ok(auth::basic(user, password));
            }
            (Challenge::Basic, _) => {
                return Err(for_good(&format!("not logged in: `docker login {domain}`")));
            }
            (Challenge::Bearer { realm, parameters }, _) => (realm, parameters),
        };
        let agent = if base(domain).1 {
            &self.near
        } else {
            &self.far
        };
        let sent = match credential {
            Some(Credential::Identity(token)) => {
                let mut form = parameters;
                for (name, value) in [
                    ("grant_type", "refresh_token"),
                    ("client_id", "shipwright"),
                    ("refresh_token", &token),
                ] {
                    form.push((name.to_owned(), value.to_owned()));
                }
                agent.post(&realm).send_form(form)
            }
            Some(Credential::Password(user, password)) => {
                let request = agent.get(&realm).query_pairs(parameters);
                let basic = auth::basic(&user, &password);
                request.header("Authorization", basic).call()
            }
            None => agent.get(&realm).query_pairs(parameters).call(),
        };
        let response = sent.map_err(|error| passing(error.to_string()))?;
        if !response.status().is_success() {
            return Err(refused(response));
        }
        let token: Option<Token> = serde_json::from_slice(&body(response)?).ok();
        let token = token.and_then(Token::value);
        let token = token.ok_or_else(|| for_good("its token service gave no token"))?;
        Ok(format!("Bearer {token}"))
    }

    /// The manifest of a tag or a digest; none where there is none.
    fn manifest(&self, reference: &Reference, name: &str) -> Result<Option<Manifest>, Refused> {
        let response = self.ask(reference, Ask::Get(&format!("manifests/{name}")))?;
        if response.status() == 404 {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refused(response));
        }
        let kind = header(&response, "content-type").unwrap_or_default();
        let bytes = body(response)?;
        Ok(Some(Manifest { bytes, kind }))
    }

    /// The configuration of the image of a single manifest.
    fn config(&self, reference: &Reference, digest: &str) -> Result<Config, Refused> {
        let response = self.ask(reference, Ask::Get(&format!("blobs/{digest}")))?;
        if !response.status().is_success() {
            return Err(refused(response));
        }
        parsed(&body(response)?)
    }

    /// The fingerprint label and the architecture of a manifest's image.
    fn described(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(Option<String>, String), Refused> {
        let content: Content = parsed(&manifest.bytes)?;
        if let Some(config) = content.config {
            let config = self.config(reference, &config.digest)?;
            let mut labels = config.config.and_then(|c| c.labels).unwrap_or_default();
            return Ok((labels.remove(FINGERPRINT_LABEL), config.architecture));
        }
        let mut common: Option<(Option<String>, String)> = None;
        for entry in content.manifests {
            // Attestations stand beside the images, for no platform.
            let platform = entry.platform.unwrap_or_default();
            if platform.architecture == "unknown" {
                continue;
            }
            let Some(manifest) = self.manifest(reference, &entry.digest)? else {
                return Ok((None, String::new()));
            };
            let single: Content = parsed(&manifest.bytes)?;
            let Some(config) = single.config else {
                continue;
            };
            let config = self.config(reference, &config.digest)?;
            let mut labels = config.config.and_then(|c| c.labels).unwrap_or_default();
            let fingerprint = labels.remove(FINGERPRINT_LABEL);
            match &mut common {
                None => common = Some((fingerprint, config.architecture)),
                // Every platform must say the same.
                Some((first, _)) if *first != fingerprint => *first = None,
                Some(_) => {}
            }
        }
        Ok(common.unwrap_or_default())
    }
}

impl Registry for HttpRegistry {
    fn look(&self, reference: &str) -> Result<Option<Found>, Refused> {
        let (reference, tag) = parse(reference)?;
        let Some(manifest) = self.manifest(&reference, &tag)? else {
            return Ok(None);
        };
        let (fingerprint, architecture) = self.described(&reference, &manifest)?;
        Ok(Some(Found {
            id: digest(&manifest.bytes),
            fingerprint,
            architecture,
        }))
    }

    fn digest(&self, reference: &str) -> Result<Option<String>, Refused> {
        let (reference, tag) = parse(reference)?;
        let response = self.ask(&reference, Ask::Head(&format!("manifests/{tag}")))?;
        if response.status() == 404 {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refused(response));
        }
        if let Some(digest) = header(&response, "docker-content-digest") {
            return Ok(Some(digest));
        }
        let manifest = self.manifest(&reference, &tag)?;
        Ok(manifest.map(|manifest| digest(&manifest.bytes)))
    }

    fn tag(&self, source: &str, targets: &[&str]) -> Result<(), Refused> {
        let (reference, tag) = parse(source)?;
        let manifest = self.manifest(&reference, &tag)?;
        let manifest = manifest.ok_or_else(|| for_good("its content reference is gone"))?;
        for target in targets {
            let (reference, tag) = parse(target)?;
            let rest = format!("manifests/{tag}");
            let response =
                self.ask(&reference, Ask::Put(&rest, &manifest.bytes, &manifest.kind))?;
            if !response.status().is_success() {
                return Err(refused(response));
            }
        }
        Ok(())
    }
}

/// A manifest, single or an index, as far as it matters.
#[derive(Deserialize)]
struct Content {
    config: Option<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Default, Deserialize)]
struct Platform {
    architecture: String,
}

/// An image's configuration, as far as it matters.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    config: Option<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    labels: Option<BTreeMap<String, String>>,
}

/// Where a registry is, and whether that is on this machine: then without encryption, as for docker.
fn base(domain: &str) -> (String, bool) {
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => domain,
    };
    let four = host.parse::<std::net::Ipv4Addr>();
    let six = host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>();
    let near = host == "localhost"
        || four.is_ok_and(|address| address.is_loopback())
        || six.is_ok_and(|address| address.is_loopback());
    match (domain, near) {
        ("docker.io", _) => ("https://registry-1.docker.io".to_owned(), false),
        (_, true) => (format!("http://{domain}"), true),
        (_, false) => (format!("https://{domain}"), false),
    }
}

fn parse(reference: &str) -> Result<(Reference, String), Refused> {
    let parsed = Reference::parse(reference).map_err(|error| for_good(&error.to_string()))?;
    let parsed = parsed.with_default_tag();
    let tag = parsed.digest.clone().or_else(|| parsed.tag.clone());
    Ok((parsed, tag.unwrap_or_default()))
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn body(response: Response<Body>) -> Result<Vec<u8>, Refused> {
    let read = response.into_body().into_with_config().limit(LONGEST);
    read.read_to_vec()
        .map_err(|error| passing(error.to_string()))
}

fn parsed<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(bytes)
        .map_err(|error| for_good(&format!("what it sent is not understood: {error}")))
}

/// An answer that is no success: its status, and its own words where it has some.
fn refused(response: Response<Body>) -> Refused {
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
    let bytes = body(response).unwrap_or_default();
    let errors: Option<Errors> = serde_json::from_slice(&bytes).ok();
    let said = errors.and_then(|errors| errors.errors.into_iter().next());
    let said = said.map(|error| format!(" ({}: {})", error.code, error.message));
    Refused {
        message: format!("it answers {status}{}", said.unwrap_or_default()),
        passing: status.is_server_error() || status == 429 || status == 408,
    }
}

fn passing(message: String) -> Refused {
    Refused {
        message,
        passing: true,
    }
}

fn for_good(message: &str) -> Refused {
    Refused {
        message: message.to_owned(),
        passing: false,
    }
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
            assert_eq!(base(domain).0, expected);
        }
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
    }
}
