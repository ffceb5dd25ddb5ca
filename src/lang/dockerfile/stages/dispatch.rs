//! Running through the stages that the target needs (layer 5), and putting the graph together.

use super::budget::Budget;
use super::error::StageError;
use super::stage_index::StageIndex;
use super::state::{Build, Neighbours, State};
use super::table::{Command, Entry, External, Table};
use super::{Base, Origin, Source, Stage, StageGraph, Step, Use, UseKind, triggers};
use crate::lang::dockerfile::Kind;

/// Evaluates the reachable stages, in the order of the file.
///
/// # Errors
/// Everything that is wrong in them.
pub(super) fn run<'n>(table: Table<'n, '_>) -> Result<StageGraph<'n>, Vec<StageError>> {
    let Table {
        build_args,
        linter,
        lexer,
        scope,
        globals,
        declared,
        entries,
        externals,
        target,
        ..
    } = table;
    let replaced: Vec<bool> = entries.iter().map(|entry| entry.replaced).collect();
    let alone = entries.len() + externals.len() == 1;
    let mut children = count_children(&entries);
    let mut errors = Vec::new();
    let mut left: Vec<Option<State<'_>>> = Vec::with_capacity(entries.len());
    let mut config = None;
    let mut stages = Vec::with_capacity(entries.len());
    let build = Build {
        lexer,
        linter,
        given: &build_args,
        globals: &scope,
        budget: Budget::default(),
    };
    for (position, entry) in entries.into_iter().enumerate() {
        let index = StageIndex::new(position);
        let neighbours = Neighbours {
            index,
            // BuildKit drops the name of a stage that is the only one.
            name: match &entry.name {
                _ if alone => String::new(),
                Some(name) => name.clone(),
                None => format!("stage-{position}"),
            },
            replaced: &replaced,
        };
        let mut state = match entry.base {
            _ if !entry.reachable => None,
            Base::Stage(base) => {
                children[base] -= 1;
                // The last child takes what the others copy.
                let parent = match children[base] {
                    0 => left[base].take(),
                    _ => left[base].clone(),
                };
                parent.map(State::inherit)
            }
            _ => {
                let state = State::new(&build, &entry.platform, entry.config);
                state
                    .map_err(|message| errors.push(StageError::at(entry.place, message)))
                    .ok()
            }
        };
        let mut steps = Vec::with_capacity(entry.commands.len());
        for command in entry.commands {
            let (step, result) = evaluate(command, state.as_mut(), &neighbours, &externals);
            if let Err(message) = result {
                errors.push(StageError::at(step.place, message));
            }
            steps.push(step);
        }
        if index == target {
            config = state.as_ref().map(|state| state.config.clone());
        }
        left.push(state.filter(|_| children[index] > 0));
        stages.push(Stage {
            index,
            name: entry.name,
            from: entry.from,
            base: entry.base,
            platform: entry.platform,
            reachable: entry.reachable,
            steps,
        });
    }
    drop(left);
    if errors.is_empty() {
        errors.extend(build.linter.into_error());
    }
    match config {
        Some(config) if errors.is_empty() => Ok(StageGraph {
            stages,
            target,
            config,
            globals,
            declared,
        }),
        _ => Err(errors),
    }
}

/// For each stage, how many reachable ones are built on it.
fn count_children(entries: &[Entry<'_>]) -> Vec<usize> {
    let mut children = vec![0; entries.len()];
    for entry in entries.iter().filter(|entry| entry.reachable) {
        if let Base::Stage(base) = entry.base {
            children[base] += 1;
        }
    }
    children
}

/// Runs one instruction, if its stage is reachable.
fn evaluate<'n>(
    command: Command<'n>,
    state: Option<&mut State<'_>>,
    neighbours: &Neighbours<'_>,
    externals: &[External],
) -> (Step<'n>, Result<(), String>) {
    let mut step = Step::new(command.origin, command.place);
    let links = &command.links;
    let run = |kind: &Kind<'_>, step: &mut Step<'n>| {
        step.uses = uses(kind, links, neighbours.replaced.len(), externals);
        match state {
            Some(state) => state.run(kind, links, neighbours, step),
            None => Ok(()),
        }
    };
    let result = match step.origin.clone() {
        Origin::Own(instruction) => run(&instruction.kind, &mut step),
        Origin::Trigger(text) => {
            triggers::with_instruction(&text, |instruction| run(&instruction.kind, &mut step))
                .and_then(|result| result)
        }
    };
    (step, result)
}

/// What the numbers of an instruction's sources mean.
fn uses(
    kind: &Kind<'_>,
    links: &[Option<usize>],
    stages: usize,
    externals: &[External],
) -> Vec<Use> {
    let kind = match kind {
        Kind::Copy(_) => UseKind::CopyFrom,
        _ => UseKind::Mount,
    };
    let numbers = links.iter().flatten();
    numbers
        .map(|&number| Use {
            kind,
            source: match externals.get(number.wrapping_sub(stages)) {
                Some(external) => external.source.clone(),
                None => Source::Stage(StageIndex::new(number)),
            },
            number,
            reads: Vec::new(),
        })
        .collect()
}
