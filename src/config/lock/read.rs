//! Reads a lock file, with the place of every problem.

use std::collections::BTreeMap;
use std::ops::Range;

use jsonc_parser::ast::Value as Json;

use super::conflict::conflict;
use super::{
    Lock, LockFile, LockedDownload, LockedGit, LockedImage, LockedPlatform, PATH, VERSION, key_of,
};
use crate::config::json::{self, At, Object};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::digest::Digest;
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;

/// What to do with a file that people or programs have damaged.
const AGAIN: &str = "remove the entry, and let `shipwright lock` write it again";

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// Every problem of the file at once: marks of a merge that stopped, no JSON, an unknown version or
    /// key, a value of the wrong form, an entry that is of another reference.
    pub fn parse(text: &str) -> Result<LockFile, Diagnostics> {
        let source = SourceText::new(PATH, text);
        if let Some(conflict) = conflict(&source) {
            return Err(conflict.into());
        }
        let document = json::parse(text).map_err(|error| {
            let message = format!("this is not JSON: {}", error.message);
            problem(message).at(&source, error.span, "")
        })?;
        if !matches!(document, Json::Object(_)) {
            let problem = problem("a lock file must be an object");
            return Err(problem.at(&source, 0..0, "").into());
        }
        let mut problems = Diagnostics::new();
        let mut keys = BTreeMap::new();
        let mut top = At::top(&document, &source, &mut problems);
        let lock = top.object().and_then(|mut top| lock(&mut top, &mut keys));
        match lock {
            Some(lock) if !problems.has_errors() => Ok(LockFile { lock, source, keys }),
            _ => Err(as_own(problems)),
        }
    }
}

fn problem(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::LockSyntax, message)
}

/// Problems of JSON with known keys, as problems of this file.
fn as_own(problems: Diagnostics) -> Diagnostics {
    let mut own = Diagnostics::new();
    own.extend(problems.into_iter().map(|problem| Diagnostic {
        code: Code::LockSyntax,
        ..problem
    }));
    own
}

type Keys = BTreeMap<String, Range<usize>>;

fn lock(top: &mut Object<'_, '_>, keys: &mut Keys) -> Option<Lock> {
    match top.get("version") {
        None => top.missing("version"),
        Some(mut at) => {
            if at.number() != Some(f64::from(VERSION)) {
                let message = "unknown version of the lock file".to_owned();
                at.refuse(
                    at.span(),
                    message,
                    "this program reads version 1; a newer shipwright may have written it",
                );
                // What it means is not known either.
                return None;
            }
        }
    }
    top.check_keys(&["version", "images", "downloads", "git"], |_| None);
    let mut lock = Lock::default();
    let mut add = |key: &str, span: Range<usize>| keys.insert(key.to_owned(), span);
    if let Some(mut at) = top.get("images") {
        let images = at.entries(|key, span, at| {
            add(key, span.clone());
            check_name(key, span.clone(), at);
            let image = image(key, span, at)?;
            Some((key.to_owned(), image))
        });
        lock.images = images.into_iter().collect();
    }
    if let Some(mut at) = top.get("downloads") {
        let downloads = at.entries(|key, span, at| {
            add(key, span);
            Some((key.to_owned(), download(at)?))
        });
        lock.downloads = downloads.into_iter().collect();
    }
    if let Some(mut at) = top.get("git") {
        let git = at.entries(|key, span, at| {
            add(key, span);
            let mut object = at.object()?;
            object.check_keys(&["commit"], |_| None);
            let commit = text(&mut object, "commit", is_commit, "the whole id of a commit")?;
            Some((key.to_owned(), LockedGit { commit }))
        });
        lock.git = git.into_iter().collect();
    }
    Some(lock)
}

/// Whether a key is the one by which the image is looked for.
fn check_name(key: &str, span: Range<usize>, at: &mut At<'_, '_>) {
    let full = match Reference::parse(key) {
        Ok(reference) => reference.with_default_tag().to_string(),
        Err(error) => {
            at.refuse(
                span,
                format!("`{key}` is not an image reference: {error}"),
                AGAIN,
            );
            return;
        }
    };
    if full != key {
        let help = format!("write `{full}`");
        at.refuse(
            span,
            format!("`{key}` is not the full name of an image"),
            &help,
        );
    }
}

fn image(key: &str, span: Range<usize>, at: &mut At<'_, '_>) -> Option<LockedImage> {
    let mut object = at.object()?;
    object.check_keys(&["digest", "platforms"], |_| None);
    let digest = digest(&mut object)?;
    let named = Reference::parse(key).ok().and_then(|name| name.digest);
    if named.is_some_and(|named| named != digest) {
        let message = format!("the entry of `{key}` has the digest of another reference");
        object.refuse(span, message, AGAIN);
    }
    let Some(mut platforms) = object.get("platforms") else {
        object.missing("platforms");
        return None;
    };
    let platforms = platforms.entries(|key, span, at| {
        if !is_platform(key) {
            let message = format!("`{key}` is not a normalized platform");
            at.refuse(
                span,
                message,
                "a platform is like `linux/arm64`, `linux/arm/v7` or `windows/amd64:10.0.20348`",
            );
        }
        let mut object = at.object()?;
        Some((key.to_owned(), platform(&mut object)?))
    });
    let platforms: BTreeMap<_, _> = platforms.into_iter().collect();
    Some(LockedImage { digest, platforms })
}

fn is_platform(key: &str) -> bool {
    let (name, version) = key.split_once(':').unwrap_or((key, ""));
    Platform::parse(name).is_ok_and(|platform| {
        let platform = Platform {
            os_version: version.to_owned(),
            ..platform
        };
        key_of(&platform) == key
    })
}

fn platform(object: &mut Object<'_, '_>) -> Option<LockedPlatform> {
    object.check_keys(&["created", "digest", "env", "onbuild"], |_| None);
    let digest = digest(object)?;
    let created = object.get("created").and_then(|mut at| at.string());
    let env = object.get("env").map(|mut at| {
        let entries = at.entries(|name, _, at| Some((name.to_owned(), at.string()?.value)));
        entries.into_iter().collect()
    });
    let onbuild = object
        .get("onbuild")
        .map(|mut at| at.elements("strings", |at| Some(at.string()?.value)));
    for (key, is_there) in [("env", env.is_some()), ("onbuild", onbuild.is_some())] {
        if !is_there {
            object.missing(key);
        }
    }
    Some(LockedPlatform {
        created: created.map(|created| created.value),
        digest,
        env: env?,
        onbuild: onbuild?,
    })
}

fn download(at: &mut At<'_, '_>) -> Option<LockedDownload> {
    let mut object = at.object()?;
    object.check_keys(&["checksum", "etag", "modified"], |_| None);
    let mut optional = |key| Some(object.get(key)?.string()?.value);
    let (etag, modified) = (optional("etag"), optional("modified"));
    Some(LockedDownload {
        checksum: text(&mut object, "checksum", is_digest, "like `sha256:…`")?,
        etag,
        modified,
    })
}

fn digest(object: &mut Object<'_, '_>) -> Option<String> {
    text(object, "digest", is_digest, "like `sha256:…`")
}

/// A text that has to be there, and of a form.
fn text(
    object: &mut Object<'_, '_>,
    key: &str,
    is_right: fn(&str) -> bool,
    form: &str,
) -> Option<String> {
    let Some(mut at) = object.get(key) else {
        object.missing(key);
        return None;
    };
    let text = at.string()?;
    if !is_right(&text.value) {
        let message = format!("`{key}` must be {form}");
        at.refuse(text.span, message, AGAIN);
        return None;
    }
    Some(text.value)
}

fn is_digest(text: &str) -> bool {
    Digest::parse(text).is_some()
}

fn is_commit(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(text.len(), 40 | 64) && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Lock {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let platform = LockedPlatform {
            created: Some("2026-01-02T03:04:05Z".to_owned()),
            digest: digest("b"),
            env: [("PATH".to_owned(), "/bin".to_owned())].into(),
            onbuild: vec!["COPY . /\u{202e}app".to_owned()],
        };
        let image = LockedImage {
            digest: digest("a"),
            platforms: [
                ("linux/amd64".to_owned(), platform.clone()),
                ("windows/amd64:10.0.20348".to_owned(), platform),
            ]
            .into(),
        };
        let download = LockedDownload {
            checksum: digest("c"),
            etag: Some("\"x\"".to_owned()),
            modified: None,
        };
        let commit = "d".repeat(40);
        Lock {
            images: [("docker.io/library/debian:12".to_owned(), image)].into(),
            downloads: [("https://example.com/x.tgz".to_owned(), download)].into(),
            git: [(
                "https://example.com/x.git#v1".to_owned(),
                LockedGit { commit },
            )]
            .into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for lock in [sample(), Lock::default()] {
            let text = lock.to_json();
            // A checkout may have converted the line ends.
            let converted = Lock::parse(&text.replace('\n', "\r\n")).expect("it is right");
            assert_eq!(converted.lock, lock);
            let read = Lock::parse(&text).expect("it is right");
            assert_eq!(read.lock, lock);
            assert_eq!(read.lock.to_json(), text);
        }
        assert!(!sample().to_json().contains('\u{202e}'));
    }

    /// The place and the message of what is wrong, once a part of the sample is replaced.
    #[track_caller]
    fn check(part: &str, replacement: &str, expected: &[(usize, &str)]) {
        let text = sample().to_json();
        assert!(text.contains(part), "{part}");
        check_text(&text.replacen(part, replacement, 1), expected);
    }

    #[track_caller]
    fn check_text(text: &str, expected: &[(usize, &str)]) {
        let problems = Lock::parse(text).expect_err(text);
        let found: Vec<(usize, &str)> = problems
            .iter()
            .map(|problem| {
                assert_eq!(problem.code, Code::LockSyntax);
                let start = problem.labels[0].span.start;
                (text[..start].matches('\n').count() + 1, &*problem.message)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_problem_has_its_line() {
        check(
            "\"version\": 1",
            "\"version\": 2",
            &[(2, "unknown version of the lock file")],
        );
        check(
            "docker.io/library/",
            "",
            &[(4, "`debian:12` is not the full name of an image")],
        );
        check(
            "debian:12",
            &format!("debian@sha256:{}", "f".repeat(64)),
            &[(
                4,
                &format!(
                    "the entry of `docker.io/library/debian@sha256:{}` has the digest of another reference",
                    "f".repeat(64)
                ),
            )],
        );
        check(
            "\"env\"",
            "\"enf\"",
            &[
                (
                    10,
                    "unknown key `images.docker.io/library/debian:12.platforms.linux/amd64.enf`",
                ),
                (
                    7,
                    "`images.docker.io/library/debian:12.platforms.linux/amd64` has no `env`",
                ),
            ],
        );
        check(
            "sha256:aaaa",
            "sha256:",
            &[(5, "`digest` must be like `sha256:…`")],
        );
        check(
            "linux/amd64",
            "linux/x86_64",
            &[(7, "`linux/x86_64` is not a normalized platform")],
        );
        check(
            &"d".repeat(40),
            "main",
            &[(38, "`commit` must be the whole id of a commit")],
        );
        check(
            "  \"git\": {",
            "  \"images\": {},\n  \"git\": {",
            &[(36, "the key `images` appears twice")],
        );
        check_text("[]", &[(1, "a lock file must be an object")]);
        check_text("{", &[(1, "this is not JSON: Unterminated object")]);
        check_text("", &[(1, "this is not JSON: the file is empty")]);
    }

    #[test]
    fn a_merge_that_stopped_names_the_entry() {
        let text =
            sample()
                .to_json()
                .replacen("      \"digest\"", "<<<<<<< ours\n      \"digest\"", 1);
        check_text(&text, &[(5, "a merge stopped here")]);
        let problems = Lock::parse(&text).expect_err("a mark");
        let help: Vec<&String> = problems.iter().flat_map(|p| &p.help).collect();
        assert_eq!(
            help,
            ["keep either side, then `shipwright lock --update docker.io/library/debian:12`"]
        );
    }
}
