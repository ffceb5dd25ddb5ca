//! What a run did, in Markdown: for the page that GitHub Actions shows of a job.
//!
//! Every text of the repository or the plan is inert there: whatever is no letter, digit or one of a few
//! signs becomes a character reference, so that it is neither Markdown nor HTML.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::exec::report::short_time;
use super::exec::{ImageReport, Outcome, Report};
use super::picture::{self, Format};
use super::review::{short, thousands, words};
use crate::diagnostics::Severity;
use crate::plan::causes;
use crate::plan::{Image, Plan};

/// Bytes that the summary of a step may have; GitHub drops one of more than 1 MiB, whoever wrote it.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// Bytes for the line that counts what is not shown.
const RESERVE: usize = 100;

/// Rows of the table. The report has all.
const MOST_ROWS: usize = 200;

/// First causes and reasons of one that are listed.
const MOST_CAUSES: usize = 20;
const MOST_REASONS: usize = 4;

/// Images that a picture of Markdown shows legibly.
const MOST_DRAWN: usize = 60;

/// Problems that are listed.
const MOST_PROBLEMS: usize = 20;

/// The summary of a run in at most `room` bytes; every line ends with a newline. `plan` is none where none
/// could be made. What has no room is left out: the picture first, then rows of the table.
pub(crate) fn summary(plan: Option<&Plan>, report: &Report, room: usize) -> String {
    let mut text = format!("### Shipwright: {}\n\n", inert(&report.summary()));
    if let Some(revision) = &report.revision {
        let branch = report.branch.as_ref();
        let branch = branch.map(|branch| format!(", branch {}", code(branch)));
        let branch = branch.unwrap_or_default();
        let _ = writeln!(text, "Commit {}{branch}.\n", code(short(revision)));
    }
    if text.len() > room {
        return String::new();
    }
    add(&mut text, room, |part| problems(part, report));
    add(&mut text, room, |part| {
        if let Some(plan) = plan {
            why(part, plan, report);
        }
    });
    let left = room - text.len();
    add(&mut text, room, |part| table(part, report, left));
    add(&mut text, room, |part| {
        let picture = plan.and_then(|plan| drawn(plan, report));
        part.push_str(&picture.unwrap_or_default());
    });
    text
}

/// Adds a part of the summary, if there is room for it.
fn add(text: &mut String, room: usize, part: impl FnOnce(&mut String)) {
    let mut more = String::new();
    part(&mut more);
    if text.len() + more.len() <= room {
        text.push_str(&more);
    }
}

fn problems(text: &mut String, report: &Report) {
    let errors: Vec<_> = report
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    for problem in errors.iter().take(MOST_PROBLEMS) {
        let _ = writeln!(
            text,
            "- ❌ **{}**: {}",
            problem.code.as_str(),
            inert(&problem.message)
        );
    }
    more(text, errors.len(), MOST_PROBLEMS, "errors");
    if !errors.is_empty() {
        text.push('\n');
    }
}

/// The first causes of the images that had to be built.
fn why(text: &mut String, plan: &Plan, report: &Report) {
    use Outcome::{Built, Failed, NotBuilt, Stopped};
    let images = report.images.iter();
    let built = images.filter(|image| matches!(image.outcome, Built | Failed | NotBuilt | Stopped));
    let built: BTreeSet<&str> = built.map(|image| &*image.name).collect();
    // A cause reaches an image through others that an earlier run has built.
    let images = plan.images.iter();
    let mut causes = causes::first(images.map(|image| (&*image.name, &*image.reasons)));
    for cause in &mut causes {
        cause.images.retain(|name| built.contains(&**name));
    }
    causes.retain(|cause| !cause.images.is_empty());
    for cause in causes.iter().take(MOST_CAUSES) {
        let reasons = cause.reasons.iter().take(MOST_REASONS);
        let mut reasons: Vec<String> = reasons.map(|reason| code(&words(reason))).collect();
        let others = cause.reasons.len().saturating_sub(MOST_REASONS);
        if others > 0 {
            reasons.push(format!("{} more", thousands(others)));
        }
        let count = cause.images.len();
        let s = if count == 1 { "" } else { "s" };
        let _ = writeln!(
            text,
            "- {} → {} image{s}",
            reasons.join(", "),
            thousands(count)
        );
    }
    more(text, causes.len(), MOST_CAUSES, "causes");
    if !causes.is_empty() {
        text.push('\n');
    }
}

/// A row for each image with which something was done: what failed first, what took longest next.
fn table(text: &mut String, report: &Report, room: usize) {
    let mut rows: Vec<&ImageReport> = report
        .images
        .iter()
        .filter(|image| image.outcome != Outcome::Skipped)
        .collect();
    if rows.is_empty() {
        return;
    }
    let rank = |image: &ImageReport| match image.outcome {
        Outcome::Failed => 0,
        Outcome::Stopped => 1,
        Outcome::Built | Outcome::Fetched | Outcome::Joined => 2,
        _ => 3,
    };
    rows.sort_by_key(|image| (rank(image), std::cmp::Reverse(image.time)));
    text.push_str("| image | outcome | time | size | tags |\n|---|---|--:|--:|---|\n");
    let mut shown = 0;
    for image in rows.iter().take(MOST_ROWS) {
        let tags: Vec<String> = image.tags.iter().map(|tag| code(tag)).collect();
        let row = format!(
            "| {} | {} | {} | {} | {} |\n",
            code(&image.name),
            image.outcome.word(),
            short_time(image.time),
            image.size.map(megabytes).unwrap_or_default(),
            tags.join(" ")
        );
        if text.len() + row.len() + RESERVE > room {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    more(text, rows.len(), shown, "images");
    text.push('\n');
}

/// What was built and what that needs, as a picture; none where nothing was, or too much.
fn drawn(plan: &Plan, report: &Report) -> Option<String> {
    let built: BTreeSet<&str> = report
        .images
        .iter()
        .filter(|image| !matches!(image.outcome, Outcome::Skipped | Outcome::Retagged))
        .map(|image| &*image.name)
        .collect();
    let is_built = |image: &&Image| built.contains(&*image.name);
    let images: Vec<Image> = plan.images.iter().filter(is_built).cloned().collect();
    if images.is_empty() || images.len() > MOST_DRAWN {
        return None;
    }
    let plan = Plan::new(plan.source.clone(), images);
    let report = picture::Report::from_json("report", &report.to_json()).ok()?;
    let options = picture::Options::default();
    let picture = picture::draw(&plan, Some(&report), Format::Mermaid, &options).ok()?;
    Some(format!("```mermaid\n{picture}```\n"))
}

/// How many of a list are not shown.
fn more(text: &mut String, count: usize, shown: usize, what: &str) {
    if count > shown {
        let _ = writeln!(text, "\nand {} more {what}", thousands(count - shown));
    }
}

/// Bytes as people compare them.
pub(crate) fn megabytes(bytes: u64) -> String {
    let (whole, tenth) = (bytes / 1_000_000, bytes / 100_000 % 10);
    format!("{whole}.{tenth} MB")
}

/// A text as code.
fn code(text: &str) -> String {
    format!("<code>{}</code>", inert(text))
}

/// A text that means only itself, on one line.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '/' | '.' | ',' | ':' | '-' => inert.push(c),
            c if c.is_control() => inert.push(' '),
            c => {
                let _ = write!(inert, "&#{};", u32::from(c));
            }
        }
    }
    inert
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::{Code, Diagnostic, Diagnostics};
    use crate::plan::{Reason, ReasonKind};
    use crate::run::exec::tests::{image, plan};

    fn report(plan: &Plan, outcomes: &[Outcome]) -> Report {
        let mut report = Report::not_started(Some(plan), &Diagnostics::new(), false);
        for (image, outcome) in report.images.iter_mut().zip(outcomes) {
            image.outcome = *outcome;
        }
        report
    }

    #[test]
    fn a_run_in_short() {
        let mut images = vec![
            image("base", &[]),
            image("app", &["base"]),
            image("other", &[]),
        ];
        images[0].reasons = vec![Reason::new(ReasonKind::Input, "base/a|b`<x>")];
        images[1].reasons = vec![Reason::new(ReasonKind::Dependency, "base")];
        let plan = plan(images);
        let mut report = report(&plan, &[Outcome::Built, Outcome::Failed, Outcome::Skipped]);
        report.images[0].size = Some(12_340_000);
        report.images[0].time = Duration::from_millis(1500);
        let failed = Diagnostic::new(Code::BuildFailed, "`app` failed\n::error::x");
        report.problems.push(failed);
        insta::assert_snapshot!(summary(Some(&plan), &report, MOST_BYTES), @r##"
        ### Shipwright: 1 built, 1 skipped, 1 failed in 0.0s

        Commit <code>000000000000</code>, branch <code>main</code>.

        - ❌ **build-failed**: &#96;app&#96; failed ::error::x

        - <code>file base/a&#124;b&#96;&#60;x&#62;</code> → 2 images

        | image | outcome | time | size | tags |
        |---|---|--:|--:|---|
        | <code>app</code> | failed |  |  |  |
        | <code>base</code> | built | 1.5s | 12.3 MB |  |

        ```mermaid
        ---
        title: "2 images: 1 built, 1 failed in 0.0s"
        ---
        %% Each arrow leads from an image to one that takes from it:
        %% solid: FROM; dashed: COPY --from; dotted: RUN --mount. Grey: external base images.
        flowchart LR
          n0["base<br>1.5s"]:::built
          n1["app"]:::failed
          n0 --> n1
          subgraph legend [" "]
            legend-built["built"]:::built
            legend-failed["failed"]:::failed
          end
          classDef built fill:#d3f9d8,stroke:#2b8a3e,color:#212529
          classDef failed fill:#ffc9c9,stroke:#c92a2a,color:#212529
        ```
        "##);
    }

    #[test]
    fn causes_are_those_of_what_had_to_be_built() {
        use Outcome::{Built, Retagged, Skipped};
        let mut images = vec![image("base", &[]), image("app", &["base"]), image("c", &[])];
        images[0].reasons = vec![Reason::new(ReasonKind::Input, "base/a")];
        images[1].reasons = vec![Reason::new(ReasonKind::Dependency, "base")];
        images[2].reasons = vec![Reason::new(ReasonKind::Unchanged, "1")];
        let plan = plan(images);
        let causes = |outcomes: &[Outcome]| {
            let text = summary(Some(&plan), &report(&plan, outcomes), MOST_BYTES);
            let lines = text.lines().filter(|line| line.starts_with("- "));
            lines.collect::<Vec<_>>().join("\n")
        };
        let cause = |count| format!("- <code>file base/a</code> → {count}");
        assert_eq!(causes(&[Built, Built, Retagged]), cause("2 images"));
        assert_eq!(causes(&[Skipped, Built, Built]), cause("1 image"));
        assert_eq!(causes(&[Skipped, Skipped, Skipped]), "");
    }

    #[test]
    fn a_summary_stays_within_its_limit() {
        let many: Vec<String> = (0..2_000)
            .map(|index| format!("{index}{}", "x_".repeat(100)))
            .collect();
        let images = many.iter().map(|name| {
            let mut image = image(name, &[]);
            image.reasons = vec![Reason::new(ReasonKind::Input, "\u{202e}".repeat(300))];
            image
        });
        let plan = plan(images.collect());
        let mut report = report(&plan, &vec![Outcome::Built; many.len()]);
        for image in &mut report.images {
            image.tags = vec!["_".repeat(128); 20];
            let failed = Diagnostic::new(Code::BuildFailed, format!("`{}` failed", image.name));
            report.problems.push(failed);
        }
        for (room, rows) in [
            // A row has 10 KB at most: fewer than the 200 that a table may have.
            (MOST_BYTES, 50..200),
            (100_000, 1..20),
            (1_000, 0..1),
            (10, 0..1),
        ] {
            let text = summary(Some(&plan), &report, room);
            assert!(text.len() <= room, "{} of {room}", text.len());
            let shown = text.lines().filter(|line| line.starts_with("| <code>"));
            let shown = shown.count();
            assert!(rows.contains(&shown), "{shown} rows in {room} bytes");
            let left = format!("and {} more images", thousands(2_000 - shown));
            assert!(shown == 0 || text.contains(&left), "{left}");
            assert!(text.is_empty() || text.ends_with('\n'));
        }
    }

    #[test]
    fn a_short_table_is_whole() {
        let plan = plan(vec![image("a", &[]), image("b", &[])]);
        let report = report(&plan, &[Outcome::Built, Outcome::Built]);
        let whole = summary(Some(&plan), &report, MOST_BYTES);
        // The picture is the first to go.
        let less = summary(Some(&plan), &report, whole.len() - 1);
        assert!(whole.contains("```mermaid") && whole.starts_with(&less));
        assert!(less.contains("<code>b</code>") && !less.contains("mermaid"));
    }
}
