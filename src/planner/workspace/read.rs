//! A tree with its configuration, compiled: the phases that read, then the pure ones.

use std::collections::BTreeMap;

use crate::config::{self, Config};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, SourceText};
use crate::lang::fingerprint::Fingerprint;
use crate::planner::Options;
use crate::planner::compile::{Compiled, compile};
use crate::planner::discover::Discovery;
use crate::planner::generated::Generated;
use crate::planner::inputs;
use crate::tree::source::Tree;

/// A tree, and what it compiles to.
pub(super) struct Reading<'c> {
    pub(super) tree: Tree<'c>,
    pub(super) config: Config,
    pub(super) compiled: Compiled,
}

impl<'c> Reading<'c> {
    /// Compiles a tree; again as long as images take files that no tree holds. `clean` is as for
    /// [`compile`].
    pub(super) fn of(
        mut tree: Tree<'c>,
        options: &Options,
        clean: Option<&BTreeMap<String, Fingerprint>>,
    ) -> Outcome<Self> {
        Outcome::of(|remarks| {
            let config = match &options.configuration {
                Some((name, text)) => Config::parse_named(name, text)?,
                None => configuration_or_all_missing(&tree)?,
            };
            let generated = Generated::new(&config.generated);
            inputs::add_dockerfiles(&mut tree, &config, &generated)?;
            let compiled = loop {
                let outcome = compile_files(&tree, &config, options, clean)?;
                let (compiled, said) = outcome.into_result()?;
                if !inputs::add(&mut tree, &compiled.specs, &generated)? {
                    remarks.extend(said);
                    break compiled;
                }
            };
            Ok(Self {
                tree,
                config,
                compiled,
            })
        })
    }
}

fn compile_files(
    tree: &Tree<'_>,
    config: &Config,
    options: &Options,
    clean: Option<&BTreeMap<String, Fingerprint>>,
) -> Result<Outcome<Compiled>, Diagnostics> {
    let discovery = Discovery::new(config);
    let snapshot = tree.snapshot(&|name| discovery.may_be_read(name), &|path| {
        discovery.is_read(path)
    })?;
    if !config.asks_for_git_tags() {
        return Ok(compile(&snapshot, config, options, clean));
    }
    let options = Options {
        git_tags: tree.git_tags()?,
        ..options.clone()
    };
    Ok(compile(&snapshot, config, &options, clean))
}

/// The configuration. Where a partial clone lacks it, all that is lacking is named, as far as that can
/// be known without it.
fn configuration_or_all_missing(tree: &Tree<'_>) -> Result<Config, Diagnostics> {
    let problems = match configuration(tree) {
        Ok(config) => return Ok(config),
        Err(problems) => problems,
    };
    let mut codes = problems.iter().map(|problem| problem.code);
    if codes.any(|code| code == Code::MissingObject) {
        let usual = Config::default();
        let usual = Discovery::new(&usual);
        tree.snapshot(
            &|name| usual.may_be_read(name) || name == config::PATH.as_bytes(),
            &|path| usual.is_read(path) || path == config::PATH,
        )?;
    }
    Err(problems)
}

/// The configuration of a tree; the default one where it has none.
pub(super) fn configuration(tree: &Tree<'_>) -> Result<Config, Diagnostics> {
    let Some(bytes) = tree.read(config::PATH)? else {
        return Ok(Config::default());
    };
    match String::from_utf8(bytes) {
        Ok(text) => Config::parse(&text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = SourceText::new(config::PATH, text);
            Err(
                Diagnostic::new(Code::ConfigSyntax, "the configuration is not UTF-8")
                    .at(&source, valid..valid + 1, "")
                    .into(),
            )
        }
    }
}
