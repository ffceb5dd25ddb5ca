//! References under other namespaces than ours that look as if they were meant to be ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostics::{Code, Diagnostic, Diagnostics, listed};
use crate::lang::dockerfile::stages::ImageUse;
use crate::planner::align::{Found, Paths, Spoken, is_of_publisher};
use crate::planner::discover::suffix;
use crate::planner::images::Definition;
use crate::planner::names::short;

/// How many images a hint spells out.
const SHOWN: usize = 3;

/// How many letters a name has, at the least, of which a misspelt one is told.
const LONG: usize = 6;

/// What a reference says: repository as people write it, tag, whether that came from a variable.
type Said = (String, Option<String>, bool);

/// Who says it: a Dockerfile, and the image that is made of it.
type User = (String, String);

/// References to images that others make, by what they say.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    said: BTreeMap<Said, BTreeSet<User>>,
}

impl Foreign {
    /// Adds a reference of an image's Dockerfile.
    pub(super) fn add(&mut self, used_in: &Definition, used: &ImageUse) {
        let reference = &used.reference;
        // What somebody is to fill in speaks of nothing.
        let repository = reference.familiar_repository();
        if reference.digest.is_some()
            || !used.unset.is_empty() && !used.text.starts_with(&repository)
        {
            return;
        }
        let tag = reference.tag.clone().filter(|tag| tag != "latest");
        let users = self.said.entry((repository, tag, used.tag_from_variable));
        let user = (used_in.dockerfile.clone(), used_in.name.clone());
        users.or_default().insert(user);
    }

    /// What there is to say of them.
    pub(super) fn hints(&self, images: &[&Definition], has_namespace: bool) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let paths: BTreeSet<&String> = images.iter().map(|image| &image.dockerfile).collect();
        let spoken: Vec<Spoken> = self.said.iter().map(spoken).collect();
        let found = if spoken.is_empty() {
            Vec::new()
        } else {
            Paths::new(paths).find(&spoken)
        };
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for way in &found {
            told.extend(way.means.keys());
            told.extend(way.irregular.keys());
            let is_only = found.len() == 1 && way.rivals.is_empty();
            let users = self.said.values().enumerate();
            let users = users.filter(|(index, _)| way.means.contains_key(index));
            let count = users.map(|(_, users)| users.len()).sum();
            let namespace = way.shape.namespace().filter(|_| is_only);
            let hint = named(way, count);
            diagnostics.push(match namespace {
                Some(namespace) if !has_namespace => hint.help(format!(
                    r#"if they mean these images, add `"namespace": "{namespace}"` to .shipwright.json, or pass `--namespace {namespace}`"#
                )),
                _ => Self::with_ways_out(hint, way, &spoken, images, has_namespace),
            });
        }
        for (index, reference) in spoken.iter().enumerate() {
            if !told.contains(&index) {
                diagnostics.extend(alike(reference, images));
            }
        }
        diagnostics
    }

    /// How to say that a way is meant, where a namespace does not.
    fn with_ways_out(
        hint: Diagnostic,
        way: &Found,
        spoken: &[Spoken],
        images: &[&Definition],
        has_namespace: bool,
    ) -> Diagnostic {
        let hint = hint.help(
            "if they mean these images, `shipwright init -o -` prints a configuration for that",
        );
        if !has_namespace || !way.pins.is_empty() {
            return hint;
        }
        let mut aliases: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (index, path) in &way.means {
            let mut made = images.iter().filter(|image| image.dockerfile == *path);
            if let (Some(image), None) = (made.next(), made.next()) {
                let names = aliases.entry(&image.name).or_default();
                names.insert(spoken[*index].repository.clone());
            }
        }
        let lines: Vec<String> = aliases
            .iter()
            .map(|(name, aliases)| {
                let aliases: Vec<String> = aliases
                    .iter()
                    .map(|alias| format!(r#""{alias}""#))
                    .collect();
                format!(r#""{name}": {{"aliases": [{}]}}"#, aliases.join(", "))
            })
            .collect();
        if lines.is_empty() || lines.len() > SHOWN {
            return hint;
        }
        hint.help(format!(
            r#"or add: `{{"version": 2, "images": {{{}}}}}` in .shipwright.json"#,
            lines.join(", ")
        ))
    }
}

fn spoken(((repository, tag, is_floating), users): (&Said, &BTreeSet<User>)) -> Spoken {
    Spoken {
        repository: repository.clone(),
        tag: tag.clone(),
        is_floating: *is_floating,
        used_in: users.iter().map(|(path, _)| path.clone()).collect(),
    }
}

fn named(way: &Found, count: usize) -> Diagnostic {
    let (s, names) = if count == 1 {
        ("", "names")
    } else {
        ("s", "name")
    };
    let message = match way.shape.prefix.trim_end_matches(['/', ':']) {
        "" => format!("{count} reference{s} {names} paths here"),
        prefix => {
            let what = way.shape.what();
            format!("{count} reference{s} under {prefix} {names} {what} here")
        }
    };
    Diagnostic::new(Code::NameHint, message)
}

/// A reference that ends in a name of ours, or in what is nearly one.
fn alike(reference: &Spoken, images: &[&Definition]) -> Option<Diagnostic> {
    let last = short(&reference.repository);
    let is_bare = !reference.repository.contains('/');
    let bare = |image: &&Definition| {
        let name = short(&image.name);
        name.split_once(':')
            .map_or(name, |(name, _)| name)
            .to_owned()
    };
    let elsewhere = |image: &&&Definition| !reference.used_in.contains(&image.dockerfile);
    let others = images.iter().filter(elsewhere);
    let plain = |text: &str| text.replace(['-', '_', '.'], "");
    // `python_3.12.Dockerfile` is what `acme/python:3.12` may mean.
    let with_tag = reference.tag.iter().map(|tag| plain(last) + &plain(tag));
    let with_tag: Vec<String> = with_tag.filter(|name| name.len() >= LONG).collect();
    let is_file = |image: &&&Definition| with_tag.contains(&plain(suffix(&image.dockerfile)));
    let same: BTreeSet<&str> = others
        .clone()
        .filter(|image| !is_bare && (bare(image) == last || is_file(image)))
        .map(|image| image.name.as_str())
        .collect();
    let own = images
        .iter()
        .any(|image| bare(image) == last && reference.used_in.contains(&image.dockerfile));
    if !same.is_empty() && !own {
        let names: BTreeSet<&str> = others
            .filter(|image| same.contains(image.name.as_str()))
            .map(|image| image.bare_name())
            .collect();
        let message = format!(
            "`{}` ends in the name of {}, but means the registry",
            reference.full(),
            listed(names.iter().copied())
        );
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        let hint = Diagnostic::new(Code::NameHint, message).because_of(names);
        let only = match same.first() {
            Some(only) if same.len() == 1 && !is_of_publisher(&reference.repository) => only,
            _ => return Some(hint),
        };
        return Some(hint.help(format!(
            r#"if it means that image: `{{"version": 2, "images": {{"{only}": {{"aliases": ["{}"]}}}}}}` in .shipwright.json"#,
            reference.full()
        )));
    }
    if own || last.len() < LONG || !is_bare && is_of_publisher(&reference.repository) {
        return None;
    }
    let wanted = plain(last);
    let stem = |text: &str| {
        text.trim_end_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    let near: BTreeSet<&str> = others
        .filter(|image| {
            let name = bare(image);
            // `valkey-9` is a version of `valkey`, not a misspelt one.
            let plain_name = plain(&name);
            if plain_name != wanted && stem(&plain_name) == stem(&wanted) {
                return false;
            }
            name != last && strsim::damerau_levenshtein(&plain(&name), &wanted) <= 1
        })
        .map(|image| image.name.as_str())
        .collect();
    if near.is_empty() {
        return None;
    }
    let message = format!(
        "`{}` is nearly the name of {}, but means the registry",
        reference.full(),
        listed(near.iter().copied())
    );
    Some(
        Diagnostic::new(Code::UnmatchedReference, message)
            .help("correct the reference if it means an image of this repository"),
    )
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::planner::{Options, compile};
    use crate::tree::{File, Snapshot};

    /// What is said of `FROM reference` beside `images/python_3.12.Dockerfile` and `images/web/Dockerfile`.
    #[track_caller]
    fn check(reference: &str, expected: &[&str]) {
        let from = |reference: &str| File::Plain(format!("FROM {reference}\n").into_bytes());
        let files = [
            ("images/python_3.12.Dockerfile", from("scratch")),
            ("images/web/Dockerfile", from("scratch")),
            ("app/Dockerfile", from(reference)),
        ];
        let snapshot = Snapshot::of_files(None, files);
        let config = Config::default();
        let compiled = compile(&snapshot, &config, &Options::default(), None).into_result();
        let (_, diagnostics) = compiled.unwrap();
        let said: Vec<&str> = diagnostics.iter().map(|said| &*said.message).collect();
        assert_eq!(said, expected, "{reference}");
    }

    #[test]
    fn one_reference_that_ends_in_a_name_or_a_file_is_told_of() {
        check(
            "acme/python:3.12",
            &[
                "`acme/python:3.12` ends in the name of `images-python_3.12`, but means the registry",
            ],
        );
        check("acme/python:3.11", &[]);
        check("acme/python", &[]);
        check("python:3.12", &[]);
        check(
            "acme/x/web:1",
            &["`acme/x/web:1` ends in the name of `web`, but means the registry"],
        );
    }
}
