//! A configuration as it is being written: what `init` says, in the order in which it says it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A configuration of version 2, with the keys that `init` writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) namespace: Option<String>,
    /// Names by folder or by path, without leading `/`; the root is empty.
    pub(super) names: BTreeMap<String, String>,
    /// Patterns for files that are no Dockerfiles.
    pub(super) exclude: BTreeSet<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) images: BTreeMap<String, Entry>,
    pub(super) build_args: BTreeMap<String, String>,
    pub(super) platforms: Vec<String>,
    /// Further settings of all images, by their keys.
    pub(super) settings: BTreeMap<&'static str, Value>,
    pub(super) repository: Option<String>,
    /// What literal tags of images here mean, where it is not the default.
    pub(super) pinned: Option<&'static str>,
}

/// An entry of `rules` that gives names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) matches: String,
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
}

/// An entry of `images`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dockerfile: Option<String>,
    pub(super) context: Option<String>,
    pub(super) target: Option<String>,
    pub(super) build_args: BTreeMap<String, String>,
    pub(super) aliases: BTreeSet<String>,
    pub(super) contexts: BTreeMap<String, String>,
    pub(super) platforms: Vec<String>,
    /// Further settings, by their keys.
    pub(super) settings: BTreeMap<&'static str, Value>,
}

/// How long a line may be that holds a whole object or list.
const WIDTH: usize = 140;

impl Draft {
    /// Whether it says anything at all.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same without some aliases of images.
    pub(super) fn without_aliases(&self, aliases: &BTreeSet<String>) -> Self {
        let mut draft = self.clone();
        for entry in draft.images.values_mut() {
            entry.aliases.retain(|alias| !aliases.contains(alias));
        }
        draft.images.retain(|_, entry| !entry.is_empty());
        draft
    }

    /// The file: small objects on one line, a final newline.
    pub(super) fn to_json(&self) -> String {
        let names = self.names.iter();
        let names = names.map(|(path, name)| (format!("/{path}"), Json::text(name)));
        let exclude = Json::texts(self.exclude.iter().cloned());
        let rules = self.rules.iter().map(|rule| {
            Json::object([
                ("match", Json::text(&rule.matches)),
                ("name", Json::text(&rule.name)),
                ("aliases", Json::texts(rule.aliases.iter().cloned())),
            ])
        });
        let images = self.images.iter();
        let images = images.map(|(name, entry)| (name.clone(), entry.to_json()));
        let top = Json::object([
            ("version", Json::Number(2)),
            (
                "namespace",
                Json::text(self.namespace.as_deref().unwrap_or_default()),
            ),
            ("names", Json::Object(names.collect())),
            ("dockerfiles", Json::object([("exclude", exclude)])),
            ("rules", Json::List(rules.collect())),
            ("images", Json::Object(images.collect())),
            ("build_args", Json::map(&self.build_args)),
            ("platforms", Json::texts(self.platforms.iter().cloned())),
            (
                "repository",
                Json::text(self.repository.as_deref().unwrap_or_default()),
            ),
            ("pinned", Json::text(self.pinned.unwrap_or_default())),
        ]);
        let top = top.with(&self.settings);
        let mut text = String::new();
        top.write(&mut text, 0);
        text.push('\n');
        text
    }
}

impl Entry {
    /// Whether it says anything at all.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn to_json(&self) -> Json {
        Json::object([
            (
                "dockerfile",
                Json::text(self.dockerfile.as_deref().unwrap_or_default()),
            ),
            (
                "context",
                Json::text(self.context.as_deref().unwrap_or_default()),
            ),
            (
                "target",
                Json::text(self.target.as_deref().unwrap_or_default()),
            ),
            ("build_args", Json::map(&self.build_args)),
            ("aliases", Json::texts(self.aliases.iter().cloned())),
            ("contexts", Json::map(&self.contexts)),
            ("platforms", Json::texts(self.platforms.iter().cloned())),
        ])
        .with(&self.settings)
    }
}

/// JSON whose objects keep the order in which they are written.
enum Json {
    Number(u32),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn texts(texts: impl Iterator<Item = String>) -> Self {
        Self::List(texts.map(Self::Text).collect())
    }

    fn map(map: &BTreeMap<String, String>) -> Self {
        let entries = map.iter();
        Self::Object(
            entries
                .map(|(key, value)| (key.clone(), Self::text(value)))
                .collect(),
        )
    }

    /// An object of the entries that are not empty.
    fn object<const N: usize>(entries: [(&str, Self); N]) -> Self {
        let entries = entries.into_iter().filter(|(_, value)| !value.is_empty());
        Self::Object(
            entries
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// An object with further entries.
    fn with(self, settings: &BTreeMap<&'static str, Value>) -> Self {
        let Self::Object(mut entries) = self else {
            return self;
        };
        let settings = settings.iter();
        entries.extend(settings.map(|(key, value)| ((*key).to_owned(), Self::of(value))));
        Self::Object(entries)
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Object(entries) => {
                let mut entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::of(value)))
                    .collect();
                entries.sort_by_key(|(key, _)| key != "id");
                Self::Object(entries)
            }
            Value::String(text) => Self::Text(text.clone()),
            other => Self::Text(other.to_string()),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Number(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(entries) => entries.is_empty(),
        }
    }

    /// Writes the value at the end of a text: on one line where it fits. The whole file never does.
    fn write(&self, text: &mut String, indent: usize) {
        let short = self.one_line();
        let column = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
        let fits = !text.is_empty() && column + short.chars().count() < WIDTH;
        let (open, close) = match self {
            Self::Object(_) if !fits => ('{', '}'),
            Self::List(_) if !fits => ('[', ']'),
            _ => {
                text.push_str(&short);
                return;
            }
        };
        let items: Vec<(Option<&str>, &Self)> = match self {
            Self::Object(entries) => entries
                .iter()
                .map(|(key, value)| (Some(&**key), value))
                .collect(),
            Self::List(items) => items.iter().map(|item| (None, item)).collect(),
            _ => Vec::new(),
        };
        text.push(open);
        for (at, (key, value)) in items.into_iter().enumerate() {
            text.push_str(if at > 0 { ",\n" } else { "\n" });
            text.extend(std::iter::repeat_n(' ', indent + 2));
            if let Some(key) = key {
                text.push_str(&quoted(key));
                text.push_str(": ");
            }
            value.write(text, indent + 2);
        }
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
        text.push(close);
    }

    fn one_line(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::one_line).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Object(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|(key, value)| format!("{}: {}", quoted(key), value.one_line()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn written_as_people_would() {
        let long = "x".repeat(60);
        let draft = Draft {
            namespace: Some("acme".to_owned()),
            names: BTreeMap::from([(String::new(), "acme/a".to_owned())]),
            exclude: BTreeSet::from(["a[[]1[]]/Dockerfile".to_owned()]),
            rules: vec![Rule {
                matches: "^a\\.b$".to_owned(),
                name: "x".to_owned(),
                aliases: Vec::new(),
            }],
            images: BTreeMap::from([
                (
                    "acme/b".to_owned(),
                    Entry {
                        target: Some("t".to_owned()),
                        ..Entry::default()
                    },
                ),
                (
                    "acme/c".to_owned(),
                    Entry {
                        dockerfile: Some(long.clone()),
                        context: Some(long),
                        aliases: BTreeSet::from(["base".to_owned()]),
                        ..Entry::default()
                    },
                ),
            ]),
            ..Draft::default()
        };
        insta::assert_snapshot!(draft.to_json(), @r#"
        {
          "version": 2,
          "namespace": "acme",
          "names": {"/": "acme/a"},
          "dockerfiles": {"exclude": ["a[[]1[]]/Dockerfile"]},
          "rules": [{"match": "^a\\.b$", "name": "x"}],
          "images": {
            "acme/b": {"target": "t"},
            "acme/c": {
              "dockerfile": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
              "context": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
              "aliases": ["base"]
            }
          }
        }
        "#);
        Config::parse(&draft.to_json()).unwrap();
    }
}
