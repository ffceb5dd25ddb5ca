//! Which branch a CI system builds, where it checks out none.
//!
//! Only a variable that holds a branch of this repository is ever named. The source branch of a pull
//! request is none: the `main` of a fork is not ours.

use crate::diagnostics::{Code, Diagnostic};
use crate::tree::source::Checkout;

/// Names the option that fits the job of a CI system in which a diagnostic says that no branch is known.
pub(super) fn add_help(checkout: &Checkout, diagnostic: &mut Diagnostic) {
    if diagnostic.code != Code::NoBranch {
        return;
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(option) = option(&variable, checkout.head().as_deref()) {
        diagnostic.help = vec![format!("in this job: `{option}`")];
    }
}

/// What a CI system tells of a job.
struct Job {
    /// The variable that holds the commit of the branch; none where the branch is right for any commit.
    commit: Option<&'static str>,
    /// The branch, as a shell writes it; empty where there is none.
    branch: String,
}

/// The option for the job that these variables describe; none where they describe none, or one that
/// builds another commit than `head`, such as that of a second checkout.
fn option(variable: &dyn Fn(&str) -> Option<String>, head: Option<&str>) -> Option<String> {
    let Job { commit, branch } = job(variable)?;
    let is_here = |commit| head.is_some() && variable(commit).as_deref() == head;
    if !commit.is_none_or(is_here) {
        return None;
    }
    let is_plain = !branch.is_empty() && !branch.contains('$');
    Some(if is_plain {
        format!("--branch {branch}")
    } else {
        format!("--branch \"{branch}\"")
    })
}

/// Sources: "Variables reference" of GitHub Actions, "Predefined CI/CD variables" of GitLab, "Environment
/// variables" of Buildkite, "Project values and variables" of `CircleCI`.
fn job(variable: &dyn Fn(&str) -> Option<String>) -> Option<Job> {
    let is = |name: &str, value: &str| variable(name).as_deref() == Some(value);
    let pull = |branch: String| {
        Some(Job {
            commit: None,
            branch,
        })
    };
    let built = |commit: &'static str, branch: &str| {
        Some(Job {
            commit: Some(commit),
            branch: branch.to_owned(),
        })
    };
    if is("GITHUB_ACTIONS", "true") {
        let reference = variable("GITHUB_REF")?;
        // Here too the reference and the commit may be those of the branch that is asked to pull.
        if variable("GITHUB_EVENT_NAME").is_some_and(|event| event.starts_with("pull_request")) {
            let number = reference.strip_prefix("refs/pull/");
            let number = number.and_then(|rest| rest.split('/').next());
            let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
            return pull(format!("pull-{}", number.unwrap_or("$NUMBER")));
        }
        let is_branch = is("GITHUB_REF_TYPE", "branch") && reference.starts_with("refs/heads/");
        return built(
            "GITHUB_SHA",
            if is_branch { "$GITHUB_REF_NAME" } else { "" },
        );
    }
    if is("GITLAB_CI", "true") {
        let branch = if variable("CI_COMMIT_BRANCH").is_some() {
            "$CI_COMMIT_BRANCH"
        } else if variable("CI_MERGE_REQUEST_IID").is_some() {
            "pull-$CI_MERGE_REQUEST_IID"
        } else {
            ""
        };
        return built("CI_COMMIT_SHA", branch);
    }
    if is("BUILDKITE", "true") {
        if variable("BUILDKITE_PULL_REQUEST").is_some_and(|number| number != "false") {
            return pull("pull-$BUILDKITE_PULL_REQUEST".to_owned());
        }
        let is_branch =
            variable("BUILDKITE_TAG").is_none() && variable("BUILDKITE_BRANCH").is_some();
        return built(
            "BUILDKITE_COMMIT",
            if is_branch { "$BUILDKITE_BRANCH" } else { "" },
        );
    }
    if is("CIRCLECI", "true") {
        // The number is there for pull requests from forks alone, whose branch is not ours.
        if variable("CIRCLE_PR_NUMBER").is_some() {
            return pull("pull-$CIRCLE_PR_NUMBER".to_owned());
        }
        // Not set for tags.
        let branch = variable("CIRCLE_BRANCH").map_or("", |_| "$CIRCLE_BRANCH");
        return built("CIRCLE_SHA1", branch);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_branch_of_this_repository_is_named() {
        let github = "GITHUB_ACTIONS=true GITHUB_SHA=c";
        let gitlab = "GITLAB_CI=true CI_COMMIT_SHA=c";
        let buildkite = "BUILDKITE=true BUILDKITE_COMMIT=c";
        let circleci = "CIRCLECI=true CIRCLE_SHA1=c";
        let rows: [(&str, &str, Option<&str>); 20] = [
            ("", "GITHUB_REF=refs/heads/main CI_COMMIT_BRANCH=main", None),
            (
                github,
                "GITHUB_EVENT_NAME=push GITHUB_REF_TYPE=branch GITHUB_REF=refs/heads/main GITHUB_REF_NAME=main",
                Some(r#"--branch "$GITHUB_REF_NAME""#),
            ),
            (
                github,
                "GITHUB_EVENT_NAME=push GITHUB_REF_TYPE=tag GITHUB_REF=refs/tags/v1 GITHUB_REF_NAME=v1",
                Some(r#"--branch """#),
            ),
            // GitHub calls the reference of a pull request a branch.
            (
                github,
                "GITHUB_EVENT_NAME=pull_request GITHUB_REF_TYPE=branch GITHUB_REF=refs/pull/12/merge \
                 GITHUB_REF_NAME=12/merge GITHUB_HEAD_REF=main",
                Some("--branch pull-12"),
            ),
            (
                github,
                "GITHUB_EVENT_NAME=pull_request_target GITHUB_REF_TYPE=branch GITHUB_REF=refs/heads/main \
                 GITHUB_REF_NAME=main GITHUB_HEAD_REF=main",
                Some(r#"--branch "pull-$NUMBER""#),
            ),
            (
                github,
                "GITHUB_EVENT_NAME=pull_request GITHUB_REF=refs/pull/$(x)/merge",
                Some(r#"--branch "pull-$NUMBER""#),
            ),
            (github, "", None),
            (
                "GITHUB_ACTIONS=true GITHUB_SHA=other",
                "GITHUB_EVENT_NAME=workflow_run GITHUB_REF_TYPE=branch GITHUB_REF=refs/heads/main",
                None,
            ),
            (
                gitlab,
                "CI_COMMIT_BRANCH=main CI_COMMIT_REF_NAME=main",
                Some(r#"--branch "$CI_COMMIT_BRANCH""#),
            ),
            (
                gitlab,
                "CI_COMMIT_BRANCH= CI_MERGE_REQUEST_IID=7 CI_MERGE_REQUEST_SOURCE_BRANCH_NAME=main",
                Some(r#"--branch "pull-$CI_MERGE_REQUEST_IID""#),
            ),
            (
                gitlab,
                "CI_COMMIT_TAG=v1 CI_COMMIT_REF_NAME=v1",
                Some(r#"--branch """#),
            ),
            (
                "GITLAB_CI=true CI_COMMIT_SHA=other",
                "CI_COMMIT_BRANCH=main",
                None,
            ),
            ("GITLAB_CI=true", "CI_COMMIT_BRANCH=main", None),
            (
                buildkite,
                "BUILDKITE_BRANCH=main BUILDKITE_PULL_REQUEST=false BUILDKITE_TAG=",
                Some(r#"--branch "$BUILDKITE_BRANCH""#),
            ),
            (
                buildkite,
                "BUILDKITE_BRANCH=v1 BUILDKITE_PULL_REQUEST=false BUILDKITE_TAG=v1",
                Some(r#"--branch """#),
            ),
            (
                buildkite,
                "BUILDKITE_BRANCH=main BUILDKITE_PULL_REQUEST=7",
                Some(r#"--branch "pull-$BUILDKITE_PULL_REQUEST""#),
            ),
            ("BUILDKITE=true", "BUILDKITE_BRANCH=main", None),
            (
                circleci,
                "CIRCLE_BRANCH=main",
                Some(r#"--branch "$CIRCLE_BRANCH""#),
            ),
            (circleci, "CIRCLE_TAG=v1", Some(r#"--branch """#)),
            (
                circleci,
                "CIRCLE_BRANCH=pull/7 CIRCLE_PR_NUMBER=7",
                Some(r#"--branch "pull-$CIRCLE_PR_NUMBER""#),
            ),
        ];
        for (system, job, expected) in rows {
            let pairs: Vec<(&str, &str)> = [system, job]
                .iter()
                .flat_map(|text| text.split_whitespace())
                .filter_map(|pair| pair.split_once('='))
                .collect();
            let variable = |name: &str| {
                let (_, value) = pairs.iter().find(|(key, _)| *key == name)?;
                Some((*value).to_owned()).filter(|value| !value.is_empty())
            };
            assert_eq!(
                option(&variable, Some("c")).as_deref(),
                expected,
                "{system} {job}"
            );
        }
    }
}
