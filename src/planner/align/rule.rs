//! A way to make names of paths, as a rule of the configuration says it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use minijinja::value::Value;

use super::{Case, File, Part, Shape, is_below};
use crate::config::Config;
use crate::config::template::{Engine, Variables};
use crate::paths::{file_name, folder_of};
use crate::planner::discover;
use crate::planner::names::default_name;

/// A rule that gives names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// The expression for paths.
    pub(crate) matches: String,
    /// The template of the name.
    pub(crate) name: String,
}

impl Form {
    /// The entry of `rules`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"match": self.matches, "name": self.name})
    }
}

/// Ways in which the file name says its suffix, and whether there always is one.
const FILES: [(&str, bool); 4] = [
    ("(?<suffix>[^/]+)\\.[Dd]ockerfile$", true),
    ("Dockerfile[._-](?<suffix>[^/]+)$", true),
    ("((?<suffix>[^/]+)\\.)?[Dd]ockerfile$", false),
    ("Dockerfile([._-](?<suffix>[^/]+))?$", false),
];

/// What a template calls a folder, counted from the Dockerfile up.
fn up(count: usize) -> &'static str {
    const NAMES: [&str; 5] = ["image", "group", "family", "series", "class"];
    NAMES[(count - 1).min(NAMES.len() - 1)]
}

/// What a template calls a folder, counted from the root down.
fn down(count: usize) -> &'static str {
    const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
    NAMES[count.min(NAMES.len() - 1)]
}

/// The rules that may say a shape of the Dockerfiles in a folder.
pub(crate) fn forms(within: &str, shape: &Shape, all: &BTreeMap<String, String>) -> Vec<Form> {
    let given = |path: &&String| all.get(*path) == shape.name(&File::new(path)).as_ref();
    let paths: Vec<&String> = all
        .keys()
        .filter(|path| is_below(within, path))
        .filter(given)
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let has_suffix = |path: &&String| !File::new(path).suffix.is_empty();
    let is_plain = paths.iter().all(|path| file_name(path) == "Dockerfile");
    let files: Vec<(&str, bool)> = match shape.says_suffix() && paths.iter().any(has_suffix) {
        true => FILES.to_vec(),
        false if is_plain => vec![("Dockerfile$", false)],
        false => vec![("[^/]+$", false)],
    };
    let written = |path: &&String| {
        let folder = folder_of(path);
        folder != "." && File::new(path).folders.join("/") != folder
    };
    let is_changed = paths.iter().any(written);
    let as_written = |path: &&String| File::new(path).suffix == discover::suffix(path);
    let suffix_filter = if paths.iter().all(as_written) {
        ""
    } else {
        " | slug"
    };
    let withins = BTreeSet::from([within, "."]);
    let mut rules = Vec::new();
    for within in withins.into_iter().rev() {
        for (file, always) in &files {
            if shape.is_suffix() && !always {
                continue;
            }
            let has_group = file.contains("suffix");
            let suffix = has_group.then_some((*always, suffix_filter));
            let name = template(shape, is_changed, suffix);
            let matches = format!("{}{file}", pattern(within, shape, &paths));
            rules.push(Form { matches, name });
        }
    }
    rules
}

/// The part of the expression that matches the folders, with a group for each that the name has.
fn pattern(within: &str, shape: &Shape, paths: &[&String]) -> String {
    let mut within: Vec<String> = match within {
        "." => Vec::new(),
        within => within.split('/').map(regex::escape).collect(),
    };
    let parts: Vec<Part> = shape.pieces.iter().map(|(_, part)| *part).collect();
    let downs = parts.iter().filter_map(|part| match part {
        Part::Down(at) => Some(at + 1),
        Part::Below(from, _) => Some(*from),
        _ => None,
    });
    let downs = downs.max().unwrap_or_default();
    let mut text = String::from("^");
    let at = |position: usize, within: &[String]| {
        if parts.contains(&Part::Down(position)) {
            return format!("(?<{}>[^/]+)/", down(position));
        }
        within
            .get(position)
            .map_or("[^/]+/".to_owned(), |name| format!("{name}/"))
    };
    for position in 0..downs {
        text.push_str(&at(position, &within));
    }
    if parts.iter().any(|part| matches!(part, Part::Below(..))) {
        let own = within.get(downs..).unwrap_or_default().join("/");
        let own = if own.is_empty() { own } else { own + "/" };
        text.extend(["(?<path>", &own, ".+)/"]);
        return text;
    }
    let ups = parts.iter().filter_map(|part| match part {
        Part::Up(count) => Some(*count),
        Part::Head | Part::Rest => Some(1),
        _ => None,
    });
    let ups = ups.max().unwrap_or_default();
    // A file so near to the root that its folders do not reach is named by itself.
    let depths = paths.iter().map(|path| path.matches('/').count());
    let depth = depths.max().unwrap_or_default();
    within.truncate(depth.saturating_sub(ups));
    for position in downs..within.len() {
        text.push_str(&at(position, &within));
    }
    let is_anywhere = paths
        .iter()
        .any(|path| path.matches('/').count() != within.len().max(downs) + ups);
    match (text.as_str(), is_anywhere) {
        ("^", true) => text.replace_range(.., "(^|/)"),
        (_, true) => text.push_str("(.*/)?"),
        (_, false) => {}
    }
    for count in (1..=ups).rev() {
        if count == 1 && parts.contains(&Part::Head) {
            text.push_str("(?<kind>[^-/]+)-?(?<rest>[^/]*)/");
        } else if parts.contains(&Part::Up(count)) {
            text.extend(["(?<", up(count), ">[^/]+)/"]);
        } else {
            text.push_str("[^/]+/");
        }
    }
    text
}

/// The name. `suffix`: whether there always is one, and its filter; none where there never is.
fn template(shape: &Shape, is_changed: bool, suffix: Option<(bool, &str)>) -> String {
    let filter = match shape.case {
        Case::Kebab => " | kebab",
        Case::Plain if is_changed => " | slug",
        Case::Plain => "",
    };
    let mut text = shape.prefix.clone();
    // What is left out where it is empty takes the separator beside it along.
    let mut is_certain = false;
    let mut pending = String::new();
    for (joint, part) in &shape.pieces {
        let (value, is_optional) = match part {
            Part::Up(count) => (format!("{{{{ {}{filter} }}}}", up(*count)), false),
            Part::Down(count) => (format!("{{{{ {}{filter} }}}}", down(*count)), false),
            Part::Head => (format!("{{{{ kind{filter} }}}}"), false),
            Part::Rest => (format!("{{{{ rest{filter} }}}}"), true),
            Part::Below(_, '/') => ("{{ path }}".to_owned(), false),
            Part::Below(_, joint) => {
                // The joint is legal wherever it stands, so what is joined is made legal at once.
                (
                    format!("{{{{ path | replace('/', '{joint}'){filter} }}}}"),
                    false,
                )
            }
            Part::Suffix => match suffix {
                None => continue,
                Some((always, filter)) => (format!("{{{{ suffix{filter} }}}}"), !always),
            },
        };
        let name = if *part == Part::Rest {
            "rest"
        } else {
            "suffix"
        };
        if !is_optional {
            if is_certain {
                text.push(*joint);
            } else if !pending.is_empty() {
                let (name, value) = pending.split_once('=').unwrap_or_default();
                let _ = write!(text, "{{% if {name} %}}{value}{joint}{{% endif %}}");
                pending.clear();
            }
            text.push_str(&value);
            is_certain = true;
        } else if is_certain {
            let _ = write!(text, "{{% if {name} %}}{joint}{value}{{% endif %}}");
        } else {
            pending = format!("{name}={value}");
        }
    }
    text + &shape.end
}

/// The names that are still to be said beside rules; none where they are no rules.
pub(crate) fn names_beside(
    rules: &[Form],
    all: &BTreeMap<String, String>,
    namespace: Option<&str>,
) -> Option<BTreeMap<String, String>> {
    let rules = rules.iter().map(Form::to_json).collect::<Vec<_>>();
    let config = serde_json::json!({"version": 2, "rules": rules});
    let config = Config::parse(&config.to_string()).ok()?;
    let engine = Engine::new(None);
    let mut names = BTreeMap::new();
    for (path, wanted) in all {
        let mut matching = config.rules.iter();
        let found = matching.find_map(|rule| Some((rule, rule.groups(path)?)));
        let given = match found {
            Some((rule, groups)) => {
                let variables: Variables = groups
                    .into_iter()
                    .map(|(key, value)| (key, Value::from(value)))
                    .collect();
                rule.name
                    .as_ref()
                    .and_then(|name| engine.render(name, &variables, path).ok())
            }
            None => default_name(path, namespace),
        };
        if given.as_ref() != Some(wanted) {
            names.insert(path.clone(), wanted.clone());
        }
    }
    Some(names)
}
