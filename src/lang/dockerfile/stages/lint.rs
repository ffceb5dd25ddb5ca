//! BuildKit's lint rules, as far as they fail a build: where `# check=error=true` asks for it
//! (semantics §2.6). What depends on the context or on how a registry labels an image is not looked at.

mod file;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::error::StageError;
use crate::lang::dockerfile::check_options::CheckOptions;
use crate::lang::dockerfile::directives::Directives;
use crate::lang::dockerfile::instruction::Command;
use crate::lang::dockerfile::node::Node;
use crate::lang::dockerfile::{Ast, Kind};
use crate::lang::go::text::lower;

/// The argument that replaces the directive.
const ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// A rule, by the name that BuildKit gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    ConsistentInstructionCasing,
    DuplicateStageName,
    ExposeInvalidFormat,
    ExposeProtoCasing,
    FromAsCasing,
    FromPlatformFlagConstDisallowed,
    InvalidDefaultArgInFrom,
    InvalidDefinitionDescription,
    JSONArgsRecommended,
    LegacyKeyValueFormat,
    MaintainerDeprecated,
    MultipleInstructionsDisallowed,
    NoEmptyContinuation,
    RedundantTargetPlatform,
    ReservedStageName,
    SecretsUsedInArgOrEnv,
    StageNameCasing,
    UndefinedArgInFrom,
    UndefinedVar,
    WorkdirRelativePath,
}

impl Rule {
    fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Notes which rules are hit.
pub(super) struct Linter<'n> {
    ast: &'n Ast<'n>,
    /// None where no hit matters.
    options: Option<CheckOptions>,
    hits: RefCell<BTreeSet<Rule>>,
}

impl<'n> Linter<'n> {
    /// By the file's directive, or the build argument in its place.
    ///
    /// # Errors
    /// When the argument is none. The directive has been checked.
    pub(super) fn new(
        ast: &'n Ast<'n>,
        build_args: &BTreeMap<String, String>,
    ) -> Result<Self, StageError> {
        let options = if let Some(argument) = build_args.get(ARGUMENT) {
            CheckOptions::parse(argument).map_err(|why| {
                StageError::of_file(format!("failed to parse build-arg:{ARGUMENT}: {why}"))
            })?
        } else {
            let directive = ast.check.as_ref().map_or("", |check| &*check.value);
            CheckOptions::parse(directive).unwrap_or_default()
        };
        Ok(Self {
            ast,
            options: Some(options).filter(|options| options.error),
            hits: RefCell::default(),
        })
    }

    /// Whether a hit would matter.
    pub(super) fn is_on(&self) -> bool {
        self.options.is_some()
    }

    /// Notes a hit: at an instruction, whose comments may say that it does not count, or of the file.
    pub(super) fn hit(&self, rule: Rule, at: Option<&Node<'_>>) {
        let Some(options) = &self.options else {
            return;
        };
        let own = at.and_then(|node| self.own_options(node));
        let options = own.map_or_else(|| options.clone(), |own| options.with(&own));
        let is_experimental = rule == Rule::InvalidDefinitionDescription;
        if options.counts(&rule.name(), is_experimental) {
            self.hits.borrow_mut().insert(rule);
        }
    }

    /// The options in the first comment above an instruction that has some.
    fn own_options(&self, node: &Node<'_>) -> Option<CheckOptions> {
        let value = self.ast.description(node).find_map(|comment| {
            let found = Directives::default().next(comment, "").ok()??;
            (found.key == "check").then_some(found.value)
        })?;
        CheckOptions::parse(value.split(' ').next().unwrap_or_default()).ok()
    }

    /// The error that hits are together.
    pub(super) fn into_error(self) -> Option<StageError> {
        let hits = self.hits.into_inner();
        let names: Vec<String> = hits.into_iter().map(Rule::name).collect();
        if names.is_empty() {
            return None;
        }
        let message = format!("lint violation found for rules: {}", names.join(", "));
        Some(
            StageError::of_file(message)
                .help("`# check=error=true` requests this; `docker build --check` shows where")
                .help("builders before `docker/dockerfile:1.8` ignore it"),
        )
    }
}

impl Linter<'_> {
    /// What an instruction of a needed stage shows as it is written (layer 5). `has_shell`: whether
    /// the image has a shell of its own, if anybody knows; `node` is none for triggers.
    pub(super) fn instruction(
        &self,
        kind: &Kind<'_>,
        has_shell: Option<bool>,
        node: Option<&Node<'_>>,
    ) {
        if !self.is_on() {
            return;
        }
        match kind {
            Kind::Cmd(Command::Shell(_)) | Kind::Entrypoint(Command::Shell(_))
                if has_shell == Some(false) =>
            {
                self.hit(Rule::JSONArgsRecommended, node);
            }
            Kind::Env(settings) | Kind::Label(settings)
                if settings.iter().any(|setting| setting.legacy) =>
            {
                self.hit(Rule::LegacyKeyValueFormat, node);
            }
            Kind::Arg(declarations) => {
                for declared in declarations {
                    self.secret(declared.name.text, node);
                }
            }
            _ => {}
        }
    }

    /// A word of `EXPOSE`.
    pub(super) fn port(&self, word: &str, node: Option<&Node<'_>>) {
        let protocol = word.split_once('/').map_or("", |(_, protocol)| protocol);
        if protocol != lower(protocol) {
            self.hit(Rule::ExposeProtoCasing, node);
        }
        if word.contains(':') {
            self.hit(Rule::ExposeInvalidFormat, node);
        }
    }

    /// A name of an `ARG` or `ENV` that sounds like a secret.
    pub(super) fn secret(&self, name: &str, at: Option<&Node<'_>>) {
        static SECRET: LazyLock<Regex> = LazyLock::new(|| {
            let words = "apikey|auth|credentials?|key|password|pword|passwd|secret|token";
            Regex::new(&format!("(?i)(?:_|^)(?:{words})(?:_|$)")).expect("the pattern is valid")
        });
        static PUBLIC: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new("(?i)(?:_|^)(?:public|file|version)(?:_|$)").expect("the pattern is valid")
        });
        if self.is_on() && SECRET.is_match(name) && !PUBLIC.is_match(name) {
            self.hit(Rule::SecretsUsedInArgOrEnv, at);
        }
    }
}
