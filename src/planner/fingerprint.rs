//! The fingerprint: SHA-256 over a framed manifest of everything that can change an image.
//!
//! One writer, [`manifest`], says what enters; the hash and the explanation both read the
//! [`Manifest`] ([`differences`] compares two), so neither can drift from the other. `docs/fingerprint.md` gives the bytes.
//!
//! | enters | why |
//! |---|---|
//! | parser directives | `syntax` chooses the language, `escape` how it is read |
//! | instructions of reachable stages, as parsed, with `ONBUILD` triggers that fire | they are the build |
//! | the text of the image's own `ONBUILD` triggers, as it is written | the image holds it |
//! | what each image reference in them resolves to | the base, by content where it is ours |
//! | values of the arguments that reachable stages declare | `RUN` sees them |
//! | `BUILDKIT_*` and `SOURCE_DATE_EPOCH` where given | they steer the builder |
//! | target, platforms, network, epoch | they change the result, or are meant to |
//! | the git tree of the input files, and of each named context | what `COPY` and mounts read |
//! | which of these git-lfs keeps the contents of | git has pointers for them, and a build may be sent either |
//!
//! | does not enter | why |
//! |---|---|
//! | comments, layout, unreachable stages, stage names | the builder does not see them |
//! | names, repository, arguments that only spell a reference | the same content elsewhere is the same |
//! | tags, labels, stamps, secrets, revision, branch, clock, host | they do not change what is built |

pub(crate) mod differences;
pub(crate) mod manifest;

use sha2::{Digest, Sha256};

use crate::lang::tags::hex;

/// Version of the manifest: raised with every change to what enters or how it is framed.
pub(crate) const VERSION: &str = "1";

/// Everything that can change an image, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    fields: Vec<Field>,
}

/// One fact of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub tag: &'static str,
    /// Its value.
    pub value: String,
    /// For explanations alone, and not hashed: the name of the image that a fingerprint stands for,
    /// the line that an instruction begins on. Mostly empty.
    pub note: String,
}

impl Manifest {
    /// A manifest that so far holds its version.
    pub fn new() -> Self {
        let mut manifest = Self { fields: Vec::new() };
        manifest.add("version", VERSION);
        manifest
    }

    /// Adds a fact.
    pub fn add(&mut self, tag: &'static str, value: impl Into<String>) {
        self.add_noted(tag, value, "");
    }

    /// Adds a fact with a note, which is not hashed.
    pub fn add_noted(
        &mut self,
        tag: &'static str,
        value: impl Into<String>,
        note: impl Into<String>,
    ) {
        self.fields.push(Field {
            tag,
            value: value.into(),
            note: note.into(),
        });
    }

    /// The facts, for explanations.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The bytes that are hashed: tag and value of every field, each as its length (64 bits,
    /// little-endian) and its bytes, so that no two manifests have the same.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.fields {
            for part in [field.tag, &field.value] {
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        bytes
    }

    /// The fingerprint, 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.bytes()))
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_two_manifests_have_the_same_bytes(
            a in proptest::collection::vec((0_usize..2, ".{0,3}"), 0..4),
            b in proptest::collection::vec((0_usize..2, ".{0,3}"), 0..4),
        ) {
            let manifest = |fields: &[(usize, String)]| {
                let mut manifest = Manifest::new();
                for (tag, value) in fields {
                    manifest.add(["a", "ab"][*tag], value.as_str());
                }
                manifest
            };
            prop_assert_eq!(a == b, manifest(&a).bytes() == manifest(&b).bytes());
        }
    }
}
