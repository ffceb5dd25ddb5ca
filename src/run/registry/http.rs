//! Registries over HTTP: what a run asks of them, each content held against its digest.

use std::collections::BTreeMap;

use serde::Deserialize;
use ureq::http::StatusCode;

use super::manifest::Content;
use super::wire::{Ask, Wire, body, header, refused};
use super::{Refused, Registry, Why};
use crate::lang::digest::Digest;
use crate::lang::fingerprint::Fingerprint;
use crate::lang::reference::Reference;
use crate::run::found::Found;

/// Registries as references name them, with the credentials that docker keeps.
pub struct HttpRegistry(Wire);

impl Default for HttpRegistry {
    fn default() -> Self {
        Self::new()
    }
}

/// A manifest as it was sent.
pub(super) struct Manifest {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: String,
    /// Its digest, as the registry says.
    pub(super) told: Option<String>,
}

impl HttpRegistry {
    /// No request is made yet.
    pub fn new() -> Self {
        Self(Wire::new())
    }

    /// The digest that a reference has now, by a request that registries do not count; none where there is
    /// no such reference. Of a registry that does not say it or takes no such request, what `otherwise` finds.
    pub(super) fn digest_or(
        &self,
        reference: &str,
        otherwise: impl FnOnce(&Reference, &str) -> Result<Option<String>, Refused>,
    ) -> Result<Option<String>, Refused> {
        let (reference, name) = parse(reference)?;
        let rest = format!("manifests/{name}");
        let response = self.0.ask(&reference, Ask::Head(&rest))?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                return otherwise(&reference, &name);
            }
            status if !status.is_success() => return Err(refused(response)),
            _ => {}
        }
        let told = header(&response, "docker-content-digest");
        match told.and_then(|text| Digest::parse(&text)) {
            Some(digest) => Ok(Some(digest.to_string())),
            None => otherwise(&reference, &name),
        }
    }

    /// The manifest of a tag or a digest; none where there is none.
    pub(super) fn manifest(
        &self,
        reference: &Reference,
        name: &str,
    ) -> Result<Option<Manifest>, Refused> {
        let rest = format!("manifests/{name}");
        let response = self.0.ask(reference, Ask::Get(&rest))?;
        if response.status() == 404 {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refused(response));
        }
        let kind = header(&response, "content-type").unwrap_or_default();
        let told = header(&response, "docker-content-digest");
        let bytes = body(response)?;
        if let Some(digest) = Digest::parse(name) {
            verify(&digest, &bytes)?;
        }
        Ok(Some(Manifest { bytes, kind, told }))
    }

    /// The configuration of the image of a single manifest.
    fn config(&self, reference: &Reference, digest: &Digest) -> Result<Config, Refused> {
        parsed(&self.blob(reference, digest)?)
    }

    /// Lets a tag name a manifest that its repository holds.
    ///
    /// # Errors
    /// When the registry does not let it, and the tag names something else.
    pub(super) fn put_as(&self, manifest: &Manifest, target: &str) -> Result<(), Refused> {
        let (reference, tag) = parse(target)?;
        let rest = format!("manifests/{tag}");
        let put = Ask::Put(&rest, &manifest.bytes, &manifest.kind);
        let response = self.0.ask(&reference, put)?;
        if response.status().is_success() {
            return Ok(());
        }
        let refused = refused(response);
        // Where tags are immutable, one that is put a second time is refused too: by this run, which heard
        // no answer, or by another.
        let is_there = !refused.may_pass() && {
            let digest = Digest::of(&manifest.bytes).to_string();
            self.digest(target) == Ok(Some(digest))
        };
        if is_there { Ok(()) } else { Err(refused) }
    }

    /// The connections.
    pub(super) fn wire(&self) -> &Wire {
        &self.0
    }

    /// A blob.
    pub(super) fn blob(&self, reference: &Reference, digest: &Digest) -> Result<Vec<u8>, Refused> {
        let rest = format!("blobs/{digest}");
        let response = self.0.ask(reference, Ask::Get(&rest))?;
        if !response.status().is_success() {
            return Err(refused(response));
        }
        let bytes = body(response)?;
        verify(digest, &bytes)?;
        Ok(bytes)
    }

    /// The fingerprint label and the architecture of a manifest's image.
    fn described(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(Option<Fingerprint>, String), Refused> {
        let content: Content = parsed(&manifest.bytes)?;
        if let Some(config) = content.config {
            return Ok(self.config(reference, &config.legal_digest()?)?.described());
        }
        let mut common: Option<(Option<Fingerprint>, String)> = None;
        for entry in content.manifests {
            // Attestations stand beside the images, for no platform.
            let platform = entry.platform.as_ref();
            if platform.is_some_and(|platform| platform.architecture == "unknown") {
                continue;
            }
            let Some(manifest) = self.manifest(reference, entry.legal_digest()?.as_str())? else {
                return Ok((None, String::new()));
            };
            let single: Content = parsed(&manifest.bytes)?;
            let Some(config) = single.config else {
                continue;
            };
            let config = self.config(reference, &config.legal_digest()?)?;
            let (fingerprint, architecture) = config.described();
            match &mut common {
                None => common = Some((fingerprint, architecture)),
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
            id: Digest::of(&manifest.bytes).to_string(),
            fingerprint,
            architecture,
            size: None,
        }))
    }

    fn digest(&self, reference: &str) -> Result<Option<String>, Refused> {
        self.digest_or(reference, |reference, tag| {
            let manifest = self.manifest(reference, tag)?;
            Ok(manifest.map(|manifest| Digest::of(&manifest.bytes).to_string()))
        })
    }

    fn tag(&self, source: &str, targets: &[&str]) -> Vec<Result<(), Refused>> {
        let read = || {
            let (reference, tag) = parse(source)?;
            let gone = || Refused::new(Why::Final, "its content reference is gone");
            self.manifest(&reference, &tag)?.ok_or_else(gone)
        };
        match read() {
            Ok(manifest) => {
                let put = |target: &&str| self.put_as(&manifest, target);
                targets.iter().map(put).collect()
            }
            Err(refused) => vec![Err(refused); targets.len()],
        }
    }

    fn join(&self, parts: &[(&str, &str)], target: Option<&str>) -> Result<String, Refused> {
        let (bytes, kind) = self.joined(parts)?;
        let digest = Digest::of(&bytes).to_string();
        if let Some(target) = target {
            self.put_joined((bytes, kind), target)?;
        }
        Ok(digest)
    }

    fn may_write(&self, repository: &str) -> Result<(), Refused> {
        let (reference, _) = parse(repository)?;
        let response = self.0.ask(&reference, Ask::Post("blobs/uploads/"))?;
        if !response.status().is_success() {
            return Err(refused(response));
        }
        if let Some(upload) = header(&response, "location") {
            // One that cannot be cancelled ends by itself.
            let _ = self.0.ask(&reference, Ask::Delete(&upload));
        }
        Ok(())
    }
}

/// An image's configuration, as far as it matters.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    config: Option<Container>,
}

impl Config {
    /// The fingerprint label and the architecture.
    fn described(self) -> (Option<Fingerprint>, String) {
        let labels = self.config.and_then(|container| container.labels);
        let fingerprint = labels.and_then(|mut labels| labels.remove(Fingerprint::LABEL));
        (fingerprint.map(Fingerprint::from), self.architecture)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    labels: Option<BTreeMap<String, String>>,
}

fn verify(digest: &Digest, bytes: &[u8]) -> Result<(), Refused> {
    if Digest::of(bytes) == *digest {
        return Ok(());
    }
    let message = format!("its response for {digest} has another digest");
    Err(Refused::new(Why::Final, message))
}

/// A reference, and the tag or digest by which a registry finds its manifest.
///
/// # Errors
/// When it is no reference.
pub(super) fn parse(reference: &str) -> Result<(Reference, String), Refused> {
    let parsed = Reference::parse(reference);
    let parsed = parsed.map_err(|error| Refused::new(Why::Final, error.to_string()))?;
    let parsed = parsed.with_default_tag();
    let tag = parsed.digest.clone().or_else(|| parsed.tag.clone());
    Ok((parsed, tag.unwrap_or_default()))
}

/// What a response says.
///
/// # Errors
/// When it is not JSON of that form.
pub(super) fn parsed<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("its response is invalid: {error}");
        Refused::new(Why::Final, message)
    })
}
