//! What counts: edits that another fingerprint must follow, files that must be inputs, and what is
//! said where something cannot count.

use std::collections::BTreeMap;

use shipwright::config::Config;
use shipwright::diagnostics::Diagnostics;
use shipwright::plan::Fingerprint;
use shipwright::planner::{Compiled, Options, compile};

use crate::support::generate::{snapshot, text_of};
use crate::support::repo;

#[track_caller]
fn compiled(fixture: &str) -> (Option<Compiled>, Diagnostics) {
    let files = repo::snapshot_files(fixture);
    let config = files
        .get(".shipwright.json")
        .map_or_else(Config::default, |file| {
            Config::parse(&text_of(Some(file))).unwrap_or_else(|_| panic!("a valid configuration"))
        });
    let outcome = compile(&snapshot(&files), &config, &Options::default(), None);
    let diagnostics = outcome.diagnostics().clone();
    (outcome.value(), diagnostics)
}

#[track_caller]
fn plan(fixture: &str) -> Compiled {
    let (compiled, problems) = compiled(fixture);
    compiled.unwrap_or_else(|| panic!("{problems:?}"))
}

#[track_caller]
fn fingerprints(fixture: &str) -> BTreeMap<String, Fingerprint> {
    let images = plan(fixture).plan.images.into_iter();
    images
        .map(|image| (image.name, image.fingerprint))
        .collect()
}

/// `fixture` with each of `texts` in place of `@`: no two give the image the same fingerprint.
#[track_caller]
fn all_differ(image: &str, fixture: &str, texts: &[&str]) {
    let mut seen: BTreeMap<Fingerprint, &str> = BTreeMap::new();
    for text in texts {
        let found = fingerprints(&fixture.replace('@', text))[image].clone();
        if let Some(other) = seen.insert(found, text) {
            panic!("{fixture}: `{other}` and `{text}` count as the same");
        }
    }
}

/// All of `texts` give the image the same fingerprint.
#[track_caller]
fn all_agree(image: &str, fixture: &str, texts: &[&str]) {
    let mut found = texts
        .iter()
        .map(|text| fingerprints(&fixture.replace('@', text)));
    let first = found.next().unwrap();
    assert!(found.all(|other| other[image] == first[image]), "{fixture}");
}

/// The inputs of an image, but for its Dockerfile.
#[track_caller]
fn takes(image: &str, fixture: &str, expected: &[&str]) {
    let mut paths = Vec::new();
    plan(fixture).files[image].inputs.walk(&mut |path, _| {
        if path != "Dockerfile" {
            paths.push(path.to_owned());
        }
    });
    assert_eq!(paths, expected, "{fixture}");
}

/// The codes of all diagnostics.
#[track_caller]
fn says(fixture: &str, expected: &[&str]) {
    let (_, diagnostics) = compiled(fixture);
    let codes: Vec<&str> = diagnostics
        .iter()
        .map(|found| found.code.as_str())
        .collect();
    assert_eq!(codes, expected, "{fixture}");
}

#[test]
fn the_text_of_a_default_that_nobody_knows() {
    let texts = [
        "--fast $EXTRA",
        "--safe $EXTRA",
        "--safe ${EXTRA}",
        "--safe ${EXTRA:-x}",
        "--safe $PATH",
        "--safe",
    ];
    all_differ(
        "a",
        "//- a/Dockerfile\nFROM registry.invalid/x\nARG FLAGS=\"@\"\nRUN tool $FLAGS\n",
        &texts,
    );
    // An argument of an argument, several in one, in a stage below, by a trigger.
    for file in [
        "FROM registry.invalid/x\nARG A=$X\nARG B=\"$A @\"\nRUN tool $B\n",
        "FROM registry.invalid/x\nARG A=1 B=\"$X @\" C=2\nRUN tool $B\n",
        "FROM registry.invalid/x AS base\nFROM base\nARG B=\"$X @\"\nRUN tool $B\n",
        "FROM registry.invalid/x AS base\nONBUILD ARG B=\"$X @\"\nFROM base\nRUN tool $B\n",
    ] {
        all_differ("a", &format!("//- a/Dockerfile\n{file}"), &["fast", "safe"]);
    }
    // A value that is known counts, however it is spelled.
    all_agree(
        "a",
        "//- a/Dockerfile\nFROM registry.invalid/x\nARG V=1\nARG W=@\nRUN tool $W\n",
        &["$V", "1", "${V}", "'1'", "\"${V:-2}\""],
    );
}

#[test]
fn two_images_that_differ_in_a_default() {
    let found = fingerprints(
        "//- a/Dockerfile\nFROM registry.invalid/x\nARG X=${V:-alpha}\nRUN echo $X\n\
         //- b/Dockerfile\nFROM registry.invalid/x\nARG X=${V:-beta}\nRUN echo $X\n",
    );
    assert_ne!(found["a"], found["b"]);
}

#[test]
fn a_default_that_reads_a_base_of_the_plan() {
    let fixture = "//- .shipwright.json\n{\"namespace\": \"acme\"}\n\
                   //- base/Dockerfile\nFROM scratch\nENV EXTRA=1\n\
                   //- a/Dockerfile\nFROM acme/base\nARG FLAGS=\"@ $EXTRA\"\nRUN tool $FLAGS\n";
    all_differ("acme/a", fixture, &["--fast", "--safe"]);
}

#[test]
fn variables_of_the_image_come_back_in_each_stage() {
    let files = "//- a/one.txt\n//- a/two.txt\n";
    let taken = |text: &str, expected: &[&str]| {
        takes("a", &format!("//- a/Dockerfile\n{text}{files}"), expected);
    };
    taken(
        "FROM scratch AS base\nENV V=one\nARG V=two\nFROM base\nCOPY $V.txt /x\n",
        &["one.txt"],
    );
    taken(
        "FROM scratch AS base\nARG V=two\nFROM base\nCOPY $V.txt /x\n",
        &["two.txt"],
    );
    // Nobody knows whether the image sets it, but where the stage says it again.
    taken(
        "FROM registry.invalid/x AS base\nARG V=two\nFROM base\nCOPY $V.txt /x\n",
        &["one.txt", "two.txt"],
    );
    taken(
        "FROM registry.invalid/x AS base\nARG V=one\nFROM base\nARG V=two\nCOPY $V.txt /x\n",
        &["two.txt"],
    );
    taken(
        "FROM registry.invalid/x AS base\nENV V=two\nFROM base\nCOPY $V.txt /x\n",
        &["two.txt"],
    );
}

#[test]
fn the_architecture_by_way_of_a_base() {
    let child = |base: &str, child: &str| {
        format!(
            "//- .shipwright.json\n{{\"namespace\": \"acme\"}}\n//- base/Dockerfile\nFROM scratch\n{base}\
             //- mid/Dockerfile\nFROM acme/base\nLABEL a=b\n//- a/Dockerfile\nFROM acme/mid\n{child}\
             //- a/amd64\n//- a/arm64\n//- a/other\n"
        )
    };
    let both = ["amd64", "arm64"];
    takes(
        "acme/a",
        &child("ARG TARGETARCH\nENV A=$TARGETARCH\n", "COPY $A /b\n"),
        &both,
    );
    takes(
        "acme/a",
        &child("ARG BUILDARCH\nENV A=$BUILDARCH\n", "COPY $A /b\n"),
        &both,
    );
    takes(
        "acme/a",
        &child("ENV A=amd64\n", "COPY $A /b\n"),
        &["amd64"],
    );
    let direct = "//- .shipwright.json\n{\"namespace\": \"acme\"}\n//- base/Dockerfile\nFROM scratch\n@\
                  //- a/Dockerfile\nFROM acme/base\n//- a/amd64\n//- a/arm64\n//- a/other\n";
    let trigger = "ONBUILD ARG TARGETARCH\nONBUILD COPY $TARGETARCH /b\n";
    takes("acme/a", &direct.replace('@', trigger), &both);
    // The platform is asked for, and the one that builds is not known.
    takes(
        "a",
        "//- .shipwright.json\n{\"version\": 2, \"platforms\": [\"linux/arm64\"]}\n\
         //- a/Dockerfile\nFROM scratch\nARG BUILDARCH TARGETARCH\nCOPY $BUILDARCH $TARGETARCH /b\n\
         //- a/amd64\n//- a/arm64\n//- a/other\n",
        &both,
    );
}

#[test]
fn platforms_count_as_the_builder_calls_them() {
    let fixture = |platform: &str, source: &str| {
        format!(
            "//- .shipwright.json\n{{\"version\": 2, \"platforms\": [{platform}]}}\n\
             //- a/Dockerfile\nFROM scratch\nARG TARGETARCH TARGETVARIANT TARGETPLATFORM\nCOPY {source} /b/\n\
             //- a/arm64\n//- a/arm64v8\n//- a/arm\n//- a/armv7\n//- a/amd64\n//- a/x86_64\n\
             //- a/linux/arm64/x\n//- a/linux/arm64/v8/x\n"
        )
    };
    for (platform, expected) in [
        ("linux/arm64/v8", "arm64"),
        ("linux/aarch64", "arm64"),
        ("linux/arm", "armv7"),
        ("linux/armhf", "armv7"),
        ("linux/x86_64", "amd64"),
        ("linux/amd64/v1", "amd64"),
    ] {
        let fixture = fixture(&format!("\"{platform}\""), "$TARGETARCH$TARGETVARIANT");
        takes("a", &fixture, &[expected]);
    }
    let path = |platforms| fixture(platforms, "$TARGETPLATFORM/x");
    takes("a", &path("\"linux/arm64/v8\""), &["linux/arm64/x"]);
    let plan = plan(&path(
        "\"linux/arm64/v8\", \"linux/arm64\", \"Linux/aarch64\"",
    ))
    .plan;
    assert_eq!(plan.images[0].platforms, ["linux/arm64"]);
    all_agree(
        "a",
        &path("\"@\""),
        &["linux/arm64", "linux/arm64/v8", "linux/aarch64"],
    );
}

#[test]
fn stamps_that_decide_what_is_taken() {
    let stamped = |files: &str| {
        format!(
            "//- .shipwright.json\n{{\"version\": 2, \"stamp_args\": {{\"V\": \"two\"}}, \"images\": {{\"a\": {{\"contexts\": {{\"extra\": \"extra\"}}}}}}}}\n{files}"
        )
    };
    for text in [
        "FROM scratch\nARG V=one\nCOPY $V /x\n",
        "FROM scratch\nARG V=one\nCOPY --from=extra $V /x\n",
        "FROM scratch\nARG V=one\nADD https://example.com/$V.tgz /x\n",
        "ARG V=one\nFROM scratch AS one\nFROM scratch AS two\nFROM $V\n",
        "ARG V=linux/amd64\nFROM --platform=$V registry.invalid/x\nCOPY --from=extra one /\n",
    ] {
        let fixture = stamped(&format!(
            "//- a/Dockerfile\n{text}//- a/one\n//- a/two\n//- extra/one\n//- extra/two\n"
        ));
        let (compiled, problems) = compiled(&fixture);
        assert!(compiled.is_none(), "{text}");
        let codes: Vec<&str> = problems.iter().map(|found| found.code.as_str()).collect();
        assert!(codes.contains(&"stamp-counts"), "{text}: {codes:?}");
    }
    // By way of a base nobody knows what is taken, so all counts; a `RUN` that reads it warns.
    let by_base = |child: &str| {
        format!(
            "//- .shipwright.json\n{{\"version\": 2, \"stamp_args\": {{\"V\": \"two\"}}}}\n\
             //- base/Dockerfile\nFROM scratch\nARG V=one\nENV VERSION=$V\n\
             //- a/Dockerfile\nFROM base\n{child}//- a/one\n//- a/two\n"
        )
    };
    takes("a", &by_base("COPY $VERSION /x\n"), &["one", "two"]);
    says(&by_base("RUN echo $VERSION\n"), &["stamp-in-run"]);
    says(&by_base("LABEL v=$VERSION\n"), &[]);
}

#[test]
fn a_stage_called_scratch_and_paths_of_windows() {
    takes(
        "a",
        "//- a/Dockerfile\nFROM registry.invalid/x AS scratch\nCOPY f /f\n\
         FROM registry.invalid/x\nRUN --mount=type=cache,target=/c ls /c\n//- a/f\n//- a/g\n",
        &["f"],
    );
    takes(
        "a",
        "//- .shipwright.json\n{\"version\": 2, \"platforms\": [\"windows/amd64\"]}\n\
         //- a/Dockerfile\n# escape=`\nFROM registry.invalid/x\nCOPY src\\app\\x.exe C:/app/\n\
         ADD .\\data\\ C:\\data\\\n//- a/src/app/x.exe\n//- a/data/f\n//- a/other\n",
        &["data/f", "src/app/x.exe"],
    );
}

#[test]
fn tags_that_are_written_with_their_repository() {
    let edges = |dockerfile: &str| {
        let fixture = format!(
            "//- .shipwright.json\n{{\"namespace\": \"acme\"}}\n//- base/Dockerfile\nFROM scratch\n\
             //- a/Dockerfile\n{dockerfile}"
        );
        let plan = plan(&fixture).plan;
        plan.image("acme/a").unwrap().dependencies.len()
    };
    for (dockerfile, expected) in [
        ("FROM acme/base:1.15\n", 0),
        ("ARG BASE=acme/base:1.15\nFROM $BASE\n", 0),
        ("ARG BASE=base:1.15\nFROM acme/$BASE\n", 0),
        ("ARG A=acme/base:1.15\nARG B=$A\nFROM ${B}\n", 0),
        ("ARG BASE=acme/base\nFROM $BASE\n", 1),
        ("ARG BASE=acme/base:latest\nFROM $BASE\n", 1),
        ("ARG V=1.15\nFROM acme/base:$V\n", 1),
        ("ARG V=1.15\nARG BASE=acme/base:$V\nFROM $BASE\n", 1),
        ("ARG V=1.15\nARG BASE=base:v$V\nFROM acme/$BASE\n", 1),
        ("ARG T=:1.15\nFROM acme/base$T\n", 1),
    ] {
        assert_eq!(edges(dockerfile), expected, "{dockerfile}");
    }
}

#[test]
fn what_comes_from_elsewhere_is_told_of() {
    let a = |text: &str| format!("//- a/Dockerfile\n{text}");
    says(
        &a("FROM scratch\nADD https://example.com/a.tgz /a\n"),
        &["remote-add"],
    );
    says(
        &a("FROM scratch\nADD https://example.com/o/r.git#main /a\n"),
        &["remote-add"],
    );
    let sum = "0".repeat(64);
    says(
        &a(&format!(
            "FROM scratch\nADD --checksum=sha256:{sum} https://example.com/a /a\n"
        )),
        &[],
    );
    let commit = "1".repeat(40);
    says(
        &a(&format!(
            "FROM scratch\nADD https://example.com/o/r.git#{commit} /a\n"
        )),
        &[],
    );
    says(
        &a("FROM registry.invalid/x\n//- a/file\n"),
        &["external-triggers"],
    );
    says(&a("FROM registry.invalid/x\n"), &[]);
    says(
        &a("FROM registry.invalid/x\nCOPY file /\n//- a/file\n"),
        &[],
    );
    says(&a("FROM node:4-onbuild\n"), &["external-triggers"]);
    says(&a("FROM debian\nRUN make\n//- a/file\n"), &[]);
    says(
        &format!(
            "//- .shipwright.json\n{{\"version\": 2, \"images\": {{\"a\": {{\"inputs\": []}}}}}}\n{}",
            a("FROM registry.invalid/x\n//- a/file\n")
        ),
        &[],
    );
}

#[test]
fn a_stage_that_is_just_the_bound_image() {
    let fixture = |rest: &str| {
        format!(
            "//- tools/Dockerfile\nFROM scratch\nCOPY Dockerfile /b\n\
             //- app/Dockerfile\nFROM tools AS tools\n{rest}FROM scratch\nCOPY --from=tools /b /x/b\n"
        )
    };
    let plan = plan(&fixture("")).plan;
    assert_eq!(plan.image("app").unwrap().dependencies[0].image, "tools");
    says(&fixture("RUN make\n"), &["context-hides-stage"]);
}
