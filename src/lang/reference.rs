//! Image references: `repository:tag@digest`, as the Docker world writes and normalises them
//! (semantics §18).

mod grammar;

use std::fmt;

/// The registry of a reference that names none.
const DEFAULT_DOMAIN: &str = "docker.io";
/// The older name of [`DEFAULT_DOMAIN`].
const LEGACY_DOMAIN: &str = "index.docker.io";
/// Where [`DEFAULT_DOMAIN`] keeps the images that need no namespace.
const OFFICIAL_PREFIX: &str = "library/";
/// The tag of a reference that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";
/// Longest path of a repository, in bytes.
const MAX_PATH: usize = 255;

/// A valid image reference in its normalised form.
///
/// Two references mean the same image in the registry exactly when they are equal after
/// [`Reference::with_default_tag`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Registry, with its port if it has one. Empty for the few names that contain a dot in the
    /// first component and yet are no host, such as `a_b.c/d`.
    pub domain: String,
    /// Path within the registry; on `docker.io` it always has a `/`.
    pub path: String,
    /// Tag, without the `:`.
    pub tag: Option<String>,
    /// Digest, as `algorithm:hex`.
    pub digest: Option<String>,
}

/// Why a text is not an image reference, in BuildKit's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceError {
    /// 64 hexadecimal digits could be the id of an image.
    Identifier(String),
    /// The named repository has upper-case letters.
    Uppercase(String),
    /// There are upper-case letters in a place that is no part of the repository alone.
    UppercaseName,
    /// The repository's path is longer than 255 bytes.
    TooLong,
    /// It does not follow the grammar.
    Invalid,
    /// The digest has characters that its algorithm does not write.
    DigestFormat,
    /// The digest has not as many digits as its algorithm writes.
    DigestLength,
    /// The digest's algorithm is none that BuildKit knows.
    DigestAlgorithm,
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(name) => write!(
                f,
                "invalid repository name ({name}), cannot specify 64-byte hexadecimal strings"
            ),
            Self::Uppercase(name) => write!(
                f,
                "invalid reference format: repository name ({name}) must be lowercase"
            ),
            Self::UppercaseName => f.write_str("repository name must be lowercase"),
            Self::TooLong => write!(
                f,
                "repository name must not be more than {MAX_PATH} characters"
            ),
            Self::Invalid => f.write_str("invalid reference format"),
            Self::DigestFormat => f.write_str("invalid checksum digest format"),
            Self::DigestLength => f.write_str("invalid checksum digest length"),
            Self::DigestAlgorithm => f.write_str("unsupported digest algorithm"),
        }
    }
}

impl std::error::Error for ReferenceError {}

impl Reference {
    /// Reads a reference as people write it (`alpine`, `quay.io/a/b:1`) and normalises it.
    ///
    /// No tag is added: see [`Reference::with_default_tag`].
    ///
    /// # Errors
    /// When the text is not a reference.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() == 64 && is_lower_hex(text) {
            return Err(ReferenceError::Identifier(text.to_owned()));
        }
        let (domain, remainder) = split_domain(text);
        let repository = remainder
            .split_once(':')
            .map_or(&*remainder, |(before, _)| before);
        if repository.to_lowercase() != repository {
            return Err(ReferenceError::Uppercase(repository.to_owned()));
        }
        Self::parse_full(&format!("{domain}/{remainder}"))
    }

    /// Reads a reference whose domain is spelled out.
    fn parse_full(text: &str) -> Result<Self, ReferenceError> {
        let Some(parts) = grammar::parts(text) else {
            return Err(if grammar::parts(&text.to_lowercase()).is_some() {
                ReferenceError::UppercaseName
            } else {
                ReferenceError::Invalid
            });
        };
        let reference = Self {
            domain: parts.domain.unwrap_or_default().to_owned(),
            path: parts.path.to_owned(),
            tag: parts.tag.map(str::to_owned),
            digest: parts.digest.map(str::to_owned),
        };
        if reference.path.len() > MAX_PATH {
            return Err(ReferenceError::TooLong);
        }
        if let Some(digest) = &reference.digest {
            check_digest(digest)?;
        }
        Ok(reference)
    }

    /// The same reference with `:latest` where it has neither tag nor digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// `domain/path`, without tag and digest.
    pub(crate) fn repository(&self) -> String {
        if self.domain.is_empty() {
            self.path.clone()
        } else {
            format!("{}/{}", self.domain, self.path)
        }
    }

    /// The shortest text that people write for it: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        self.with_tag_and_digest(self.familiar_repository())
    }

    /// The same without tag and digest.
    pub(crate) fn familiar_repository(&self) -> String {
        if self.domain == DEFAULT_DOMAIN {
            match self.path.strip_prefix(OFFICIAL_PREFIX) {
                Some(name) if !name.contains('/') => name.to_owned(),
                _ => self.path.clone(),
            }
        } else {
            self.repository()
        }
    }

    /// The name under which a builder looks for a named context in place of this image
    /// (semantics §17.1): the familiar form without `:latest`.
    pub fn context_key(&self) -> String {
        let mut key = self.familiar();
        if let Some(short) = key.strip_suffix(":latest") {
            key.truncate(short.len());
        }
        key
    }

    /// The same image in a registry that mirrors all others: `MIRROR/<host>/<path>`, the `:` of a port
    /// as `-`.
    #[must_use]
    pub(crate) fn mirrored(&self, mirror: &str) -> Self {
        let (host, before) = mirror.split_once('/').unwrap_or((mirror, ""));
        let path = [before, &self.domain.replace(':', "-"), &self.path];
        let path: Vec<&str> = path.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            domain: host.to_owned(),
            path: path.join("/"),
            ..self.clone()
        }
    }

    fn with_tag_and_digest(&self, mut repository: String) -> String {
        if let Some(tag) = &self.tag {
            repository.push(':');
            repository.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            repository.push('@');
            repository.push_str(digest);
        }
        repository
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_tag_and_digest(self.repository()))
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Whether the first of several components of a name is a registry.
pub(crate) fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.to_lowercase() != first
}

/// Splits off the registry, which is there only if the first of several components looks like one,
/// and completes the path on Docker Hub.
fn split_domain(text: &str) -> (&str, String) {
    let (domain, path) = match text.split_once('/') {
        Some((LEGACY_DOMAIN, path)) => (DEFAULT_DOMAIN, path),
        Some((first, path)) if is_registry(first) => (first, path),
        _ => (DEFAULT_DOMAIN, text),
    };
    if domain == DEFAULT_DOMAIN && !path.contains('/') {
        (domain, format!("{OFFICIAL_PREFIX}{path}"))
    } else {
        (domain, path.to_owned())
    }
}

/// Checks a digest's algorithm and length.
///
/// # Errors
/// When the algorithm is unknown or the digits are not its own.
pub(crate) fn check_digest(digest: &str) -> Result<(), ReferenceError> {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return Err(ReferenceError::DigestFormat);
    };
    if algorithm.is_empty() || digits.is_empty() {
        return Err(ReferenceError::DigestFormat);
    }
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if is_algorithm(algorithm) && digits.bytes().all(is_digest_byte) => {
            return Err(ReferenceError::DigestAlgorithm);
        }
        _ => return Err(ReferenceError::DigestFormat),
    };
    if digits.len() != length {
        Err(ReferenceError::DigestLength)
    } else if is_lower_hex(digits) {
        Ok(())
    } else {
        Err(ReferenceError::DigestFormat)
    }
}

fn is_algorithm(text: &str) -> bool {
    text.split(['.', '+', '_', '-']).all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_digest_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-')
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A path component as one of a repository: lower case, `-` for what is illegal; none where
/// nothing is left. Legal are runs of `[a-z0-9]` joined by `.`, `_`, `__` or any number of `-`.
pub(crate) fn legal(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut separator = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if !c.is_ascii_alphanumeric() {
            separator.push(if matches!(c, '.' | '_') { c } else { '-' });
            continue;
        }
        if !name.is_empty() && !separator.is_empty() {
            let joins = matches!(separator.as_str(), "." | "_" | "__")
                || separator.bytes().all(|b| b == b'-');
            name.push_str(if joins { &separator } else { "-" });
        }
        separator.clear();
        name.push(c);
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_made_legal() {
        let rows = [
            ("python", Some("python")),
            ("StandaloneChrome", Some("standalonechrome")),
            ("a.b_c__d--e", Some("a.b_c__d--e")),
            ("a___b", Some("a-b")),
            ("a._b", Some("a-b")),
            ("-a-", Some("a")),
            ("a b+c", Some("a-b-c")),
            ("été", Some("t")),
            ("数", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(legal(text).as_deref(), expected, "{text}");
            if let Some(name) = legal(text) {
                Reference::parse(&format!("x/{name}")).expect(text);
            }
        }
    }
}
