//! An image that the engine or a registry holds.

use crate::lang::fingerprint::Fingerprint;

/// An image that the engine or a registry holds under some reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The engine's id of the image, or in a registry its manifest's digest: `sha256:…`.
    pub id: String,
    /// The fingerprint that its label states.
    pub fingerprint: Option<Fingerprint>,
    /// The architecture that it is for.
    pub architecture: String,
    /// Bytes that it takes in the engine; unknown of one in a registry.
    pub size: Option<u64>,
}
