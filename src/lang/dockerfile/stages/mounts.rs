//! `RUN --mount` after expansion (semantics §9.4, §15.1).

use super::state::{Neighbours, State};
use super::table::SCRATCH;
use super::{ContextSource, ReadKind, Step, checks};
use crate::lang::dockerfile::instruction::{Mount as Fields, RunCommand};
use crate::lang::go::text::{lower, quote};
use crate::paths;

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MountType {
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

impl MountType {
    fn parse(text: &str) -> Option<Self> {
        Some(match &*lower(text) {
            "bind" => Self::Bind,
            "cache" => Self::Cache,
            "tmpfs" => Self::Tmpfs,
            "secret" => Self::Secret,
            "ssh" => Self::Ssh,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Cache => "cache",
            Self::Tmpfs => "tmpfs",
            Self::Secret => "secret",
            Self::Ssh => "ssh",
        }
    }
}

/// A mount. A text is `None` where it depends on something unknown.
#[derive(Debug)]
struct Mount {
    /// `None` where it depends on something unknown.
    kind: Option<MountType>,
    from: Option<String>,
    source: Option<String>,
    target: Option<String>,
    id: Option<String>,
    sharing: bool,
    /// The first of `mode`, `uid` and `gid` that is there.
    ownership: [bool; 3],
}

impl Mount {
    /// Expands and checks the fields of a mount.
    ///
    /// # Errors
    /// When a field is wrong, in BuildKit's words.
    fn new(
        fields: &Fields<'_>,
        mut expand: impl FnMut(&str) -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        let mut mount = Self {
            kind: Some(MountType::Bind),
            from: Some(String::new()),
            source: Some(String::new()),
            target: Some(String::new()),
            id: Some(String::new()),
            sharing: false,
            ownership: [false; 3],
        };
        for field in &fields.fields {
            match &field.value {
                None => mount.switch(&field.key, &field.text)?,
                Some(value) => {
                    let value = expand(value)?;
                    mount.set(&field.key, &field.text, value)?;
                }
            }
        }
        mount.check()?;
        Ok(mount)
    }

    /// A field without a value.
    fn switch(&self, key: &str, field: &str) -> Result<(), String> {
        match key {
            "readonly" | "ro" | "readwrite" | "rw" => Ok(()),
            "required" => self.only_for(key, &[MountType::Secret, MountType::Ssh]),
            _ => Err(format!("invalid field '{field}' must be a key=value pair")),
        }
    }

    fn set(&mut self, key: &str, field: &str, value: Option<String>) -> Result<(), String> {
        let invalid = |value: &str| format!("invalid value for {key}: {value}");
        match (key, value) {
            ("type", None) => self.kind = None,
            ("type", Some(value)) => {
                let kind = MountType::parse(&value);
                self.kind =
                    Some(kind.ok_or_else(|| format!("unsupported mount type {}", quote(&value)))?);
            }
            ("from", value) => self.from = value,
            ("source" | "src", value) => self.source = value,
            ("target" | "dst" | "destination", value) => self.target = value,
            ("id", value) => self.id = value,
            ("env", _) => {}
            ("readonly" | "ro" | "readwrite" | "rw", value) => {
                if let Some(value) = value.filter(|v| checks::boolean(v).is_none()) {
                    return Err(invalid(&value));
                }
            }
            ("required", value) => {
                self.only_for(key, &[MountType::Secret, MountType::Ssh])?;
                if let Some(value) = value.filter(|v| checks::boolean(v).is_none()) {
                    return Err(invalid(&value));
                }
            }
            ("size", value) => {
                self.only_for(key, &[MountType::Tmpfs])?;
                if let Some(value) = value.filter(|v| !checks::is_size(v)) {
                    return Err(invalid(&value));
                }
            }
            ("sharing", value) => {
                if let Some(value) = value {
                    if !matches!(&*lower(&value), "shared" | "private" | "locked") {
                        return Err(format!("unsupported sharing value {}", quote(&value)));
                    }
                    self.sharing = true;
                }
            }
            ("mode" | "uid" | "gid", value) => {
                let (index, radix) = match key {
                    "mode" => (0, 8),
                    "uid" => (1, 10),
                    _ => (2, 10),
                };
                if let Some(value) = value.filter(|v| checks::unsigned(v, radix).is_none()) {
                    return Err(format!("invalid value {value} for {key}"));
                }
                self.ownership[index] = true;
            }
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
        Ok(())
    }

    /// Refuses a key that the type, as far as it is read, does not have.
    fn only_for(&self, key: &str, kinds: &[MountType]) -> Result<(), String> {
        match self.kind {
            Some(kind) if !kinds.contains(&kind) => Err(format!(
                "unexpected key '{key}' for mount type '{}'",
                kind.name()
            )),
            _ => Ok(()),
        }
    }

    /// What the fields must not be together.
    fn check(&self) -> Result<(), String> {
        let Some(kind) = self.kind else {
            return Ok(());
        };
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
        let is_missing = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
        if matches!(kind, MountType::Bind | MountType::Tmpfs) {
            let names = ["mode", "uid", "gid"].into_iter().zip(self.ownership);
            if let Some((name, _)) = names.into_iter().find(|&(_, given)| given) {
                let kind = quote(kind.name());
                return Err(format!("{name} not allowed for {kind} type mounts"));
            }
        }
        if kind == MountType::Secret {
            if is_given(&self.from) {
                return Err("secret mount should not have a from".to_owned());
            }
            if self.sharing {
                return Err("secret mount should not define sharing".to_owned());
            }
            if is_missing(&self.source) && is_missing(&self.target) && is_missing(&self.id) {
                let message = "invalid secret mount. one of source, target required";
                return Err(message.to_owned());
            }
            if is_given(&self.source) && is_given(&self.id) {
                return Err("both source and id can't be set".to_owned());
            }
        }
        if self.sharing && kind != MountType::Cache {
            let kind = kind.name();
            return Err(format!("invalid cache sharing set for {kind} mount"));
        }
        Ok(())
    }

    /// Whether it may show the build context: it is of type bind, or of an unknown one, and has no
    /// other source.
    fn reads_context(&self) -> bool {
        matches!(self.kind, None | Some(MountType::Bind)) && self.has_no_from()
    }

    /// Whether BuildKit notes its source as a path of the context: also where it shows nothing of it.
    fn is_recorded(&self) -> bool {
        matches!(self.kind, None | Some(MountType::Bind | MountType::Tmpfs)) && self.has_no_from()
    }

    /// Whether it shows what its source holds: the one that is named, and for a cache that of
    /// `scratch`, which a stage may be called.
    fn starts_from_source(&self) -> bool {
        !self.has_no_from() || self.kind == Some(MountType::Cache)
    }

    fn has_no_from(&self) -> bool {
        self.from.as_ref().is_none_or(String::is_empty)
    }

    /// Checks where it is mounted, in a folder that is `None` where nobody knows it.
    ///
    /// # Errors
    /// When that is the root, or the type takes no such source.
    fn check_target(&self, workdir: Option<&str>) -> Result<(), String> {
        match self.kind {
            Some(MountType::Ssh) if self.source.as_ref().is_some_and(|s| !s.is_empty()) => {
                return Err("ssh does not support source".to_owned());
            }
            Some(MountType::Secret | MountType::Ssh) => return Ok(()),
            _ => {}
        }
        let is_root = match (self.target.as_deref(), workdir) {
            (Some(target), _) if target.starts_with('/') => target == "/",
            (Some(target), Some(workdir)) => paths::clean(&format!("/{workdir}/{target}")) == "/",
            _ => false,
        };
        if is_root {
            return Err(format!("invalid mount target {}", quote("/")));
        }
        Ok(())
    }
}

impl State<'_> {
    /// Expands and checks the mounts of a `RUN`, and notes in the step what they show of the context.
    ///
    /// # Errors
    /// The first thing that is wrong, in BuildKit's words.
    pub(super) fn mounts(
        &self,
        run: &RunCommand<'_>,
        links: &[Option<usize>],
        neighbours: &Neighbours<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let mut mounts = Vec::with_capacity(run.mounts.len());
        for fields in &run.mounts {
            mounts.push(Mount::new(fields, |word| self.expand(word, step))?);
        }
        for (index, mount) in mounts.into_iter().enumerate() {
            if let Some(number) = links.get(index).copied().flatten()
                && mount.starts_from_source()
                && !neighbours.has(number)
            {
                let from = mount.from.as_deref().filter(|from| !from.is_empty());
                return Err(format!(
                    "cannot mount from stage {} to {}, stage needs to be defined before current command",
                    quote(from.unwrap_or(SCRATCH)),
                    quote(mount.target.as_deref().unwrap_or_default()),
                ));
            }
            mount.check_target(self.folder().as_deref())?;
            let path = mount.source.as_deref().map(paths::within_root);
            if mount.is_recorded() {
                let path = path.as_deref().unwrap_or_default();
                step.recorded_paths.push(format!("/{path}"));
            }
            let source = ContextSource {
                path,
                is_wildcard: false,
                parents: None,
                excludes: [].into(),
                kind: ReadKind::Mount,
            };
            if mount.reads_context() {
                step.sources.push(source);
            } else if links.get(index).copied().flatten().is_some() {
                // One use for each mount that has a source.
                let before = links[..index].iter().flatten().count();
                step.uses[before].read(source);
            }
        }
        Ok(())
    }
}
