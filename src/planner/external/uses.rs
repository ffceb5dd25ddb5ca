//! Every place of an image that takes something from elsewhere, and the name that the lock file has for it.

use std::ops::Range;

use super::Kind;
use crate::config::NamedContext;
use crate::lang::dockerfile::Kind as Instruction;
use crate::lang::dockerfile::stages::{Base, Download, ImageUse, Place, Source, Stage};
use crate::lang::git_source::GitSource;
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::planner::resolve::{PlatformStages, Resolved};

/// The argument that names the program which reads a Dockerfile, in spite of `# syntax=`.
pub(crate) const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// One place that takes something from elsewhere.
#[derive(Debug)]
pub(crate) struct Use {
    /// As [`super::External::key`].
    pub(crate) key: String,
    /// What is taken.
    pub(crate) kind: Kind,
    /// The platform that it is asked for; none where that is the engine's own.
    pub(crate) platform: Option<Platform>,
    /// As [`super::Taker::instruction`].
    pub(crate) instruction: &'static str,
    /// The line that the instruction begins on, from 1; 0 where it stands in none.
    pub(crate) line: usize,
    /// Where it stands in the Dockerfile, in bytes.
    pub(crate) span: Range<usize>,
    /// The named context by which a builder finds the image, where it is named in an instruction.
    pub(crate) context: Option<String>,
    /// The folder within a git repository, with `:` before it; empty for all of it.
    pub(crate) subdir: String,
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
