//! Warnings about rules and exceptions of the configuration that have no effect.

use super::Definer;
use crate::config::Matrix;
use crate::diagnostics::{Code, Diagnostic};

impl Definer<'_, '_> {
    /// Warns of exceptions that leave out no combination, and refuses those that leave out all.
    pub(super) fn exceptions(&mut self) {
        let none = Matrix::default();
        let of_rules = self
            .config
            .rules
            .iter()
            .map(|rule| (&rule.matrix, &rule.except));
        let of_images = self.config.images.values();
        let of_images = of_images.map(|entry| (&entry.matrix, &entry.except));
        for (matrix, except) in of_rules.chain(of_images) {
            let (kept, unused) = matrix.as_ref().unwrap_or(&none).without(except);
            for span in unused {
                let message = "this excludes no combination of `for`";
                let remark = Diagnostic::new(Code::UnusedExcept, message)
                    .help("an entry excludes the combinations that match all of its values; correct it or remove it");
                let remark = self.at(remark, span);
                self.remarks.push(remark);
            }
            if let (true, true, Some(span)) = (matrix.is_some(), kept.is_empty(), except.span()) {
                let message = "`except` excludes every combination of `for`";
                let problem = Diagnostic::new(Code::ConfigValue, message)
                    .help("no image is left; remove the whole entry instead");
                self.problems.push(self.at(problem, span));
            }
        }
    }

    /// Warns of rules without effect: those that match no Dockerfile, and those that earlier ones forestall.
    pub(super) fn unused_rules(&mut self) {
        let rules = &self.config.rules;
        let mut used = vec![false; rules.len()];
        let mut forestalled: Vec<Option<usize>> = vec![None; rules.len()];
        for path in self.dockerfiles.keys() {
            let mut matching = (0..rules.len()).filter(|&index| rules[index].pattern.matches(path));
            let Some(first) = matching.next() else {
                continue;
            };
            used[first] = true;
            for later in matching {
                forestalled[later].get_or_insert(first);
            }
        }
        for (index, rule) in rules.iter().enumerate().filter(|(index, _)| !used[*index]) {
            let pattern = &rule.pattern;
            let remark = if let Some(first) = forestalled[index] {
                let message = format!(
                    "the rule `{}` has no effect: an earlier rule matches everything it matches",
                    pattern.as_str()
                );
                let earlier = format!("for example `{}`", rules[first].pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message)
                    .help(format!("{earlier}: only the first matching rule applies"))
                    .help("move it before the more general rule, or remove it")
            } else {
                let message = format!("the rule `{}` matches no Dockerfile", pattern.as_str());
                Diagnostic::new(Code::UnusedRule, message).help(
                    "it is matched against paths such as `images/php/Dockerfile`; correct it or remove it",
                )
            };
            let remark = self.at(remark, pattern.span.clone());
            self.remarks.push(remark);
        }
    }
}
