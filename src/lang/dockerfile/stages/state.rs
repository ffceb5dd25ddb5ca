//! The state of a stage while its instructions run: variables and configuration, and what each
//! instruction does to them (semantics §7.9, §9, §12).

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::{Argument, Origin, inherited};
use super::budget::Budget;
use super::config::ImageConfig;
use super::lint::{Linter, Rule};
use super::stage_index::StageIndex;
use super::system::System;
use super::variables::Variables;
use super::{Step, checks};
use crate::lang::dockerfile::expand::{Environment, Lexer, Names, Value};
use crate::lang::dockerfile::instruction::{Argument as Declaration, Command, Setting, Word};
use crate::lang::dockerfile::{Keyword, Kind};
use crate::lang::platform::Platform;

/// Where programs are looked for if an image does not say it, but on Windows.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What all stages of a build share.
pub(super) struct Build<'t> {
    pub(super) lexer: Lexer,
    pub(super) linter: Linter<'t>,
    /// The build arguments.
    pub(super) given: &'t BTreeMap<String, String>,
    /// The arguments outside of stages.
    pub(super) globals: &'t Variables,
    /// What is left for expansions.
    pub(super) budget: Budget,
}

/// A stage at some point of its instructions.
#[derive(Clone)]
pub(super) struct State<'t> {
    build: &'t Build<'t>,
    /// The system that the image is for.
    pub(super) system: System,
    /// What variables mean: `ENV` and `ARG` share their names.
    scope: Variables,
    /// The image so far.
    pub(super) config: ImageConfig,
    /// The arguments that were declared.
    declared: BTreeSet<String>,
    /// Which of `CMD`, `ENTRYPOINT` and `HEALTHCHECK` this stage, rather than its base, has set.
    has_set: BTreeSet<Keyword>,
    /// Whether this stage or one below it has entered a folder.
    has_workdir: bool,
}

/// A name and a value, `None` where unknown.
type Pair = (Option<String>, Option<String>);

/// A stage among the others.
pub(super) struct Neighbours<'t> {
    /// The place of this stage.
    pub(super) index: StageIndex,
    /// What messages call it.
    pub(super) name: String,
    /// For every stage, whether a named context takes its place.
    pub(super) replaced: &'t [bool],
}

impl Neighbours<'_> {
    /// Whether the source of this number is there before an instruction of this stage. The stage
    /// itself is, as it is by then: only triggers can name it.
    pub(super) fn has(&self, number: usize) -> bool {
        number <= self.index.get() || self.replaced.get(number).is_none_or(|&replaced| replaced)
    }
}

impl<'t> State<'t> {
    /// A stage that is built on an image.
    ///
    /// # Errors
    /// When the image works in a folder that cannot be, in BuildKit's words.
    pub(super) fn new(
        build: &'t Build<'t>,
        platform: &Platform,
        mut config: ImageConfig,
    ) -> Result<Self, String> {
        let system = System::of(platform);
        if system != System::Windows && config.env.get("PATH") == Value::Unset {
            config.env.set("PATH", Some(DEFAULT_PATH));
        }
        let mut state = Self {
            build,
            system,
            scope: config.env.clone(),
            config,
            declared: BTreeSet::new(),
            has_set: BTreeSet::new(),
            has_workdir: false,
        };
        // BuildKit enters the folder that the image works in, which joins a relative one to itself.
        if let Some(folder) = state.config.workdir.clone().filter(|f| !f.is_empty()) {
            state.config.workdir = state.change_folder(Some(folder))?;
        }
        Ok(state)
    }

    /// A stage that is built on this one. The image's variables are set again, so that `ENV` wins
    /// over an inherited `ARG` of its name, and nobody knows what an unknown image sets.
    pub(super) fn inherit(self) -> Self {
        let mut next = self;
        // Nothing but arguments can differ.
        for name in &next.declared {
            match next.config.env.get(name) {
                Value::Set(value) => next.scope.set(name, Some(value)),
                Value::Unknown => next.scope.set(name, None),
                Value::Unset => {}
            }
        }
        next.config.triggers.clear();
        next.has_set.clear();
        next
    }

    /// Runs an instruction.
    ///
    /// # Errors
    /// When it is wrong, in BuildKit's words.
    pub(super) fn run(
        &mut self,
        kind: &Kind<'_>,
        links: &[Option<usize>],
        neighbours: &Neighbours<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let linter = &self.build.linter;
        let has_shell = self.config.shell.as_ref().map(|shell| !shell.is_empty());
        linter.instruction(kind, has_shell, step.node());
        let once = match kind {
            Kind::Cmd(_) => Some(Keyword::Cmd),
            Kind::Entrypoint(_) => Some(Keyword::Entrypoint),
            Kind::Healthcheck(_) => Some(Keyword::Healthcheck),
            _ => None,
        };
        if once.is_some_and(|keyword| !self.has_set.insert(keyword)) {
            linter.hit(Rule::MultipleInstructionsDisallowed, step.node());
        }
        match kind {
            Kind::Add(add) => self.add(add, step),
            Kind::Arg(declarations) => self.arg(declarations, step),
            Kind::Cmd(command) => {
                self.config.cmd = self.command_line(command);
                Ok(())
            }
            Kind::Copy(copy) => self.copy(copy, links, neighbours, step),
            Kind::Entrypoint(command) => {
                self.config.entrypoint = self.command_line(command);
                if !self.has_set.contains(&Keyword::Cmd) {
                    self.config.cmd = Some(Vec::new());
                }
                Ok(())
            }
            Kind::Env(settings) => self.env(settings, step),
            Kind::Expose(words) => self.expose(words, step),
            Kind::Label(settings) => {
                for (name, value) in self.settings(settings, step)? {
                    if let Some(name) = name {
                        self.config.labels.insert(name, value);
                    }
                }
                Ok(())
            }
            Kind::Onbuild(onbuild) => {
                self.config.triggers.push(onbuild.expression.clone());
                Ok(())
            }
            Kind::Run(run) => self.mounts(run, links, neighbours, step),
            Kind::Shell(words) => {
                let words = words.iter().map(|word| word.text.to_owned());
                self.config.shell = Some(words.collect());
                Ok(())
            }
            Kind::Stopsignal(word) => {
                let signal = self.expand(word.text, step)?;
                signal.as_deref().map_or(Ok(()), checks::signal)?;
                self.config.stopsignal = signal;
                Ok(())
            }
            Kind::User(word) => {
                self.config.user = self.expand(word.text, step)?;
                Ok(())
            }
            Kind::Volume(words) => {
                let words = self.expand_all(words.iter().copied(), step)?;
                if words.iter().any(|word| word.as_deref() == Some("")) {
                    return Err("VOLUME specified can not be an empty string".to_owned());
                }
                self.config.volumes.extend(words.into_iter().flatten());
                Ok(())
            }
            Kind::Workdir(word) => {
                let path = self.expand(word.text, step)?;
                let is_absolute = path.as_deref().is_none_or(|p| self.system.is_absolute(p));
                if !std::mem::replace(&mut self.has_workdir, true) && !is_absolute {
                    linter.hit(Rule::WorkdirRelativePath, step.node());
                }
                self.config.workdir = self.change_folder(path)?;
                Ok(())
            }
            Kind::From(_) => Err("*instructions.Stage is not a command type".to_owned()),
            Kind::Healthcheck(_) | Kind::Maintainer(_) => Ok(()),
        }
    }

    /// Expands a word to one text; `None` where that is unknown.
    pub(super) fn expand(&self, word: &str, step: &mut Step<'_>) -> Result<Option<String>, String> {
        self.expand_with(self.build.lexer, word, step)
    }

    /// The same with another lexer.
    pub(super) fn expand_with(
        &self,
        lexer: Lexer,
        word: &str,
        step: &mut Step<'_>,
    ) -> Result<Option<String>, String> {
        let expansion = lexer
            .word(word, &self.scope)
            .map_err(|error| error.to_string())?;
        self.note(&expansion.names, step);
        let grown = expansion.value.as_ref().map_or(0, String::len);
        let added = grown.saturating_sub(word.len());
        self.build.budget.take(added, expansion.steps)?;
        Ok(expansion.value)
    }

    /// Expands each of some words.
    pub(super) fn expand_all<'w>(
        &self,
        words: impl IntoIterator<Item = Word<'w>>,
        step: &mut Step<'_>,
    ) -> Result<Vec<Option<String>>, String> {
        let words = words.into_iter();
        words.map(|word| self.expand(word.text, step)).collect()
    }

    /// Notes where a name is neither set nor declared.
    fn note(&self, names: &Names, step: &Step<'_>) {
        let linter = &self.build.linter;
        let is_known = |name: &String| self.declared.contains(name) || is_setting(name);
        if linter.is_on() && !names.unmatched.iter().all(is_known) {
            linter.hit(Rule::UndefinedVar, step.node());
        }
    }

    /// Names and values, all expanded before any is set.
    fn settings(&self, settings: &[Setting<'_>], step: &mut Step<'_>) -> Result<Vec<Pair>, String> {
        let settings = settings.iter();
        settings
            .map(|setting| {
                let name = self.expand(setting.name.text, step)?;
                Ok((name, self.expand(setting.value.text, step)?))
            })
            .collect()
    }

    fn env(&mut self, settings: &[Setting<'_>], step: &mut Step<'_>) -> Result<(), String> {
        let pairs = self.settings(settings, step).inspect_err(|_| {
            // What is said about it would be no second problem.
            self.scope.forget();
        })?;
        for (name, value) in pairs {
            if let Some(name) = &name {
                self.build.linter.secret(name, step.node());
            }
            for variables in [&mut self.scope, &mut self.config.env] {
                match &name {
                    Some(name) => variables.set(name, value.as_deref()),
                    None => variables.forget(),
                }
            }
        }
        Ok(())
    }

    fn arg(&mut self, declarations: &[Declaration<'_>], step: &mut Step<'_>) -> Result<(), String> {
        for declaration in declarations {
            let name = declaration.name.text;
            let (value, origin) = if let Some(given) = self.build.given.get(name) {
                (Some(given.clone()), Origin::Given)
            } else if let Some(default) = declaration.default {
                let value = self.expand(default.text, step);
                let value = value.inspect_err(|_| self.scope.set(name, None))?;
                (value, Origin::Default)
            } else {
                inherited(name, self.build.globals)
            };
            if origin != Origin::Unset && !is_setting(name) {
                self.scope.set(name, value.as_deref());
            }
            self.declared.insert(name.to_owned());
            let is_unknown = value.is_none() && origin == Origin::Default;
            let default = declaration.default.filter(|_| is_unknown);
            step.arguments.push(Argument {
                name: name.to_owned(),
                value,
                origin,
                unknown_default: default.map(|word| word.text.to_owned()),
            });
        }
        Ok(())
    }

    fn expose(&mut self, words: &[Word<'_>], step: &Step<'_>) -> Result<(), String> {
        let mut ports = Vec::new();
        for word in words {
            let expansion = self.build.lexer.words(word.text, &self.scope);
            let expansion = expansion.map_err(|error| error.to_string())?;
            let words = expansion.value.unwrap_or_default();
            let added = words.iter().map(String::len).sum();
            self.build.budget.take(added, expansion.steps)?;
            // BuildKit does not look for undefined variables here.
            ports.extend(words);
        }
        for port in &ports {
            self.config.exposed_ports.add(port)?;
            self.build.linter.port(port, step.node());
        }
        Ok(())
    }

    fn command_line(&self, command: &Command<'_>) -> Option<Vec<String>> {
        match command {
            Command::Exec(words) => Some(words.iter().map(|w| w.text.to_owned()).collect()),
            Command::Shell(text) => {
                let mut line = self.config.shell.clone()?;
                if line.is_empty() {
                    let default: &[&str] = match self.system {
                        System::Windows => &["cmd", "/S", "/C"],
                        System::Unix => &["/bin/sh", "-c"],
                    };
                    line.extend(default.iter().copied().map(str::to_owned));
                }
                line.push(text.text.to_owned());
                Some(line)
            }
        }
    }

    /// The working directory after `WORKDIR`; `None` where it depends on something unknown.
    fn change_folder(&self, path: Option<String>) -> Result<Option<String>, String> {
        let Some(path) = path else { return Ok(None) };
        let Some(current) = self.config.workdir.as_deref() else {
            // What is wrong with the path alone is wrong wherever it starts.
            let absolute = self.system.is_absolute(&path);
            let folder = self.system.working_directory("/", &path)?;
            return Ok(absolute.then_some(folder));
        };
        self.system.working_directory(current, &path).map(Some)
    }

    /// The working directory with slashes, as paths are joined to it; `None` where it is unknown.
    pub(super) fn folder(&self) -> Option<String> {
        let folder = self.config.workdir.as_deref();
        folder.map(|folder| self.system.with_slashes(folder))
    }
}

/// Whether an argument is a setting of the build and no variable.
fn is_setting(name: &str) -> bool {
    matches!(
        name,
        "BUILDKIT_SBOM_SCAN_CONTEXT" | "BUILDKIT_SBOM_SCAN_STAGE"
    )
}
