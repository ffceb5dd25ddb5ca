//! Build arguments that reach no build.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Resolved;
use crate::config::Config;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};

/// An argument, whether or not some image takes it.
struct Given {
    span: Option<Range<usize>>,
    used: bool,
}

/// Arguments of the configuration and of the command line that no image declares which gets them.
pub(crate) fn unused_arguments(
    resolved: &[Resolved<'_>],
    config: &Config,
    from_command_line: &BTreeMap<String, String>,
) -> Diagnostics {
    // Each by where it stands (nowhere for the command line's) and its name.
    let mut given: BTreeMap<(Option<usize>, &str), Given> = BTreeMap::new();
    for image in resolved {
        let settings = &image.definition.settings;
        for (name, value) in settings
            .build
            .build_args
            .iter()
            .chain(&settings.publish.stamp_args)
        {
            let start = value.span.as_ref().map(|span| span.start);
            let entry = given.entry((start, name)).or_insert_with(|| Given {
                span: value.span.clone(),
                used: false,
            });
            entry.used |= image.declares(name);
        }
    }
    let mut diagnostics = Diagnostics::new();
    for ((_, name), Given { span, .. }) in given.into_iter().filter(|(_, given)| !given.used) {
        let message = format!("no image that gets the build argument `{name}` declares it");
        let mut diagnostic = Diagnostic::new(Code::UnusedBuildArg, message);
        if let (Some(source), Some(span)) = (&config.source, span) {
            diagnostic = diagnostic
                .at(source, span, "")
                .help(format!("remove it, or add `ARG {name}` to the Dockerfile"));
        } else if from_command_line.contains_key(name) {
            diagnostic = diagnostic.help(format!("`--build-arg {name}=…` has no effect"));
        } else {
            diagnostic = diagnostic.help(format!("`--stamp {name}=…` has no effect"));
        }
        diagnostics.push(diagnostic);
    }
    diagnostics
}
