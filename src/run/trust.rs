//! What a plan reaches beyond the checkout. Its configuration may be a stranger's, so that is asked for, as
//! `docker buildx bake` does it: `docker build` of the same Dockerfile would reach none of it.
#![allow(
    clippy::disallowed_methods,
    reason = "links are followed before a path counts as within the checkout"
)]

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::diagnostics::{Code, Diagnostic};
use crate::plan::{Image, Plan, Secret};
use crate::run::exec::progress::printable;
use crate::run::exec::shell_word;

/// Something beyond the checkout, as `--allow` takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// A file or a folder of this machine, with all below it.
    File(PathBuf),
    /// The network of the machine that builds, and not one of the build's own.
    HostNetwork,
    /// Privileges of the machine that builds.
    Insecure,
    /// Agents and keys of SSH.
    Ssh,
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("fs=")) {
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            ("network.host", _) => Ok(Self::HostNetwork),
            ("security.insecure", _) => Ok(Self::Insecure),
            ("ssh", _) => Ok(Self::Ssh),
            _ => Err("expected fs=PATH, network.host, security.insecure or ssh".to_owned()),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "fs={}", path.display()),
            Self::HostNetwork => f.write_str("network.host"),
            Self::Insecure => f.write_str("security.insecure"),
            Self::Ssh => f.write_str("ssh"),
        }
    }
}

impl Grant {
    /// The grant with its path as seen from that folder, links followed.
    #[must_use]
    pub(crate) fn seen_from(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(resolved(&folder.join(path))),
            other => other,
        }
    }

    /// What buildx is to be told of it, which asks for these itself.
    pub(crate) fn entitlement(&self) -> Option<&'static str> {
        match self {
            Self::HostNetwork => Some("network.host"),
            Self::Insecure => Some("security.insecure"),
            Self::File(_) | Self::Ssh => None,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(granted), Self::File(path)) => path.starts_with(granted),
            (granted, other) => granted == other,
        }
    }
}

/// The places of a checkout.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The root of the plan, from which its paths are.
    pub root: PathBuf,
    /// The top of the checkout; none in a bare repository, where every file lies beyond.
    pub top: Option<PathBuf>,
    /// The git directory, which no build is given anything of.
    pub git_directory: PathBuf,
}

/// One thing that an image reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    /// What it needs to be allowed.
    pub grant: Grant,
    /// The image's name.
    pub image: String,
    /// What it is for, after the image's name: ``reads `/key` as the secret `k` ``.
    pub what: String,
}

/// All that the images of a plan reach beyond the checkout, sorted by what it is.
pub fn reached(plan: &Plan, ground: &Ground) -> Vec<Reach> {
    let mut reached: Vec<Reach> = plan
        .images
        .iter()
        .flat_map(|image| reached_by(image, ground))
        .collect();
    reached.sort();
    reached
}

fn reached_by(image: &Image, ground: &Ground) -> Vec<Reach> {
    let mut reached = Vec::new();
    let mut add = |grant: Option<Grant>, what: String| {
        let image = image.name.clone();
        reached.extend(grant.map(|grant| Reach { grant, image, what }));
    };
    for secret in &image.secrets {
        if let Some(path) = secret_path(secret) {
            let what = format!("reads `{path}` as the secret `{}`", secret.id);
            add(ground.beyond(path), what);
        }
    }
    for ssh in &image.ssh {
        let what = format!("uses the SSH agent or key `{ssh}`");
        add(Some(Grant::Ssh), what.clone());
        let keys = ssh.split_once('=').map_or("", |(_, keys)| keys);
        for key in keys.split(',').filter(|key| !key.is_empty()) {
            add(ground.beyond(key), what.clone());
        }
    }
    if image.network == "host" {
        add(
            Some(Grant::HostNetwork),
            "builds in the host's network".to_owned(),
        );
    }
    for (caches, key, verb) in [
        (&image.cache_from, "src", "reads"),
        (&image.cache_to, "dest", "writes"),
    ] {
        for path in caches.iter().filter_map(|cache| local_path(cache, key)) {
            add(ground.beyond(path), format!("{verb} the cache `{path}`"));
        }
    }
    for (name, place) in &image.contexts {
        let path = place.strip_prefix("oci-layout://").unwrap_or(place);
        if !path.contains("://") {
            let what = format!("uses the folder `{path}` as the context `{name}`");
            add(ground.beyond(path), what);
        }
    }
    reached
}

/// The file of a secret. One that says neither file nor variable is the variable of its name, or else the
/// file of its name.
fn secret_path(secret: &Secret) -> Option<&str> {
    match (&secret.src, &secret.env) {
        (Some(src), _) => Some(src),
        (None, Some(_)) => None,
        (None, None) => Some(&secret.id),
    }
}

/// The path in a cache of the kind `local`: `type=local,dest=PATH`.
fn local_path<'c>(cache: &'c str, key: &str) -> Option<&'c str> {
    let mut fields = cache.split(',').map(|field| {
        let field = field.trim_matches('"');
        field.split_once('=').unwrap_or((field, ""))
    });
    let is_local = fields
        .clone()
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("type") && value.trim() == "local");
    let mut path = fields.by_ref().filter(|_| is_local);
    path.find(|(name, _)| name.trim().eq_ignore_ascii_case(key))
        .map(|(_, value)| value)
}

impl Ground {
    /// What a path needs to be allowed; nothing where it is within the checkout.
    fn beyond(&self, path: &str) -> Option<Grant> {
        let path = resolved(&self.root.join(path));
        let within = |folder: &PathBuf| path.starts_with(resolved(folder));
        let is_ours = self.top.as_ref().is_some_and(within) && !within(&self.git_directory);
        (!is_ours).then_some(Grant::File(path))
    }
}

/// What is reached and not granted.
pub(crate) fn open<'r>(reached: &'r [Reach], granted: &[Grant]) -> impl Iterator<Item = &'r Reach> {
    let is_granted = |reach: &Reach| granted.iter().any(|granted| granted.covers(&reach.grant));
    reached.iter().filter(move |reach| !is_granted(reach))
}

/// What is reached and not granted, as lines of a question.
pub(crate) fn question(reached: &[Reach], granted: &[Grant]) -> String {
    let mut lines = vec!["this plan needs access beyond the checkout:".to_owned()];
    for Reach { grant, image, what } in open(reached, granted) {
        let line = format!("`{image}` {what} (--allow {grant})");
        lines.push(format!("  {}", printable(&line)));
    }
    lines.join("\n") + "\n"
}

/// An error for each thing that is reached and not granted.
pub(crate) fn refused(reached: &[Reach], granted: &[Grant]) -> Vec<Diagnostic> {
    let refused = open(reached, granted).map(|reach| {
        let Reach { grant, image, what } = reach;
        let allow = shell_word(&grant.to_string());
        Diagnostic::new(Code::NotAllowed, format!("`{image}` {what}")).help(format!(
            "allow it with `--allow {allow}`, or in SHIPWRIGHT_ALLOW"
        ))
    });
    refused.collect()
}

/// What a run of the plan would ask for, and the variables that its secrets read.
pub fn notes(plan: &Plan, ground: &Ground) -> Vec<Diagnostic> {
    let note = |message: String| Diagnostic::new(Code::BeyondCheckout, message);
    let mut notes: Vec<Diagnostic> = reached(plan, ground)
        .into_iter()
        .map(|Reach { grant, image, what }| {
            let help = format!(
                "`exec` asks for `--allow {}`",
                shell_word(&grant.to_string())
            );
            note(format!("`{image}` {what}")).help(help)
        })
        .collect();
    for image in &plan.images {
        for Secret { id, env, .. } in &image.secrets {
            if let Some(env) = env {
                let image = &image.name;
                notes.push(note(format!(
                    "`{image}` reads the variable `{env}` as the secret `{id}`"
                )));
            }
        }
    }
    notes
}

/// An absolute path with links followed as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let parts: Vec<Component<'_>> = path.components().collect();
    for there in (0..=parts.len()).rev() {
        let start: PathBuf = parts[..there].iter().collect();
        let Ok(mut end) = start.canonicalize() else {
            continue;
        };
        for part in &parts[there..] {
            match part {
                Component::ParentDir => {
                    end.pop();
                }
                Component::Normal(name) => end.push(name),
                _ => {}
            }
        }
        return end;
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::run::exec::tests::{image, plan};

    /// What an image asks for in a checkout that has a link `out` to a folder beside it, which is `%`.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Image), expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let beside = folder.path().canonicalize().expect("it is there");
        let top = beside.join("top");
        fs::create_dir_all(top.join("root")).expect("a folder");
        symlink("../..", top.join("root/out")).expect("a link");
        let ground = Ground {
            root: top.join("root"),
            git_directory: top.join(".git"),
            top: Some(top),
        };
        let mut image = image("a", &[]);
        change(&mut image);
        let reached = reached(&plan(vec![image]), &ground);
        let beside = beside.to_string_lossy().into_owned();
        let asked: Vec<String> = reached
            .iter()
            .map(|reach| reach.grant.to_string().replace(&beside, "%"))
            .collect();
        assert_eq!(asked, expected);
        assert_eq!(refused(&reached, &[]).len(), expected.len());
        let all = [Grant::File("/".into()), Grant::HostNetwork, Grant::Ssh];
        assert!(refused(&reached, &all).is_empty());
    }

    fn secret(id: &str, env: Option<&str>, src: Option<&str>) -> Secret {
        Secret {
            id: id.to_owned(),
            env: env.map(str::to_owned),
            src: src.map(str::to_owned),
        }
    }

    #[test]
    fn what_lies_beyond_the_checkout_is_asked_for() {
        check(|_| {}, &[]);
        for (src, expected) in [
            ("key", &[][..]),
            ("../key", &[]),
            ("none/../../key", &[]),
            ("../../key", &["fs=%/key"]),
            ("out/key", &["fs=%/key"]),
            ("out/none/../key", &["fs=%/key"]),
            ("../.git/config", &["fs=%/top/.git/config"]),
            ("/none/key", &["fs=/none/key"]),
        ] {
            let secrets = vec![secret("k", None, Some(src))];
            check(|image| image.secrets = secrets, expected);
        }
        let secrets = vec![
            secret("k", Some("TOKEN"), None),
            secret("/none/key", None, None),
        ];
        check(|image| image.secrets = secrets, &["fs=/none/key"]);
        check(|image| image.network = "none".into(), &[]);
        check(|image| image.network = "host".into(), &["network.host"]);
        check(|image| image.ssh = vec!["default".into()], &["ssh"]);
        check(
            |image| image.ssh = vec!["k=/none/a,own".into()],
            &["fs=/none/a", "ssh"],
        );
        for (cache, expected) in [
            ("us/c", &[][..]),
            ("type=registry,ref=us/c", &[]),
            ("type=local,src=cache", &[]),
            ("type=local,src=/none/c", &["fs=/none/c"]),
            ("\"src=/none/c\",\"type=local\"", &["fs=/none/c"]),
        ] {
            check(|image| image.cache_from = vec![cache.into()], expected);
        }
        let cache = "type=local,mode=max,dest=/none/c".to_owned();
        check(|image| image.cache_to = vec![cache], &["fs=/none/c"]);
        for (place, expected) in [
            ("docker-image://alpine", &[][..]),
            ("../other", &[]),
            ("/none/other", &["fs=/none/other"]),
            ("oci-layout:///none/x", &["fs=/none/x"]),
        ] {
            let contexts = [("c".to_owned(), place.to_owned())].into();
            check(|image| image.contexts = contexts, expected);
        }
    }

    #[test]
    fn a_grant_is_read_and_covers_what_is_below() {
        for (text, expected) in [
            ("fs=a/b", Some(Grant::File("a/b".into()))),
            ("network.host", Some(Grant::HostNetwork)),
            ("security.insecure", Some(Grant::Insecure)),
            ("ssh", Some(Grant::Ssh)),
            ("fs=", None),
            ("fs", None),
            ("network", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
        let file = |path: &str| Grant::File(path.into());
        assert!(file("/a").covers(&file("/a/b")));
        assert!(!file("/a").covers(&file("/ab")));
        assert!(!file("/").covers(&Grant::Ssh));
    }
}
