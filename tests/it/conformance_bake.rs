//! Bake files and what `docker buildx bake --print` prints of them: how values are quoted, and how `init`
//! reads what bake prints.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value, json};
use shipwright::diagnostics::render::{Style, render};
use shipwright::init::{Request, evidence, init};
use shipwright::run::emit::{Files, Format, emit};
use shipwright::run::evaluate::{Answer, Question, values_of_bake};
use shipwright::tree::{File, Snapshot};

use crate::emit::bake::print_targets;
use crate::emit::fixture::{image, plan};
use crate::rows::{check_all, same};
use crate::shared;

/// The text of a file of the data: the project's own, and the shared one where it is there.
#[track_caller]
fn texts(file: &str) -> Vec<String> {
    let own = format!(
        "{}/tests/conformance/bake/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    let own = fs::read_to_string(&own).unwrap_or_else(|e| panic!("{own}: {e}"));
    [own]
        .into_iter()
        .chain(shared::read(&format!("bake/{file}")))
        .collect()
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the data is JSON")
}

/// The bake file of a plan of one image with these build arguments.
#[track_caller]
fn emitted(args: &Map<String, Value>) -> String {
    let mut image = image("x/a", ".", &[]);
    let args = args.iter();
    image.build_args = args
        .map(|(name, text)| (name.clone(), text.as_str().expect("a text").to_owned()))
        .collect();
    let plan = plan(&"0".repeat(40), vec![image]);
    emit(&plan, &Files::default(), Format::Bake).expect("bake can carry these values")
}

/// Whether the bake of this machine escapes what it prints.
#[track_caller]
fn bake_escapes() -> Option<bool> {
    let text = "target \"default\" { dockerfile-inline = \"$${\" }";
    let printed = print_targets(text, &[], &[])?;
    Some(printed["target"]["default"]["dockerfile-inline"] == "$${")
}

/// The arguments of the one target of an emitted file, as bake reads them.
#[track_caller]
fn arguments(file: &str) -> Option<Value> {
    let printed = print_targets(file, &[], &[])?;
    let is_escaped = bake_escapes()?;
    let printed = if is_escaped {
        values_of_bake(printed)
    } else {
        printed
    };
    let targets = printed["target"].as_object().expect("targets");
    Some(targets.values().next().expect("a target")["args"].clone())
}

/// The literal of an argument in an emitted file: with what begins a template doubled, JSON reads a literal of HCL.
fn literal<'t>(file: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = file.lines().map(str::trim_start);
    lines.find_map(|line| {
        let rest = line
            .strip_prefix(name)
            .or_else(|| line.strip_prefix(&format!("\"{name}\"")))?;
        rest.trim_start().strip_prefix("= ")
    })
}

/// Texts in which something could be taken for a part of HCL or of its templates.
const ODD: [&str; 20] = [
    "",
    " ",
    "$",
    "%",
    "$$",
    "$${",
    "$$${",
    "%%%{",
    "${~ x ~}",
    "%{ if true }",
    "a$",
    "a\\",
    "\\${x}",
    "\\\"",
    "<<EOT",
    "#",
    "// /* */",
    "\u{7f}\u{80}\u{2028}",
    "\u{feff}a",
    "\u{10ffff}",
];

#[test]
fn values_are_quoted_as_bake_reads_them() {
    for text in texts("print-escape.json") {
        let printed = json(&text);
        let values = values_of_bake(printed.clone())["target"]["a"]["args"].clone();
        let file = emitted(values.as_object().expect("arguments"));
        let printed = printed["target"]["a"]["args"]
            .as_object()
            .expect("arguments");
        let rows: Vec<Value> = printed
            .iter()
            .map(|(name, text)| json!([name, text]))
            .collect();
        check_all("bake/print-escape.json", &rows, |row| {
            let found = literal(&file, row[0].as_str().unwrap());
            same("literal", found.map(json), Some(row[1].clone()))
        });
        if let Some(read) = arguments(&file) {
            assert_eq!(read, values);
        }
    }
    let odd = ODD.iter().enumerate();
    let odd: Map<String, Value> = odd
        .map(|(n, text)| (format!("A{n}"), Value::from(*text)))
        .collect();
    if let Some(read) = arguments(&emitted(&odd)) {
        assert_eq!(read, Value::from(odd));
    }
}

#[test]
fn bake_prints_what_the_data_say() {
    // Versions before 0.14 refuse `input.hcl`.
    for (hcl, expected) in texts("escape.hcl").iter().zip(texts("print-escape.json")) {
        let (Some(printed), Some(escapes)) = (print_targets(hcl, &["a"], &[]), bake_escapes())
        else {
            return;
        };
        let expected = json(&expected);
        let expected = if escapes {
            expected
        } else {
            values_of_bake(expected)
        };
        assert_eq!(printed, expected);
    }
}

/// The configuration that `init` writes of a bake file with these Dockerfiles, as bake answers.
#[track_caller]
fn read(hcl: &str, ask: &mut dyn FnMut(&Question) -> Answer) -> String {
    let dockerfile = "FROM debian AS final\nARG V B H\nCOPY --from=lib /x /x\n";
    let files = [
        ("docker-bake.hcl", hcl),
        ("services/app/Dockerfile", dockerfile),
        ("lib/Dockerfile", "FROM debian\n"),
        ("Dockerfile", dockerfile),
        ("shared/file", ""),
    ];
    let files = files
        .into_iter()
        .map(|(path, text)| (path, File::Plain(text.as_bytes().to_vec())));
    let snapshot = Snapshot::of_files(None, files.collect::<Vec<_>>());
    let request = Request {
        project: "shop".to_owned(),
        ..Request::default()
    };
    let known = evidence(&snapshot, &request, ask);
    let start = init(&snapshot, &request, &known);
    let start = start.unwrap_or_else(|errors| panic!("{}", render(&errors, Style::default())));
    start.config
}

#[test]
fn init_reads_what_bake_prints() {
    let [inputs, defaults, matrices] =
        ["input.hcl", "print-default.json", "print-matrix.json"].map(texts);
    let rows = inputs.iter().zip(&defaults).zip(&matrices);
    let written = rows.map(|((input, default), matrix)| {
        let default = values_of_bake(json(default));
        let matrix = values_of_bake(json(matrix));
        let mut every = default.clone();
        for (name, target) in matrix["target"].as_object().expect("targets") {
            every["target"][name] = target.clone();
        }
        every["group"]["m"] = matrix["group"]["m"].clone();
        read(input, &mut |question| {
            let is_default = question.targets.is_empty();
            let print = if is_default { &default } else { &every };
            Answer::Print(print.clone(), Vec::new())
        })
    });
    let written: BTreeSet<String> = written.collect();
    assert_eq!(written.len(), 1, "{written:#?}");
    insta::assert_snapshot!(written.first().unwrap(), @r#"
        {
          "version": 2,
          "namespace": "r",
          "images": {
            "r/app": {
              "build_args": {"B": "1", "H": "${HOME}", "V": "quote\" back\\ nl\n tab\t unié dollar$ $x"},
              "contexts": {"dir": "shared", "img": "docker-image://alpine:3"},
              "platforms": ["linux/amd64", "linux/arm64"],
              "cache_from": ["type=registry,ref=r/c", "type=registry,ref=r/plain"],
              "cache_to": ["type=registry,mode=max,ref=r/c", "type=inline"],
              "labels": {"x.y": "a${b}%{c}"},
              "network": "host",
              "secrets": [{"id": "s", "src": "./s"}, {"id": "e", "env": "E"}],
              "ssh": ["id=default"]
            },
            "r/m-1-linux_a": {"dockerfile": "Dockerfile", "build_args": {"V": "1"}},
            "r/m-2-linux_a": {"dockerfile": "Dockerfile", "build_args": {"V": "2"}}
          }
        }
        "#);
}
