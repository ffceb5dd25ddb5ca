//! One rule in place of many names: tries a few ways in which people make names of paths.

use std::collections::BTreeMap;

use minijinja::value::Value;

use super::draft::{Draft, Rule};
use super::plain::default_name;
use crate::config::Config;
use crate::config::template::{Engine, Variables};
use crate::paths::folder_of;

/// How many names a rule has to save.
const ENOUGH: usize = 3;

/// Ends of paths and what they make, in the order in which they are tried. `{}` in a pattern of the
/// second group stands for one of [`FILES`].
const FORMS: [(&str, &[&str]); 4] = [
    (
        "(?<image>[^/]+)/Dockerfile$",
        &["{{ image }}", "{{ image | kebab }}"],
    ),
    (
        "(?<group>[^/]+)/(?<image>[^/]+)/Dockerfile$",
        &[
            "{{ group }}-{{ image }}",
            "{{ image }}-{{ group }}",
            "{{ group }}:{{ image }}",
            "{{ image }}:{{ group }}",
            "{{ group }}/{{ image }}",
            "{{ group | kebab }}-{{ image | kebab }}",
        ],
    ),
    (
        "(?<image>[^/]+)/{}",
        &[
            "{{ image }}:{{ version }}",
            "{{ image }}{% if version %}:{{ version }}{% endif %}",
            "{{ version }}{% if image %}-{{ image }}{% endif %}",
            "{{ version }}",
            "{{ image }}/{{ version }}",
        ],
    ),
    (
        "(?<kind>[^-/]+)-?(?<rest>[^/]*)/{}",
        &[
            "{{ kind }}-{{ version }}{% if rest %}-{{ rest }}{% endif %}",
            "{{ kind }}:{{ version }}{% if rest %}-{{ rest }}{% endif %}",
        ],
    ),
];

/// Ways in which the file name says a version.
const FILES: [&str; 3] = [
    "(?<version>[^/]+)\\.[Dd]ockerfile$",
    "Dockerfile[._-](?<version>[^/]+)$",
    "((?<version>[^/]+)\\.)?Dockerfile$",
];

/// The draft with a rule in place of the names that it gives, if one gives enough. `all` holds the
/// names of all Dockerfiles that the draft does not name in `images`.
pub(super) fn with_rule(draft: &Draft, all: &BTreeMap<String, String>) -> Option<Draft> {
    let mut best: Option<Draft> = None;
    let enough = draft.names.len().checked_sub(ENOUGH)?;
    for (folder, namespace) in places(draft, all) {
        for rule in forms(&folder, &namespace) {
            let Some(names) = names_beside(&rule, all, draft.namespace.as_deref()) else {
                continue;
            };
            let is_better = match &best {
                Some(best) => names.len() < best.names.len(),
                None => names.len() <= enough,
            };
            if is_better {
                best = Some(Draft {
                    rules: vec![rule],
                    names,
                    ..draft.clone()
                });
            }
        }
    }
    best
}

/// Where names are that a rule may give: the folder that those of one namespace have in common, or
/// the whole repository, and that namespace.
fn places(draft: &Draft, all: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut folders: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (path, name) in all {
        let named = draft.names.contains_key(path) || draft.names.contains_key(folder_of(path));
        if !named {
            continue;
        }
        let namespace = name.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let parent = folder_of(folder_of(path)).to_owned();
        let common = folders.entry(namespace.to_owned()).or_insert(None);
        *common = Some(match common.take() {
            Some(common) => common_folder(&common, &parent),
            None => parent,
        });
    }
    let mut places = Vec::new();
    for (namespace, folder) in folders {
        let folder = folder.filter(|folder| folder != ".").unwrap_or_default();
        if !folder.is_empty() {
            places.push((folder, namespace.clone()));
        }
        places.push((String::new(), namespace));
    }
    places
}

fn common_folder(a: &str, b: &str) -> String {
    let both = a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b);
    let both: Vec<&str> = both.map(|(part, _)| part).collect();
    if both.is_empty() {
        ".".to_owned()
    } else {
        both.join("/")
    }
}

fn forms(folder: &str, namespace: &str) -> impl Iterator<Item = Rule> {
    let start = if folder.is_empty() {
        "(^|/)".to_owned()
    } else {
        format!("^{}/(.*/)?", regex::escape(folder))
    };
    let namespace = match namespace {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    FORMS.iter().flat_map(move |(pattern, names)| {
        let files: &[&str] = if pattern.contains("{}") {
            &FILES
        } else {
            &[""]
        };
        let (start, namespace) = (start.clone(), namespace.clone());
        files.iter().flat_map(move |file| {
            let matches = format!("{start}{}", pattern.replace("{}", file));
            let namespace = namespace.clone();
            names.iter().map(move |name| Rule {
                matches: matches.clone(),
                name: format!("{namespace}{name}"),
            })
        })
    })
}

/// The names that are still to be said beside a rule; none where it is no rule.
fn names_beside(
    rule: &Rule,
    all: &BTreeMap<String, String>,
    namespace: Option<&str>,
) -> Option<BTreeMap<String, String>> {
    let draft = Draft {
        rules: vec![rule.clone()],
        ..Draft::default()
    };
    let config = Config::parse(&draft.to_json()).ok()?;
    let parsed = config.rules.first()?;
    let (template, engine) = (parsed.name.as_ref()?, Engine::new(None));
    let mut names = BTreeMap::new();
    for (path, wanted) in all {
        let given = match parsed.groups(path) {
            Some(groups) => {
                let groups = groups.into_iter();
                let variables: Variables = groups
                    .map(|(key, value)| (key, Value::from(value)))
                    .collect();
                engine.render(template, &variables, path).ok()
            }
            None => default_name(path, namespace),
        };
        if given.as_ref() != Some(wanted) {
            names.insert(path.clone(), wanted.clone());
        }
    }
    Some(names)
}
