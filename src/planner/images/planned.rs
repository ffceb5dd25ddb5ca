//! Images as a stored plan has them: what the command line said when it was made is in the plan alone.

use std::collections::BTreeMap;

use super::{Definition, literal};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::platform::Platform;
use crate::plan::{Image, Plan};

/// Gives the definitions that the plan's images were made from the plan's names, build arguments,
/// targets, contexts and platforms. They stay sorted by name.
///
/// # Errors
/// For each image of the plan that the repository does not define.
pub(crate) fn as_planned(definitions: &mut [Definition], plan: &Plan) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    let found = positions(definitions, plan);
    for (image, position) in plan.images.iter().zip(found) {
        match position {
            Some(position) => amend(&mut definitions[position], image, &mut problems),
            None => problems.push(differs(
                image,
                &format!("has no image of `{}`", image.dockerfile),
            )),
        }
    }
    definitions.sort_by(|a, b| a.name.cmp(&b.name));
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(())
}

/// The error for an image that is not what its plan says.
pub(crate) fn differs(image: &Image, how: &str) -> Diagnostic {
    let message = format!(
        "`{}` is not as its plan says: the repository {how}",
        image.name
    );
    Diagnostic::new(Code::PlanDiffers, message)
        .help("make a new plan; this one is of another repository or root, another version of shipwright, or was edited")
}

/// The position of each image's definition: the one of its name and Dockerfile; where the namespace was
/// another, the only one of the Dockerfile.
fn positions(definitions: &[Definition], plan: &Plan) -> Vec<Option<usize>> {
    let mut by_name = BTreeMap::new();
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, definition) in definitions.iter().enumerate() {
        by_name.insert((&*definition.name, &*definition.dockerfile), position);
        let same = by_file.entry(&definition.dockerfile).or_default();
        same.push(position);
    }
    let mut planned: BTreeMap<&str, usize> = BTreeMap::new();
    for image in &plan.images {
        *planned.entry(&image.dockerfile).or_default() += 1;
    }
    let position = |image: &Image| {
        let file = image.dockerfile.as_str();
        let named = by_name.get(&(&*image.name, file)).copied();
        named.or_else(|| match by_file.get(file)?[..] {
            [only] if planned[file] == 1 => Some(only),
            _ => None,
        })
    };
    plan.images.iter().map(position).collect()
}

fn amend(definition: &mut Definition, image: &Image, problems: &mut Diagnostics) {
    definition.name.clone_from(&image.name);
    definition.build.context = Some(image.context.clone());
    definition.build.target.clone_from(&image.target);
    definition.build.build_args.clone_from(&image.build_args);
    let stamps = image.stamp_args.iter();
    let stamps: BTreeMap<_, _> = stamps
        .map(|(name, value)| (name.clone(), literal(value)))
        .collect();
    definition.settings.publish.stamp_args.extend(stamps);
    definition.build.platforms.clear();
    for platform in &image.platforms {
        match Platform::parse(platform) {
            Ok(platform) => definition.build.platforms.push(platform),
            Err(_) => problems.push(differs(image, &format!("knows no platform `{platform}`"))),
        }
    }
}
