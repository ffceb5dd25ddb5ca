//! A source policy of BuildKit's, which holds what a lock file says and no named context can bind:
//! downloads, git sources, programs that read Dockerfiles, bases with the name of their own stage.
//!
//! buildx reads it from the file that [`VARIABLE`] names. Each rule is `CONVERT` for one exact source: a
//! download gets a checksum, which its bytes must have; the others are replaced, by the image of a
//! digest or the repository at a commit. The rules were tried on engine 26.1.5 with buildx 0.13.1, with
//! both image stores.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diagnostics::escape;
use crate::plan::Image;

/// The variable of the environment by which buildx is told of a policy.
pub(super) const VARIABLE: &str = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY";

/// The first version of the engine whose builder takes policies.
pub(super) const FIRST_ENGINE: u32 = 24;

/// The same of BuildKit where it runs by itself: 0.11.
pub(super) const FIRST_BUILDKIT: (u32, u32) = (0, 11);

/// What takes the place of sources, by their names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Policy<'p>(BTreeMap<&'p str, &'p str>);

/// Why a policy of the user's cannot be used together with that of a plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no policy.
    Malformed(String),
    /// It has a rule of its own for this source.
    Both(String),
}

impl<'p> Policy<'p> {
    /// What the builds of these images are held to; none where that is nothing.
    pub(super) fn of(images: impl IntoIterator<Item = &'p Image>) -> Option<Self> {
        let sources = images.into_iter().flat_map(|image| &image.sources);
        let sources: BTreeMap<&str, &str> = sources.map(|(name, by)| (&**name, &**by)).collect();
        (!sources.is_empty()).then_some(Self(sources))
    }

    /// The lines of its file.
    pub(super) fn lines(&self) -> Vec<String> {
        let last = self.0.len() - 1;
        let rules = self.0.iter().enumerate().map(|(index, (name, by))| {
            let comma = if index == last { "" } else { "," };
            let rule = rule(name, by).to_string();
            format!("{}{comma}", escape::json(&rule))
        });
        let rules: Vec<String> = rules.collect();
        let mut lines = vec!["{\"rules\": [".to_owned()];
        lines.extend(rules);
        lines.push("]}".to_owned());
        lines
    }

    /// The text of its file.
    pub(super) fn text(&self) -> String {
        let mut text = self.lines().join("\n");
        text.push('\n');
        text
    }

    /// The text of a file that has the rules of a user's policy too. Those of the plan come first: a rule
    /// for all images then meets the locked one, and may take it from another registry.
    ///
    /// # Errors
    /// When it is no policy, or says something else of what the plan replaces.
    pub(super) fn with(&self, users: &str) -> Result<String, Refusal> {
        let malformed = |what: &str| Refusal::Malformed(what.to_owned());
        let parsed: Value =
            serde_json::from_str(users).map_err(|error| malformed(&error.to_string()))?;
        let Value::Object(mut policy) = parsed else {
            return Err(malformed("it is no object"));
        };
        let theirs = match policy.remove("rules") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(rules)) => rules,
            Some(_) => return Err(malformed("its `rules` are no list")),
        };
        for rule in &theirs {
            let name = rule["selector"]["identifier"].as_str().unwrap_or_default();
            if self.0.get(name).is_some_and(|by| !is_checksum(by)) {
                return Err(Refusal::Both(name.to_owned()));
            }
        }
        let ours = self.0.iter().map(|(name, by)| rule(name, by));
        policy.insert("rules".to_owned(), ours.chain(theirs).collect());
        Ok(format!("{}\n", Value::Object(policy)))
    }
}

fn rule(name: &str, by: &str) -> Value {
    let updates = if is_checksum(by) {
        json!({"attrs": {"http.checksum": by}})
    } else {
        json!({"identifier": by})
    };
    json!({
        "action": "CONVERT",
        "selector": {"identifier": name, "matchType": "EXACT"},
        "updates": updates,
    })
}

/// Whether bytes are held to a checksum, rather than replaced.
fn is_checksum(by: &str) -> bool {
    !by.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "docker-image://docker.io/library/a:1";

    fn held() -> Image {
        let sources = [
            (IMAGE, "docker-image://docker.io/library/a:1@sha256:1"),
            ("https://e.com/f", "sha256:2"),
            ("git://e.com/x.git#v1", "git://e.com/x.git#3"),
        ];
        Image {
            sources: sources
                .map(|(name, by)| (name.to_owned(), by.to_owned()))
                .into(),
            ..Image::default()
        }
    }

    #[test]
    fn each_source_has_a_rule() {
        assert_eq!(Policy::of([&Image::default()]), None);
        let image = held();
        let text = Policy::of([&image]).expect("it has sources").text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                r#"{"rules": ["#,
                r#"{"action":"CONVERT","selector":{"identifier":"docker-image://docker.io/library/a:1","matchType":"EXACT"},"updates":{"identifier":"docker-image://docker.io/library/a:1@sha256:1"}},"#,
                r#"{"action":"CONVERT","selector":{"identifier":"git://e.com/x.git#v1","matchType":"EXACT"},"updates":{"identifier":"git://e.com/x.git#3"}},"#,
                r#"{"action":"CONVERT","selector":{"identifier":"https://e.com/f","matchType":"EXACT"},"updates":{"attrs":{"http.checksum":"sha256:2"}}}"#,
                "]}",
            ]
        );
        serde_json::from_str::<Value>(&text).expect("it is JSON");
    }

    #[test]
    fn a_policy_of_the_users_is_kept_or_refused() {
        let image = held();
        let policy = Policy::of([&image]).expect("it has sources");
        let rule = |name: &str| {
            format!(
                r#"{{"version": 1, "rules": [{{"action": "DENY", "selector": {{"identifier": "{name}"}}}}]}}"#
            )
        };
        for (users, expected) in [
            ("{}", Ok(3)),
            (r#"{"rules": null}"#, Ok(3)),
            (&rule("docker-image://docker.io/*"), Ok(4)),
            // Its bytes are held to the checksum, wherever they come from.
            (&rule("https://e.com/f"), Ok(4)),
            (&rule(IMAGE), Err(Refusal::Both(IMAGE.to_owned()))),
            ("[]", Err(Refusal::Malformed("it is no object".to_owned()))),
            (
                r#"{"rules": {}}"#,
                Err(Refusal::Malformed("its `rules` are no list".to_owned())),
            ),
            (
                "",
                Err(Refusal::Malformed(
                    "EOF while parsing a value at line 1 column 0".to_owned(),
                )),
            ),
        ] {
            let count = |text: String| {
                let merged: Value = serde_json::from_str(&text).expect("it is JSON");
                assert_eq!(merged["rules"][0]["selector"]["identifier"], IMAGE);
                merged["rules"].as_array().map_or(0, Vec::len)
            };
            assert_eq!(policy.with(users).map(count), expected, "{users}");
        }
    }
}
