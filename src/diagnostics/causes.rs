//! Diagnostics grouped by cause: what one change mends is said once.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Diagnostics, Label};

/// As many of one cause are told each for itself.
const FEW: usize = 2;

impl Diagnostics {
    /// One diagnostic for each cause of more than two, at the place of the first: it has the first's text, a
    /// second example and how many more there are.
    #[must_use]
    pub fn by_cause(&self) -> Self {
        let mut groups: Vec<Vec<&Diagnostic>> = Vec::new();
        let mut known: BTreeMap<(Code, &str), usize> = BTreeMap::new();
        for diagnostic in self {
            let Some(cause) = &diagnostic.cause else {
                groups.push(vec![diagnostic]);
                continue;
            };
            let group = *known
                .entry((diagnostic.code, cause))
                .or_insert(groups.len());
            match groups.get_mut(group) {
                Some(group) => group.push(diagnostic),
                None => groups.push(vec![diagnostic]),
            }
        }
        let mut told = Self::new();
        for group in groups {
            if group.len() > FEW {
                told.items.push(told_once(&group));
            } else {
                told.items.extend(group.into_iter().cloned());
            }
        }
        told
    }
}

fn told_once(group: &[&Diagnostic]) -> Diagnostic {
    let (first, second) = (group[0].clone(), group[1]);
    let more = group.len() - 1;
    let example = match (first.labels.first(), second.labels.first()) {
        (Some(here), Some(there)) if here.source.path != there.source.path => place(there),
        _ => format!("“{}”", second.message),
    };
    first.help(format!(
        "{more} more like this, such as {example}; `-v` shows each"
    ))
}

fn place(label: &Label) -> String {
    let before = label.source.text.get(..label.span.start);
    let line = before.unwrap_or_default().matches('\n').count() + 1;
    format!("{}:{line}", label.source.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::SourceText;

    #[test]
    fn one_for_each_cause() {
        let mut diagnostics = Diagnostics::new();
        for (path, cause) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "y")] {
            let source = SourceText::new(path, "1\n2\n");
            let diagnostic = Diagnostic::new(Code::UnsetVariable, format!("{cause} in {path}"));
            diagnostics.push(diagnostic.at(&source, 2..3, "").because_of(cause));
        }
        diagnostics.push(Diagnostic::new(Code::UnsetVariable, "alone"));
        let told = diagnostics.by_cause();
        let told = told
            .iter()
            .map(|one| (one.message.as_str(), one.help.join("")));
        let expected = [
            (
                "x in a",
                "2 more like this, such as c:2; `-v` shows each".to_owned(),
            ),
            ("y in b", String::new()),
            ("y in e", String::new()),
            ("alone", String::new()),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
