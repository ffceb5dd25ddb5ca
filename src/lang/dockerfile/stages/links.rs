//! The edges between stages: `COPY --from` and `RUN --mount=from=`, those of triggers too; what they
//! make reachable, and which images from elsewhere they name (semantics §11.4 to §11.8).

use std::collections::{BTreeMap, BTreeSet};

use super::cycles::{self, Edge};
use super::error::{Place, StageError};
use super::table::{Command, External, SCRATCH, Table, image_use};
use super::{Base, ImageConfig, Origin, Source, UseKind, checks, triggers};
use crate::lang::dockerfile::Kind;
use crate::lang::dockerfile::stages::variables::Variables;

impl Table<'_, '_> {
    /// Finds the sources of all instructions, in all stages.
    pub(super) fn connect(&mut self) {
        for index in 0..self.entries.len() {
            let mut commands = std::mem::take(&mut self.entries[index].commands);
            if self.entries[index].replaced {
                continue;
            }
            for command in &mut commands {
                if let Origin::Own(instruction) = command.origin {
                    match self.links(&instruction.kind, command.place) {
                        Ok(links) => command.links = links,
                        Err(error) => self.errors.push(error),
                    }
                }
            }
            self.entries[index].commands = commands;
        }
        self.check_cycles();
    }

    /// The numbers of an instruction's sources.
    fn links(&mut self, kind: &Kind<'_>, place: Place) -> Result<Vec<Option<usize>>, StageError> {
        match kind {
            Kind::Copy(copy) => match copy.from {
                Some(from) => Ok(vec![Some(self.copy_source(from.text, place)?)]),
                None => Ok(Vec::new()),
            },
            Kind::Run(run) => {
                let mut links = Vec::with_capacity(run.mounts.len());
                for mount in &run.mounts {
                    let from = mount.from().and_then(|field| field.value.as_deref());
                    let named = from.filter(|from| !from.is_empty());
                    // BuildKit looks up an empty image where there is no `from`. It takes a number,
                    // but means something only where a stage is called so.
                    let number = self.named_source(named.unwrap_or(SCRATCH), UseKind::Mount, place);
                    let is_source = named.is_some() || number < self.entries.len();
                    links.push(is_source.then_some(number));
                }
                Ok(links)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The source of a `COPY --from`: an index, a stage, or something from elsewhere.
    fn copy_source(&mut self, from: &str, place: Place) -> Result<usize, StageError> {
        let expanded = self.lexer.word(from, &Variables::empty());
        let expanded = expanded.map_err(|error| StageError::near(place, error.to_string()))?;
        if expanded.value.as_deref() != Some(from) {
            return Err(StageError::near(
                place,
                "variable expansion is not supported for --from, define a new stage with FROM \
                 using ARG from global scope as a workaround",
            ));
        }
        let Some(index) = checks::integer(from) else {
            return Ok(self.named_source(from, UseKind::CopyFrom, place));
        };
        let count = self.entries.len() + self.externals.len();
        match usize::try_from(index) {
            Ok(index) if index < count => Ok(index),
            _ => Err(StageError::near(
                place,
                format!("invalid stage index {index}"),
            )),
        }
    }

    /// The number of the stage of that name, or else of something from elsewhere.
    fn named_source(&mut self, from: &str, kind: UseKind, place: Place) -> usize {
        if let Some(index) = self.stage_named(from) {
            return index.get();
        }
        self.externals.push(External {
            text: from.to_owned(),
            kind,
            place,
            source: Source::Scratch,
        });
        self.entries.len() + self.externals.len() - 1
    }

    /// The sources of a stage, in order of first mention, each with the last instruction that names
    /// it.
    fn edges(&self, index: usize) -> Vec<Edge<Place>> {
        let mut edges: Vec<Edge<Place>> = Vec::new();
        let mut position = BTreeMap::new();
        for command in &self.entries[index].commands {
            for &number in command.links.iter().flatten() {
                let at = *position.entry(number).or_insert_with(|| {
                    edges.push((number, command.place));
                    edges.len() - 1
                });
                edges[at].1 = command.place;
            }
        }
        edges
    }

    fn check_cycles(&mut self) {
        let edges: Vec<_> = (0..self.entries.len()).map(|i| self.edges(i)).collect();
        if let Some((start, places)) = cycles::find(&edges) {
            let name = self.entries[start].name.clone();
            let name = name.unwrap_or_else(|| format!("stage-{start}"));
            self.errors.push(StageError {
                message: format!("circular dependency detected on stage: {name}"),
                places,
                located: true,
                help: Some("a stage can take only from stages above it".to_owned()),
                variables: Vec::new(),
            });
        }
    }

    /// Marks what the target needs, with what triggers add to it, and resolves everything that comes
    /// from elsewhere.
    pub(super) fn reach(&mut self) {
        let mut waiting = BTreeSet::new();
        self.mark_from(self.target.get(), &mut waiting);
        self.resolve_externals(0);
        self.errors.append(&mut self.late_errors);
        let resolved = self.externals.len();
        while let Some(index) = waiting.pop_first() {
            self.fire_triggers(index, &mut waiting);
        }
        self.resolve_externals(resolved);
        self.errors.append(&mut self.late_errors);
    }

    /// Marks a stage and everything that it needs, and notes which ones are marked for the first
    /// time.
    fn mark_from(&mut self, number: usize, marked: &mut BTreeSet<usize>) {
        let mut waiting = vec![number];
        while let Some(number) = waiting.pop() {
            let Some(entry) = self.entries.get_mut(number).filter(|e| !e.reachable) else {
                continue;
            };
            entry.reachable = true;
            marked.insert(number);
            if let Base::Stage(base) = entry.base {
                waiting.push(base.get());
            }
            waiting.extend(entry.commands.iter().flat_map(|c| c.links.iter().flatten()));
        }
    }

    /// Puts the triggers of a stage's base in front of its instructions.
    fn fire_triggers(&mut self, index: usize, marked: &mut BTreeSet<usize>) {
        let texts = self.base_triggers(index);
        let place = self.entries[index].place;
        let mut commands = Vec::with_capacity(texts.len());
        for text in texts {
            let links = triggers::with_instruction(&text, |instruction| {
                if let Kind::Arg(declarations) = &instruction.kind {
                    let names = declarations.iter().map(|d| d.name.text.to_owned());
                    self.declared.extend(names);
                }
                self.links(&instruction.kind, place)
            });
            let links = match links {
                Ok(Ok(links)) => links,
                Ok(Err(error)) => {
                    // BuildKit does locate these.
                    self.errors.push(StageError {
                        located: true,
                        ..error
                    });
                    continue;
                }
                Err(message) => {
                    let help = format!("the trigger is `{text}`");
                    self.errors.push(StageError::at(place, message).help(help));
                    continue;
                }
            };
            for &number in links.iter().flatten() {
                self.mark_from(number, marked);
            }
            commands.push(Command {
                origin: Origin::Trigger(text),
                place,
                links,
            });
        }
        self.entries[index].commands.splice(0..0, commands);
    }

    /// The texts of the triggers that fire in a stage. Asks for what is known of its base image.
    fn base_triggers(&mut self, index: usize) -> Vec<String> {
        let entry = &self.entries[index];
        let bases = self.request.bases;
        match &entry.base {
            Base::Context(name) => {
                let mut config = bases.context(name, &entry.platform);
                // In the place of a stage stands the image as it is: its triggers fire in what is built on
                // that (seen: engine 26).
                let triggers = if entry.replaced {
                    Vec::new()
                } else {
                    std::mem::take(&mut config.triggers)
                };
                self.entries[index].config = config;
                triggers
            }
            Base::Scratch => {
                self.entries[index].config = ImageConfig::scratch();
                Vec::new()
            }
            Base::Image(image) => {
                let mut config = bases.config(&image.reference, &entry.platform);
                let triggers = std::mem::take(&mut config.triggers);
                self.entries[index].config = config;
                triggers
            }
            Base::Stage(base) if self.entries[*base].replaced => {
                self.entries[*base].config.triggers.clone()
            }
            Base::Stage(base) => {
                let own = self.entries[*base].commands.iter();
                own.filter_map(|command| match command.origin {
                    Origin::Own(instruction) => match &instruction.kind {
                        Kind::Onbuild(onbuild) => Some(onbuild.expression.clone()),
                        _ => None,
                    },
                    Origin::Trigger(_) => None,
                })
                .collect()
            }
        }
    }

    /// Reads the references of what comes from elsewhere, from this one on.
    fn resolve_externals(&mut self, first: usize) {
        let platform = self.request.platform;
        for index in first..self.externals.len() {
            let external = &self.externals[index];
            let text = external.text.clone();
            let source = if text == SCRATCH {
                Source::Scratch
            } else {
                match image_use(&text, &[], &BTreeSet::new()) {
                    Ok(image) => match self.context(&image.reference, platform) {
                        Some(key) => Source::Context(key),
                        None => Source::Image(image),
                    },
                    Err(message) => {
                        let place = external.place;
                        let error = StageError::at(place, message);
                        let located = external.kind == UseKind::CopyFrom;
                        self.late_errors.push(StageError { located, ..error });
                        Source::Scratch
                    }
                }
            };
            self.externals[index].source = source;
        }
    }
}
