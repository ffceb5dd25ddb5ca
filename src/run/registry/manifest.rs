//! What a registry sends for a manifest, as far as it matters (the OCI image specification 1.1).

use serde::Deserialize;

use super::{Refused, Why};
use crate::lang::digest::Digest;
use crate::lang::platform::Platform;

/// An index, or a manifest of one image.
#[derive(Deserialize)]
pub(super) struct Content {
    /// The configuration of the image; an index has none.
    pub(super) config: Option<Descriptor>,
    /// The entries of an index.
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

/// What a manifest says of something else.
#[derive(Deserialize)]
pub(super) struct Descriptor {
    digest: String,
    /// The platform of an entry of an index.
    pub(super) platform: Option<PlatformFields>,
}

impl Descriptor {
    /// The digest; none where it is no digest.
    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::parse(&self.digest)
    }

    /// The digest.
    ///
    /// # Errors
    /// When it is no digest.
    pub(super) fn legal_digest(&self) -> Result<Digest, Refused> {
        let none = || Refused::new(Why::Final, "its response has an invalid digest");
        self.digest().ok_or_else(none)
    }
}

/// A platform, as an index and the configuration of an image write it.
#[derive(Deserialize)]
pub(super) struct PlatformFields {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) variant: String,
    #[serde(default, rename = "os.version")]
    pub(super) os_version: String,
}

impl PlatformFields {
    /// The platform; none for what is no image, such as an attestation.
    pub(super) fn platform(self) -> Option<Platform> {
        if self.architecture == "unknown" || self.architecture.is_empty() {
            return None;
        }
        Some(Platform {
            os: self.os,
            os_version: self.os_version,
            os_features: Vec::new(),
            architecture: self.architecture,
            variant: self.variant,
        })
    }
}
