//! How bake is asked: for all targets at once, and again without what it cannot evaluate.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;

use super::blocks::{Block, blocks};
use super::refusal::{
    error_line, is_of_syntax, missing_file, no_key, said, stable, unknown_variable,
};
use super::tokens::{element_at, without};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::init::build::SAY_IT;
use crate::init::evidence::{Reader, not_asked};
use crate::run::evaluate::{Answer, Question, Tool};

/// How often a file is asked about again.
const MAX_ROUNDS: usize = 24;

/// The variables that a bake file defines.
pub(in crate::init) fn variables(source: &SourceText) -> BTreeSet<String> {
    let blocks = blocks(source).into_iter();
    let blocks = blocks.filter(|block| block.kind == "variable");
    blocks.map(|block| block.label).collect()
}

pub(super) struct Conversation<'r, 's> {
    reader: &'r mut Reader<'s>,
    /// The files as they are.
    pub(super) sources: Vec<SourceText>,
    /// What bake is shown, by path.
    shown: BTreeMap<String, String>,
    /// What it is told are agents, for these are keys of ssh, which nobody has here.
    keys: BTreeSet<String>,
    /// The targets whose matrix or names bake cannot evaluate, where they are defined: without these it takes each for
    /// one target, which nobody has.
    shapeless: BTreeMap<String, (SourceText, Range<usize>)>,
}

impl<'r, 's> Conversation<'r, 's> {
    pub(super) fn new(reader: &'r mut Reader<'s>, files: &[String]) -> Self {
        let sources: Vec<SourceText> = files.iter().map(|file| reader.source(file)).collect();
        let shown = sources
            .iter()
            .map(|source| (source.path.clone(), source.text.to_string()))
            .collect();
        Self {
            reader,
            sources,
            shown,
            keys: BTreeSet::new(),
            shapeless: BTreeMap::new(),
        }
    }

    /// The blocks of all files.
    pub(super) fn blocks(&self) -> Vec<(SourceText, Block)> {
        let sources = self.sources.iter();
        sources
            .flat_map(|source| {
                let blocks = blocks(source).into_iter();
                blocks.map(|block| (source.clone(), block))
            })
            .collect()
    }

    fn ask(&mut self, targets: Vec<String>) -> Answer {
        let question = Question {
            tool: Tool::Bake,
            files: self.sources.iter().map(|s| s.path.clone()).collect(),
            targets,
            agents: self.keys.clone(),
            texts: self
                .shown
                .iter()
                .map(|(path, text)| (path.clone(), text.clone().into_bytes()))
                .collect(),
        };
        self.reader.ask(&question)
    }

    /// What bake prints of all targets and groups; none, with a remark, where it prints nothing.
    pub(super) fn print(&mut self, diagnostics: &mut Diagnostics) -> Option<Value> {
        let mut print = self.answer(diagnostics)?;
        if let Some(targets) = print.get_mut("target").and_then(Value::as_object_mut) {
            for (label, (source, span)) in &self.shapeless {
                if targets.remove(label).is_none() {
                    continue;
                }
                let message =
                    format!("target `{label}` is skipped: bake cannot evaluate its matrix");
                diagnostics.push(
                    Diagnostic::new(Code::BuildLeftOut, message)
                        .at(source, span.clone(), "")
                        .because_of("matrix")
                        .help(
                            "to build its images too, add them under `images` in .shipwright.json",
                        ),
                );
            }
        }
        Some(print)
    }

    fn answer(&mut self, diagnostics: &mut Diagnostics) -> Option<Value> {
        let labels = |conversation: &Self| -> Vec<String> {
            let blocks = conversation.blocks().into_iter();
            // The print calls the group `default` what is asked for.
            let named = blocks.filter(|(_, block)| match &*block.kind {
                "group" => block.label != "default",
                kind => kind == "target",
            });
            let labels: BTreeSet<String> = named.map(|(_, block)| block.label).collect();
            labels.into_iter().collect()
        };
        for _ in 0..MAX_ROUNDS {
            let mut targets = labels(self);
            if targets.is_empty() {
                targets.push("default".to_owned());
            }
            match self.ask(targets.clone()) {
                Answer::Print(print, _) => return Some(print),
                Answer::NotAsked(why) => {
                    diagnostics.push(not_asked(Tool::Bake, &self.sources, &why));
                    return None;
                }
                Answer::Refused(why) => {
                    if let Some(unparsed) = self.unparsed(&why) {
                        diagnostics.push(unparsed);
                        return None;
                    }
                    if self.is_mended(&why, diagnostics) {
                        continue;
                    }
                    return self.one_by_one(&targets, &why, diagnostics);
                }
            }
        }
        None
    }

    /// The targets that bake builds by itself; none where there is no default.
    pub(super) fn default(&mut self) -> Option<BTreeSet<String>> {
        let blocks = self.blocks();
        let mut blocks = blocks.iter();
        blocks.find(|(_, block)| block.label == "default" && block.kind != "variable")?;
        match self.ask(Vec::new()) {
            Answer::Print(print, _) => {
                let targets = print["target"].as_object()?;
                Some(targets.keys().cloned().collect())
            }
            _ => None,
        }
    }

    /// What bake prints of each target for itself.
    fn one_by_one(
        &mut self,
        targets: &[String],
        why: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Value> {
        let mut all: Option<Value> = None;
        let mut refused = Vec::new();
        for target in targets {
            match self.ask(vec![target.clone()]) {
                Answer::Print(print, _) => merge(all.get_or_insert(Value::Null), &print),
                Answer::Refused(why) => refused.push((target, why)),
                Answer::NotAsked(_) => {}
            }
        }
        if all.is_none() {
            let source = self.sources.first()?;
            let message = format!("bake refuses this file: {}", said(why));
            diagnostics.push(
                Diagnostic::new(Code::UnreadableEvidence, message)
                    .at(source, 0..0, "")
                    .help("`init` continues without this file"),
            );
            return None;
        }
        let blocks = self.blocks();
        for (target, why) in refused {
            let mut blocks = blocks.iter();
            let Some((source, block)) = blocks.find(|(_, block)| block.label == *target) else {
                continue;
            };
            let message = format!("{} `{target}` is skipped: {}", block.kind, said(&why));
            diagnostics.push(
                Diagnostic::new(Code::BuildLeftOut, message)
                    .at(source, block.span.clone(), "")
                    .because_of(said(&why))
                    .help(SAY_IT),
            );
        }
        all
    }

    /// What there is to say of a file that bake cannot parse: it has no targets then, for anybody.
    fn unparsed(&self, why: &str) -> Option<Diagnostic> {
        let (path, place, problem) = self.place(why)?;
        if !is_of_syntax(&problem) {
            return None;
        }
        let source = self.sources.iter().find(|source| source.path == path)?;
        let message = format!("bake cannot parse this file: {problem}");
        Some(
            Diagnostic::new(Code::UnreadableEvidence, message)
                .at(source, place..place, "")
                .help("correct it, then run `shipwright init` again; `init` continues without this file"),
        )
    }

    /// Whether there is something to ask again: with a file more, or without what bake cannot evaluate.
    fn is_mended(&mut self, why: &str, diagnostics: &mut Diagnostics) -> bool {
        if let Some(file) = missing_file(why)
            && !self.shown.contains_key(&file)
        {
            // Its content is not asked for, only that it is there.
            self.shown.insert(file, String::new());
            return true;
        }
        if let Some(key) = no_key(why)
            && self.sources.iter().all(|source| source.path != key)
        {
            self.shown.remove(&key);
            return self.keys.insert(key);
        }
        if let Some(variable) = unknown_variable(why) {
            let known: Vec<String> = self.sources.iter().map(|s| s.path.clone()).collect();
            if let Some(file) = self.reader.defining(variable, &known) {
                let source = self.reader.source(&file);
                self.shown.insert(file, source.text.to_string());
                self.sources.insert(0, source);
                return true;
            }
        }
        let Some((path, place, problem)) = self.place(why) else {
            return false;
        };
        let Some(text) = self.shown.get(&path) else {
            return false;
        };
        let Some(element) = element_at(text, place) else {
            return false;
        };
        let left = without(text, &element);
        if left == *text {
            return false;
        }
        self.shown.insert(path.clone(), left);
        let blocks = self.blocks();
        let mut holding = blocks.iter().filter(|(source, block)| {
            let last = block.attributes.last();
            let end = last.map_or(block.span.end, |attribute| attribute.span.end);
            source.path == path && block.span.start <= element.start && element.start <= end
        });
        let Some(source) = self.sources.iter().find(|source| source.path == path) else {
            return false;
        };
        let holding = holding.next();
        if let Some((source, block)) = holding.filter(|(_, block)| block.kind == "target") {
            let mut attributes = block.attributes.iter();
            let shapes = attributes.any(|attribute| {
                matches!(&*attribute.key, "matrix" | "name")
                    && attribute.span.contains(&element.start)
            });
            if shapes {
                let place = (source.clone(), block.span.clone());
                self.shapeless.insert(block.label.clone(), place);
            }
        }
        let of = match holding {
            Some((_, block)) if block.span.start == element.start => {
                format!("{} `{}`", block.kind, block.label)
            }
            Some((_, block)) => format!("a value of {} `{}`", block.kind, block.label),
            None => "a value".to_owned(),
        };
        diagnostics.push(
            Diagnostic::new(
                Code::ValueLeftOut,
                format!("{of} is skipped: bake cannot evaluate it: {problem}"),
            )
            .at(source, element, "")
            .because_of(problem)
            .help(SAY_IT),
        );
        true
    }

    /// The place that bake complains of, in the bytes of what it is shown, and why.
    fn place(&self, why: &str) -> Option<(String, usize, String)> {
        let line = error_line(why)?;
        let mut shown = self.shown.iter();
        let (path, rest) = shown.find_map(|(path, _)| {
            let at = line.find(&format!("{path}:"))?;
            Some((path.clone(), &line[at + path.len() + 1..]))
        })?;
        let (number, rest) = rest.split_once(',')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (column, rest) = rest.split_at(digits);
        let (number, column): (usize, usize) = (number.parse().ok()?, column.parse().ok()?);
        let text = &self.shown[&path];
        let start: usize = text
            .split_inclusive('\n')
            .take(number.checked_sub(1)?)
            .map(str::len)
            .sum();
        let line = text[start..].lines().next().unwrap_or_default();
        let column = line.char_indices().nth(column.checked_sub(1)?);
        let column = column.map_or(line.len(), |(at, _)| at);
        let problem = rest.split_once(": ").map_or("", |(_, problem)| problem);
        Some((path, start + column, stable(problem)))
    }
}

fn merge(all: &mut Value, more: &Value) {
    for kind in ["group", "target"] {
        let Some(more) = more[kind].as_object() else {
            continue;
        };
        for (name, value) in more {
            all[kind][name] = value.clone();
        }
    }
}
