//! Stamp arguments that are no stamps: what an image takes depends on them, or what it runs may.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parsed, Resolved};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::Kind;
use crate::lang::dockerfile::expand::Environment;
use crate::lang::dockerfile::stages::{
    Base, ContextSource, Download, ImageUse, Origin, Place, Request, Source, StageGraph,
    StageIndex, Variables,
};
use crate::lang::platform::Platform;
use crate::planner::images::Definition;

/// A value that no default has by chance: only whether something changes is asked.
const OTHER: &str = "0.0.0-stamp";

/// Refuses stamp arguments by which references, or what is copied or fetched, differ: they are not
/// counted, so the plan would be of another image than the build. `stages` are without them.
///
/// Returns the variables of the image that depend on them: what is built on it may take by these.
pub(super) fn check(
    definition: &Definition,
    parsed: &Parsed<'_>,
    request: &Request<'_>,
    stages: &StageGraph<'_>,
) -> Result<BTreeSet<String>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut variables = BTreeSet::new();
    for (name, template) in &definition.settings.publish.stamp_args {
        if !stages.declared.contains(name) {
            continue;
        }
        let mut build_args: BTreeMap<String, String> = request.build_args.clone();
        build_args.insert(name.clone(), OTHER.to_owned());
        let stamped = StageGraph::new(
            parsed.dockerfile,
            &Request {
                build_args: &build_args,
                ..*request
            },
        );
        let same = stamped.is_ok_and(|stamped| {
            variables.extend(changed(&stages.config.env, &stamped.config.env));
            taken(&stamped) == taken(stages)
        });
        if !same {
            let message = format!(
                "`{name}` is a stamp of `{}`, but the image's files or bases depend on it",
                definition.name
            );
            let what = format!(r#"`"build_args": {{"{name}": "{}"}}`"#, template.text);
            problems.push(
                Diagnostic::new(Code::StampCounts, message)
                    .at(parsed.source, 0..0, "")
                    .help(format!("make it a build argument instead: {what}")),
            );
        }
    }
    problems.fail_on_errors()?;
    Ok(variables)
}

/// The variables that two environments do not agree on.
fn changed(one: &Variables, other: &Variables) -> BTreeSet<String> {
    let names = one.iter().chain(other.iter()).map(|(name, _)| name);
    names
        .filter(|name| one.get(name) != other.get(name))
        .map(str::to_owned)
        .collect()
}

/// Something that a stage takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<'s> {
    Nothing,
    Stage(StageIndex),
    Context(&'s str),
    /// By its full name.
    Image(String),
    /// A stage runs on it.
    Platform(&'s Platform),
    Source(&'s ContextSource),
    Download(&'s Download),
}

/// What reachable stages take, in order.
pub(super) fn taken<'s>(stages: &'s StageGraph<'_>) -> Vec<Taken<'s>> {
    let mut all = Vec::new();
    for stage in stages.reachable() {
        all.push(Taken::Platform(&stage.platform));
        all.push(match &stage.base {
            Base::Scratch => Taken::Nothing,
            Base::Stage(index) => Taken::Stage(*index),
            Base::Context(name) => Taken::Context(name),
            Base::Image(image) => Taken::Image(image.full_name()),
        });
        for step in &stage.steps {
            for used in &step.uses {
                all.push(match &used.source {
                    Source::Scratch => Taken::Nothing,
                    Source::Stage(index) => Taken::Stage(*index),
                    Source::Context(name) => Taken::Context(name),
                    Source::Image(image) => Taken::Image(image.full_name()),
                });
                all.extend(used.reads.iter().map(Taken::Source));
            }
            all.extend(step.sources.iter().map(Taken::Source));
            all.extend(step.downloads.iter().map(Taken::Download));
        }
    }
    all
}

/// Warns of every `RUN` that reads a stamp argument, by its name or by that of a variable that was set
/// from it: what it makes of the stamp is kept by an image that is not built again.
pub(super) fn in_runs(resolved: &[Resolved<'_>], diagnostics: &mut Diagnostics) {
    for image in resolved {
        let own = image.definition.settings.publish.stamp_args.keys();
        let mut stamps: BTreeSet<(&str, &str)> = own
            .map(|name| (name.as_str(), image.definition.name.as_str()))
            .collect();
        for need in image.needs.keys() {
            let base = &resolved[need.image];
            let inherited = base.views.iter().flat_map(|view| &view.stamped);
            stamps.extend(inherited.map(|name| (name.as_str(), base.definition.name.as_str())));
        }
        for (name, of) in stamps {
            let is_own = of == image.definition.name;
            let mut places: Vec<Place> = Vec::new();
            for view in &image.views {
                let holds = |base: &ImageUse| {
                    let meaning = view.meanings.get(&base.full_name()).copied().flatten();
                    !is_own && meaning.is_some_and(|index| resolved[index].definition.name == of)
                };
                for place in runs(&image.source.text, &view.stages, name, holds) {
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
            }
            for place in places {
                let message = format!("this `RUN` reads `{name}`, a stamp of `{of}`");
                diagnostics.push(
                    Diagnostic::new(Code::StampInRun, message)
                        .at(image.source, place.span.range(), "")
                        .help("a stamp does not affect the fingerprint: an image that is otherwise unchanged keeps the result of an older stamp")
                        .help(format!(
                            r#"read it in a `LABEL` or an `ENV`, or make it a build argument: `"build_args": {{"{name}": "…"}}` in place of `"stamp_args"` in .shipwright.json"#
                        )),
                );
            }
        }
    }
}

/// The `RUN`s of reachable stages, in the Dockerfile's text, that read an argument, or a variable of
/// base images that `has_it` holds for.
fn runs(
    text: &str,
    stages: &StageGraph<'_>,
    argument: &str,
    has_it: impl Fn(&ImageUse) -> bool,
) -> Vec<Place> {
    // By stage, the variables that hold the argument at its end: a stage that is built on it has them.
    let mut holders: BTreeMap<StageIndex, BTreeSet<&str>> = BTreeMap::new();
    let mut places = Vec::new();
    for stage in stages.reachable() {
        let mut hold = match &stage.base {
            Base::Stage(base) => holders.get(base).cloned().unwrap_or_default(),
            Base::Image(base) if has_it(base) => BTreeSet::from([argument]),
            _ => BTreeSet::new(),
        };
        for step in &stage.steps {
            let Origin::Own(instruction) = &step.origin else {
                continue;
            };
            match &instruction.kind {
                Kind::Arg(arguments) => {
                    let mut names = arguments.iter().map(|declared| declared.name.text);
                    hold.extend(names.find(|name| *name == argument));
                }
                Kind::Env(settings) => {
                    for setting in settings {
                        if reads(setting.value.text, &hold) {
                            hold.insert(setting.name.text);
                        } else {
                            hold.remove(setting.name.text);
                        }
                    }
                }
                Kind::Run(_) => {
                    let written = text.get(instruction.node.span.range());
                    if written.is_some_and(|written| reads(written, &hold)) {
                        places.push(step.place);
                    }
                }
                _ => {}
            }
        }
        holders.insert(stage.index, hold);
    }
    places
}

/// Whether a text has one of some variables in it, as `$NAME` or `${NAME`.
fn reads(text: &str, names: &BTreeSet<&str>) -> bool {
    let mut dollars = text.match_indices('$');
    dollars.any(|(at, _)| {
        let is_escaped = text[..at].ends_with('\\');
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        !is_escaped && names.contains(&rest[..end.unwrap_or(rest.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::dockerfile::stages::NoBases;
    use crate::lang::dockerfile::{self, Dockerfile};

    #[track_caller]
    fn check(text: &str, lines: &[usize]) {
        let ast = dockerfile::parse(text);
        let dockerfile = Dockerfile::new(&ast);
        let stages = StageGraph::new(
            &dockerfile,
            &Request {
                target: None,
                build_args: &BTreeMap::new(),
                platform: &Platform::default(),
                build_platform: &Platform::default(),
                contexts: &BTreeSet::new(),
                bases: &NoBases,
            },
        )
        .unwrap();
        let found: Vec<usize> = runs(text, &stages, "V", |_| false)
            .iter()
            .map(|place| place.lines.start)
            .collect();
        assert_eq!(found, lines, "{text}");
    }

    #[test]
    fn what_runs_read() {
        check(
            "FROM x\nARG V\nRUN echo $V\nRUN echo ${V:-x}\nRUN echo $VV \\$V\n",
            &[3, 4],
        );
        check("FROM x\nRUN echo $V\nARG V\nLABEL v=$V\n", &[]);
        check(
            "FROM x\nARG V\nENV W=a$V\nRUN echo $W\nENV W=b\nRUN echo $W\n",
            &[4],
        );
        check("FROM x AS a\nARG V\nFROM a\nRUN echo $V\n", &[4]);
        check("FROM x AS a\nARG V\nFROM x\nRUN echo $V\n", &[]);
        check("FROM x\nARG V\nRUN <<END\necho \"$V\"\nEND\n", &[3]);
        check("FROM x\nARG V\nRUN [\"sh\", \"-c\", \"echo $V\"]\n", &[3]);
    }
}
