//! Namespaces in which everybody's images are published. A folder called like one of these does not
//! make it ours.

/// Domains, domains with a path, and namespaces of Docker Hub.
const PUBLISHERS: [&str; 90] = [
    "alpine",
    "amd64",
    "amazon",
    "amazonlinux",
    "apache",
    "arm32v5",
    "arm32v6",
    "arm32v7",
    "arm64v8",
    "atlassian",
    "balenalib",
    "bitnami",
    "bitnamilegacy",
    "chainguard",
    "cgr.dev",
    "cimg",
    "circleci",
    "clickhouse",
    "cloudflare",
    "confluentinc",
    "continuumio",
    "cypress",
    "datadog",
    "docker",
    "docker.elastic.co",
    "docker.n8n.io",
    "dotnet",
    "eclipse",
    "elastic",
    "envoyproxy",
    "fluent",
    "gcr.io/cloud-builders",
    "gcr.io/distroless",
    "gcr.io/google-appengine",
    "gcr.io/google-containers",
    "gcr.io/google.com",
    "gcr.io/kaniko-project",
    "ghcr.io/actions",
    "ghcr.io/astral-sh",
    "ghcr.io/cross-rs",
    "ghcr.io/graalvm",
    "ghcr.io/linuxserver",
    "ghcr.io/puppeteer",
    "ghcr.io/void-linux",
    "gitlab",
    "google",
    "grafana",
    "hashicorp",
    "i386",
    "intel",
    "istio",
    "jenkins",
    "jupyter",
    "k8s.gcr.io",
    "keycloak",
    "kindest",
    "library",
    "linuxserver",
    "mambaorg",
    "mcr.microsoft.com",
    "microsoft",
    "minio",
    "mips64le",
    "moby",
    "nginxinc",
    "nixos",
    "nvcr.io",
    "nvidia",
    "opensuse",
    "openresty",
    "oraclelinux",
    "phusion",
    "ppc64le",
    "prom",
    "public.ecr.aws",
    "pytorch",
    "quay.io/centos",
    "quay.io/condaforge",
    "quay.io/fedora",
    "quay.io/jupyter",
    "quay.io/podman",
    "quay.io/prometheus",
    "quay.io/pypa",
    "redhat",
    "registry.access.redhat.com",
    "registry.gitlab.com/gitlab-org",
    "registry.k8s.io",
    "registry.redhat.io",
    "riscv64",
    "s390x",
];

/// Whether the beginning of a reference, as people write it, is of a known publisher. An image without
/// a namespace is of `library`.
pub(crate) fn is_known(prefix: &str) -> bool {
    let namespace = match prefix.rsplit_once('/') {
        Some((namespace, _)) => namespace,
        None => "library",
    };
    PUBLISHERS.iter().any(|publisher| {
        let rest = namespace.strip_prefix(publisher);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_references() {
        for (prefix, expected) in [
            ("", true),
            ("ros:", true),
            ("library/", true),
            ("gcr.io/distroless/", true),
            ("gcr.io/oss-fuzz-base/", false),
            ("mcr.microsoft.com/dotnet/prereqs:", true),
            ("acme/", false),
            ("bitnamix/", false),
        ] {
            assert_eq!(is_known(prefix), expected, "{prefix}");
        }
    }
}
