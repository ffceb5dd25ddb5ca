//! The second reader of manifests: what differs between two, in people's words.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Manifest;
use super::fact::{ContextContent, Shown, Sink, Taken, Told};
use crate::lang::digest::short;
use crate::plan::{Reason, ReasonKind};
use crate::planner::external::Held;

/// What differs, beside the input files: of those only the tree's id is in a manifest. `dockerfile`
/// is the path of the new manifest's Dockerfile. Empty exactly where nothing but the inputs, or the
/// version of the manifest, differs.
pub(crate) fn differences(old: &Manifest, new: &Manifest, dockerfile: &str) -> Vec<Reason> {
    let (old, new) = (Facts::of(old), Facts::of(new));
    let mut reasons = Vec::new();
    let first = ["platform", "epoch"];
    reasons.extend(first.iter().filter_map(|tag| old.setting(&new, tag)));
    reasons.extend(old.arguments(&new));
    reasons.extend(old.bases(&new));
    reasons.extend(old.moved(&new));
    reasons.extend(old.contexts(&new));
    reasons.extend(old.instructions(&new, dockerfile));
    let tags: BTreeSet<&str> = old
        .settings
        .keys()
        .chain(new.settings.keys())
        .copied()
        .collect();
    let others = tags.iter().filter(|tag| !first.contains(tag));
    reasons.extend(others.filter_map(|tag| old.setting(&new, tag)));
    reasons.extend(old.dependencies(&new));
    if reasons.is_empty() && old.structure != new.structure {
        let detail = format!("`{dockerfile}`: the order of its instructions or stages");
        reasons.push(Reason::new(ReasonKind::Dockerfile, detail));
    }
    reasons
}

/// A manifest, sorted by what a change of it is called.
#[derive(Default)]
struct Facts<'m> {
    /// Facts that stand for themselves, by tag: what a change is about, and the texts.
    settings: BTreeMap<&'static str, (ReasonKind, Vec<Cow<'m, str>>)>,
    /// Values of build arguments by name.
    arguments: BTreeMap<&'m str, BTreeSet<Shown<'m>>>,
    /// External images and named contexts.
    bases: BTreeSet<String>,
    /// What the lock file holds these to, by name.
    held: BTreeMap<&'m str, BTreeSet<&'m Held>>,
    /// Fingerprints of the images of the plan, by name.
    dependencies: BTreeMap<&'m str, &'m str>,
    /// What named contexts hold, by name.
    contexts: BTreeMap<&'m str, &'m ContextContent>,
    instructions: Vec<Instruction<'m>>,
    /// Everything but the values of arguments, references and inputs.
    structure: Vec<(&'static str, Cow<'m, str>)>,
}

struct Instruction<'m> {
    keyword: &'m str,
    line: Option<usize>,
    /// All that it says, which is what two are compared by.
    text: Vec<(&'static str, &'m str)>,
}

impl<'m> Sink<'m> for Facts<'m> {
    fn field(&mut self, _: &'static str, _: &str) {}

    fn told(&mut self, told: Told<'m>) {
        match told {
            Told::Setting(kind, tag, value) => {
                let setting = self.settings.entry(tag).or_insert((kind, Vec::new()));
                setting.1.push(value);
            }
            Told::Argument(name, value) => {
                self.arguments.entry(name).or_default().insert(value);
            }
            Told::Context(name, content) => {
                self.contexts.insert(name, content);
            }
            Told::Taken(Taken::Image { fingerprint, name }) => {
                self.dependencies.insert(name, fingerprint);
            }
            Told::Taken(Taken::External(name)) => {
                self.bases.insert(name.clone());
            }
            Told::Taken(Taken::Locked(held)) => {
                self.bases.insert(held.name.clone());
            }
            Told::Held(held) => {
                self.held.entry(&held.name).or_default().insert(held);
            }
            Told::Taken(Taken::Context(name)) => {
                self.bases.insert(format!("context {name}"));
            }
            Told::Taken(Taken::Scratch | Taken::Stage(_)) => {}
            Told::Instruction(keyword, line) => self.instructions.push(Instruction {
                keyword,
                line,
                text: Vec::new(),
            }),
            Told::Text(tag, text) => {
                self.structure.push((tag, text.into()));
                if let Some(instruction) = self.instructions.last_mut() {
                    instruction.text.push((tag, text));
                }
            }
            Told::Structure(tag, value) => self.structure.push((tag, value)),
        }
    }
}

impl<'m> Facts<'m> {
    fn of(manifest: &'m Manifest) -> Self {
        let mut facts = Self::default();
        for fact in &manifest.facts {
            fact.say(&mut facts);
        }
        facts
    }

    fn setting(&self, new: &Self, tag: &str) -> Option<Reason> {
        let (old, new) = (self.settings.get(tag), new.settings.get(tag));
        let kind = new.or(old)?.0.clone();
        let (old, new) = (old.map(|(_, texts)| texts), new.map(|(_, texts)| texts));
        let shown = |texts: Option<&Vec<Cow<'_, str>>>| match texts {
            Some(texts) => format!("`{}`", texts.join(", ")),
            None => "none".to_owned(),
        };
        (old != new).then(|| {
            let what = if kind.to_string() == tag {
                String::new()
            } else {
                format!("{tag}: ")
            };
            Reason::new(kind, format!("{what}{} → {}", shown(old), shown(new)))
        })
    }

    fn arguments(&self, new: &Self) -> Vec<Reason> {
        let names: BTreeSet<&str> = self
            .arguments
            .keys()
            .chain(new.arguments.keys())
            .copied()
            .collect();
        let mut reasons = Vec::new();
        for name in names {
            let (old, new) = (self.arguments.get(name), new.arguments.get(name));
            if old == new {
                continue;
            }
            let shown = |values: Option<&BTreeSet<Shown<'_>>>| {
                let Some(values) = values else {
                    return "not there".to_owned();
                };
                let values = values.iter().map(|value| match value {
                    Shown::Value(value) => format!("`{value}`"),
                    Shown::Text(text) => format!("the value of `{text}`"),
                    Shown::Unset => "unset".to_owned(),
                });
                values.collect::<Vec<_>>().join(", ")
            };
            let detail = format!("`{name}`: {} → {}", shown(old), shown(new));
            reasons.push(Reason::new(ReasonKind::BuildArg, detail));
        }
        reasons
    }

    /// References that came, went, or took each other's place.
    fn bases(&self, new: &Self) -> Option<Reason> {
        let names = |facts: &Self| -> BTreeSet<String> {
            let images = facts.dependencies.keys().map(|name| (*name).to_owned());
            facts.bases.iter().cloned().chain(images).collect()
        };
        let (old, new) = (names(self), names(new));
        let list = |these: &BTreeSet<String>, but: &BTreeSet<String>| {
            let names: Vec<String> = these
                .difference(but)
                .map(|name| format!("`{name}`"))
                .collect();
            match names.len() {
                0 => "none".to_owned(),
                _ => names.join(", "),
            }
        };
        (old != new).then(|| {
            let detail = format!("{} → {}", list(&old, &new), list(&new, &old));
            Reason::new(ReasonKind::Base, detail)
        })
    }

    /// References that the lock file holds to other content than before, or only now, or no more.
    fn moved(&self, new: &Self) -> Vec<Reason> {
        let names: BTreeSet<&str> = self.held.keys().chain(new.held.keys()).copied().collect();
        let moved = names.into_iter().filter_map(|name| {
            let (old, now) = (self.held.get(name), new.held.get(name));
            // That a base came or went is told by its name alone.
            let is_other_base = self.bases.contains(name) != new.bases.contains(name);
            if old == now || is_other_base {
                return None;
            }
            let (from, to) = told(old, now);
            let detail = format!("{name}: {from} → {to}");
            Some(Reason::new(ReasonKind::Base, detail))
        });
        moved.collect()
    }

    fn contexts(&self, new: &Self) -> Vec<Reason> {
        let names: BTreeSet<&&str> = self.contexts.keys().chain(new.contexts.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| self.contexts.get(*name) != new.contexts.get(*name));
        changed
            .map(|name| Reason::new(ReasonKind::Context, *name))
            .collect()
    }

    fn dependencies(&self, new: &Self) -> Vec<Reason> {
        let changed = new.dependencies.iter().filter(|&(name, fingerprint)| {
            let old = self.dependencies.get(name);
            old.is_some_and(|old| old != fingerprint)
        });
        changed
            .map(|(name, _)| Reason::new(ReasonKind::Dependency, *name))
            .collect()
    }

    /// Instructions that are only in one of them, between the first and the last that differ.
    fn instructions(&self, new: &Self, dockerfile: &str) -> Vec<Reason> {
        let same = |(a, b): &(&Instruction<'_>, &Instruction<'_>)| a.text == b.text;
        let start = self
            .instructions
            .iter()
            .zip(&new.instructions)
            .take_while(same)
            .count();
        let (old, new) = (&self.instructions[start..], &new.instructions[start..]);
        let end = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take_while(same)
            .count();
        let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
        let lacks = |list: &[Instruction<'_>], one: &Instruction<'_>| {
            list.iter().all(|other| other.text != one.text)
        };
        let mut details = Vec::new();
        for added in new.iter().filter(|one| lacks(old, one)) {
            let keyword = added.keyword.to_uppercase();
            details.push(match added.line {
                None => format!("`{dockerfile}`: `{keyword}` of a base image"),
                Some(line) => format!("`{dockerfile}`: `{keyword}` on line {line}"),
            });
        }
        if details.is_empty() {
            for gone in old.iter().filter(|one| lacks(new, one)) {
                let keyword = gone.keyword.to_uppercase();
                details.push(format!("`{dockerfile}`: a `{keyword}` was removed"));
            }
        }
        let mut seen = BTreeSet::new();
        details.retain(|detail| seen.insert(detail.clone()));
        let reasons = details.into_iter();
        reasons
            .map(|detail| Reason::new(ReasonKind::Dockerfile, detail))
            .collect()
    }
}

/// What a reference was held to and is, as short as that can be said: by what it names, else by platforms.
fn told(old: Option<&BTreeSet<&Held>>, new: Option<&BTreeSet<&Held>>) -> (String, String) {
    let whole = |all: Option<&BTreeSet<&Held>>| {
        let first = all.and_then(|all| all.first());
        first.map_or_else(
            || "not locked".to_owned(),
            |held| short(&held.whole).to_owned(),
        )
    };
    let (from, to) = (whole(old), whole(new));
    if from != to {
        return (from, to);
    }
    let parts = |all: Option<&BTreeSet<&Held>>| {
        let parts = all.into_iter().flatten().flat_map(|held| &held.parts);
        let parts: BTreeSet<_> = parts.collect();
        let parts = parts
            .iter()
            .map(|(platform, digest)| format!("{platform} {}", short(digest)));
        parts.collect::<Vec<_>>().join(", ")
    };
    (parts(old), parts(new))
}

#[cfg(test)]
mod tests {
    use super::super::fact::{Fact, Value};
    use super::*;
    use crate::tree::snapshot::ObjectId;

    #[track_caller]
    fn check(old: &[Fact], new: &[Fact], expected: &[(&str, &str)]) {
        let manifest = |facts: &[Fact]| Manifest {
            facts: facts.to_vec(),
        };
        let reasons = differences(&manifest(old), &manifest(new), "Dockerfile");
        let reasons: Vec<(String, &str)> = reasons
            .iter()
            .map(|reason| (reason.kind.to_string(), &*reason.detail))
            .collect();
        let expected: Vec<(String, &str)> = expected
            .iter()
            .map(|&(kind, detail)| (kind.to_owned(), detail))
            .collect();
        assert_eq!(reasons, expected);
    }

    fn instruction(keyword: &str, line: usize) -> Fact {
        let keyword = keyword.to_owned();
        Fact::Instruction { keyword, line }
    }

    fn image(fingerprint: &str) -> Fact {
        Fact::From(Taken::Image {
            fingerprint: fingerprint.into(),
            name: "a".to_owned(),
        })
    }

    fn external(name: &str) -> Fact {
        Fact::From(Taken::External(name.to_owned()))
    }

    fn argument(value: Value) -> Fact {
        let name = "V".to_owned();
        Fact::Argument { name, value }
    }

    fn context(name: &str, tree: &str) -> Fact {
        Fact::Context {
            name: name.to_owned(),
            content: ContextContent::Files(tree.to_owned()),
        }
    }

    #[test]
    fn names_what_differs() {
        let run = || instruction("RUN", 3);
        let text = Fact::Part {
            tag: "text",
            text: "make".to_owned(),
        };
        check(
            &[run()],
            &[run(), text],
            &[("dockerfile", "`Dockerfile`: `RUN` on line 3")],
        );
        check(
            &[run(), run()],
            &[run()],
            &[("dockerfile", "`Dockerfile`: a `RUN` was removed")],
        );
        check(
            &[
                Fact::Epoch("1".to_owned()),
                Fact::Platform("linux/amd64".to_owned()),
            ],
            &[Fact::Epoch("2".to_owned())],
            &[("platform", "`linux/amd64` → none"), ("epoch", "`1` → `2`")],
        );
        check(
            &[image("0a"), external("x:1")],
            &[image("0b"), external("x:2")],
            &[("base", "`x:1` → `x:2`"), ("dependency", "a")],
        );
        check(
            &[argument(Value::Known("1".to_owned()))],
            &[argument(Value::Unset)],
            &[("build_arg", "`V`: `1` → unset")],
        );
        check(
            &[argument(Value::Unknown("--fast $X".to_owned()))],
            &[argument(Value::Unknown("--safe $X".to_owned()))],
            &[(
                "build_arg",
                "`V`: the value of `--fast $X` → the value of `--safe $X`",
            )],
        );
        check(
            &[Fact::Syntax("a".to_owned())],
            &[Fact::Syntax("b".to_owned())],
            &[("dockerfile", "syntax: `a` → `b`")],
        );
        check(
            &[context("a", "0"), context("b", "0")],
            &[context("a", "0"), context("b", "1")],
            &[("context", "b")],
        );
        check(
            &[Fact::Inputs(ObjectId([0; 20]))],
            &[Fact::Inputs(ObjectId([1; 20]))],
            &[],
        );
    }

    #[test]
    fn a_changed_structure_is_never_without_a_reason() {
        let a = || instruction("RUN", 1);
        let b = || instruction("USER", 2);
        check(
            &[a(), b()],
            &[b(), a()],
            &[(
                "dockerfile",
                "`Dockerfile`: the order of its instructions or stages",
            )],
        );
        check(
            &[a(), b()],
            &[a()],
            &[("dockerfile", "`Dockerfile`: a `USER` was removed")],
        );
    }
}
