//! An image as the arguments of `docker buildx build`.

use std::collections::BTreeMap;

use super::contexts::Sources;
use crate::plan::{Image, Secret};

/// What stands behind `docker` to build the image and name it by its content reference.
///
/// `bound` maps each named context of a dependency to the content reference behind it; `builder` is
/// the one that sees the engine's own images. Caches are written only when pushing.
pub(super) fn build_arguments(
    image: &Image,
    sources: &Sources,
    bound: &BTreeMap<&str, &str>,
    builder: &str,
    pushing: bool,
) -> Vec<String> {
    let mut arguments = Arguments::default();
    for word in ["buildx", "build", "--load", "--progress=plain"] {
        arguments.word(word);
    }
    arguments.option("--builder", builder);
    arguments.option("--file", path(&sources.dockerfile));
    arguments.option("--tag", image.reference.as_str());
    if let Some(target) = &image.target {
        arguments.option("--target", target.as_str());
    }
    if !image.platforms.is_empty() {
        arguments.option("--platform", image.platforms.join(","));
    }
    for (key, value) in &image.labels {
        arguments.option("--label", format!("{key}={value}"));
    }
    for (key, value) in image.build_args.iter().chain(&image.stamp_args) {
        arguments.option("--build-arg", format!("{key}={value}"));
    }
    for (name, content) in bound {
        arguments.option(
            "--build-context",
            format!("{name}=docker-image://{content}"),
        );
    }
    for (name, source) in &sources.named {
        arguments.option("--build-context", format!("{name}={source}"));
    }
    for secret in &image.secrets {
        arguments.option("--secret", secret_value(secret));
    }
    for agent in &image.ssh {
        arguments.option("--ssh", agent.as_str());
    }
    if !image.network.is_empty() {
        arguments.option("--network", image.network.as_str());
    }
    for cache in &image.cache_from {
        arguments.option("--cache-from", cache.as_str());
    }
    for cache in image.cache_to.iter().filter(|_| pushing) {
        arguments.option("--cache-to", cache.as_str());
    }
    if !image
        .attest
        .iter()
        .any(|attestation| is_provenance(attestation))
    {
        // On by default, it would hold times and wrap the image in an index of its own.
        arguments.word("--provenance=false");
    }
    for attestation in &image.attest {
        arguments.option("--attest", attestation.as_str());
    }
    if image.no_cache {
        arguments.word("--no-cache");
    }
    arguments.word(path(&sources.context));
    arguments.0
}

fn is_provenance(attestation: &str) -> bool {
    attestation
        .split(',')
        .any(|field| field.trim() == "type=provenance")
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn word(&mut self, word: impl Into<String>) {
        self.0.push(word.into());
    }

    fn option(&mut self, name: &str, value: impl Into<String>) {
        self.word(name);
        self.word(value);
    }
}

/// A path that cannot be taken for an option, nor `-` for standard input.
fn path(path: &str) -> String {
    if path.starts_with('-') {
        format!("./{path}")
    } else {
        path.to_owned()
    }
}

/// A secret as docker reads it: a record of comma-separated fields.
fn secret_value(secret: &Secret) -> String {
    let mut value = field("id", &secret.id);
    for (key, source) in [("env", &secret.env), ("src", &secret.src)] {
        if let Some(source) = source {
            value.push(',');
            value.push_str(&field(key, source));
        }
    }
    value
}

/// `key=value`, in quotes where the value would end the field.
fn field(key: &str, value: &str) -> String {
    let field = format!("{key}={value}");
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

/// The words as a POSIX shell reads them back.
pub(super) fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(shell_word).collect();
    quoted.join(" ")
}

fn shell_word(word: &str) -> String {
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
    use crate::exec::contexts::{Contexts, WorkingTree};
    use crate::exec::tests::image;

    /// The arguments between the fixed first ones and the context.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Image), expected: &str) {
        let mut image = image("app", &[]);
        change(&mut image);
        let sources = WorkingTree.sources(&image).expect("a plain folder");
        let bound = BTreeMap::from([("base", "us/base:sw-1")]);
        let arguments = build_arguments(&image, &sources, &bound, "default", false);
        let line = shell_line(arguments.iter().map(String::as_str));
        let rest = line
            .strip_prefix(
                "buildx build --load --progress=plain --builder default --file app/Dockerfile \
                 --tag us/app:sw-app",
            )
            .expect("the fixed first ones");
        let rest = rest.replace(" --label dev.shipwright.fingerprint=app", "");
        let rest = rest.replace(" --build-context base=docker-image://us/base:sw-1", "");
        assert_eq!(rest.trim_start(), expected);
    }

    #[test]
    fn each_field_has_its_option() {
        check(|_| {}, "--provenance=false app");
        check(
            |i| i.target = Some("prod".into()),
            "--target prod --provenance=false app",
        );
        check(
            |i| i.platforms = vec!["linux/amd64".into(), "linux/arm64".into()],
            "--platform linux/amd64,linux/arm64 --provenance=false app",
        );
        check(
            |i| {
                i.build_args.insert("A".into(), "it's $x".into());
                i.stamp_args.insert("V".into(), String::new());
            },
            r"--build-arg 'A=it'\''s $x' --build-arg V= --provenance=false app",
        );
        check(
            |i| {
                i.contexts.insert("lib".into(), "shared/lib".into());
            },
            "--build-context lib=shared/lib --provenance=false app",
        );
        check(
            |i| i.ssh = vec!["default".into()],
            "--ssh default --provenance=false app",
        );
        check(
            |i| i.network = "none".into(),
            "--network none --provenance=false app",
        );
        check(|i| i.no_cache = true, "--provenance=false --no-cache app");
        check(
            |i| i.cache_from = vec!["us/c".into()],
            "--cache-from us/c --provenance=false app",
        );
        check(
            |i| i.cache_to = vec!["us/c".into()],
            "--provenance=false app",
        );
        check(
            |i| i.attest = vec!["type=provenance".into()],
            "--attest type=provenance app",
        );
        check(
            |i| i.attest = vec!["type=sbom".into()],
            "--provenance=false --attest type=sbom app",
        );
        check(|i| i.context = "-".into(), "--provenance=false ./-");
    }

    #[test]
    fn a_secret_is_one_record() {
        let secret = |env: Option<&str>, src: Option<&str>| Secret {
            id: "npm".to_owned(),
            env: env.map(str::to_owned),
            src: src.map(str::to_owned),
        };
        assert_eq!(secret_value(&secret(None, None)), "id=npm");
        assert_eq!(secret_value(&secret(Some("T"), None)), "id=npm,env=T");
        assert_eq!(
            secret_value(&secret(None, Some("a,\"b"))),
            "id=npm,\"src=a,\"\"b\""
        );
    }
}
