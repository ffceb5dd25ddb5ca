//! `SOURCE_DATE_EPOCH`: a setting of the build that is a variable too (semantics §12.9).

use super::checks;
use super::error::{Place, StageError};
use super::table::{SCRATCH, Table, alias};
use super::variables::Variables;
use crate::lang::dockerfile::expand::{Environment, Value};
use crate::lang::dockerfile::instruction::{AddFiles, Source};
use crate::lang::dockerfile::{Instruction, Kind};
use crate::lang::git_source::GitSource;
use crate::lang::go::text::quote;
use crate::lang::reference::{Reference, check_digest};

/// The argument's name.
const NAME: &str = "SOURCE_DATE_EPOCH";

/// What a value of it means.
enum Time {
    /// There is none: the argument is as if it was not given.
    None,
    /// These seconds.
    Seconds(i64),
    /// A server says it.
    Unknown,
}

impl<'n> Table<'n, '_> {
    /// Reads the value that a build argument or one before the first `FROM` has, and writes it anew
    /// as BuildKit does: `007` becomes `7`. `stages` starts with the first `FROM`.
    pub(super) fn read_epoch(&mut self, stages: &'n [Instruction<'n>]) {
        let given = self.build_args.get(NAME).cloned();
        let global = match self.scope.get(NAME) {
            Value::Set(value) if !value.is_empty() => Some(value.to_owned()),
            _ => None,
        };
        let Some(value) = given.or(global) else {
            return;
        };
        match self.time(&value, stages) {
            Ok(Time::Seconds(seconds)) => {
                let value = seconds.to_string();
                if self.scope.get(NAME) != Value::Unset {
                    self.scope.set(NAME, Some(&value));
                }
                if let Some(given) = self.build_args.to_mut().get_mut(NAME) {
                    *given = value;
                }
            }
            Ok(Time::None) => {
                self.build_args.to_mut().remove(NAME);
                self.scope.remove(NAME);
            }
            Ok(Time::Unknown) => {
                self.build_args.to_mut().remove(NAME);
                self.scope.set(NAME, None);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn time(&self, value: &str, stages: &'n [Instruction<'n>]) -> Result<Time, StageError> {
        if value.is_empty() {
            return Ok(Time::None);
        }
        if let Some(seconds) = checks::integer(value) {
            return Ok(Time::Seconds(seconds));
        }
        // Folders and images have no time of their own.
        if value == "context" || self.is_context(value) {
            return Ok(Time::None);
        }
        let named = stages.iter().position(|instruction| {
            alias(instruction).is_some_and(|name| name.eq_ignore_ascii_case(value))
        });
        let Some(from) = named else {
            return Err(StageError::of_file(format!("invalid {NAME}: {value}")).help(
                "write seconds since 1970, `context`, or the name of a stage that fetches one source",
            ));
        };
        self.check_source_stage(&stages[from], &stages[from + 1..])
            .map_err(|message| StageError::at(Place::from(&stages[from]), message))?;
        Ok(if self.request.bases.fetches() {
            Time::Unknown
        } else {
            Time::None
        })
    }

    fn is_context(&self, name: &str) -> bool {
        Reference::parse(name)
            .is_ok_and(|reference| self.context(&reference, self.request.platform).is_some())
    }

    /// Checks that a stage is `FROM scratch`, arguments and one thing to fetch, so that it has a time.
    fn check_source_stage(
        &self,
        from: &Instruction<'_>,
        rest: &[Instruction<'_>],
    ) -> Result<(), String> {
        let mut scope = self.scope.clone();
        scope.remove(NAME);
        if let Kind::From(from) = &from.kind {
            let base = self.lexer.word(from.image.text, &scope);
            let base = base.map_err(|error| {
                let name = quote(from.image.text);
                format!("failed to process source stage base name {name}: {error}")
            })?;
            if base.value.as_deref() != Some(SCRATCH) {
                return Err(format!("{NAME} stage must use FROM scratch"));
            }
        }
        let mut fetched = 0;
        for instruction in rest {
            match &instruction.kind {
                Kind::From(_) => break,
                Kind::Arg(declarations) => {
                    for declaration in declarations {
                        let name = declaration.name.text;
                        if let Some(given) = self.build_args.get(name) {
                            scope.set(name, Some(given));
                        } else if let Some(default) = declaration.default {
                            let value = self.lexer.word(default.text, &scope);
                            let value = value.map_err(|error| error.to_string())?;
                            scope.set(name, value.value.as_deref());
                        }
                    }
                }
                Kind::Add(add) if fetched == 0 => {
                    self.check_fetch(add, &scope)?;
                    fetched = 1;
                }
                Kind::Add(_) => {
                    return Err(format!("{NAME} stage must contain exactly one remote ADD"));
                }
                _ => {
                    return Err(format!(
                        "{NAME} stage does not meet source-only requirements: unsupported {} instruction",
                        instruction.node.word.text
                    ));
                }
            }
        }
        if fetched == 0 {
            return Err(format!("{NAME} stage must contain exactly one remote ADD"));
        }
        Ok(())
    }

    fn check_fetch(&self, add: &AddFiles<'_>, scope: &Variables) -> Result<(), String> {
        let [Source::Path(source)] = &add.transfer.sources[..] else {
            return Err(format!(
                "{NAME} stage must contain exactly one remote ADD source"
            ));
        };
        let expand = |word: &str| {
            let expansion = self.lexer.word(word, scope);
            expansion
                .map(|expansion| expansion.value.unwrap_or_default())
                .map_err(|error| error.to_string())
        };
        let source = expand(source.text)?;
        let is_web = source.starts_with("http://") || source.starts_with("https://");
        match GitSource::parse(&source)? {
            Some(git) if !git.looks_local => Ok(()),
            None if is_web => match add.checksum {
                Some(checksum) => {
                    check_digest(&expand(checksum.text)?).map_err(|error| error.to_string())
                }
                None => Ok(()),
            },
            _ => Err(format!(
                "{NAME} stage source must be a single HTTP(S) or Git ADD"
            )),
        }
    }
}
