//! Tags: legal ones for any branch, and never one tag for two branches.
//!
//! A branch's name is its tag where it is legal and cannot be taken for anything else. Every other
//! name is *mapped*: a readable part, `-`, and the first 12 hexadecimal digits of the SHA-256 of
//! the full name of the reference. A name that looks like a mapped one is mapped itself, so the
//! two kinds never meet (semantics §21).

use minijinja::value::Value;
use sha2::{Digest, Sha256};

use super::fingerprint::Fingerprint;
use super::platform::normal as normal_platform;

/// Longest tag that registries take, in bytes.
pub(crate) const MAX_LENGTH: usize = 128;

/// What the tags of an image that differs from the revision end in, or hold.
pub(crate) const DIRTY: &str = "-dirty";

/// Hexadecimal digits of the hash in a mapped name.
const HASH_DIGITS: usize = 12;

/// Hexadecimal digits of the fingerprint in a content reference.
const CONTENT_DIGITS: usize = 32;

/// The tag of a content reference: `sw-` and 32 digits of the fingerprint.
pub(crate) fn content_tag(fingerprint: &Fingerprint) -> String {
    format!("sw-{}", &fingerprint[..CONTENT_DIGITS])
}

/// What follows the tag of a content reference in that of the image's part for one platform:
/// `-linux-arm64`, of `linux/arm64` in any of its spellings.
pub(crate) fn part_suffix(platform: &str) -> String {
    let platform = normal_platform(platform);
    let words = platform.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')));
    let words = words.filter(|word| !word.is_empty());
    words.flat_map(|word| ["-", word]).collect()
}

/// The tag of a revision: the first 12 digits of the commit.
pub(crate) fn revision_tag(revision: &str) -> String {
    revision[..HASH_DIGITS].to_owned()
}

/// The tag of a branch, given without `refs/heads/`.
///
/// `room` is how many bytes of [`MAX_LENGTH`] something else needs (a prefix, `-dirty`).
pub(crate) fn branch_tag(branch: &str, room: usize) -> String {
    let fits = branch.len() + room <= MAX_LENGTH;
    if is_legal(branch) && fits && !is_reserved(branch) {
        return branch.to_owned();
    }
    mapped(branch, room)
}

/// A branch as templates of tags see it: compared by its name, written as its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BranchTag {
    /// The branch's name, with `-dirty` for an image that differs from the revision.
    pub name: String,
    /// Its tag, with `-dirty` likewise.
    pub tag: String,
}

impl BranchTag {
    /// The branch of an image that has `prefix` before all its tags.
    ///
    /// Behind a prefix the name is always mapped: `12` of the image `x:8` would else be the branch
    /// `main` of an image `x:8-12`.
    pub(crate) fn new(branch: &str, prefix: Option<&str>, dirty: bool) -> Self {
        let suffix = if dirty { DIRTY } else { "" };
        let tag = match prefix {
            Some(prefix) => mapped(branch, prefix.len() + 1 + suffix.len()),
            None => branch_tag(branch, suffix.len()),
        };
        Self {
            name: format!("{branch}{suffix}"),
            tag: format!("{tag}{suffix}"),
        }
    }

    /// The value of the variable `branch`. Being "safe" marks it among all other values.
    pub(crate) fn value(&self) -> Value {
        Value::from_safe_string(self.name.clone())
    }

    /// Whether a value that a template writes is [`BranchTag::value`], unchanged.
    pub(crate) fn is_marked(&self, value: &Value) -> bool {
        value.is_safe() && value.as_str() == Some(&self.name)
    }
}

/// The tag of an image that differs from the revision, by its contents.
pub(crate) fn dirty_revision_tag(revision: &str, fingerprint: &Fingerprint) -> String {
    format!(
        "{}{DIRTY}-{}",
        revision_tag(revision),
        &fingerprint[..HASH_DIGITS]
    )
}

/// The name of an image without its tag, and the tag, which is part of its identity.
pub(crate) fn split_tag(name: &str) -> (&str, Option<&str>) {
    let start = name.rfind('/').unwrap_or(0);
    match name[start..].find(':') {
        Some(at) => (&name[..start + at], Some(&name[start + at + 1..])),
        None => (name, None),
    }
}

/// A tag behind a prefix that is part of an image's identity. Where both are too long for one tag, a hash
/// stands for the end of the prefix.
pub(crate) fn behind(prefix: &str, tag: &str) -> String {
    let room = MAX_LENGTH.checked_sub(HASH_DIGITS + 2 + tag.len());
    match room {
        Some(room) if prefix.len() + 1 + tag.len() > MAX_LENGTH && room > 0 => {
            let hash = hex(&Sha256::digest(prefix));
            let begin = prefix[..room].trim_end_matches('-');
            format!("{begin}-{}-{tag}", &hash[..HASH_DIGITS])
        }
        _ => format!("{prefix}-{tag}"),
    }
}

/// Whether a text is a legal tag: 1 to 128 of `[A-Za-z0-9_.-]`, the first neither `.` nor `-`.
pub(crate) fn is_legal(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= MAX_LENGTH
        && tag.starts_with(word)
        && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn mapped(branch: &str, room: usize) -> String {
    let hash = hex(&Sha256::digest(format!("refs/heads/{branch}")));
    let longest = MAX_LENGTH.saturating_sub(room + 1 + HASH_DIGITS);
    let mut slug = String::new();
    for c in branch.chars() {
        if slug.len() == longest {
            break;
        }
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
            slug.push(c);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_start_matches(['.', '-']).trim_end_matches('-');
    let slug = if slug.is_empty() { "branch" } else { slug };
    format!("{slug}-{}", &hash[..HASH_DIGITS])
}

/// Whether a legal tag could be taken for something other than a branch: `latest`, a version, a
/// revision, a mapped name, a content or dirty tag.
fn is_reserved(tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_mapped = |tag: &str| {
        tag.rsplit_once('-')
            .is_some_and(|(_, end)| end.len() == HASH_DIGITS && is_hex(end))
    };
    let is_version = |tag: &str| {
        let number = tag.strip_prefix('v').unwrap_or(tag);
        number.starts_with(|c: char| c.is_ascii_digit())
    };
    let is_revision = |tag: &str| (7..=40).contains(&tag.len()) && is_hex(tag);
    tag == "latest"
        || is_mapped(&tag)
        || is_version(&tag)
        || is_revision(&tag)
        || is_content_tag(&tag)
        || tag.ends_with(DIRTY)
}

/// Whether a tag has the form of a content reference's: `sw-` and hexadecimal digits; or that of a part:
/// behind 32 digits, `-` and a platform.
pub(crate) fn is_content_tag(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sw-") else {
        return false;
    };
    let digits = match rest.split_once('-') {
        Some((digits, _)) if digits.len() == CONTENT_DIGITS => digits,
        _ => rest,
    };
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn names_that_stay_as_they_are() {
        for branch in [
            "main",
            "feature-x",
            "JIRA-12_fix.y",
            "release-1.2",
            "_x",
            "dirty",
        ] {
            assert_eq!(branch_tag(branch, 0), branch);
        }
    }

    #[test]
    fn a_part_has_a_tag_of_its_own() {
        for (platform, suffix) in [
            ("linux/amd64", "-linux-amd64"),
            ("linux/arm/v7", "-linux-arm-v7"),
            ("linux/arm", "-linux-arm-v7"),
            ("linux/arm64/v8", "-linux-arm64"),
            ("windows(10.0.17763)/amd64", "-windows-10.0.17763-amd64"),
        ] {
            assert_eq!(part_suffix(platform), suffix);
            let tag = format!("{}{suffix}", content_tag(&"0f".repeat(32).into()));
            assert!(is_legal(&tag) && is_content_tag(&tag), "{tag}");
        }
        for tag in ["sw-", "sw-add-linux-amd64", "sw-x", "sw"] {
            assert!(!is_content_tag(tag), "{tag}");
        }
    }

    #[test]
    fn names_that_are_mapped() {
        let rows = [
            ("feature/login", "feature-login-"),
            ("latest", "latest-"),
            ("v1.2.3", "v1.2.3-"),
            ("12", "12-"),
            ("deadbeef", "deadbeef-"),
            (
                "sw-0123456789abcdef0123456789abcdef",
                "sw-0123456789abcdef0123456789abcdef-",
            ),
            ("main-dirty", "main-dirty-"),
            ("x-0123456789ab", "x-0123456789ab-"),
            ("-x", "x-"),
            ("été", "t-"),
            ("数", "branch-"),
        ];
        for (branch, start) in rows {
            let tag = branch_tag(branch, 0);
            assert!(is_legal(&tag), "{tag}");
            assert_eq!(tag.len(), start.len() + HASH_DIGITS, "{tag}");
            assert!(tag.starts_with(start), "{tag}");
        }
    }

    #[test]
    fn no_two_branches_share_a_tag() {
        let long = "l".repeat(300);
        let mut branches: Vec<String> = [
            "feature/foo",
            "feature-foo",
            "feature+foo",
            "A",
            "a",
            "\u{e9}",
            "e\u{301}",
            "-x",
            "x",
            ".x",
            "latest",
            "main",
            "main-dirty",
            "v1",
            "1",
            "a,b",
            "a;b",
        ]
        .map(str::to_owned)
        .to_vec();
        branches.extend([
            long.clone(),
            format!("{long}x"),
            "m".repeat(128),
            "m".repeat(122),
        ]);
        let mapped: Vec<String> = branches.iter().map(|b| branch_tag(b, 0)).collect();
        branches.extend(mapped);
        branches.sort();
        branches.dedup();
        let mut owner = BTreeMap::new();
        for branch in &branches {
            for tag in [
                branch_tag(branch, 0),
                BranchTag::new(branch, None, true).tag,
            ] {
                assert!(is_legal(&tag), "{tag}");
                assert_eq!(owner.insert(tag.clone(), branch), None, "{tag}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_name_has_a_legal_tag(branch in "\\PC{1,200}", room in 0_usize..100) {
            let tag = branch_tag(&branch, room);
            prop_assert!(is_legal(&tag) && tag.len() + room <= MAX_LENGTH);
        }

        #[test]
        fn a_mapped_name_is_never_another_branchs_own(branch in "[a-z/.-]{1,30}") {
            let tag = branch_tag(&branch, 0);
            prop_assert!(tag == branch || branch_tag(&tag, 0) != tag);
        }
    }
}
