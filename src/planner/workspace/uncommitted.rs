//! What the working tree has and HEAD lacks, of what decides which images there are: it is told of before,
//! and instead of, what HEAD lacks without it.

use super::read::{Reading, configuration};
use super::{Request, Workspace};
use crate::config::{self, lock};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, listed};
use crate::planner::Options;
use crate::planner::discover::Discovery;
use crate::planner::selection::Selection;
use crate::tree::source::Tree;

impl Workspace {
    /// What to say in place of the problems of a HEAD that cannot be planned.
    pub(super) fn instead_of(&self, problems: Diagnostics, request: &Request) -> Diagnostics {
        // `--dirty` needs a commit too.
        if problems
            .iter()
            .any(|problem| problem.code == Code::NoCommit)
        {
            return problems;
        }
        let Ok(tree) = self.checkout.working_tree(&self.written) else {
            return problems;
        };
        let mut paths = dockerfiles(&tree);
        if request.options.configuration.is_none()
            && tree.changed().contains(&config::PATH)
            && matches!(tree.read(config::PATH), Ok(Some(_)))
        {
            paths.insert(0, config::PATH.to_owned());
        }
        if paths.is_empty() {
            return problems;
        }
        let (is, it) = match paths.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let paths = listed(paths.iter().map(String::as_str));
        let message =
            format!("{paths} {is} not committed, and HEAD cannot be planned without {it}");
        let said = Diagnostic::new(Code::NotCommitted, message).help(format!(
            "commit {it}, or plan the working tree as it is with `--dirty`"
        ));
        let mut said = Diagnostics::from(said);
        if Reading::of(tree, &request.options, None).value().is_none() {
            said.extend(problems);
        }
        said
    }

    /// Refuses a configuration and a lock file that lie in the checkout and that git ignores: no tree has
    /// them, so nothing would read them.
    pub(super) fn refuse_ignored(
        &self,
        tree: &Tree<'_>,
        options: &Options,
    ) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::new();
        let has_own = options.configuration.is_none().then_some(config::PATH);
        for path in has_own.into_iter().chain([lock::PATH]) {
            if !tree.has(path) && tree.is_on_disk(path) && self.checkout.ignores(path) {
                let message =
                    format!("git ignores `{path}`, so it is in no commit and has no effect");
                problems.push(
                    Diagnostic::new(Code::ConfigIgnored, message)
                        .help(format!("track it: `git add --force {path}`, or delete it")),
                );
            }
        }
        problems.fail_on_errors()
    }
}

/// The warning of Dockerfiles whose images a plan of HEAD lacks, where all its images are planned.
pub(super) fn left_out(tree: &Tree<'_>, selection: &Selection) -> Option<Diagnostic> {
    let paths = dockerfiles(tree);
    if paths.is_empty() || !selection.is_everything() {
        return None;
    }
    let message = format!(
        "not committed, so not in the plan: {}",
        listed(paths.iter().map(String::as_str))
    );
    let help = "commit what belongs in the plan, or plan the working tree as it is with `--dirty`";
    Some(Diagnostic::new(Code::Uncommitted, message).help(help))
}

/// The Dockerfiles of the working tree that HEAD lacks.
fn dockerfiles(tree: &Tree<'_>) -> Vec<String> {
    let config = configuration(tree).unwrap_or_default();
    let discovery = Discovery::new(&config);
    let new = tree.new_paths().into_iter();
    let new = new.filter(|path| discovery.makes_images(path));
    new.map(str::to_owned).collect()
}
