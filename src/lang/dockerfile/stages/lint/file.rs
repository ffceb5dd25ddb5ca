//! The rules that the file shows before anything in a stage is expanded (layers 1 to 4).

use std::collections::{BTreeMap, BTreeSet};

use super::{Linter, Rule};
use crate::lang::dockerfile::expand::{Environment, Names, Value};
use crate::lang::dockerfile::node::{Arguments, Node};
use crate::lang::dockerfile::stages::arguments::{self, Pieces};
use crate::lang::dockerfile::stages::budget::Budget;
use crate::lang::dockerfile::stages::table::{Table, alias};
use crate::lang::dockerfile::stages::variables::Variables;
use crate::lang::dockerfile::{Dockerfile, Instruction, Kind};
use crate::lang::go::text::{lower, upper};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;

impl Linter<'_> {
    /// What the file alone shows (layers 1 to 3).
    pub(in crate::lang::dockerfile::stages) fn file(&self, dockerfile: &Dockerfile<'_>) {
        if !self.is_on() {
            return;
        }
        // The parser warns of nothing else.
        if !dockerfile.ast.warnings.is_empty() {
            self.hit(Rule::NoEmptyContinuation, None);
        }
        let mut names = BTreeSet::new();
        for instruction in &dockerfile.instructions {
            let node = instruction.node;
            match &instruction.kind {
                Kind::Maintainer(_) => self.hit(Rule::MaintainerDeprecated, Some(node)),
                Kind::From(from) => {
                    self.cases(node);
                    let Some(alias) = &from.alias else { continue };
                    self.description(node, &[&alias.name]);
                    if matches!(&*alias.name, "context" | "scratch") {
                        self.hit(Rule::ReservedStageName, None);
                    }
                    if !names.insert(&*alias.name) {
                        self.hit(Rule::DuplicateStageName, None);
                    }
                }
                Kind::Arg(declarations) => {
                    let names: Vec<&str> = declarations.iter().map(|d| d.name.text).collect();
                    self.description(node, &names);
                }
                _ => {}
            }
        }
        self.casing(&dockerfile.instructions);
    }

    /// The cases of a stage's name and of `FROM … AS`.
    fn cases(&self, node: &Node<'_>) {
        let Arguments::Words(words) = &node.arguments else {
            return;
        };
        let [_, by, name] = &words[..] else { return };
        let is_lower = |text: &str| text == lower(text);
        let is_upper = |text: &str| text == upper(text);
        if !is_lower(&name.text) {
            self.hit(Rule::StageNameCasing, Some(node));
        }
        let from = &node.word.text;
        let agrees = match (is_lower(from), is_upper(from)) {
            (true, _) => is_lower(&by.text),
            (_, true) => is_upper(&by.text),
            _ => true,
        };
        if !agrees {
            self.hit(Rule::FromAsCasing, Some(node));
        }
    }

    /// The comment above an instruction starts with a name that it defines.
    fn description(&self, node: &Node<'_>, names: &[&str]) {
        if let Some(comment) = self.ast.description(node).last()
            && !names.contains(&comment.split(' ').next().unwrap_or_default())
        {
            self.hit(Rule::InvalidDefinitionDescription, Some(node));
        }
    }

    /// All keywords are in the case of the most.
    fn casing(&self, instructions: &[Instruction<'_>]) {
        let from = |i: &Instruction<'_>| matches!(i.kind, Kind::From(_));
        let first = instructions.iter().position(from).unwrap_or_default();
        let words = || {
            instructions[first..]
                .iter()
                .map(|instruction| &*instruction.node.word.text)
        };
        let lowers = words().filter(|word| *word == lower(word)).count();
        let uppers = words().filter(|word| *word == upper(word)).count();
        let is_odd = |word: &str| {
            if lowers > uppers {
                word != lower(word)
            } else {
                word != upper(word)
            }
        };
        if words().any(is_odd) {
            self.hit(Rule::ConsistentInstructionCasing, None);
        }
    }
}

impl Table<'_, '_> {
    /// What the variables of a `FROM` show: `of` is its image or its platform.
    pub(in crate::lang::dockerfile::stages) fn lint_from(&self, of: &Names, node: &Node<'_>) {
        let is_known = |name: &&String| {
            self.globals.iter().any(|global| global.name == **name)
                || self.scope.get(name) != Value::Unset
        };
        if self.linter.is_on() && !of.unmatched.iter().all(|name| is_known(&name)) {
            self.linter.hit(Rule::UndefinedArgInFrom, Some(node));
        }
    }

    /// What `--platform` shows.
    pub(in crate::lang::dockerfile::stages) fn lint_platform(
        &self,
        value: &str,
        of: &Names,
        from: &Instruction<'_>,
    ) {
        if !self.linter.is_on() {
            return;
        }
        let is_target = of.unmatched.is_empty()
            && of.matched.iter().eq(["TARGETPLATFORM"])
            && self.scope.get("TARGETPLATFORM") == Value::Set(value);
        if is_target {
            self.linter
                .hit(Rule::RedundantTargetPlatform, Some(from.node));
        }
        if of.is_empty()
            && let Ok(platform) = Platform::parse(value)
        {
            let name = alias(from).unwrap_or_default();
            if !name.contains(&platform.os) && !name.contains(&platform.architecture) {
                self.linter
                    .hit(Rule::FromPlatformFlagConstDisallowed, Some(from.node));
            }
        }
    }

    /// Every base has a name without build arguments, too: `automatic` are the arguments that the
    /// build sets itself.
    pub(in crate::lang::dockerfile::stages) fn lint_defaults(
        &self,
        dockerfile: &Dockerfile<'_>,
        mut automatic: Variables,
    ) {
        if !self.linter.is_on() {
            return;
        }
        let (nothing, mut pieces) = (BTreeMap::new(), Pieces::default());
        let budget = Budget::default();
        let mut is_before = true;
        for instruction in &dockerfile.instructions {
            match &instruction.kind {
                Kind::Arg(declarations) if is_before => {
                    for declaration in declarations {
                        let place = instruction.into();
                        let argument = arguments::declare_global(
                            declaration,
                            place,
                            &nothing,
                            self.lexer,
                            &mut automatic,
                            &mut pieces,
                            &budget,
                        );
                        if argument.is_err() {
                            return;
                        }
                    }
                }
                Kind::From(from) => {
                    is_before = false;
                    let Ok(expansion) = self.lexer.word(from.image.text, &automatic) else {
                        return;
                    };
                    let name = expansion.value.unwrap_or_default();
                    if Reference::parse(&name).is_err() {
                        self.linter.hit(Rule::InvalidDefaultArgInFrom, None);
                    }
                }
                _ => {}
            }
        }
    }
}
