//! Digests: what content is called by what it is.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::tags::hex;

/// SHA-256 of some content, as `sha256:` and 64 hexadecimal digits: the one kind that registries and
/// engines make. A registry's text is no digest until it has this form, for it goes into addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest(String);

impl Digest {
    /// Reads a digest; none where the text is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (digits.len() == 64 && digits.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The digest of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::finish(Sha256::new_with_prefix(bytes))
    }

    /// The digest of what was hashed piece by piece.
    pub(crate) fn finish(hash: Sha256) -> Self {
        Self(format!("sha256:{}", hex(&hash.finalize())))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 12 digits of a digest, a checksum or a commit, for people.
pub(crate) fn short(content: &str) -> &str {
    let digits = content.strip_prefix("sha256:").unwrap_or(content);
    digits.get(..12).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_digest_is_one() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), empty);
        assert_eq!(Digest::parse(empty), Some(Digest::of(b"")));
        for text in [
            "",
            "sha256:",
            &empty[..70],
            &empty.replace('e', "E"),
            &empty.replace("sha256", "sha512"),
            &format!("{empty}?x=y"),
            "sha256:../../../../evil?x=y#00000000000000000000000000000000000000000000",
        ] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
