//! What a registry says of images that others made: which manifest a reference names, which it has for
//! each platform, and what such an image says of itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::http::{HttpRegistry, Manifest, parse, parsed};
use super::manifest::{Content, PlatformFields};
use super::{Refused, Why};
use crate::config::lock::{LockedPlatform, key_of};
use crate::lang::digest::Digest;

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its own digest.
    pub(crate) digest: String,
    /// The digests of its images, by platform as a key of a lock file, in the order of the index. One
    /// without a platform where it is a single manifest.
    pub(crate) images: Vec<(Option<String>, String)>,
}

/// A platform as a key of a lock file; none for what is no image, such as an attestation.
fn key(fields: PlatformFields) -> Option<String> {
    fields.platform().as_ref().map(key_of)
}

/// The configuration of an image, as far as it matters.
#[derive(Deserialize)]
struct Description {
    created: Option<String>,
    #[serde(flatten)]
    platform: PlatformFields,
    config: Option<Container>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    env: Option<Vec<String>>,
    on_build: Option<Vec<String>>,
}

impl HttpRegistry {
    /// The digest that a reference has now; none where there is no such reference.
    pub(crate) fn digest_now(&self, reference: &str) -> Result<Option<String>, Refused> {
        self.digest_or(reference, |reference, _| {
            let named = self.named(&reference.to_string())?;
            Ok(named.map(|named| named.digest))
        })
    }

    /// What a reference names; none where there is no such reference.
    pub(crate) fn named(&self, reference: &str) -> Result<Option<Named>, Refused> {
        let (reference, name) = parse(reference)?;
        let Some(manifest) = self.manifest(&reference, &name)? else {
            return Ok(None);
        };
        let digest = Digest::of(&manifest.bytes).to_string();
        if manifest.told.is_some_and(|told| told != digest) {
            let message = format!(
                "the content that it sent for {reference} does not match the digest that it reported"
            );
            return Err(Refused::new(Why::Final, message));
        }
        let content: Content = parsed(&manifest.bytes)?;
        if content.config.is_some() {
            let images = vec![(None, digest.clone())];
            return Ok(Some(Named { digest, images }));
        }
        if content.manifests.is_empty() {
            let message = "what it sent is neither the manifest of an image nor an index of images";
            return Err(Refused::new(Why::Final, message));
        }
        let mut images = Vec::new();
        for entry in content.manifests {
            let no_digest = || Refused::new(Why::Final, "its index names an image by no digest");
            let digest = entry.digest();
            let Some(platform) = entry.platform else {
                continue;
            };
            let found = digest.ok_or_else(no_digest)?;
            images.extend(key(platform).map(|key| (Some(key), found.to_string())));
        }
        if images.is_empty() {
            let message = "its index has no image for any platform";
            return Err(Refused::new(Why::Final, message));
        }
        Ok(Some(Named { digest, images }))
    }

    /// What the image of a single manifest says of itself, and the platform that it is for.
    pub(crate) fn facts(
        &self,
        reference: &str,
        digest: &str,
    ) -> Result<(String, LockedPlatform), Refused> {
        let (reference, _) = parse(reference)?;
        let gone = || {
            let message = format!("it has no manifest {digest}");
            Refused::new(Why::Final, message)
        };
        let Manifest { bytes, .. } = self.manifest(&reference, digest)?.ok_or_else(gone)?;
        let content: Content = parsed(&bytes)?;
        let no_image = || Refused::new(Why::Final, format!("{digest} is not an image"));
        let config = content.config.ok_or_else(no_image)?;
        let config = config.digest().ok_or_else(no_image)?;
        let config: Description = parsed(&self.blob(&reference, &config)?)?;
        let container = config.config.unwrap_or_default();
        let env = container.env.unwrap_or_default();
        // As for docker, the last one of a name counts.
        let env: BTreeMap<String, String> = env
            .into_iter()
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (pair, String::new()),
            })
            .collect();
        let facts = LockedPlatform {
            created: config.created,
            digest: digest.to_owned(),
            env,
            onbuild: container.on_build.unwrap_or_default(),
        };
        let platform = key(config.platform);
        Ok((platform.unwrap_or_else(|| "linux/amd64".to_owned()), facts))
    }
}
