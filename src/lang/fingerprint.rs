//! The fingerprint of an image as a text: tags, labels and plans hold it.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A fingerprint: SHA-256 of everything that can change an image, as 64 hexadecimal digits in lower case.
///
/// A type of its own, so that no digest, revision or content reference is taken for one. What a stored
/// plan or a label holds may be any text: who needs the digits checks them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The label that every planned image carries, with the whole fingerprint.
    pub const LABEL: &str = "dev.shipwright.fingerprint";
}

impl Deref for Fingerprint {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Fingerprint {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Fingerprint {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}
