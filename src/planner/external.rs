//! What images take from the world outside: the references that a build would ask a registry, a server
//! or a git host for, and what the lock file says of each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use globset::{GlobSet, GlobSetBuilder};

use crate::config::lock::{Lock, LockFile, LockedImage, LockedPlatform, is_version_of, key_of};
use crate::config::{Config, NamedContext};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::Kind as Instruction;
use crate::lang::dockerfile::stages::{Base, Download, ImageUse, Place, Source, Stage};
use crate::lang::git_source::GitSource;
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;
use crate::planner::resolve::{PlatformStages, Resolved};

/// The argument that names the program which reads a Dockerfile, in spite of `# syntax=`.
pub(crate) const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// What a lock file says of references, where there is one.
#[derive(Debug, Default)]
pub(crate) struct Locks<'l> {
    lock: Option<&'l Lock>,
    /// References that stay out of it.
    unlocked: GlobSet,
}

/// The kinds of things that come from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An image that something is taken from.
    Image,
    /// The image of a program that reads a Dockerfile.
    Frontend,
    /// A file that is downloaded.
    Download,
    /// A git repository.
    Git,
}

/// Something from elsewhere, and what takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Images and the programs that read Dockerfiles: the full name; downloads: the URL; git: `URL#REF`.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// The platforms that it is built for, as keys of a lock file.
    pub platforms: BTreeSet<String>,
    /// Whether it is built for the engine's own platform too, which nobody knows here.
    pub any_platform: bool,
    /// Whether it looks like an image of this repository, and none is called so.
    pub looks_ours: bool,
    /// What takes it.
    pub takers: Vec<Taker>,
}

/// An instruction that takes something from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taker {
    /// Name of the image.
    pub image: String,
    /// Path of its Dockerfile.
    pub dockerfile: String,
    /// `FROM`, `COPY --from`, `RUN --mount`, `ADD` or `# syntax`.
    pub instruction: &'static str,
    /// The line that it begins on, from 1; 0 where it stands in none.
    pub line: usize,
}

/// One place that takes something from elsewhere.
#[derive(Debug)]
pub(crate) struct Use {
    /// As [`External::key`].
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// The platform that it is asked for; none where that is the engine's own.
    pub(crate) platform: Option<Platform>,
    pub(crate) instruction: &'static str,
    line: usize,
    span: Range<usize>,
    /// The named context by which a builder finds the image, where it is named in an instruction.
    pub(crate) context: Option<String>,
    /// The folder within a git repository, with `:` before it; empty for all of it.
    pub(crate) subdir: String,
}

/// Content to which the lock file holds a reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    /// As [`External::key`].
    pub(crate) name: String,
    /// What the reference names, for people: of an image the digest of its own manifest.
    pub(crate) whole: String,
    /// What counts: of an image the digests of platforms, else all there is.
    pub(crate) parts: BTreeMap<String, String>,
}

impl<'l> Locks<'l> {
    /// The facts of a lock file, without what the configuration keeps out of it.
    pub(crate) fn new(lock: Option<&'l Lock>, config: &Config) -> Self {
        let mut unlocked = GlobSetBuilder::new();
        for pattern in config.unlocked.iter() {
            // The configuration has checked it.
            if let Ok(glob) = paths::glob(&pattern.value) {
                unlocked.add(glob);
            }
        }
        Self {
            lock,
            unlocked: unlocked.build().unwrap_or_default(),
        }
    }

    /// Whether there is a lock file, and this belongs into it.
    fn wants(&self, key: &str) -> bool {
        self.lock.is_some() && !self.keeps_out(key)
    }

    /// Whether the configuration keeps a reference out.
    pub(crate) fn keeps_out(&self, key: &str) -> bool {
        let short = || Reference::parse(key).map(|reference| reference.familiar());
        self.unlocked.is_match(key) || short().is_ok_and(|short| self.unlocked.is_match(short))
    }

    /// What is known of an image, by its full name.
    pub(crate) fn image(&self, name: &str) -> Option<&'l LockedImage> {
        self.lock?
            .images
            .get(name)
            .filter(|_| !self.keeps_out(name))
    }

    /// The content to which a place is held; none where the lock file does not say it.
    pub(crate) fn held(&self, used: &Use) -> Option<Held> {
        match used.kind {
            Kind::Image | Kind::Frontend => self.held_image(&used.key, used.platform.as_ref()),
            Kind::Download | Kind::Git => self.held_fetch(used.kind, &used.key),
        }
    }

    /// The same for what an `ADD` fetches.
    pub(crate) fn held_fetch(&self, kind: Kind, key: &str) -> Option<Held> {
        let lock = self.lock.filter(|_| !self.keeps_out(key))?;
        let whole = match kind {
            Kind::Git => lock.git.get(key)?.commit.clone(),
            _ => lock.downloads.get(key)?.checksum.clone(),
        };
        let name = key.to_owned();
        let parts = BTreeMap::from([(String::new(), whole.clone())]);
        Some(Held { name, whole, parts })
    }

    /// Whether the content of a download is known.
    pub(crate) fn has(&self, download: &Download) -> bool {
        fetched(download).is_some_and(|(kind, key)| self.held_fetch(kind, &key).is_some())
    }

    /// The same for an image on a platform; on all that the lock file has where none is given.
    pub(crate) fn held_image(&self, name: &str, platform: Option<&Platform>) -> Option<Held> {
        let image = self.image(name)?;
        let parts = parts(image, platform)?;
        Some(Held {
            name: name.to_owned(),
            whole: image.digest.clone(),
            parts: parts
                .into_iter()
                .map(|(key, found)| (key.clone(), found.digest.clone()))
                .collect(),
        })
    }
}

/// The images of a locked one that a platform may get: one, or one for each version of its operating
/// system; all where no platform is given.
fn parts<'l>(
    image: &'l LockedImage,
    platform: Option<&Platform>,
) -> Option<BTreeMap<&'l String, &'l LockedPlatform>> {
    let Some(platform) = platform else {
        return Some(image.platforms.iter().collect());
    };
    let key = key_of(platform);
    let found: BTreeMap<_, _> = image
        .platforms
        .iter()
        .filter(|(found, _)| is_version_of(found, &key))
        .collect();
    if !found.is_empty() {
        return Some(found);
    }
    image.on(platform)?;
    Some(image.platforms.iter().collect())
}

/// The platform for which the base of a stage is asked for; none where that is the engine's own.
pub(crate) fn base_platform(image: &Resolved<'_>, stage: &Stage<'_>) -> Option<Platform> {
    let is_written = match &stage.from.kind {
        Instruction::From(from) => from.platform.is_some_and(|word| !word.text.contains('$')),
        _ => false,
    };
    let is_asked = is_written || !image.definition.build.platforms.is_empty();
    is_asked.then(|| stage.platform.clone())
}

/// The same for what instructions take from.
pub(crate) fn platform(image: &Resolved<'_>, view: &PlatformStages<'_>) -> Option<Platform> {
    let is_asked = !image.definition.build.platforms.is_empty();
    is_asked.then(|| view.platform.clone())
}

/// The name by which the lock file has the program that reads a Dockerfile, and where it is named;
/// none where that is the builder's own.
pub(crate) fn frontend(image: &Resolved<'_>) -> Option<(String, Range<usize>)> {
    let directive = image.dockerfile.ast.syntax.as_ref();
    let argument = image.definition.build.build_args.get(SYNTAX_ARGUMENT);
    let (name, span) = match (argument, directive) {
        (Some(argument), _) => (argument.split(' ').next()?, 0..0),
        (None, Some(directive)) => (&*directive.value, directive.span.range()),
        (None, None) => return None,
    };
    let name = Reference::parse(name).ok()?.with_default_tag().to_string();
    Some((name, span))
}

/// The name by which the lock file has what an `ADD` fetches; none for what names its content itself.
pub(crate) fn fetched(download: &Download) -> Option<(Kind, String)> {
    if download.is_fixed {
        return None;
    }
    if !download.is_git {
        return Some((Kind::Download, download.text.clone()));
    }
    let git = GitSource::parse(&download.text).ok().flatten()?;
    if !git.checksum.is_empty() {
        return None;
    }
    let key = match git.reference.as_str() {
        "" => git.remote,
        reference => format!("{}#{reference}", git.remote),
    };
    Some((Kind::Git, key))
}

/// The folder that an `ADD` takes of a git repository, as BuildKit names it.
fn subdir(download: &Download) -> String {
    if !download.is_git {
        return String::new();
    }
    let fragment = download.text.split_once('#').map(|(_, fragment)| fragment);
    let written = fragment.and_then(|fragment| fragment.split_once(':'));
    match written {
        Some((_, "")) => String::new(),
        Some((_, folder)) => format!(":{folder}"),
        None => match GitSource::parse(&download.text) {
            Ok(Some(git)) if !git.subdir.is_empty() => format!(":{}", git.subdir),
            _ => String::new(),
        },
    }
}

/// Every place of an image that takes something from elsewhere.
pub(crate) fn uses(image: &Resolved<'_>) -> Vec<Use> {
    let mut uses = Vec::new();
    if let Some((key, span)) = frontend(image) {
        let text = &image.source.text;
        let line = if span.is_empty() {
            0
        } else {
            text[..span.start].matches('\n').count() + 1
        };
        uses.push(Use {
            key,
            kind: Kind::Frontend,
            platform: None,
            instruction: "# syntax",
            line,
            span,
            context: None,
            subdir: String::new(),
        });
    }
    for view in &image.views {
        for stage in view.stages.reachable() {
            let of_stage = Within { image, view };
            let place = Place::from(stage.from);
            match &stage.base {
                Base::Image(base) => {
                    uses.extend(of_stage.image(base, base_platform(image, stage), "FROM", place));
                }
                Base::Context(name) => {
                    uses.extend(of_stage.context(name, base_platform(image, stage), "FROM", place));
                }
                Base::Scratch | Base::Stage(_) => {}
            }
            for step in &stage.steps {
                let platform = || platform(image, view);
                for used in &step.uses {
                    let name = used.kind.name();
                    match &used.source {
                        Source::Image(taken) => {
                            uses.extend(of_stage.image(taken, platform(), name, step.place));
                        }
                        Source::Context(context) => {
                            uses.extend(of_stage.context(context, platform(), name, step.place));
                        }
                        Source::Scratch | Source::Stage(_) => {}
                    }
                }
                let fetched = step
                    .downloads
                    .iter()
                    .filter_map(|download| Some((fetched(download)?, subdir(download))));
                uses.extend(fetched.map(|((kind, key), subdir)| Use {
                    key,
                    subdir,
                    kind,
                    platform: None,
                    instruction: "ADD",
                    line: step.place.lines.start,
                    span: step.place.span.range(),
                    context: None,
                }));
            }
        }
    }
    uses
}

/// An image on a platform.
struct Within<'r, 'a> {
    image: &'r Resolved<'a>,
    view: &'r PlatformStages<'a>,
}

impl Within<'_, '_> {
    fn image(
        &self,
        taken: &ImageUse,
        platform: Option<Platform>,
        instruction: &'static str,
        place: Place,
    ) -> Option<Use> {
        let key = taken.full_name();
        if self.view.meanings.get(&key).copied().flatten().is_some() {
            return None;
        }
        Some(Use {
            key,
            kind: Kind::Image,
            platform,
            instruction,
            line: place.lines.start,
            span: place.span.range(),
            context: Some(taken.reference.context_key()),
            subdir: String::new(),
        })
    }

    fn context(
        &self,
        name: &str,
        platform: Option<Platform>,
        instruction: &'static str,
        place: Place,
    ) -> Option<Use> {
        let NamedContext::Image(reference) = self.image.contexts.get(name)? else {
            return None;
        };
        Some(Use {
            key: reference.clone().with_default_tag().to_string(),
            kind: Kind::Image,
            platform,
            instruction,
            line: place.lines.start,
            span: place.span.range(),
            context: None,
            subdir: String::new(),
        })
    }
}

/// Everything that some images take from elsewhere, by kind and name, without what the configuration
/// keeps out of the lock file.
pub(crate) fn all<'r, 'a: 'r>(
    images: impl Iterator<Item = &'r Resolved<'a>>,
    locks: &Locks<'_>,
) -> Vec<External> {
    let mut all: BTreeMap<(bool, Kind, String), External> = BTreeMap::new();
    for image in images {
        for used in uses(image) {
            if locks.keeps_out(&used.key) {
                continue;
            }
            // A program that reads Dockerfiles may be a base too, and has one entry.
            let is_image = matches!(used.kind, Kind::Image | Kind::Frontend);
            let kind = if is_image { Kind::Image } else { used.kind };
            let external = all
                .entry((!is_image, kind, used.key.clone()))
                .or_insert_with(|| External {
                    key: used.key.clone(),
                    kind: used.kind,
                    platforms: BTreeSet::new(),
                    any_platform: false,
                    looks_ours: false,
                    takers: Vec::new(),
                });
            external.kind = external.kind.min(used.kind);
            external.looks_ours |= image.unmatched.contains(&used.key);
            match &used.platform {
                Some(platform) => {
                    external.platforms.insert(key_of(platform));
                }
                None => external.any_platform = true,
            }
            let taker = Taker {
                image: image.definition.name.clone(),
                dockerfile: image.definition.dockerfile.clone(),
                instruction: used.instruction,
                line: used.line,
            };
            if !external.takers.contains(&taker) {
                external.takers.push(taker);
            }
        }
    }
    all.into_values().collect()
}

/// An error for each reference that the lock file lacks, or lacks for a platform.
pub(crate) fn missing<'r, 'a: 'r>(
    images: impl Iterator<Item = &'r Resolved<'a>>,
    locks: &Locks<'_>,
) -> Diagnostics {
    let mut seen = BTreeSet::new();
    let mut problems = Diagnostics::new();
    for image in images {
        for used in uses(image) {
            if !locks.wants(&used.key) || locks.held(&used).is_some() {
                continue;
            }
            let platform = used.platform.as_ref().map(key_of);
            let has_entry = locks.image(&used.key).is_some();
            if !seen.insert((used.key.clone(), platform.clone().filter(|_| has_entry))) {
                continue;
            }
            let key = &used.key;
            let message = match platform.filter(|_| has_entry) {
                Some(platform) => format!("`shipwright.lock` has `{key}` not for {platform}"),
                None => format!("`shipwright.lock` lacks `{key}`"),
            };
            let problem =
                Diagnostic::new(Code::LockMissing, message).at(image.source, used.span.clone(), "");
            problems.push(if image.unmatched.contains(key) {
                problem
                    .help("it looks like an image of this repository, and none is called so")
                    .help(format!(
                        "where it really comes from elsewhere: `shipwright lock --update {key}`"
                    ))
            } else {
                problem.help("`shipwright lock` adds it")
            });
        }
    }
    problems
}

/// A warning for each entry of the lock file that no image takes.
pub(crate) fn unused(file: &LockFile, externals: &[External]) -> Diagnostics {
    let taken: BTreeSet<(bool, &str)> = externals
        .iter()
        .map(|external| (is_image(external), external.key.as_str()))
        .collect();
    let lock = &file.lock;
    let images = lock.images.keys().map(|key| (true, key));
    let others = lock.downloads.keys().chain(lock.git.keys());
    let unused = images
        .chain(others.map(|key| (false, key)))
        .filter(|(is_image, key)| !taken.contains(&(*is_image, key.as_str())));
    let mut warnings = Diagnostics::new();
    warnings.extend(unused.map(|(_, key)| {
        let span = file.keys.get(key).cloned().unwrap_or_default();
        Diagnostic::new(Code::LockUnused, format!("no image takes `{key}`"))
            .at(&file.source, span, "")
            .because_of("unused")
            .help("`shipwright lock` drops it")
    }));
    warnings
}

fn is_image(external: &External) -> bool {
    matches!(external.kind, Kind::Image | Kind::Frontend)
}
