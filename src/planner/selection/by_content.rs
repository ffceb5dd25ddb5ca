//! Images that are selected by their content references: as jobs of a CI system are, which have to build
//! what was planned for them and nothing else.

use super::Selection;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::tags::is_content_tag;
use crate::plan::Plan;

impl Selection {
    /// Whether a pattern is a content reference. What it means is known only of a whole plan.
    pub(crate) fn has_content_references(&self) -> bool {
        let patterns = [&self.upto, &self.dependents, &self.exact, &self.exclude];
        patterns.into_iter().flatten().any(|text| is_content(text))
    }

    /// The same with names in place of content references. The plan is of all images.
    ///
    /// # Errors
    /// For each content reference that the plan gives to no image.
    pub(crate) fn by_name(&self, plan: &Plan) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut names = |patterns: &[String]| -> Vec<String> {
            let name = |pattern: &String| {
                if !is_content(pattern) {
                    return Some(pattern.clone());
                }
                let image = plan.images.iter().find(|image| image.reference == *pattern);
                if image.is_none() {
                    problems.push(other_content(pattern, plan));
                }
                image.map(|image| image.name.clone())
            };
            patterns.iter().filter_map(name).collect()
        };
        let selection = Self {
            upto: names(&self.upto),
            dependents: names(&self.dependents),
            exact: names(&self.exact),
            exclude: names(&self.exclude),
            from: self.from.clone(),
        };
        problems.fail_on_errors()?;
        Ok(selection)
    }
}

fn is_content(pattern: &str) -> bool {
    let tag = pattern.rsplit_once(':').map(|(_, tag)| tag);
    tag.is_some_and(is_content_tag)
}

fn other_content(reference: &str, plan: &Plan) -> Diagnostic {
    let repository = reference.rsplit_once(':').map_or("", |(start, _)| start);
    let mut images = plan.images.iter();
    let Some(image) = images.find(|image| image.repository == repository) else {
        let message = format!("no image of the plan has the content reference `{reference}`");
        return Diagnostic::new(Code::PlanDiffers, message).help(SAME);
    };
    let message = format!(
        "`{reference}` is not planned: this plan gives `{}` the content reference `{}`",
        image.name, image.reference
    );
    Diagnostic::new(Code::PlanDiffers, message).help(SAME)
}

const SAME: &str = "plan the same revision, with the same options and the same version of shipwright, as the plan that has it";
