//! Rules in place of many names.

use std::collections::BTreeMap;

use super::draft::{Draft, Rule};
use crate::planner::align::rule::{Form, forms, names_beside};
use crate::planner::align::{Part, Shape};

/// How many names a rule has to save.
const ENOUGH: usize = 3;

impl From<&Form> for Rule {
    fn from(form: &Form) -> Self {
        Self {
            matches: form.matches.clone(),
            name: form.name.clone(),
            aliases: Vec::new(),
        }
    }
}

/// The draft with rules in place of the names that they give, if they give enough. `all` holds the
/// names of all Dockerfiles that the draft does not name in `images`; `shapes` are ways in which they
/// may have been made, each with the folder where that counts.
pub(super) fn with_rules(
    draft: &Draft,
    all: &BTreeMap<String, String>,
    shapes: &[(String, Shape)],
) -> Option<Draft> {
    let namespace = draft.namespace.as_deref();
    let mut best: Option<Draft> = None;
    let mut least = draft.names.len().checked_sub(ENOUGH - 1)?;
    let mut rules: Vec<Form> = Vec::new();
    let mut names = draft.names.clone();
    for (within, shape) in shapes {
        let mut found: Option<(Form, BTreeMap<String, String>)> = None;
        for rule in forms(within, shape, all) {
            let tried = [&rules[..], std::slice::from_ref(&rule)].concat();
            let Some(names) = names_beside(&tried, all, namespace) else {
                continue;
            };
            if found
                .as_ref()
                .is_none_or(|(_, best)| names.len() < best.len())
            {
                found = Some((rule, names));
            }
        }
        let Some((rule, left)) = found.filter(|(_, left)| left.len() + ENOUGH <= names.len())
        else {
            continue;
        };
        rules.push(rule);
        names = left;
        if names.len() < least {
            least = names.len();
            best = Some(Draft {
                rules: rules.iter().map(Rule::from).collect(),
                names: names.clone(),
                ..draft.clone()
            });
        }
    }
    best
}

/// How a shape differs from that of names, as an alias of them; none where it differs in more than its
/// beginning.
pub(super) fn alias(shape: &Shape, of: &Shape) -> Option<String> {
    let same = Shape {
        prefix: of.prefix.clone(),
        ..shape.clone()
    };
    if same != *of {
        return None;
    }
    if shape.prefix.ends_with(':') && of.prefix.ends_with(':') {
        return Some(format!("{}{{{{ tag }}}}", shape.prefix));
    }
    let is_one = |prefix: &str| prefix.is_empty() || prefix.ends_with('/') && !prefix.contains(':');
    let is_short = shape
        .pieces
        .iter()
        .all(|(joint, part)| !matches!(joint, ':' | '/') && !matches!(part, Part::Below(_, '/')));
    (is_one(&shape.prefix) && is_one(&of.prefix) && is_short)
        .then(|| format!("{}{{{{ short }}}}", shape.prefix))
}
