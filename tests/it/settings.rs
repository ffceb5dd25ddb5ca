//! The table of settings: what it says of each key is so.

use shipwright::config::{Config, schema};
use shipwright::plan::Fingerprint;
use shipwright::planner::{Options, compile};
use shipwright::tree::{File, Snapshot};

/// A value of each key that a rule may have, other than what holds without it.
const VALUES: [(&str, &str); 21] = [
    ("vars", r#"{"v": "1"}"#),
    ("build_args", r#"{"A": "1"}"#),
    ("platforms", r#"["linux/arm64"]"#),
    ("secrets", r#"[{"id": "x"}]"#),
    ("ssh", r#"["default"]"#),
    ("network", r#""none""#),
    ("epoch", r#""1""#),
    ("runners", r#"{"linux/arm64": "x"}"#),
    ("attest", r#"["type=sbom"]"#),
    ("context", r#"".""#),
    ("target", r#""one""#),
    ("aliases", r#"["x"]"#),
    ("contexts", r#"{"more": "more"}"#),
    ("inputs", r#"["b"]"#),
    ("push", "false"),
    ("stamp_args", r#"{"S": "{{ commit }}"}"#),
    ("repository", r#""x/{{ name }}""#),
    ("tags", r#"["x"]"#),
    ("labels", r#"{"a": "b"}"#),
    ("cache_from", r#"["x"]"#),
    ("cache_to", r#"["x"]"#),
];

fn fingerprint(settings: &str) -> Fingerprint {
    let text = format!(r#"{{"version": 2, "rules": [{{"match": "."{settings}}}]}}"#);
    let dockerfile = "FROM scratch AS one\nARG A\nARG S\nCOPY a /\nFROM one AS two\n\
        COPY --from=more . /\n";
    let plain = |text: &str| File::Plain(text.as_bytes().to_vec());
    let files = [
        ("app/Dockerfile", plain(dockerfile)),
        ("app/a", plain("in the folder")),
        ("app/b", plain("b")),
        ("a", plain("at the root")),
        ("more/m", plain("m")),
    ];
    let config = Config::parse(&text).unwrap();
    let snapshot = Snapshot::of_files(None, files);
    let compiled = compile(&snapshot, &config, &Options::default(), None).into_result();
    let (compiled, _) = compiled.unwrap_or_else(|problems| panic!("{settings}: {problems:?}"));
    compiled.plan.images[0].fingerprint.clone()
}

#[test]
fn what_counts_is_in_the_fingerprint_and_nothing_else() {
    let schema = schema();
    let keys = &schema["then"]["properties"]["rules"]["items"]["properties"];
    let own = ["match", "name", "for", "except"];
    let keys = keys.as_object().unwrap().iter();
    let mut keys: Vec<_> = keys.filter(|(key, _)| !own.contains(&&***key)).collect();
    let silent = fingerprint("");
    for (key, value) in VALUES {
        let at = keys.iter().position(|(known, _)| *known == key).expect(key);
        let (_, schema) = keys.remove(at);
        let counts = schema["description"].as_str().unwrap();
        let counts = counts.contains("It affects fingerprints.");
        let said = fingerprint(&format!(r#", "{key}": {value}"#));
        assert_eq!(said != silent, counts, "{key}");
    }
    assert!(keys.is_empty(), "{keys:?} have no row here");
}

#[test]
fn configurations_that_are_shown_are_accepted() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let document = std::fs::read_to_string(document).unwrap();
    let shown = document.split("```json\n").skip(1);
    let shown: Vec<&str> = shown.filter_map(|rest| rest.split("```").next()).collect();
    assert!(shown.len() > 1);
    for text in shown {
        Config::parse(text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    }
}
