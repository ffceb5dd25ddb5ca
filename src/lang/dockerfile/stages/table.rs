//! The table of stages (layer 4): names, bases, platforms and edges, before anything in a stage is
//! expanded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::arguments::{self, Argument, Pieces};
use super::budget::Budget;
use super::config::ImageConfig;
use super::error::{Place, StageError};
use super::lint::Linter;
use super::stage_index::StageIndex;
use super::variables::Variables;
use super::{Base, ImageUse, Origin, Request, Source, UseKind};
use crate::diagnostics::nearest;
use crate::lang::dockerfile::expand::{Expansion, Lexer, Names};
use crate::lang::dockerfile::instruction::{FromImage, Kind};
use crate::lang::dockerfile::{Dockerfile, Instruction};
use crate::lang::go::text::{lower, quote};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;

/// The image that is empty.
pub(super) const SCRATCH: &str = "scratch";

/// Everything that is known of the stages so far, and what is wrong.
pub(super) struct Table<'n, 'r> {
    pub(super) request: &'r Request<'r>,
    pub(super) linter: Linter<'n>,
    pub(super) lexer: Lexer,
    /// The build arguments, `SOURCE_DATE_EPOCH` as BuildKit writes it anew.
    pub(super) build_args: Cow<'r, BTreeMap<String, String>>,
    /// The values of arguments outside of stages, automatic ones included.
    pub(super) scope: Variables,
    pub(super) globals: Vec<Argument>,
    pieces: Pieces,
    /// What is left for expansions of arguments outside of stages.
    budget: Budget,
    pub(super) declared: BTreeSet<String>,
    pub(super) entries: Vec<Entry<'n>>,
    /// What instructions take from elsewhere, in BuildKit's order: their numbers follow those of the
    /// stages.
    pub(super) externals: Vec<External>,
    pub(super) errors: Vec<StageError>,
    /// Those that BuildKit finds only after the edges.
    pub(super) late_errors: Vec<StageError>,
    /// The last stage of each name.
    by_name: BTreeMap<String, StageIndex>,
    pub(super) target: StageIndex,
}

/// A stage.
pub(super) struct Entry<'n> {
    pub(super) name: Option<String>,
    pub(super) from: &'n Instruction<'n>,
    pub(super) place: Place,
    pub(super) base: Base,
    /// Whether a named context takes the place of the whole stage.
    pub(super) replaced: bool,
    pub(super) platform: Platform,
    pub(super) reachable: bool,
    /// What is known of the image that it is built on.
    pub(super) config: ImageConfig,
    pub(super) commands: Vec<Command<'n>>,
}

/// An instruction and the numbers of its sources.
pub(super) struct Command<'n> {
    pub(super) origin: Origin<'n>,
    pub(super) place: Place,
    /// For `COPY` one, for `RUN` one a mount; `None` for the build context.
    pub(super) links: Vec<Option<usize>>,
}

/// Something that an instruction takes from elsewhere.
pub(super) struct External {
    /// As written.
    pub(super) text: String,
    pub(super) kind: UseKind,
    pub(super) place: Place,
    /// What it is, once that is resolved.
    pub(super) source: Source,
}

impl<'n, 'r> Table<'n, 'r> {
    /// Reads what stands outside of stages, the `FROM` lines, and the target.
    pub(super) fn new(
        dockerfile: &'n Dockerfile<'n>,
        request: &'r Request<'r>,
    ) -> Result<Self, Vec<StageError>> {
        let is_from = |i: &&Instruction<'_>| matches!(i.kind, Kind::From(_));
        let Some(last) = dockerfile.instructions.iter().rfind(is_from) else {
            let message = "dockerfile contains no stages to build";
            return Err(vec![StageError::of_file(message).help("add a `FROM`")]);
        };
        let last_name = alias(last).unwrap_or_default();
        let target_name = request.target.filter(|name| !name.is_empty());
        let automatic = arguments::automatic(request, target_name.unwrap_or(&last_name));
        let linter = Linter::new(dockerfile.ast, request.build_args).map_err(|e| vec![e])?;
        let mut table = Self {
            request,
            linter,
            lexer: Lexer::new(dockerfile.ast.escape),
            build_args: Cow::Borrowed(request.build_args),
            scope: automatic.clone(),
            globals: Vec::new(),
            pieces: Pieces::default(),
            budget: Budget::default(),
            declared: BTreeSet::new(),
            entries: Vec::new(),
            externals: Vec::new(),
            errors: Vec::new(),
            late_errors: Vec::new(),
            by_name: BTreeMap::new(),
            target: StageIndex::new(0),
        };
        table.linter.file(dockerfile);
        table.lint_defaults(dockerfile, automatic);
        let first = dockerfile.instructions.iter().position(|i| is_from(&i));
        let (before, stages) = dockerfile.instructions.split_at(first.unwrap_or_default());
        for instruction in before {
            table.read(instruction);
        }
        table.read_epoch(stages);
        for instruction in stages {
            table.read(instruction);
        }
        table.find_target(target_name);
        Ok(table)
    }

    fn read(&mut self, instruction: &'n Instruction<'n>) {
        if let Kind::Arg(declarations) = &instruction.kind {
            let names = declarations.iter().map(|argument| argument.name.text);
            self.declared.extend(names.map(str::to_owned));
        }
        match (&instruction.kind, self.entries.last_mut()) {
            (Kind::From(from), _) => self.add_stage(instruction, from),
            (_, Some(entry)) => entry.commands.push(Command {
                origin: Origin::Own(instruction),
                place: instruction.into(),
                links: Vec::new(),
            }),
            (Kind::Arg(declarations), None) => {
                for declaration in declarations {
                    let argument = arguments::declare_global(
                        declaration,
                        instruction.into(),
                        &self.build_args,
                        self.lexer,
                        &mut self.scope,
                        &mut self.pieces,
                        &self.budget,
                    );
                    match argument {
                        Ok(argument) => self.globals.push(argument),
                        Err(error) => {
                            // What depends on it is not worth a second message.
                            self.scope.set(declaration.name.text, None);
                            self.errors.push(error);
                        }
                    }
                }
            }
            // The parser has reported it.
            (_, None) => {}
        }
    }

    fn add_stage(&mut self, instruction: &'n Instruction<'n>, from: &FromImage<'_>) {
        let place = Place::from(instruction);
        let name = alias(instruction);
        let image = self.base_text(from, instruction);
        let asked = self.stage_platform(from, instruction);
        let mut platform = asked.unwrap_or_else(|| self.request.platform.clone());
        let context = name
            .as_deref()
            .and_then(|name| self.stage_context(name, &platform, place));
        let replaced = context.is_some();
        let base = image.map_or(Base::Scratch, |(text, expansion)| {
            self.stage_base(&text, &expansion, &platform, place)
        });
        let base = context.map_or(base, Base::Context);
        match &base {
            Base::Scratch => platform = self.request.platform.clone(),
            Base::Stage(index) => platform = self.entries[*index].platform.clone(),
            Base::Image(_) | Base::Context(_) => {}
        }
        if let Some(name) = &name {
            let index = StageIndex::new(self.entries.len());
            self.by_name.insert(name.clone(), index);
        }
        self.entries.push(Entry {
            name,
            from: instruction,
            place,
            base,
            replaced,
            platform,
            reachable: false,
            config: ImageConfig::unknown(),
            commands: Vec::new(),
        });
    }

    /// The name of what a stage is built on, expanded; nothing where that is an error.
    fn base_text(
        &mut self,
        from: &FromImage<'_>,
        instruction: &Instruction<'_>,
    ) -> Option<(String, Expansion<String>)> {
        let place = Place::from(instruction);
        let expansion = match self.lexer.word(from.image.text, &self.scope) {
            Ok(expansion) => expansion,
            Err(error) => {
                self.errors.push(StageError::at(place, error.to_string()));
                return None;
            }
        };
        self.lint_from(&expansion.names, instruction.node);
        let Some(text) = expansion.value.clone() else {
            // Where a global argument failed to expand, that is reported there.
            if self.errors.is_empty() {
                let message = "the base image depends on a time that is not known";
                self.errors.push(StageError::at(place, message));
            }
            return None;
        };
        if text.is_empty() {
            let message = format!("base name ({}) should not be blank", from.image.text);
            let names = &expansion.names;
            let error = StageError::at(place, message).depends_on(self.settling(names));
            let help = self.undeclared(names).or_else(|| {
                let name = names.blank.first()?;
                Some(format!(
                    "give `{name}` a default before the first `FROM`, or pass it as a build argument"
                ))
            });
            self.errors.push(match help {
                Some(help) => error.help(help),
                None => error,
            });
            return None;
        }
        Some((text, expansion))
    }

    /// What that name means. Where it is no valid reference of an image, BuildKit finds out later.
    fn stage_base(
        &mut self,
        text: &str,
        expansion: &Expansion<String>,
        platform: &Platform,
        place: Place,
    ) -> Base {
        if let Some(&index) = self.by_name.get(text) {
            return Base::Stage(index);
        }
        if text == SCRATCH {
            return Base::Scratch;
        }
        let pieces = self.pieces.of(expansion, &self.scope);
        match image_use(text, &pieces, &expansion.names.blank) {
            Ok(image) => match self.context(&image.reference, platform) {
                Some(key) => Base::Context(key),
                None => Base::Image(image),
            },
            Err(message) => {
                let names = &expansion.names;
                let blank: Vec<String> =
                    names.blank.iter().map(|name| format!("`{name}`")).collect();
                let error = StageError::at(place, message).depends_on(self.settling(names));
                let help = self.undeclared(names).or_else(|| {
                    (!blank.is_empty()).then(|| format!("{} had no value", blank.join(", ")))
                });
                self.late_errors.push(match help {
                    Some(help) => error.help(help),
                    None => error,
                });
                Base::Scratch
            }
        }
    }

    /// Whether a variable may have a value in a `FROM`.
    fn is_in_scope(&self, name: &str) -> bool {
        let mut known = self.scope.iter();
        let mut globals = self.globals.iter();
        known.any(|(known, _)| known == name) || globals.any(|global| global.name == name)
    }

    /// The variables that would settle a reference with another value: builds give none to those that nothing
    /// declares.
    fn settling<'v>(&self, names: &'v Names) -> impl Iterator<Item = &'v String> {
        let deciding = names.deciding().iter();
        deciding.filter(|name| self.is_in_scope(name))
    }

    /// What to do about a variable that no `ARG` before the first `FROM` declares.
    fn undeclared(&self, names: &Names) -> Option<String> {
        let name = names.blank.iter().find(|name| !self.is_in_scope(name))?;
        let too = if self.declared.contains(name) {
            "; an `ARG` in a stage does not count for `FROM`"
        } else {
            ""
        };
        Some(format!(
            "declare `{name}` before the first `FROM`: `ARG {name}=…`{too}"
        ))
    }

    /// The value of `--platform`, if it is there and right.
    fn stage_platform(
        &mut self,
        from: &FromImage<'_>,
        instruction: &Instruction<'_>,
    ) -> Option<Platform> {
        let place = Place::from(instruction);
        let word = from.platform?.text;
        let expansion = match self.lexer.word(word, &self.scope) {
            Ok(expansion) => expansion,
            Err(error) => {
                let message = format!("failed to process arguments for platform : {error}");
                self.errors.push(StageError::at(place, message));
                return None;
            }
        };
        let text = expansion.value?;
        self.lint_from(&expansion.names, instruction.node);
        self.lint_platform(&text, &expansion.names, instruction);
        if text.is_empty() {
            let message = format!("empty platform value from expression {word}");
            self.errors.push(StageError::at(place, message));
            return None;
        }
        Platform::parse(&text)
            .map_err(|error| {
                let message = format!("failed to parse platform {word}: {error}");
                self.errors.push(StageError::at(place, message).twice());
            })
            .ok()
    }

    /// The named context that takes the place of the stage of this name.
    fn stage_context(&mut self, name: &str, platform: &Platform, place: Place) -> Option<String> {
        if matches!(name, "scratch" | "context") {
            return None;
        }
        match Reference::parse(name) {
            Ok(reference) => self.context(&reference, platform),
            Err(error) => {
                let message = format!("invalid context name {name}: {error}");
                let help = "every stage can be replaced by a context of its name, so the name must \
                            be one of an image too";
                let error = StageError::near(place, message).help(help);
                self.errors.push(error);
                None
            }
        }
    }

    /// The named context that a reference finds, that for the platform first.
    pub(super) fn context(&self, reference: &Reference, platform: &Platform) -> Option<String> {
        let key = reference.context_key();
        let specific = format!("{key}::{}", platform.normalized());
        let mut keys = [specific, key].into_iter();
        keys.find(|key| self.request.contexts.contains(key))
    }

    /// The last stage of a name, in any mixture of cases.
    pub(super) fn stage_named(&self, name: &str) -> Option<StageIndex> {
        self.by_name.get(&*lower(name)).copied()
    }

    fn find_target(&mut self, name: Option<&str>) {
        let last = StageIndex::new(self.entries.len().saturating_sub(1));
        self.target = match name {
            None => last,
            Some(name) => self.stage_named(name).unwrap_or_else(|| {
                let message = format!("target stage {} could not be found", quote(name));
                let known = self.by_name.keys().map(String::as_str);
                let error = StageError::of_file(message);
                let error = match nearest(name, known) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                };
                self.errors.push(error);
                last
            }),
        };
    }
}

/// The name of the stage that a `FROM` starts.
pub(super) fn alias(instruction: &Instruction<'_>) -> Option<String> {
    match &instruction.kind {
        Kind::From(from) => Some(from.alias.as_ref()?.name.clone().into_owned()),
        _ => None,
    }
}

/// Reads an expanded reference, of which some pieces came from variables, and some variables were
/// blank.
///
/// # Errors
/// When it is none, in BuildKit's words.
pub(super) fn image_use(
    text: &str,
    pieces: &[Range<usize>],
    blank: &BTreeSet<String>,
) -> Result<ImageUse, String> {
    let reference = Reference::parse(text)
        .map_err(|error| format!("failed to parse stage name {}: {error}", quote(text)))?;
    let end = text.find('@').unwrap_or(text.len());
    let tag = end - reference.tag.as_ref().map_or(0, String::len)..end;
    // A tag that is written together with its repository is as literal as it.
    let colon = tag.start.saturating_sub(1);
    let is_own = |piece: &Range<usize>| {
        colon <= piece.start && piece.start < tag.end && tag.start < piece.end
    };
    Ok(ImageUse {
        text: text.to_owned(),
        tag_from_variable: pieces.iter().any(is_own),
        reference,
        unset: blank.clone(),
    })
}
