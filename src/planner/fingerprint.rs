//! The fingerprint: SHA-256 over a framed manifest of everything that can change an image.
//!
//! One writer, [`manifest`], says what enters. One match, in [`fact`], says of every fact both what
//! is hashed and what a change of it is called, so that an explanation ([`differences`]) cannot drift
//! from the decision. `docs/fingerprint.md` gives the bytes.
//!
//! | enters | why |
//! |---|---|
//! | parser directives | `syntax` chooses the language, `escape` how it is read |
//! | instructions of reachable stages, as parsed, with `ONBUILD` triggers that fire | they are the build |
//! | the text of the image's own `ONBUILD` triggers, as it is written | the image holds it |
//! | what each image reference in them resolves to | the base, by content where it is ours |
//! | values of the arguments that reachable stages declare | `RUN` sees them |
//! | the text of a default whose value is not known | it decides what the value comes to |
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
pub(crate) mod fact;
pub(crate) mod manifest;

use sha2::{Digest, Sha256};

use crate::lang::fingerprint::Fingerprint;
use crate::lang::tags::hex;
use fact::{Fact, Sink, Told};

/// Version of the manifest: raised with every change to what enters or how it is framed.
pub(crate) const VERSION: &str = "2";

/// Everything that can change an image, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    facts: Vec<Fact>,
}

impl Manifest {
    /// A manifest that so far holds its version.
    fn new() -> Self {
        Self {
            facts: vec![Fact::Version],
        }
    }

    /// Adds a fact.
    fn add(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// What is hashed: tags and values.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Fields(Vec::new());
        for fact in &self.facts {
            fact.say(&mut fields);
        }
        fields.0
    }

    /// The fingerprint.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Hash(Sha256::new());
        for fact in &self.facts {
            fact.say(&mut hash);
        }
        hex(&hash.0.finalize()).into()
    }
}

/// The first reader: tag and value of every field, each as its length (64 bits, little-endian) and its
/// bytes, so that no two manifests have the same.
struct Hash(Sha256);

impl Sink<'_> for Hash {
    fn field(&mut self, tag: &'static str, value: &str) {
        for part in [tag, value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    fn told(&mut self, _: Told<'_>) {}
}

/// The fields themselves, to be looked at.
struct Fields(Vec<(&'static str, String)>);

impl Sink<'_> for Fields {
    fn field(&mut self, tag: &'static str, value: &str) {
        self.0.push((tag, value.to_owned()));
    }

    fn told(&mut self, _: Told<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_two_manifests_have_the_same_fingerprint(
            a in proptest::collection::vec((0_usize..2, ".{0,3}"), 0..4),
            b in proptest::collection::vec((0_usize..2, ".{0,3}"), 0..4),
        ) {
            let manifest = |parts: &[(usize, String)]| {
                let mut manifest = Manifest::new();
                for (tag, text) in parts {
                    let tag = ["a", "ab"][*tag];
                    manifest.add(Fact::Part { tag, text: text.clone() });
                }
                manifest
            };
            prop_assert_eq!(a == b, manifest(&a).fingerprint() == manifest(&b).fingerprint());
        }
    }
}
