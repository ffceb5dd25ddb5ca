//! The parts of an image, each for one platform, joined to the index of all.
//!
//! The OCI image specification 1.1: image index.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::http::{HttpRegistry, Manifest, parse, parsed};
use super::manifest::{self, PlatformFields};
use super::{Refused, Why};
use crate::lang::digest::Digest;
use crate::lang::platform::{Platform, normal};
use crate::lang::reference::Reference;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An index as it is written. The order of the keys and of the entries is part of its digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Value>,
}

/// What a part is: a manifest, or an index of one and of its attestations.
#[derive(Deserialize)]
struct Content {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    config: Option<Value>,
    #[serde(default)]
    manifests: Vec<Value>,
}

impl HttpRegistry {
    /// The bytes and the kind of the index of these parts: manifests in the order of the parts, then their
    /// attestations, so that whoever joins them makes the same.
    pub(super) fn joined(&self, parts: &[(&str, &str)]) -> Result<(Vec<u8>, String), Refused> {
        let (mut images, mut attestations) = (Vec::new(), Vec::new());
        for (platform, part) in parts {
            let (reference, tag) = parse(part)?;
            let gone = || Refused::new(Why::Final, format!("the part `{part}` no longer exists"));
            let manifest = self.manifest(&reference, &tag)?.ok_or_else(gone)?;
            let content: Content = parsed(&manifest.bytes)?;
            let (own, others) = match content.config {
                Some(_) => (vec![self.entry(&reference, &manifest)?], Vec::new()),
                None => content.manifests.into_iter().partition(is_image),
            };
            let [image] = &own[..] else {
                let message = format!("the part `{part}` contains {} images, not one", own.len());
                return Err(Refused::new(Why::Final, message));
            };
            let found = platform_of(image);
            if !found.as_ref().is_some_and(|found| is_for(found, platform)) {
                let found = found.map_or_else(|| "no platform".to_owned(), |p| p.to_string());
                let message = format!("the part `{part}` is for {found}, not for {platform}");
                return Err(Refused::new(Why::Final, message));
            }
            images.extend(own);
            attestations.extend(others);
        }
        let is_dockers = |entry: &Value| entry["mediaType"] == DOCKER_MANIFEST;
        let media_type = if attestations.is_empty() && images.iter().all(is_dockers) {
            DOCKER_INDEX
        } else {
            OCI_INDEX
        };
        images.append(&mut attestations);
        let index = Index {
            schema_version: 2,
            media_type,
            manifests: images,
        };
        let bytes = serde_json::to_vec(&index).expect("an index is JSON");
        Ok((bytes, media_type.to_owned()))
    }

    /// Puts the index of the parts under the target, unless something is there by now.
    pub(super) fn put_joined(
        &self,
        (bytes, kind): (Vec<u8>, String),
        target: &str,
    ) -> Result<(), Refused> {
        let (reference, tag) = parse(target)?;
        if self.manifest(&reference, &tag)?.is_some() {
            return Ok(());
        }
        let manifest = Manifest {
            bytes,
            kind,
            told: None,
        };
        match self.put_as(&manifest, target) {
            // Where tags are immutable, what another run has put stays.
            Err(refused) if !refused.may_pass() && self.manifest(&reference, &tag)?.is_some() => {
                Ok(())
            }
            put => put,
        }
    }

    /// The entry of a single manifest in an index.
    fn entry(&self, reference: &Reference, manifest: &Manifest) -> Result<Value, Refused> {
        let single: manifest::Content = parsed(&manifest.bytes)?;
        let none = || Refused::new(Why::Final, "its response has an invalid digest");
        let config = single.config.ok_or_else(none)?.legal_digest()?;
        let config: PlatformFields = parsed(&self.blob(reference, &config)?)?;
        let content: Content = parsed(&manifest.bytes)?;
        let mut platform = Map::new();
        for (key, value) in [
            ("architecture", config.architecture),
            ("os", config.os),
            ("os.version", config.os_version),
            ("variant", config.variant),
        ] {
            if !value.is_empty() {
                platform.insert(key.to_owned(), value.into());
            }
        }
        let mut entry = Map::new();
        let kind = content.media_type.unwrap_or_else(|| manifest.kind.clone());
        entry.insert("mediaType".to_owned(), kind.into());
        entry.insert(
            "digest".to_owned(),
            Digest::of(&manifest.bytes).as_str().into(),
        );
        entry.insert("size".to_owned(), manifest.bytes.len().into());
        entry.insert("platform".to_owned(), platform.into());
        Ok(entry.into())
    }
}

/// Whether an entry of an index is an image; attestations stand beside it, for no platform.
fn is_image(entry: &Value) -> bool {
    entry["platform"]["architecture"] != "unknown"
}

/// The platform of an entry.
fn platform_of(entry: &Value) -> Option<Platform> {
    let text = |key: &str| {
        entry["platform"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let platform = Platform {
        os: text("os"),
        os_version: text("os.version"),
        os_features: Vec::new(),
        architecture: text("architecture"),
        variant: text("variant"),
    };
    (!platform.architecture.is_empty()).then(|| platform.normalized())
}

/// Whether a platform is the one that was asked for, which may leave open the version of the system.
fn is_for(found: &Platform, asked: &str) -> bool {
    normal(&found.to_string()) == normal(asked) || found.without_os_version() == normal(asked)
}
