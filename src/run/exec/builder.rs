//! Builders of buildx: which one builds, what it can see, and what it cannot be asked for.

use super::engine::Host;
use crate::diagnostics::{Code, Diagnostic};
use crate::run::policy;

/// What `docker buildx inspect` says of a builder, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
struct Builder<'t> {
    driver: &'t str,
    /// The architecture that its first node builds for where no platform is asked for; unknown
    /// while it does not run.
    architecture: Option<&'t str>,
    /// The version of its BuildKit, where that is said.
    buildkit: Option<(u32, u32)>,
}

/// The engine's host with that builder in place of its own.
///
/// # Errors
/// When it is the one of another engine, where nothing would find its images.
pub(super) fn chosen(name: &str, inspected: &str, own: Host) -> Result<Host, Diagnostic> {
    let builder = read(inspected);
    if builder.driver == "docker" {
        let message = format!("the builder `{name}` is another engine");
        return Err(Diagnostic::new(Code::BuilderElsewhere, message)
            .help(format!("use that engine for everything: `docker context use {name}`, or `DOCKER_CONTEXT={name}`"))
            .help("or create a builder that can push: `docker buildx create --name NAME`"));
    }
    Ok(Host {
        architecture: builder.architecture.map_or(own.architecture, str::to_owned),
        builder: name.to_owned(),
        shares_images: false,
        holds_sources: builder
            .buildkit
            .is_none_or(|version| version >= policy::FIRST_BUILDKIT),
    })
}

/// The error for a builder that there is not, or that cannot be read.
pub(super) fn unknown(name: &str, said: &str) -> Diagnostic {
    let message = format!("the builder `{name}` cannot be used");
    Diagnostic::new(Code::BuilderUnknown, message)
        .help(format!("docker reports: {}", said.trim()))
        .help("`docker buildx ls` shows all builders; `--builder` and BUILDX_BUILDER name one")
}

/// The error for images that are to be built from others which the builder cannot see.
pub(super) fn needs_push(builder: &str, missing: &[&str]) -> Diagnostic {
    const SHOWN: usize = 5;
    let names = missing.iter().take(SHOWN);
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let (names, verb) = match missing.len() {
        1 => (names.join(", "), "is"),
        count if count <= SHOWN => (names.join(", "), "are"),
        count => (
            format!("{} and {} more", names.join(", "), count - SHOWN),
            "are",
        ),
    };
    let message = format!("the builder `{builder}` cannot see the engine's images");
    Diagnostic::new(Code::BuilderNeedsPush, message)
        .help(format!(
            "builds need {names}, which {verb} in no registry; `--push` pushes what it builds"
        ))
        .help("without `--builder` and BUILDX_BUILDER, the engine itself builds")
}

fn read(text: &str) -> Builder<'_> {
    let value = |key: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
        value.map(str::trim).filter(|value| !value.is_empty())
    };
    // A platform that was given when the builder was made is marked with a star.
    let platform = value("Platforms").and_then(|platforms| platforms.split(',').next());
    let architecture = platform.and_then(|platform| platform.split('/').nth(1));
    Builder {
        driver: value("Driver").unwrap_or_default(),
        architecture: architecture.map(|name| name.trim_end_matches('*')),
        buildkit: value("BuildKit version").and_then(|version| {
            let mut parts = version.trim_start_matches('v').split('.');
            let mut part = || parts.next()?.parse().ok();
            Some((part()?, part()?))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "\
Name:          team
Driver:        docker-container
Last Activity: 2024-05-06 07:08:09 +0000 UTC

Nodes:
Name:                  team0
Endpoint:              ssh://build@arm64.example.com
Status:                running
BuildKit daemon flags: --allow-insecure-entitlement=network.host
BuildKit version:      v0.13.2
Platforms:             linux/arm64*, linux/arm/v7

Name:                  team1
Endpoint:              ssh://build@amd64.example.com
Status:                running
Platforms:             linux/amd64, linux/386
";

    #[test]
    fn driver_and_architecture_are_found() {
        let stopped =
            "Name: x\nDriver: kubernetes\n\nNodes:\nName: x0\nStatus: inactive\nPlatforms:\n";
        let old = "Driver: remote\nBuildKit version: v0.10.6\n";
        for (text, driver, architecture, buildkit) in [
            (RUNNING, "docker-container", Some("arm64"), Some((0, 13))),
            (stopped, "kubernetes", None, None),
            (old, "remote", None, Some((0, 10))),
            ("", "", None, None),
        ] {
            assert_eq!(
                read(text),
                Builder {
                    driver,
                    architecture,
                    buildkit
                }
            );
        }
    }

    #[test]
    fn only_a_builder_that_can_push_is_taken() {
        let own = || Host {
            architecture: "amd64".to_owned(),
            builder: "default".to_owned(),
            shares_images: true,
            holds_sources: true,
        };
        let team = chosen("team", RUNNING, own()).expect("it can push");
        assert_eq!((&*team.architecture, &*team.builder), ("arm64", "team"));
        assert!(!team.shares_images && team.holds_sources);
        let old = RUNNING.replace("v0.13.2", "v0.10.6");
        let old = chosen("old", &old, own()).expect("it can push");
        assert!(!old.holds_sources);
        let other = chosen("other", "Name: other\nDriver: docker\n", own());
        assert_eq!(
            other.map_err(|problem| problem.code),
            Err(Code::BuilderElsewhere)
        );
    }
}
