//! The command that builds an image, for the engine and for people.

use std::path::Path;

use super::contexts::Sources;
use crate::plan::{Image, Plan};
use crate::run::buildx::{self, Flag};

/// How a run builds.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'h> {
    /// The name of the builder.
    pub(super) builder: &'h str,
    /// The file in which the builder is to name what it pushed into the registry, by digest; none where it
    /// puts the image into the engine.
    pub(super) pushed: Option<&'h Path>,
    /// Whether it builds without a cache, whatever the plan says.
    pub(super) no_cache: bool,
    /// Whether the run pushes: caches are written then alone.
    pub(super) pushing: bool,
    /// What buildx is to allow.
    pub(super) entitlements: &'h [&'static str],
}

/// What stands behind `docker` to build the image from `sources` and name it by its content
/// reference.
pub(super) fn build_arguments(
    plan: &Plan,
    image: &Image,
    sources: Sources,
    how: How<'_>,
) -> Vec<String> {
    let image = Image {
        dockerfile: sources.dockerfile,
        context: sources.context,
        contexts: sources.named,
        no_cache: image.no_cache || how.no_cache,
        ..image.clone()
    };
    let provenance_off = buildx::without_provenance(&image);
    let mut arguments = vec!["buildx".to_owned(), "build".to_owned()];
    match how.pushed {
        None => arguments.push("--load".to_owned()),
        Some(file) => arguments.extend([
            format!(
                "--output=type=image,name={},push-by-digest=true,name-canonical=true,push=true",
                image.repository
            ),
            format!("--metadata-file={}", file.display()),
        ]),
    }
    arguments.extend(["--progress=plain", "--builder", how.builder].map(str::to_owned));
    // What is pushed by digest cannot have a tag.
    let is_taken = |flag: &Flag| how.pushed.is_none() || flag.name != "--tag";
    for flag in buildx::flags(plan, &image).into_iter().filter(is_taken) {
        arguments.push(flag.name.to_owned());
        arguments.extend(flag.value);
    }
    if how.pushing {
        for cache in image.cache_to {
            arguments.extend(["--cache-to".to_owned(), cache]);
        }
    }
    for entitlement in how.entitlements {
        arguments.extend(["--allow", entitlement].map(str::to_owned));
    }
    if provenance_off {
        arguments.push("--provenance=false".to_owned());
    }
    arguments.push(buildx::local_path(&image.context));
    arguments
}

/// The words as a POSIX shell reads them back.
pub(super) fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(shell_word).collect();
    quoted.join(" ")
}

/// A word as a POSIX shell reads it back.
pub(in crate::run) fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::exec::contexts::{Contexts, WorkingTree};
    use crate::run::exec::tests::{image, plan};

    /// The arguments but those that every build has.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Image), pushing: bool, expected: &str) {
        let mut plan = plan(vec![image("base", &[]), image("app", &["base"])]);
        change(&mut plan.images[1]);
        let sources = WorkingTree
            .sources(&plan.images[1])
            .expect("a plain folder");
        let how = How {
            builder: "default",
            pushed: None,
            no_cache: false,
            pushing,
            entitlements: &["network.host"],
        };
        let arguments = build_arguments(&plan, &plan.images[1], sources, how);
        let mut line = shell_line(arguments.iter().map(String::as_str));
        for fixed in [
            "buildx build --load --progress=plain --builder default ",
            "--file app/Dockerfile ",
            "--build-context us/base=docker-image://us/base:sw-base ",
            "--label dev.shipwright.fingerprint=app ",
            "--tag us/app:sw-app ",
            "--allow network.host ",
        ] {
            assert!(line.contains(fixed), "{line}");
            line = line.replace(fixed, "");
        }
        assert_eq!(line, expected);
    }

    #[test]
    fn each_field_has_its_option() {
        let off = "--provenance=false app";
        check(|_| {}, false, off);
        check(
            |image| image.target = Some("prod".into()),
            false,
            &format!("--target prod {off}"),
        );
        check(
            |image| image.no_cache = true,
            false,
            &format!("--no-cache {off}"),
        );
        check(|image| image.cache_to = vec!["us/c".into()], false, off);
        check(
            |image| image.cache_to = vec!["us/c".into()],
            true,
            &format!("--cache-to us/c {off}"),
        );
        let sbom = |image: &mut Image| image.attest = vec!["type=sbom".into()];
        check(sbom, false, &format!("--attest type=sbom {off}"));
        let provenance = |image: &mut Image| image.attest = vec!["type=provenance".into()];
        check(provenance, false, "--attest type=provenance app");
        check(
            |image| image.context = "-".into(),
            false,
            "--provenance=false ./-",
        );
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let words = ["a/b:1", "", "it's", "$x `y`", "a\\b", "-x"];
        assert_eq!(shell_line(words), r"a/b:1 '' 'it'\''s' '$x `y`' 'a\b' -x");
    }
}
