use super::*;
use crate::diagnostics::Diagnostics;
use crate::plan::Action;
use crate::run::exec::Outcome;
use crate::run::exec::tests::{image, plan};

const SCREEN: Screen = Screen {
    width: 60,
    colour: false,
};

/// A plan with these reasons, and the report of a dry run with these outcomes.
fn dry_run(rows: &[(&str, &[&str], Outcome, &[Reason])]) -> (Plan, Report) {
    let images = rows.iter().map(|(name, needs, _, reasons)| {
        let mut image = image(name, needs);
        image.reasons = reasons.to_vec();
        image
    });
    let plan = plan(images.collect());
    let mut report = Report::not_started(Some(&plan), &Diagnostics::new(), true);
    for (image, (name, _, outcome, _)) in report.images.iter_mut().zip(rows) {
        image.outcome = *outcome;
        if *outcome != Outcome::Skipped {
            image.tags = ["main", "0123"]
                .map(|tag| format!("us/{name}:{tag}"))
                .into();
        }
    }
    (plan, report)
}

#[test]
fn a_dry_run_is_told_by_cause_in_the_future() {
    use Outcome::{Built, Fetched, Joined, Retagged, Skipped};
    let input = Reason::new(ReasonKind::Input, "base/motd");
    let follows = |name: &str| Reason::new(ReasonKind::Dependency, name);
    let unchanged = [Reason::new(ReasonKind::Unchanged, "1")];
    let (mut plan, report) = dry_run(&[
        ("base", &[], Built, &[input]),
        ("app", &["base"], Built, &[follows("base")]),
        ("gone", &[], Built, &unchanged),
        ("on-gone", &["gone"], Built, &unchanged),
        ("there", &[], Retagged, &[]),
        ("remote", &[], Fetched, &[]),
        ("parts", &[], Joined, &[]),
        ("same", &[], Skipped, &[]),
    ]);
    plan.source.since = Some("1".repeat(40));
    insta::assert_snapshot!(review_of_run(&plan, &report, SCREEN), @"
    8 images: 4 to build, 1 to fetch, 1 to join, 1 to re-tag,
      1 unchanged
    (main at 000000000000, compared with 111111111111)

    file base/motd
      build   base
      then    app

    not built yet
      build   gone
      then    on-gone

      fetch   remote
      join    parts
      re-tag  there
      keep    same
      tags    main, 0123
    ");
}

#[test]
fn without_causes_images_are_built_because_they_do_not_exist() {
    let (plan, mut report) = dry_run(&[
        ("base", &[], Outcome::Built, &[]),
        ("app", &["base"], Outcome::Built, &[]),
    ]);
    insta::assert_snapshot!(review_of_run(&plan, &report, SCREEN), @"
    2 images: 2 to build (main at 000000000000)

    not built yet
      build   base
      then    app

      tags    main, 0123

    `--since REV` compares with a revision and shows what changed and why
    ");
    for image in &mut report.images {
        image.outcome = Outcome::Skipped;
        image.tags.clear();
    }
    insta::assert_snapshot!(review_of_run(&plan, &report, SCREEN), @"
    2 images: 2 unchanged (main at 000000000000)

      keep    base, app
    ");
}

/// What `--built` lacks is one cause, not one for each image; with `--since` the cause is what changed.
#[test]
fn images_that_a_file_lacks_have_one_cause() {
    let missing = |name: &str| Reason::new(ReasonKind::Missing, format!("us/{name}:sw-1"));
    let (mut plan, _) = dry_run(&[
        ("base", &[], Outcome::Built, &[missing("base")]),
        ("app", &["base"], Outcome::Built, &[missing("app")]),
        ("other", &[], Outcome::Built, &[missing("other")]),
    ]);
    for image in &mut plan.images {
        image.action = Action::Build;
    }
    insta::assert_snapshot!(review(&plan, SCREEN), @"
    3 images: 3 to build (main at 000000000000)

    not built yet
      build   base, other
      then    app

    `--since REV` compares with a revision and shows what changed and why
    ");
    let mut changed = plan.clone();
    changed.source.since = Some("1".repeat(40));
    for image in &mut changed.images {
        let reason = Reason::new(ReasonKind::BuildArg, "A");
        image.reasons.insert(0, reason);
    }
    insta::assert_snapshot!(review(&changed, SCREEN), @"
    3 images: 3 to build
    (main at 000000000000, compared with 111111111111)

    build argument A
      build   base, app, other
    ");
}

/// A heading that is wider than the others leaves less room for names.
#[test]
fn lists_stay_within_the_width_beyond_ten_waves() {
    let mut plan = plan(vec![image("a", &[]), image("b", &["a"])]);
    for image in &mut plan.images {
        image.wave = 1_000;
        image.name = "x".repeat(24);
    }
    for width in 40..90 {
        let text = review(&plan, Screen { width, ..SCREEN });
        let names = text.lines().filter(|line| line.contains('x'));
        let widest = names.map(UnicodeWidthStr::width).max();
        assert!(widest <= Some(width), "{width}: {text}");
    }
}
