//! An image as `docker buildx build` takes it: the one list of flags behind every runner.

use crate::plan::{Image, Plan, Secret};

/// Variables of the environment that would get into a build although no plan says so. The choice of
/// a builder, logins, agents and the user's source policies stay.
pub(crate) const ENVIRONMENT: [&str; 8] = [
    "DOCKER_DEFAULT_PLATFORM",
    "SOURCE_DATE_EPOCH",
    "BUILDX_GIT_LABELS",
    "BUILDX_GIT_CHECK_DIRTY",
    "BUILDX_NO_DEFAULT_ATTESTATIONS",
    "BUILDX_NO_DEFAULT_OCI_ARTIFACT",
    "BUILDX_BAKE_FILE",
    "BUILDX_BAKE_FILE_RELATIVE_PATHS",
];

/// A flag and, where it takes one, its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    /// `--build-arg`, …
    pub(crate) name: &'static str,
    /// The next argument, where the flag takes one.
    pub(crate) value: Option<String>,
}

/// Every flag but those that depend on the run (`--load`, `--cache-to`), in a fixed order.
pub(crate) fn flags(plan: &Plan, image: &Image) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut add = |name, value: String| {
        let value = Some(value);
        flags.push(Flag { name, value });
    };
    add("--file", local_path(&image.dockerfile));
    if let Some(target) = &image.target {
        add("--target", target.clone());
    }
    if !image.platforms.is_empty() {
        add("--platform", image.platforms.join(","));
    }
    for (name, place) in &image.contexts {
        add(
            "--build-context",
            format!("{name}={}", context_value(place)),
        );
    }
    for (reference, image) in &image.bases {
        add("--build-context", format!("{reference}={image}"));
    }
    for (reference, content) in bindings(plan, image) {
        add(
            "--build-context",
            format!("{reference}=docker-image://{content}"),
        );
    }
    for (name, value) in image.build_args.iter().chain(&image.stamp_args) {
        add("--build-arg", format!("{name}={value}"));
    }
    for (name, value) in &image.labels {
        add("--label", format!("{name}={value}"));
    }
    for secret in &image.secrets {
        add("--secret", secret_value(secret));
    }
    for ssh in &image.ssh {
        add("--ssh", ssh.clone());
    }
    if !image.network.is_empty() {
        add("--network", image.network.clone());
    }
    for cache in &image.cache_from {
        add("--cache-from", cache.clone());
    }
    for attestation in &image.attest {
        add("--attest", attestation.clone());
    }
    add("--tag", image.reference.clone());
    if image.no_cache {
        let name = "--no-cache";
        flags.push(Flag { name, value: None });
    }
    flags
}

/// Whether provenance attestations are to be switched off, which carry times.
pub(crate) fn without_provenance(image: &Image) -> bool {
    let wanted = |attestation: &String| {
        attestation
            .split(',')
            .any(|field| field.trim() == "type=provenance")
    };
    !image.attest.iter().any(wanted)
}

/// The named contexts of an image's dependencies: what the builder looks up, and the content
/// reference that it is to find. The plan has been checked: each dependency has one.
pub(crate) fn bindings<'a>(plan: &'a Plan, image: &'a Image) -> Vec<(&'a str, &'a str)> {
    let bound = |dependency: &'a crate::plan::Dependency| {
        let content = plan.content_reference(dependency)?;
        Some((dependency.reference.as_str(), content))
    };
    image.dependencies.iter().filter_map(bound).collect()
}

/// A path as an argument that no tool takes for a flag, an URL or a keyword.
pub(crate) fn local_path(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    let clear =
        path.chars().all(plain) && !path.starts_with('-') && !path.starts_with("github.com/");
    if clear || path.starts_with('/') || path.starts_with("./") {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

/// The value of a named context: a folder of the checkout, or an image as it is.
pub(crate) fn context_value(place: &str) -> String {
    if place.starts_with("docker-image://") {
        place.to_owned()
    } else {
        local_path(place)
    }
}

/// A secret as `--secret` and bake take it: fields of CSV.
pub(crate) fn secret_value(secret: &Secret) -> String {
    let mut fields = vec![("id", &secret.id)];
    fields.extend(secret.env.iter().map(|env| ("env", env)));
    fields.extend(secret.src.iter().map(|src| ("src", src)));
    let fields = fields
        .iter()
        .map(|(key, value)| csv_field(&format!("{key}={value}")));
    fields.collect::<Vec<_>>().join(",")
}

fn csv_field(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_a_flag_or_an_url() {
        for (path, expected) in [
            ("a/b-c_1.x", "a/b-c_1.x"),
            (".", "."),
            ("-", "./-"),
            ("user@host:a", "./user@host:a"),
            ("github.com/a/b", "./github.com/a/b"),
            ("target:x", "./target:x"),
            ("/home/ü/x", "/home/ü/x"),
        ] {
            assert_eq!(local_path(path), expected);
        }
    }

    #[test]
    fn a_secret_is_one_row_of_csv() {
        let secret = |src: &str| Secret {
            id: "npm".into(),
            env: None,
            src: Some(src.into()),
        };
        assert_eq!(secret_value(&secret("a b")), "id=npm,src=a b");
        assert_eq!(secret_value(&secret("a,\"b")), r#"id=npm,"src=a,""b""#);
    }
}
