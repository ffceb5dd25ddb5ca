//! Dockerfiles that are perhaps none: `# syntax=` names the program that reads them (semantics §2.5).

use std::collections::BTreeSet;

use super::Resolved;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::reference::Reference;
use crate::planner::external::SYNTAX_ARGUMENT;
use crate::planner::names::short;

/// Reports, once for each Dockerfile, a program that is not BuildKit's own or a copy of it.
pub(super) fn foreign(resolved: &[Resolved<'_>], diagnostics: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for image in resolved {
        let directive = image.dockerfile.ast.syntax.as_ref();
        let argument = image.definition.build.build_args.get(SYNTAX_ARGUMENT);
        let (name, span) = match (argument, directive) {
            (Some(argument), _) => (argument.as_str(), None),
            (None, Some(directive)) => (&*directive.value, Some(directive.span.range())),
            (None, None) => continue,
        };
        let path = image.definition.dockerfile.as_str();
        if reads_dockerfiles(name) || !seen.insert((path, name)) {
            continue;
        }
        let message = format!("`{name}` reads `{path}`, which may interpret it differently");
        let diagnostic = Diagnostic::new(Code::ForeignSyntax, message).help(
            "it is planned as `docker/dockerfile` reads it; files and images that another frontend also uses are neither ordered nor fingerprinted",
        );
        diagnostics.push(match span {
            Some(span) => diagnostic.at(image.source, span, ""),
            None => diagnostic,
        });
    }
}

/// Whether the image is BuildKit's frontend for Dockerfiles, in whichever registry.
fn reads_dockerfiles(image: &str) -> bool {
    Reference::parse(image).is_ok_and(|reference| {
        matches!(
            short(&reference.repository()),
            "dockerfile" | "dockerfile-upstream"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_buildkits_own_is_known() {
        for (image, expected) in [
            ("docker/dockerfile:1", true),
            ("docker/dockerfile", true),
            ("docker.io/docker/dockerfile:1.7-labs", true),
            ("docker/dockerfile-upstream:master", true),
            ("mirror.example.com/docker/dockerfile:1", true),
            ("acme/buildpack:1", false),
            ("dockerfile.example.com/x", false),
            ("A B", false),
        ] {
            assert_eq!(reads_dockerfiles(image), expected, "{image}");
        }
    }
}
