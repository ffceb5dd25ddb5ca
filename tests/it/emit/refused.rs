//! What a format cannot carry is refused by name, all of it at once.

use shipwright::diagnostics::{Diagnostic, SourceText};
use shipwright::plan::{Dependency, Image};
use shipwright::run::emit::{Files, Format, Known, emit, emit_template};

use super::fixture::{image, plan};

/// The problems of the one image `x/a` after a change, by code.
#[track_caller]
fn check(format: Format, change: impl Fn(&mut Image), expected: &[&str]) {
    let mut image = image("x/a", "a", &[]);
    change(&mut image);
    let emitted = emit(
        &plan(&"0".repeat(40), vec![image]),
        &Files::default(),
        format,
    );
    let problems: Vec<Diagnostic> = emitted.err().into_iter().flatten().collect();
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, expected, "{format:?}: {problems:?}");
}

fn argument(image: &mut Image, name: &str, value: &str) {
    image.build_args.insert(name.to_owned(), value.to_owned());
}

#[test]
fn in_any_file_that_builds() {
    let needs = |content: Option<&str>| Dependency {
        image: "x/b".to_owned(),
        reference: "x/b".to_owned(),
        content: content.map(str::to_owned),
        across: std::collections::BTreeMap::new(),
        via: Vec::new(),
    };
    for format in [Format::Make, Format::Sh, Format::Bake] {
        check(format, |_| {}, &[]);
        check(
            format,
            |image| argument(image, "A", "nul\0"),
            &["unquotable-value"],
        );
        check(format, |image| argument(image, "A=B", ""), &["plan-key"]);
        check(format, |image| argument(image, "", ""), &["plan-key"]);
        check(
            format,
            |image| image.fingerprint = "".into(),
            &["plan-digits"],
        );
        check(
            format,
            |image| image.name = "x/a b".to_owned(),
            &["plan-reference"],
        );
        check(
            format,
            |image| image.name = "-n".to_owned(),
            &["plan-reference"],
        );
        check(
            format,
            |image| image.reference = "a\nRUN b".to_owned(),
            &["plan-reference"],
        );
        check(
            format,
            |image| image.tags[0] = "x;y".to_owned(),
            &["plan-reference"],
        );
        check(
            format,
            |image| image.dependencies.push(needs(None)),
            &["plan-dependency"],
        );
        check(
            format,
            |image| image.dependencies.push(needs(Some("x/b:sw-1"))),
            &[],
        );
        let several = |image: &mut Image| {
            argument(image, "A=\0", "\0");
            image.tags[0].clear();
        };
        let all = [
            "plan-reference",
            "plan-key",
            "unquotable-value",
            "unquotable-value",
        ];
        check(format, several, &all);
    }
}

#[test]
fn in_bake_alone() {
    type Change = fn(&mut Image);
    let rows: [(Change, &str); 3] = [
        (
            |image| image.context = "user@host:path".to_owned(),
            "bake-remote-context",
        ),
        (
            |image| image.context = "github.com/a/b".to_owned(),
            "bake-remote-context",
        ),
        (|image| argument(image, "A", "e\u{301}"), "unquotable-value"),
    ];
    for (change, code) in rows {
        check(Format::Make, change, &[]);
        check(Format::Sh, change, &[]);
        check(Format::Bake, change, &[code]);
    }
}

#[test]
fn several_references_to_triggers_in_bake() {
    let mut base = image("x/base", "base", &[]);
    let via = |line| {
        vec![shipwright::plan::Via {
            instruction: "FROM".to_owned(),
            line,
        }]
    };
    let mut app = image("x/app", "app", &["x/base", "x/base"]);
    app.dependencies[1].reference = "x/base:1".to_owned();
    app.dependencies[0].via = via(1);
    app.dependencies[1].via = via(2);
    for onbuild in [false, true] {
        base.onbuild = onbuild;
        let plan = plan(&"0".repeat(40), vec![base.clone(), app.clone()]);
        let emitted = emit(&plan, &Files::default(), Format::Bake);
        assert_eq!(emitted.is_err(), onbuild, "{emitted:?}");
        assert!(emit(&plan, &Files::default(), Format::Sh).is_ok());
    }
}

#[test]
fn a_value_is_named_with_its_place() {
    let mut image = image("x/a", "a", &[]);
    argument(&mut image, "CERT", "a\0b");
    let problems = emit(
        &plan(&"0".repeat(40), vec![image]),
        &Files::default(),
        Format::Sh,
    )
    .unwrap_err();
    let problem = problems.iter().next().unwrap();
    let expected = "`build_args.CERT` of `x/a` contains a NUL, which no command line can contain";
    assert_eq!(problem.message, expected);
    assert_eq!(problem.help, [r"it is `a\u{0}b`"]);
}

#[test]
fn a_template_from_outside_names_what_it_misses() {
    let plan = plan(&"0".repeat(40), vec![image("x/a", "a b", &[])]);
    let render = |text: &str| {
        emit_template(
            &plan,
            &Known::default(),
            &SourceText::new("list.sh.j2", text),
        )
    };
    let text =
        "{% for image in images %}\nbuild {{ image.context }} {{ image.tags[0] }}\n{% endfor %}\n";
    assert_eq!(render(text).unwrap(), "build 'a b' x/a:main\n");
    let problems = render("{{ images[0].contexts }} {{ sorce.branch }}").unwrap_err();
    let label = &problems.iter().next().unwrap().labels[0];
    assert_eq!(label.source.path, "list.sh.j2");
}
