//! What the files say themselves: the keys of each target and service. The cases are written with one key a line and an
//! indentation of two, so that nothing of the program is needed to read them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::repo::Repo;

/// A target of a bake file, before a matrix makes several of it, or a service that builds.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) label: String,
    /// The keys that say something.
    pub(super) keys: BTreeSet<String>,
    parents: Vec<String>,
}

impl Block {
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
}

pub(super) struct Written {
    pub(super) blocks: Vec<Block>,
}

impl Written {
    pub(super) fn read(repo: &Repo, files: &[String]) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut add =
            |block: Block| match blocks.iter_mut().find(|known| known.label == block.label) {
                Some(known) => {
                    known.keys.extend(block.keys);
                    known.parents.extend(block.parents);
                }
                None => blocks.push(block),
            };
        for file in files {
            let text = fs::read_to_string(repo.join(file)).unwrap();
            match file.rsplit('.').next() {
                Some("hcl") => of_hcl(&text).into_iter().for_each(&mut add),
                Some("json") => of_json(&text).into_iter().for_each(&mut add),
                _ => of_compose(repo, file).into_iter().for_each(&mut add),
            }
        }
        assert!(!blocks.is_empty(), "{files:?}");
        Self { blocks }
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().map(|block| block.label.as_str())
    }

    /// A target and all that it inherits from.
    pub(super) fn lineage(&self, label: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([label.to_owned()]);
        loop {
            let blocks = self
                .blocks
                .iter()
                .filter(|block| all.contains(&block.label));
            let parents: Vec<String> = blocks.flat_map(|block| block.parents.clone()).collect();
            let before = all.len();
            all.extend(parents);
            if all.len() == before {
                return all;
            }
        }
    }

    pub(super) fn is_parent(&self, block: &Block) -> bool {
        let mut blocks = self.blocks.iter();
        blocks.any(|other| other.parents.contains(&block.label))
    }
}

/// The texts in double quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn of_hcl(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("target ") {
            blocks.push(Block {
                label: quoted(rest).swap_remove(0),
                keys: BTreeSet::new(),
                parents: Vec::new(),
            });
            is_open = true;
        } else if line.starts_with('}') {
            is_open = false;
        } else if let (true, Some(block)) = (is_open, blocks.last_mut()) {
            let own = line.strip_prefix("  ").filter(|own| !own.starts_with(' '));
            let Some((key, value)) = own.and_then(|own| own.split_once(" = ")) else {
                continue;
            };
            if key == "inherits" {
                block.parents.extend(quoted(value));
            }
            block.keys.insert(key.to_owned());
        }
    }
    blocks
}

fn of_json(text: &str) -> Vec<Block> {
    let value: Value = serde_json::from_str(text).unwrap();
    let targets = value["target"].as_object().expect("targets");
    let blocks = targets.iter().map(|(label, target)| {
        let parents = target["inherits"].as_array().into_iter().flatten();
        let keys = target.as_object().expect("a target").iter();
        Block {
            label: label.clone(),
            keys: keys.map(|(key, _)| key.clone()).collect(),
            parents: parents.map(|p| p.as_str().unwrap().to_owned()).collect(),
        }
    });
    blocks.collect()
}

/// The services that build, of a file and of those that it includes.
fn of_compose(repo: &Repo, file: &str) -> Vec<Block> {
    let text = fs::read_to_string(repo.join(file)).unwrap();
    let mut value: serde_norway::Value = serde_norway::from_str(&text).unwrap();
    value.apply_merge().unwrap();
    let value = serde_json::to_value(value).unwrap();
    let mut blocks = Vec::new();
    for included in value["include"].as_array().into_iter().flatten() {
        let path = included.as_str().or(included["path"].as_str());
        blocks.extend(of_compose(repo, path.expect("a path")));
    }
    for (label, service) in value["services"].as_object().expect("services") {
        let build = &service["build"];
        if build.is_null() {
            continue;
        }
        let keys = build.as_object().into_iter().flatten();
        let mut keys: BTreeSet<String> = keys.map(|(key, _)| key.clone()).collect();
        if !service["platform"].is_null() {
            keys.insert("platforms".to_owned());
        }
        let extended = &service["extends"];
        if let Some(path) = extended["file"].as_str() {
            let base = of_compose(repo, path).into_iter();
            let mut base = base.filter(|block| extended["service"] == *block.label);
            keys.extend(base.next().expect("a service").keys);
        }
        blocks.push(Block {
            label: label.clone(),
            keys,
            parents: Vec::new(),
        });
    }
    blocks
}
