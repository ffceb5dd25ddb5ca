//! The state of a stage while its instructions run: variables and configuration, and what each
//! instruction does to them (semantics §7.9, §9, §12).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::arguments::{Argument, Origin, inherited};
use super::config::ImageConfig;
use super::variables::Variables;
use super::{Step, checks};
use crate::lang::dockerfile::Kind;
use crate::lang::dockerfile::expand::{Environment, Lexer, Names, Value};
use crate::lang::dockerfile::instruction::{Argument as Declaration, Command, Setting, Word};
use crate::lang::platform::Platform;
use crate::paths;

/// How many bytes all expansions of a build together may add to their words. A few lines can
/// double a value again and again.
const LIMIT: usize = 64 * 1024 * 1024;

/// Where programs are looked for if an image does not say it, but on Windows.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A stage at some point of its instructions.
#[derive(Clone)]
pub(super) struct State<'t> {
    lexer: Lexer,
    build_args: &'t BTreeMap<String, String>,
    globals: &'t Variables,
    produced: &'t Cell<usize>,
    /// Whether the image is for Windows.
    windows: bool,
    /// What variables mean: `ENV` and `ARG` share their names.
    scope: Variables,
    /// The image so far.
    pub(super) config: ImageConfig,
    /// The arguments that were declared.
    declared: BTreeSet<String>,
    /// Whether this stage, rather than its base, has set `CMD`.
    sets_cmd: bool,
}

/// A name and a value, `None` where unknown.
type Pair = (Option<String>, Option<String>);

/// A stage among the others.
pub(super) struct Neighbours<'t> {
    /// The number of this stage.
    pub(super) index: usize,
    /// What messages call it.
    pub(super) name: String,
    /// For every stage, whether a named context takes its place.
    pub(super) replaced: &'t [bool],
}

impl Neighbours<'_> {
    /// Whether the source of this number is there before this stage.
    pub(super) fn has(&self, number: usize) -> bool {
        number < self.index || self.replaced.get(number).is_none_or(|&replaced| replaced)
    }
}

impl<'t> State<'t> {
    /// A stage that is built on an image.
    pub(super) fn new(
        lexer: Lexer,
        build_args: &'t BTreeMap<String, String>,
        globals: &'t Variables,
        produced: &'t Cell<usize>,
        platform: &Platform,
        mut config: ImageConfig,
    ) -> Self {
        let windows = platform.os == "windows";
        if !windows && config.env.get("PATH") == Value::Unset {
            config.env.set("PATH", Some(DEFAULT_PATH));
        }
        Self {
            lexer,
            build_args,
            globals,
            produced,
            windows,
            scope: config.env.clone(),
            config,
            declared: BTreeSet::new(),
            sets_cmd: false,
        }
    }

    /// A stage that is built on this one.
    pub(super) fn inherit(self) -> Self {
        let mut next = self;
        next.config.triggers.clear();
        next.sets_cmd = false;
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
        match kind {
            Kind::Add(add) => self.add(add, step),
            Kind::Arg(declarations) => self.arg(declarations, step),
            Kind::Cmd(command) => {
                self.config.cmd = self.command_line(command);
                self.sets_cmd = true;
                Ok(())
            }
            Kind::Copy(copy) => self.copy(copy, links, neighbours, step),
            Kind::Entrypoint(command) => {
                self.config.entrypoint = self.command_line(command);
                if !self.sets_cmd {
                    self.config.cmd = Some(Vec::new());
                }
                Ok(())
            }
            Kind::Env(settings) => self.env(settings, step),
            Kind::Expose(words) => self.expose(words),
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
            Kind::User(word) => self.expand(word.text, step).map(drop),
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
                self.config.workdir = self.change_folder(path);
                Ok(())
            }
            Kind::From(_) => Err("*instructions.Stage is not a command type".to_owned()),
            Kind::Healthcheck(_) | Kind::Maintainer(_) => Ok(()),
        }
    }

    /// Expands a word to one text; `None` where that is unknown.
    pub(super) fn expand(&self, word: &str, step: &mut Step<'_>) -> Result<Option<String>, String> {
        self.expand_with(self.lexer, word, step)
    }

    pub(super) fn expand_with(
        &self,
        lexer: Lexer,
        word: &str,
        step: &mut Step<'_>,
    ) -> Result<Option<String>, String> {
        let expansion = lexer
            .word(word, &self.scope)
            .map_err(|error| error.to_string())?;
        self.note(expansion.names, step);
        let grown = expansion.value.as_ref().map_or(0, String::len);
        self.count(grown.saturating_sub(word.len()))?;
        Ok(expansion.value)
    }

    pub(super) fn expand_all<'w>(
        &self,
        words: impl IntoIterator<Item = Word<'w>>,
        step: &mut Step<'_>,
    ) -> Result<Vec<Option<String>>, String> {
        let words = words.into_iter();
        words.map(|word| self.expand(word.text, step)).collect()
    }

    /// Notes names that stand for nothing because they are neither set nor declared.
    fn note(&self, names: Names, step: &mut Step<'_>) {
        let unset = names.blank.into_iter();
        step.undefined
            .extend(unset.filter(|name| !self.declared.contains(name)));
    }

    fn count(&self, bytes: usize) -> Result<(), String> {
        let produced = self.produced.get().saturating_add(bytes);
        self.produced.set(produced);
        if produced > LIMIT {
            return Err(format!(
                "the values of variables are longer than {LIMIT} bytes together"
            ));
        }
        Ok(())
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
            let (value, origin) = if let Some(given) = self.build_args.get(name) {
                (Some(given.clone()), Origin::Given)
            } else if let Some(default) = declaration.default {
                let value = self.expand(default.text, step);
                let value = value.inspect_err(|_| self.scope.set(name, None))?;
                (value, Origin::Default)
            } else {
                inherited(name, self.globals)
            };
            // These two are settings of the build and no variables.
            let is_setting = matches!(
                name,
                "BUILDKIT_SBOM_SCAN_CONTEXT" | "BUILDKIT_SBOM_SCAN_STAGE"
            );
            if origin != Origin::Unset && !is_setting {
                self.scope.set(name, value.as_deref());
            }
            self.declared.insert(name.to_owned());
            step.arguments.push(Argument {
                name: name.to_owned(),
                value,
                origin,
            });
        }
        Ok(())
    }

    fn expose(&mut self, words: &[Word<'_>]) -> Result<(), String> {
        let mut ports = Vec::new();
        for word in words {
            let expansion = self.lexer.words(word.text, &self.scope);
            let expansion = expansion.map_err(|error| error.to_string())?;
            // BuildKit does not look for undefined variables here.
            ports.extend(expansion.value.into_iter().flatten());
        }
        self.count(ports.iter().map(String::len).sum())?;
        ports
            .iter()
            .try_for_each(|port| self.config.exposed_ports.add(port))
    }

    fn command_line(&self, command: &Command<'_>) -> Option<Vec<String>> {
        match command {
            Command::Exec(words) => Some(words.iter().map(|w| w.text.to_owned()).collect()),
            Command::Shell(text) => {
                let mut line = self.config.shell.clone()?;
                if line.is_empty() {
                    let default: &[&str] = if self.windows {
                        &["cmd", "/S", "/C"]
                    } else {
                        &["/bin/sh", "-c"]
                    };
                    line.extend(default.iter().copied().map(str::to_owned));
                }
                line.push(text.text.to_owned());
                Some(line)
            }
        }
    }

    /// The working directory after `WORKDIR`.
    fn change_folder(&self, path: Option<String>) -> Option<String> {
        let path = path?;
        if path.starts_with('/') {
            return Some(path);
        }
        let current = self.config.workdir.as_deref()?;
        if path.is_empty() && current.starts_with('/') {
            return Some(current.to_owned());
        }
        Some(paths::clean(&format!("/{current}/{path}")))
    }
}
