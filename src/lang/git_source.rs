//! Whether a source of `ADD` is a git repository, and which part of it (semantics §14.2).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::lang::go::text::{parse_bool, quote};
use crate::lang::percent;
use crate::paths;

/// A source that is fetched with git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// What git clones, without what says which part.
    pub remote: String,
    /// Branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// Folder within the repository; empty for all of it.
    pub subdir: String,
    /// The commit that the reference must be; empty where none is asked for.
    pub checksum: String,
    /// Whether `.git` stays in what is fetched, if the query says so.
    pub keep_git_dir: Option<bool>,
    /// Whether the text looks like a path (`github.com/o/r`): a git source where a build context is
    /// named, a local path in `ADD`.
    pub looks_local: bool,
}

/// `user@host:path?query#fragment`.
static SCP_STYLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:.*?)(?:\?(.*?))?(?:#(.*))?$")
        .expect("the pattern is valid")
});

/// A URL in the pieces that matter here.
struct Url {
    /// Everything before query and fragment, as Go writes it.
    base: String,
    /// What follows the host, with escapes undone.
    path: String,
    /// The last value of a key stands last.
    query: BTreeMap<String, Vec<String>>,
    /// With escapes undone.
    fragment: String,
}

impl GitSource {
    /// Reads a source; `None` where it is not one for git.
    ///
    /// # Errors
    /// When it is one for git, and its query asks for something that does not exist or contradicts
    /// the rest; in BuildKit's words.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(None);
        }
        let looks_local = text.starts_with("github.com/");
        let url = if looks_local || text.contains("://") {
            parse_url(text).filter(|url| looks_local || is_git_url(url))
        } else {
            parse_scp_style(text)
        };
        let Some(url) = url else {
            return Ok(None);
        };
        let (reference, subdir) = url.fragment.split_once(':').unwrap_or((&*url.fragment, ""));
        let mut source = Self {
            remote: url.base,
            reference: reference.to_owned(),
            subdir: paths::within_root(subdir),
            checksum: String::new(),
            keep_git_dir: None,
            looks_local,
        };
        source.apply_query(&url.query)?;
        Ok(Some(source))
    }

    fn apply_query(&mut self, query: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
        let (mut tag, mut branch) = ("", "");
        for (key, values) in query {
            let is_switch = matches!(&**key, "submodules" | "keep-git-dir" | "fetch-by-commit");
            let value = match &values[..] {
                [value] if !value.is_empty() => value.as_str(),
                [_] if is_switch => "true",
                [_] => return Err(format!("query {} has no value", quote(key))),
                _ => return Err(format!("query {} has multiple values", quote(key))),
            };
            match &**key {
                "ref" => agree("ref", &mut self.reference, value)?,
                "tag" => tag = value,
                "branch" => branch = value,
                "subdir" => agree("subdir", &mut self.subdir, value)?,
                "checksum" | "commit" => value.clone_into(&mut self.checksum),
                "mtime" if matches!(value, "checkout" | "commit") => {}
                "mtime" => {
                    let allowed = r#"(must be "checkout" or "commit")"#;
                    return Err(format!("invalid mtime value: {} {allowed}", quote(value)));
                }
                _ if is_switch => {
                    let on = parse_bool(value)
                        .ok_or_else(|| format!("invalid {key} value: {}", quote(value)))?;
                    if key == "keep-git-dir" {
                        self.keep_git_dir = Some(on);
                    }
                }
                _ => return Err(format!("unexpected query {}", quote(key))),
            }
        }
        if !tag.is_empty() {
            agree("ref", &mut self.reference, &prefixed("refs/tags/", tag))?;
        }
        if !branch.is_empty() {
            if !tag.is_empty() {
                return Err("branch conflicts with tag".to_owned());
            }
            agree("ref", &mut self.reference, &prefixed("refs/heads/", branch))?;
        }
        Ok(())
    }
}

/// Sets `field` to `value` unless it has another value already.
fn agree(what: &str, field: &mut String, value: &str) -> Result<(), String> {
    if !field.is_empty() && field != value {
        return Err(format!(
            "{what} conflicts: {} vs {}",
            quote(field),
            quote(value)
        ));
    }
    value.clone_into(field);
    Ok(())
}

fn prefixed(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) {
        name.to_owned()
    } else {
        format!("{prefix}{name}")
    }
}

/// Whether the scheme is one of git's; over HTTP the path must say so too.
fn is_git_url(url: &Url) -> bool {
    let scheme = url.base.split(':').next().unwrap_or_default();
    match scheme {
        "ssh" | "git" => true,
        "http" | "https" => url.path.strip_suffix(".git").is_some(),
        _ => false,
    }
}

/// Splits a URL; `None` where Go refuses it, which makes it no git source.
fn parse_url(text: &str) -> Option<Url> {
    if text.bytes().any(|b| b.is_ascii_control()) {
        return None;
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (written, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut base, path) = match written.split_once("://") {
        None => (String::new(), written),
        Some((scheme, after)) => {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            if !is_authority(authority) {
                return None;
            }
            let slashes = if after.is_empty() { "" } else { "//" };
            let scheme = scheme.to_ascii_lowercase();
            (format!("{scheme}:{slashes}{authority}"), path)
        }
    };
    let decoded = percent::decode(path)?;
    base.push_str(&percent::path_of_url(path, &decoded));
    if query.is_empty() && rest.ends_with('?') {
        base.push('?');
    }
    Some(Url {
        base,
        path: decoded,
        query: parse_query(query).0,
        fragment: percent::decode(fragment)?,
    })
}

/// Whether Go accepts this as `[user[:password]@]host[:port]`.
fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let is_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    let is_host = |b: u8| {
        !b.is_ascii() || b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&b)
    };
    let port = if host.starts_with('[') {
        match host.rsplit_once(']') {
            Some((_, "")) => "",
            Some((_, after)) => match after.strip_prefix(':') {
                Some(port) => port,
                None => return false,
            },
            None => return false,
        }
    } else {
        host.rsplit_once(':').map_or("", |(_, port)| port)
    };
    user.bytes().all(is_user)
        && percent::decode(user).is_some()
        && host.bytes().all(is_host)
        && port.bytes().all(|b| b.is_ascii_digit())
}

fn parse_scp_style(text: &str) -> Option<Url> {
    let groups = SCP_STYLE.captures(text)?;
    let group = |index| groups.get(index).map_or("", |found| found.as_str());
    let (query, clean) = parse_query(group(2));
    clean.then(|| Url {
        base: group(1).to_owned(),
        path: String::new(),
        query,
        fragment: group(3).to_owned(),
    })
}

/// The pairs of a query, and whether all of it could be read; what cannot be read is left out.
fn parse_query(text: &str) -> (BTreeMap<String, Vec<String>>, bool) {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut clean = true;
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded =
            percent::decode(&key.replace('+', " ")).zip(percent::decode(&value.replace('+', " ")));
        match decoded {
            Some((key, value)) if !pair.contains(';') => {
                pairs.entry(key).or_default().push(value);
            }
            _ => clean = false,
        }
    }
    (pairs, clean)
}
