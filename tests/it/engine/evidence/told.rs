//! What `init` says of targets and services.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::program;
use crate::support::repo::Repo;

pub(super) struct Told {
    /// The first lines of its messages.
    messages: Vec<String>,
    /// The image of each target or service.
    images: BTreeMap<String, String>,
    /// What it writes.
    config: Value,
}

impl Told {
    #[track_caller]
    pub(super) fn by_init(repo: &Repo, given: &[String]) -> Self {
        let mut command = program::shipwright(repo, ".");
        let output = command.args(["init", "-v"]).args(given).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let config = fs::read_to_string(repo.join(".shipwright.json"));
        let config = config.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        let lines = said.lines();
        let messages = lines.clone().filter(|line| {
            line.starts_with("warning[") || line.starts_with("note[") || line.starts_with("  arg")
        });
        let images = lines.filter_map(|line| {
            let mut names = line.strip_prefix("  ")?.split('`');
            let before = names.next()?;
            let is_build = before.ends_with("target ") || before.ends_with("service ");
            let label = names.next().filter(|_| is_build)?;
            let image = names.next().filter(|between| *between == " is ");
            let image = image.and(names.next())?;
            Some((label.to_owned(), image.to_owned()))
        });
        Self {
            config,
            images: images.collect(),
            messages: messages.map(str::to_owned).collect(),
        }
    }

    pub(super) fn image(&self, label: &str) -> Option<&str> {
        self.images.get(label).map(String::as_str)
    }

    /// Whether a message says of a target that there is no image of its own.
    pub(super) fn is_skipped(&self, label: &str) -> bool {
        let name = format!("`{label}`");
        self.messages.iter().any(|message| {
            let ends = [" is skipped", " are skipped", " builds the same as "];
            let said = ends.iter().find_map(|end| message.split_once(end));
            said.is_some_and(|(before, _)| {
                before.contains(&name) && !before.contains("the context ")
            })
        })
    }

    /// Whether a message says that a key of one of these targets is not carried over.
    pub(super) fn of_key(&self, key: &str, labels: &BTreeSet<String>) -> bool {
        // Bake and Compose have one key with two spellings.
        let other = key.replace('-', "_");
        let starts = [
            format!("`{key}` of "),
            format!("`{other}` of "),
            format!("the context `{key}` of "),
        ];
        self.messages.iter().any(|message| {
            let said = starts.iter().find_map(|start| message.split_once(start));
            said.is_some_and(|(_, after)| {
                let of = after.split('`').nth(1);
                of.is_some_and(|of| labels.contains(of))
            })
        })
    }

    /// Whether all images that declare an argument have that value, or a message says that it changes nothing
    /// in a target.
    pub(super) fn of_argument(&self, argument: &str, value: &Value, label: &str) -> bool {
        if self.config["build_args"][argument] == *value {
            return true;
        }
        let mut lines = self.messages.iter();
        let line = lines.find(|line| line.starts_with("  arguments"));
        let said = line.and_then(|line| line.split_once(&format!("`{argument}`")));
        said.is_some_and(|(_, after)| {
            let of = after.split(", `").next().unwrap_or_default();
            !of.starts_with(" of ") || of.contains(&format!("`{label}`"))
        })
    }
}
