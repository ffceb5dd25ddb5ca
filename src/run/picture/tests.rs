//! Pictures of plans that no repository has.

use std::collections::BTreeSet;

use super::{Format, Locked, Options, Report};
use crate::plan::{Action, Plan, Reason, ReasonKind};

/// A picture without a report.
#[track_caller]
fn draw(plan: &Plan, format: Format, options: &Options) -> String {
    super::draw(plan, None, format, options).expect("a plan can be drawn")
}

/// A plan of images, each with what it takes from.
fn plan(images: &[(&str, &[(&str, &str)])]) -> Plan {
    let images: Vec<_> = images
        .iter()
        .map(|(name, needs)| {
            let dependencies: Vec<_> = needs
                .iter()
                .map(|(image, instruction)| {
                    serde_json::json!({"image": image, "reference": image,
                        "via": [{"instruction": instruction, "line": 1}]})
                })
                .collect();
            serde_json::json!({"name": name, "repository": name, "dockerfile": "Dockerfile",
                "context": ".", "target": null, "build_args": {}, "stamp_args": {},
                "platforms": [], "labels": {}, "wave": 0, "dependencies": dependencies,
                "base_images": [], "inputs": "", "fingerprint": "", "reference": "", "tags": [],
                "action": "ensure", "reasons": []})
        })
        .collect();
    let source = serde_json::json!({"revision": "0".repeat(40), "branch": null, "dirty": false,
        "timestamp": 0, "since": null});
    let plan = serde_json::json!({"version": 1, "source": source, "images": images});
    Plan::from_json(&plan.to_string()).expect("it is a plan")
}

/// A plan of so many images, `acme/i0000` and on; `needs` says on which each is built.
fn numbered(count: usize, needs: impl FnMut(usize) -> BTreeSet<usize>) -> Plan {
    let names: Vec<String> = (0..count).map(|n| format!("acme/i{n:04}")).collect();
    let built_on = |needed: BTreeSet<usize>| -> Vec<(&str, &str)> {
        let needed = needed.into_iter();
        needed.map(|need| (&*names[need], "FROM")).collect()
    };
    let needs: Vec<_> = (0..count).map(needs).map(built_on).collect();
    let images = names.iter().zip(&needs);
    let images: Vec<_> = images.map(|(name, needs)| (&**name, &needs[..])).collect();
    plan(&images)
}

#[track_caller]
fn check(plan: &Plan, format: Format, options: &Options, expected: &str) {
    assert_eq!(draw(plan, format, options), expected);
}

#[test]
fn spelled_out_once_below_its_base() {
    let plan = plan(&[
        ("a", &[]),
        ("b", &[]),
        ("c", &[("a", "COPY --from"), ("b", "FROM")]),
        ("d", &[("c", "RUN --mount"), ("a", "FROM")]),
        ("e", &[("d", "FROM"), ("c", "RUN --mount")]),
    ]);
    let expected = "\
5 images
a
├╌╌ c (COPY --from) (*)
└── d
    └── e
b
└── c
    ├┈┈ d (RUN --mount) (*)
    └┈┈ e (RUN --mount)
";
    check(&plan, Format::Tree, &Options::default(), expected);
}

#[test]
fn many_in_one_place_are_one() {
    let names: Vec<String> = (10..23).map(|n| format!("team/leaf-{n}")).collect();
    let base = ("base", &[][..]);
    let needs = [("base", "FROM")];
    let images: Vec<(&str, &[_])> = std::iter::once(base)
        .chain(names.iter().map(|name| (name.as_str(), &needs[..])))
        .collect();
    let all = Options {
        all: true,
        ..Options::default()
    };
    let many = plan(&images);
    let grouped = "14 images\nbase\n└── 13 images: leaf-10, leaf-11, leaf-12, …\n";
    check(&many, Format::Tree, &Options::default(), grouped);
    assert_eq!(draw(&many, Format::Tree, &all).lines().count(), 15);
    let few = plan(&images[..images.len() - 1]);
    let each = draw(&few, Format::Tree, &Options::default());
    assert_eq!(each.lines().count(), 14);
}

#[test]
fn names_mean_nothing_to_the_languages() {
    let plan = plan(&[("a\"]; x\\\n#<b>", &[])]);
    let dot = draw(&plan, Format::Dot, &Options::default());
    assert!(
        dot.contains("  n0 [label=\"a\\\"]; x\\\\ #<b>\"];\n"),
        "{dot}"
    );
    let mermaid = draw(&plan, Format::Mermaid, &Options::default());
    assert!(
        mermaid.contains("  n0[\"a#34;#93;#59; x#92; #35;#60;b#62;\"]\n"),
        "{mermaid}"
    );
    let tree = draw(&plan, Format::Tree, &Options::default());
    assert_eq!(tree.lines().count(), 2);
    let svg = draw(&plan, Format::Svg, &Options::default());
    assert!(svg.contains(">a&#34;]; x\\ #&lt;b&gt;</text>"), "{svg}");
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let names: Vec<String> = (0..3000).map(|n| format!("i{n:04}")).collect();
    let needs: Vec<[(&str, &str); 1]> = names.iter().map(|name| [(&**name, "FROM")]).collect();
    let images: Vec<(&str, &[_])> = names
        .iter()
        .enumerate()
        .map(|(n, name)| match n.checked_sub(1) {
            Some(before) => (&**name, &needs[before][..]),
            None => (&**name, &[][..]),
        })
        .collect();
    let plan = plan(&images);
    for format in [Format::Tree, Format::Dot, Format::Mermaid, Format::Svg] {
        // Folding looks at all of them too, and makes one of the last.
        let folded = draw(&plan, format, &Options::default()).lines().count();
        let all = Options {
            all: true,
            ..Options::default()
        };
        let all = draw(&plan, format, &all).lines().count();
        assert!(all >= 3000 && folded < all, "{folded} of {all}");
    }
}

/// The plan of a base, a tool, and what follows from a change of the base; and of one apart.
fn changed() -> Plan {
    let mut plan = plan(&[
        ("acme/base", &[]),
        ("acme/tool", &[]),
        (
            "acme/app",
            &[("acme/base", "FROM"), ("acme/tool", "COPY --from")],
        ),
        ("acme/other", &[("acme/tool", "FROM")]),
    ]);
    let reasons = [
        (Action::Build, ReasonKind::Input, "base/a.txt"),
        (Action::Retag, ReasonKind::Unchanged, "1234"),
        (Action::Build, ReasonKind::Dependency, "acme/base"),
        (Action::Build, ReasonKind::Missing, "acme/other:sw-1"),
    ];
    for (image, (action, kind, detail)) in plan.images.iter_mut().zip(reasons) {
        image.reference = format!("{}:sw-1", image.name);
        image.action = action;
        image.reasons = vec![Reason {
            kind,
            detail: detail.to_owned(),
        }];
    }
    plan
}

/// The report of a run of that plan in which the build of the base took ten seconds.
fn report(images: &str) -> Report {
    let text = format!(r#"{{"version": 1, "dry_run": false, "images": [{images}], "time": 99.5}}"#);
    Report::from_json("report.json", &text).expect("it is a report")
}

#[test]
fn what_stays_as_it_is_takes_little_room_beside_what_is_built() {
    // A base, twenty images on it, three on each of these; one of the last is built.
    let mut plan = numbered(81, |n| match n {
        0 => BTreeSet::new(),
        1..=20 => BTreeSet::from([0]),
        n => BTreeSet::from([(n - 21) / 3 + 1]),
    });
    for (n, image) in plan.images.iter_mut().enumerate() {
        let (action, kind) = match n {
            21 => (Action::Build, ReasonKind::Input),
            _ => (Action::Retag, ReasonKind::Unchanged),
        };
        image.action = action;
        image.reasons = vec![Reason::new(kind, "a.txt")];
    }
    let expected = "\
81 images in acme/: 1 to build, 80 to re-tag
○ i0000
├── ○ i0001
│   ├── ● i0021  file a.txt
│   ├── ○ i0022
│   └── ○ i0023
└── ○ 76 images: i0002, i0024, i0025, …

● changed: build   ○ unchanged: re-tag
";
    check(&plan, Format::Tree, &Options::default(), expected);
}

#[test]
fn a_tree_says_what_happens_and_why() {
    let expected = "\
4 images in acme/: 3 to build, 1 to re-tag
● base  file base/a.txt
└── ◐ app
○ tool
├╌╌ ◐ app (COPY --from)
└── ◆ other

● changed: build   ◐ follows: build   ◆ missing: build   ○ unchanged: re-tag
";
    check(&changed(), Format::Tree, &Options::default(), expected);
    let report = report(
        r#"{"name": "acme/base", "reference": "acme/base:sw-1", "outcome": "built", "time": 10.0},
           {"name": "acme/tool", "reference": "acme/tool:sw-1", "outcome": "retagged", "time": 0.0},
           {"name": "acme/app", "reference": "acme/app:sw-1", "outcome": "failed", "time": 89.0},
           {"name": "acme/other", "reference": "acme/other:sw-2", "outcome": "built", "time": 1.0}"#,
    );
    let expected = "\
4 images in acme/: 1 built, 1 re-tagged, 1 failed, 1 not decided in 99.5s
✔ base  10.0s
└── ✘ app  89.0s
○ tool
├╌╌ ✘ app  89.0s (COPY --from)
└── other

✔ built   ○ re-tagged   ✘ failed
";
    let tree = super::draw(&changed(), Some(&report), Format::Tree, &Options::default());
    assert_eq!(tree.expect("the report is of this plan"), expected);
}

#[test]
fn a_report_of_something_else_is_refused() {
    let other =
        report(r#"{"name": "acme/base", "reference": "acme/base:sw-2", "outcome": "built"}"#);
    let refused = super::draw(&changed(), Some(&other), Format::Svg, &Options::default());
    let message = refused.expect_err("no image is of this plan").message;
    assert!(message.contains("has no image of this plan"), "{message}");
    for text in [
        "",
        "[]",
        "{}",
        r#"{"version": 2}"#,
        r#"{"version": 1, "images": [1]}"#,
    ] {
        let message = Report::from_json("r", text).expect_err(text).message;
        assert!(message.starts_with("`r`: this"), "{message}");
    }
}

#[test]
fn any_graph_is_laid_out_in_the_same_way_without_overlaps() {
    // A small generator of its own: the shapes have to be the same in every run.
    let mut state = 7_u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).expect("32 bits") % below.max(1)
    };
    for round in 0..60 {
        let count = 1 + random(40);
        let plan = numbered(count, |n| {
            (0..random(4).min(n)).map(|_| random(n)).collect()
        });
        let picture = super::Picture::of(&plan, None, None);
        let sizes = vec![(80.0, 30.0); count];
        let layout = super::layout::lay_out(&picture, &sizes);
        for (index, a) in layout.boxes.iter().enumerate() {
            assert!(a.x >= 0.0 && a.y >= -0.01 && a.y + a.height <= layout.height + 0.01);
            for b in &layout.boxes[..index] {
                let apart = (a.x - b.x).abs() >= 80.0 || (a.y - b.y).abs() >= 29.9;
                assert!(apart, "round {round}: {a:?} {b:?}");
            }
            for (x, _, y) in layout.routes.iter().flat_map(passed) {
                let clear = (a.x - x).abs() >= 80.0 || *y <= a.y || *y >= a.y + a.height;
                assert!(clear, "round {round}: an edge at {x} {y} through {a:?}");
            }
        }
        let all = Options {
            all: true,
            ..Options::default()
        };
        let svg = draw(&plan, Format::Svg, &all);
        for _ in 0..3 {
            assert_eq!(draw(&plan, Format::Svg, &all), svg, "round {round}");
        }
    }
}

/// Where an edge passes columns.
fn passed(route: &super::layout::Route) -> impl Iterator<Item = &(f64, f64, f64)> {
    route.straight[1..route.straight.len() - 1].iter()
}

/// Each takes from the one before, and from the first.
#[test]
fn edges_from_one_image_share_their_way() {
    let plan = numbered(200, |n| match n {
        0 => BTreeSet::new(),
        n => BTreeSet::from([0, n - 1]),
    });
    let picture = super::Picture::of(&plan, None, None);
    let layout = super::layout::lay_out(&picture, &vec![(80.0, 30.0); 200]);
    assert_eq!(layout.routes.len(), 199 + 198, "every edge is drawn");
    assert!(layout.height < 100.0, "{}", layout.height);
    let ways: std::collections::BTreeSet<String> = layout
        .routes
        .iter()
        .flat_map(passed)
        .map(|way| format!("{way:?}"))
        .collect();
    assert_eq!(ways.len(), 198);
}

#[test]
fn many_images_fit_a_picture() {
    // Two hundred teams of ten: a base each, on a base of all.
    let plan = numbered(2001, |n| match n {
        0 => BTreeSet::new(),
        n if n % 10 == 1 => BTreeSet::from([0]),
        n => BTreeSet::from([(n - 1) / 10 * 10 + 1]),
    });
    let svg = draw(&plan, Format::Svg, &Options::default());
    assert!(svg.matches("data-node=").count() <= 120, "folded");
    let all = Options {
        all: true,
        ..Options::default()
    };
    let svg = draw(&plan, Format::Svg, &all);
    assert_eq!(svg.matches("data-node=").count(), 2001);
}

#[test]
fn a_new_image_is_named_once() {
    let mut plan = changed();
    plan.images[0].reasons[0] = Reason {
        kind: ReasonKind::New,
        detail: "acme/base".to_owned(),
    };
    let tree = draw(&plan, Format::Tree, &Options::default());
    assert!(tree.contains("\n● base  new image\n"), "{tree}");
}

#[test]
fn a_page_tells_the_digests_and_dates_of_locked_bases() {
    let mut plan = changed();
    for name in ["debian:12", "docker.io/library/debian:12"] {
        let context = "docker-image://mirror.example.com/debian:12@sha256:0123".to_owned();
        plan.images[0].bases.insert(name.to_owned(), context);
    }
    let bound = r#"{"name":"docker.io/library/debian:12","digest":"sha256:0123""#;
    let page = draw(&plan, Format::Html, &Options::default());
    // A stored plan has no dates.
    assert_eq!(page.matches(&format!("{bound}}}")).count(), 1, "{page}");
    let debian = "docker.io/library/debian:12".to_owned();
    plan.images[0].base_images = vec![debian.clone()];
    let locked = Locked {
        digest: "sha256:0123".to_owned(),
        created: Some("2024-05-01T10:00:00Z".to_owned()),
    };
    let options = Options {
        external: true,
        locked: [(debian, locked)].into(),
        ..Options::default()
    };
    let page = draw(&plan, Format::Html, &options);
    let dated = format!(r#"{bound},"created":"2024-05-01T10:00:00Z"}}"#);
    // Of the image, and of the base itself.
    assert_eq!(page.matches(&dated).count(), 2, "{page}");
}

#[test]
fn a_page_holds_a_strangers_texts_as_texts() {
    let mut plan = changed();
    let evil = "</script><script>alert(1)</script><!--\" onload='x' {{ 7 * 7 }}";
    plan.source.branch = Some(evil.to_owned());
    plan.images[0].dockerfile = evil.to_owned();
    plan.images[0].reasons[0].detail = evil.to_owned();
    plan.images[0].tags = vec![evil.to_owned()];
    let page = draw(&plan, Format::Html, &Options::default());
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(!page.contains("<!--"), "{page}");
    assert_eq!(page.matches("</script>").count(), 2);
    // The policy names the script and the style sheet that are there.
    for (start, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let text = page.split_once(start).expect("it is there").1;
        let text = text.split_once(end).expect("it ends").0;
        assert!(page.contains(&super::page::hash(text).replace('\'', "&#39;")));
    }
}

#[test]
fn a_run_has_a_critical_path() {
    let report = report(
        r#"{"name": "acme/base", "reference": "acme/base:sw-1", "outcome": "built", "time": 10.0,
            "start": "2024-05-01T10:00:00.5Z"},
           {"name": "acme/tool", "reference": "acme/tool:sw-1", "outcome": "built", "time": 2.0,
            "start": "2024-05-01T10:00:01Z"},
           {"name": "acme/app", "reference": "acme/app:sw-1", "outcome": "failed", "time": 5.0,
            "start": "2024-05-01T10:00:13.5Z"}"#,
    );
    let plan = changed();
    let states = super::state::states(&plan.images, Some(&report));
    let timeline = super::timeline::timeline(&plan, &report, &states, "acme/");
    let timeline = serde_json::to_value(timeline.expect("something took time")).unwrap();
    let path = timeline["critical"].as_array().unwrap().iter();
    let path: Vec<_> = path
        .map(|row| {
            [
                &row["name"],
                &row["start"],
                &row["waited_for"],
                &row["idle"],
            ]
        })
        .collect();
    assert_eq!(
        path,
        [
            ["acme/base", "0.0s", "", "0.0s"],
            ["acme/app", "13.0s", "acme/base", "3.0s"]
        ]
    );
    assert_eq!(timeline["critical_time"], "15.0s");
    assert_eq!(timeline["slowest"][0]["name"], "acme/base");
}
