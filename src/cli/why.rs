//! `shipwright why`: the story of a decision, from the first cause to the image.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::args::Planning;
use super::{output, planning};
use crate::diagnostics::{Diagnostics, escape};
use crate::plan::{Image, Plan, Reason, ReasonKind};
use crate::planner::decide::reasons;
use crate::planner::selection::Selection;
use crate::planner::workspace::State;

/// Tells it of every image that is named, or of all; against HEAD where no revision is given.
pub(super) fn run(directory: &Path, planning: &Planning) -> Result<(), Diagnostics> {
    let made = planning::look(directory, planning)?;
    let workspace = planning::open(directory, None)?;
    let now = planning.rev.as_deref().unwrap_or("HEAD");
    let options = planning::options(directory, planning)?;
    let earlier = match &planning.since {
        Some(since) => workspace.earlier(since, now, State::Commit, &options),
        // Against HEAD only what was edited tells, not what is generated.
        None => workspace.earlier("HEAD", now, State::Checkout, &options),
    };
    let earlier = output::settle(&workspace, earlier)?;
    let reasons = made.plan.images.iter().map(|image| {
        let reasons = reasons(image, &made.files, &earlier);
        (image.name.as_str(), reasons)
    });
    let story = Story {
        plan: &made.plan,
        revision: earlier.revision.get(..12).unwrap_or_default(),
        reasons: reasons.collect(),
    };
    let named = Selection {
        exact: planning.selection.images.clone(),
        from: options.selection.from.clone(),
        ..Selection::default()
    };
    let told = named.of_plan(&made.plan)?;
    let stories = told
        .iter()
        .filter_map(|name| Some(story.of(made.plan.image(name)?)));
    let text = stories.collect::<Vec<_>>().join("\n");
    Ok(output::write_text(&text, None)?)
}

struct Story<'p> {
    plan: &'p Plan,
    /// What is compared with, 12 digits.
    revision: &'p str,
    /// By image; none where it has not changed.
    reasons: BTreeMap<&'p str, Vec<Reason>>,
}

impl Story<'_> {
    fn of(&self, image: &Image) -> String {
        let (name, revision) = (&image.name, self.revision);
        let reasons = &self.reasons[name.as_str()];
        match reasons.first() {
            None => {
                return format!("{name} is unchanged since {revision}\n");
            }
            Some(reason) if reason.kind == ReasonKind::New => {
                return format!("{name} is new since {revision}\n");
            }
            Some(_) => {}
        }
        let mut text = format!("{name} has changed since {revision}:\n");
        let causes = self.causes(image);
        for cause in self
            .plan
            .images
            .iter()
            .filter(|image| causes.contains(&*image.name))
        {
            let _ = writeln!(text, "  {}", cause.name);
            for reason in &self.reasons[cause.name.as_str()] {
                let line = match &reason.kind {
                    ReasonKind::Dependency => needs(cause, &reason.detail),
                    kind => format!("{kind} {}", escape::name(&reason.detail)),
                };
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// The image and all that its change came through.
    fn causes<'i>(&'i self, image: &'i Image) -> BTreeSet<&'i str> {
        let mut causes = BTreeSet::new();
        let mut open = vec![image.name.as_str()];
        while let Some(name) = open.pop() {
            let Some(reasons) = self.reasons.get(name) else {
                continue;
            };
            if causes.insert(name) {
                let needed = reasons
                    .iter()
                    .filter(|reason| reason.kind == ReasonKind::Dependency);
                open.extend(needed.map(|reason| reason.detail.as_str()));
            }
        }
        causes
    }
}

/// Where an image takes from another that changed.
fn needs(image: &Image, needed: &str) -> String {
    let dependencies = image.dependencies.iter();
    let all = dependencies.filter(|dependency| dependency.image == needed);
    let via = all.flat_map(|dependency| &dependency.via);
    let places: Vec<String> = via
        .map(|via| format!("{} on line {}", via.instruction, via.line))
        .collect();
    format!(
        "depends on {needed}: `{}`, {}",
        escape::name(&image.dockerfile),
        places.join(", ")
    )
}
