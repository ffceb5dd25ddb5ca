//! The second reader of manifests: what differs between two, in people's words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Field, Manifest};
use crate::plan::Reason;

/// What differs, beside the input files: of those only the tree's id is in a manifest. `dockerfile`
/// is the path of the new manifest's Dockerfile. Empty exactly where nothing but the inputs differs.
pub(crate) fn differences(old: &Manifest, new: &Manifest, dockerfile: &str) -> Vec<Reason> {
    let (old, new) = (Facts::of(old), Facts::of(new));
    let mut reasons = Vec::new();
    for (kind, tag) in [("platform", "platform"), ("epoch", "epoch")] {
        reasons.extend(old.setting(&new, kind, tag));
    }
    reasons.extend(old.arguments(&new));
    reasons.extend(old.bases(&new));
    reasons.extend(old.contexts(&new));
    reasons.extend(old.instructions(&new, dockerfile));
    let known = ["platform", "epoch"];
    let tags: BTreeSet<&str> = old
        .settings
        .keys()
        .chain(new.settings.keys())
        .copied()
        .collect();
    for tag in tags.into_iter().filter(|tag| !known.contains(tag)) {
        let kind = match tag {
            "escape" | "syntax" | "check" | "dockerfile-bytes" => "dockerfile".to_owned(),
            tag => tag.replace('-', "_"),
        };
        reasons.extend(old.setting(&new, &kind, tag));
    }
    reasons.extend(old.dependencies(&new));
    if reasons.is_empty() && old.structure != new.structure {
        let detail =
            format!("`{dockerfile}`: the order of its instructions, or what is built on what");
        reasons.push(reason("dockerfile", detail));
    }
    reasons
}

/// A reason of that kind.
pub(crate) fn reason(kind: &str, detail: impl Into<String>) -> Reason {
    Reason {
        kind: kind.to_owned(),
        detail: detail.into(),
    }
}

/// A manifest, sorted by what a change of it is called.
#[derive(Default)]
struct Facts<'m> {
    /// Facts that stand for themselves, by tag.
    settings: BTreeMap<&'m str, Vec<&'m str>>,
    /// Values of build arguments by name; none where one is declared and has no value.
    arguments: BTreeMap<&'m str, BTreeSet<Option<&'m str>>>,
    /// External images and other things by what they are called.
    bases: BTreeSet<&'m str>,
    /// Fingerprints of the images of the plan, by name.
    dependencies: BTreeMap<&'m str, &'m str>,
    /// What named contexts hold, by name.
    contexts: BTreeMap<&'m str, &'m str>,
    instructions: Vec<Instruction<'m>>,
    /// Everything but the values of arguments, references and inputs.
    structure: Vec<(&'m str, &'m str)>,
}

struct Instruction<'m> {
    keyword: &'m str,
    line: &'m str,
    /// All that it says, which is what two are compared by.
    text: Vec<(&'m str, &'m str)>,
}

impl<'m> Facts<'m> {
    fn of(manifest: &'m Manifest) -> Self {
        let mut facts = Self::default();
        let mut fields = manifest.fields().iter();
        while let Some(field) = fields.next() {
            match field.tag {
                "version" | "inputs" => continue,
                "arg" | "builder-arg" => {
                    let value = fields.next().filter(|value| value.tag.ends_with("-value"));
                    let values = facts.arguments.entry(&field.value).or_default();
                    values.insert(value.map(|value| value.value.as_str()));
                }
                "context" => {
                    let value = fields.next().map_or("", |value| &value.value);
                    facts.contexts.insert(&field.value, value);
                }
                "from" | "takes-from" => facts.takes(field),
                "view" | "target" | "stage" => {}
                "instruction" | "trigger" => facts.instructions.push(Instruction {
                    keyword: match field.tag {
                        "trigger" => "ONBUILD",
                        _ => &field.value,
                    },
                    line: &field.note,
                    text: vec![(field.tag, &field.value)],
                }),
                tag => match facts.instructions.last_mut() {
                    Some(instruction) => instruction.text.push((tag, &field.value)),
                    None => facts.settings.entry(tag).or_default().push(&field.value),
                },
            }
            let is_reference = matches!(field.tag, "from" | "takes-from");
            let value = match field.value.split_once(' ') {
                Some(("image" | "external" | "context", _)) if is_reference => "",
                _ => field.value.as_str(),
            };
            facts.structure.push((field.tag, value));
        }
        facts
    }

    fn takes(&mut self, field: &'m Field) {
        match field.value.split_once(' ') {
            Some(("image", fingerprint)) => {
                self.dependencies.insert(&field.note, fingerprint);
            }
            Some(("external", name)) => {
                self.bases.insert(name);
            }
            Some(("context", _)) => {
                self.bases.insert(&field.value);
            }
            _ => {}
        }
    }

    fn setting(&self, new: &Self, kind: &str, tag: &str) -> Option<Reason> {
        let (old, new) = (self.settings.get(tag), new.settings.get(tag));
        let shown = |values: Option<&Vec<&str>>| match values {
            Some(values) => format!("`{}`", values.join(", ")),
            None => "none".to_owned(),
        };
        (old != new).then(|| {
            let what = if kind == tag {
                String::new()
            } else {
                format!("{tag}: ")
            };
            reason(kind, format!("{what}{} → {}", shown(old), shown(new)))
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
            let shown = |values: Option<&BTreeSet<Option<&str>>>| {
                let Some(values) = values else {
                    return "not there".to_owned();
                };
                let values = values.iter().map(|value| match value {
                    Some(value) => format!("`{value}`"),
                    None => "unset".to_owned(),
                });
                values.collect::<Vec<_>>().join(", ")
            };
            let detail = format!("`{name}`: {} → {}", shown(old), shown(new));
            reasons.push(reason("build_arg", detail));
        }
        reasons
    }

    /// References that came, went, or took each other's place.
    fn bases(&self, new: &Self) -> Vec<Reason> {
        let names = |facts: &Self| -> BTreeSet<&'m str> {
            let images = facts.dependencies.keys().copied();
            facts.bases.iter().copied().chain(images).collect()
        };
        let (old, new) = (names(self), names(new));
        let list = |these: &BTreeSet<&str>, but: &BTreeSet<&str>| {
            let names: Vec<String> = these
                .difference(but)
                .map(|name| format!("`{name}`"))
                .collect();
            match names.len() {
                0 => "none".to_owned(),
                _ => names.join(", "),
            }
        };
        if old == new {
            return Vec::new();
        }
        let detail = format!("{} → {}", list(&old, &new), list(&new, &old));
        vec![reason("base", detail)]
    }

    fn contexts(&self, new: &Self) -> Vec<Reason> {
        let names: BTreeSet<&&str> = self.contexts.keys().chain(new.contexts.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| self.contexts.get(*name) != new.contexts.get(*name));
        changed.map(|name| reason("context", *name)).collect()
    }

    fn dependencies(&self, new: &Self) -> Vec<Reason> {
        let changed = new.dependencies.iter().filter(|&(name, fingerprint)| {
            let old = self.dependencies.get(name);
            old.is_some_and(|old| old != fingerprint)
        });
        changed
            .map(|(name, _)| reason("dependency", *name))
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
        let mut reasons = Vec::new();
        for added in new.iter().filter(|one| lacks(old, one)) {
            let Instruction { line, .. } = added;
            let keyword = added.keyword.to_uppercase();
            let detail = match *line {
                "" => format!("`{dockerfile}`: `{keyword}` of a base image"),
                line => format!("`{dockerfile}`: `{keyword}` on line {line}"),
            };
            reasons.push(reason("dockerfile", detail));
        }
        if reasons.is_empty() {
            for gone in old.iter().filter(|one| lacks(new, one)) {
                let detail = format!(
                    "`{dockerfile}`: a `{}` is gone",
                    gone.keyword.to_uppercase()
                );
                reasons.push(reason("dockerfile", detail));
            }
        }
        let mut seen = BTreeSet::new();
        reasons.retain(|reason| seen.insert(reason.detail.clone()));
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static str, &'static str, &'static str);

    fn manifest(rows: &[Row]) -> Manifest {
        let mut manifest = Manifest::new();
        for (tag, value, note) in rows {
            manifest.add_noted(tag, *value, *note);
        }
        manifest
    }

    #[track_caller]
    fn check(old: &[Row], new: &[Row], expected: &[(&str, &str)]) {
        let reasons = differences(&manifest(old), &manifest(new), "Dockerfile");
        let reasons: Vec<(&str, &str)> = reasons
            .iter()
            .map(|reason| (&*reason.kind, &*reason.detail))
            .collect();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn names_what_differs() {
        let run = ("instruction", "RUN", "3");
        check(
            &[run],
            &[run, ("text", "make", "")],
            &[("dockerfile", "`Dockerfile`: `RUN` on line 3")],
        );
        check(
            &[run, run],
            &[run],
            &[("dockerfile", "`Dockerfile`: a `RUN` is gone")],
        );
        check(
            &[("epoch", "1", ""), ("platform", "linux/amd64", "")],
            &[("epoch", "2", "")],
            &[("platform", "`linux/amd64` → none"), ("epoch", "`1` → `2`")],
        );
        check(
            &[("from", "image 0a", "a"), ("from", "external x:1", "")],
            &[("from", "image 0b", "a"), ("from", "external x:2", "")],
            &[("base", "`x:1` → `x:2`"), ("dependency", "a")],
        );
        check(
            &[("arg", "V", ""), ("arg-value", "1", "")],
            &[("arg", "V", ""), ("arg-unset", "", "")],
            &[("build_arg", "`V`: `1` → unset")],
        );
        check(
            &[("syntax", "a", "")],
            &[("syntax", "b", "")],
            &[("dockerfile", "syntax: `a` → `b`")],
        );
        check(
            &[
                ("context", "a", ""),
                ("context-value", "0", ""),
                ("context", "b", ""),
                ("context-value", "0", ""),
            ],
            &[
                ("context", "a", ""),
                ("context-value", "0", ""),
                ("context", "b", ""),
                ("context-value", "1", ""),
            ],
            &[("context", "b")],
        );
        check(&[("inputs", "a", "")], &[("inputs", "b", "")], &[]);
    }

    #[test]
    fn a_changed_structure_is_never_without_a_reason() {
        let a = ("instruction", "RUN", "1");
        let b = ("instruction", "USER", "2");
        check(
            &[a, b],
            &[b, a],
            &[(
                "dockerfile",
                "`Dockerfile`: the order of its instructions, or what is built on what",
            )],
        );
        check(
            &[a, b],
            &[a],
            &[("dockerfile", "`Dockerfile`: a `USER` is gone")],
        );
    }
}
