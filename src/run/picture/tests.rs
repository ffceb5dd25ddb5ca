//! Pictures of plans that no repository has.

use super::{Format, Options, draw};
use crate::plan::Plan;

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
    let source = serde_json::json!({"revision": "", "branch": null, "dirty": false,
        "timestamp": 0, "since": null});
    let plan = serde_json::json!({"version": 1, "source": source, "images": images});
    Plan::from_json(&plan.to_string()).expect("it is a plan")
}

#[track_caller]
fn check(plan: &Plan, format: Format, options: Options, expected: &str) {
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
a
├╌╌ c (COPY --from) (*)
└── d
    └── e
b
└── c
    ├┈┈ d (RUN --mount) (*)
    └┈┈ e (RUN --mount)
";
    check(&plan, Format::Tree, Options::default(), expected);
}

#[test]
fn many_in_one_place_are_one() {
    let names: Vec<String> = (10..43).map(|n| format!("team/leaf-{n}")).collect();
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
    let grouped = "base\n└── 33 images: leaf-10, leaf-11, leaf-12, …\n";
    check(&many, Format::Tree, Options::default(), grouped);
    assert_eq!(draw(&many, Format::Tree, all).lines().count(), 34);
    let few = plan(&images[..images.len() - 1]);
    let each = draw(&few, Format::Tree, Options::default());
    assert_eq!(each.lines().count(), 33);
}

#[test]
fn names_mean_nothing_to_the_languages() {
    let plan = plan(&[("a\"]; x\\\n#<b>", &[])]);
    let dot = draw(&plan, Format::Dot, Options::default());
    assert!(
        dot.contains("  n0 [label=\"a\\\"]; x\\\\ #<b>\"];\n"),
        "{dot}"
    );
    let mermaid = draw(&plan, Format::Mermaid, Options::default());
    assert!(
        mermaid.contains("  n0[\"a#34;#93;#59; x#92; #35;#60;b#62;\"]\n"),
        "{mermaid}"
    );
    let tree = draw(&plan, Format::Tree, Options::default());
    assert_eq!(tree.lines().count(), 1);
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
    for format in [Format::Tree, Format::Dot, Format::Mermaid] {
        assert!(draw(&plan, format, Options::default()).lines().count() >= 3000);
    }
}
