//! Values that would be code, were they not quoted: each arrives as it is, and nothing else runs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use proptest::prelude::*;
use shipwright::plan::{Plan, Secret};
use shipwright::run::emit::{Files, Format, emit};

use super::bake::print;
use super::fixture::{Bench, Runner, image, plan};

/// Texts that mean something to a shell, to make, to HCL or to a command line.
const VALUES: [&str; 30] = [
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
    "",
    " ",
    "-x",
    "--",
    "~",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "$HOME $$ $1 $@",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "$(shell touch pwned)",
    "${shell touch pwned}",
    "%{ if true }x%{ endif }",
    "$${x} %%{y} $$$${z}",
    "# comment",
    "\\# a\\\\#",
    "trailing\\",
    "trailing\\\\",
    "two\nlines\n\n",
    "\nendef\n$(shell touch pwned)\ndefine X\n",
    "\n\ttouch pwned\n",
    "'\n'touch pwned\n'",
    "tab\tand\rreturn\r",
    "\u{1}\u{7f}\u{1b}[31m",
    "é 😀 \u{2028} \u{85}",
    "a,b)c}d",
    "*?[a-z]",
    "{{ x }}{% x %}",
];

/// Paths: what a file system takes.
fn is_path(value: &str) -> bool {
    !value.is_empty() && !value.contains('/') && value.len() < 200 && value != "."
}

/// A plan with every value in every place where any text may stand.
fn hostile(revision: &str, values: &[&str], folder: &str) -> Plan {
    let mut image = image("x/a", folder, &[]);
    image.target = Some(values.concat());
    for (index, value) in values.iter().enumerate() {
        image
            .build_args
            .insert(format!("ARG{index:02}"), (*value).to_owned());
        image
            .stamp_args
            .insert(format!("STAMP{index:02}"), (*value).to_owned());
        image
            .labels
            .insert(format!("label{index:02}"), (*value).to_owned());
        let secret = |env: Option<&str>, src: Option<&str>| Secret {
            id: format!("{index}{value}"),
            env: env.map(str::to_owned),
            src: src.map(str::to_owned),
        };
        image.secrets.push(secret(Some(value), None));
        image.ssh.push(format!("default={value}"));
        image.sources.insert(
            format!("https://{index}/{value}"),
            format!("sha256:{index}"),
        );
        image.cache_from.push(format!("type=local,src={value}"));
        image.cache_to.push(format!("type=local,dest={value}"));
    }
    let mut plan = plan(revision, vec![image]);
    plan.source.branch = Some(values.concat());
    plan.source.since = Some(values.concat());
    plan
}

/// The arguments of the one build of the plan, as `docker` is to get them.
fn expected(plan: &Plan) -> Vec<String> {
    let image = &plan.images[0];
    let mut words: Vec<String> = ["buildx", "build", "--load", "--provenance=false"]
        .map(str::to_owned)
        .into();
    let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    add("--file", "RUN/1/Dockerfile".to_owned());
    add("--target", image.target.clone().unwrap());
    for (name, value) in image.build_args.iter().chain(&image.stamp_args) {
        add("--build-arg", format!("{name}={value}"));
    }
    for (name, value) in &image.labels {
        add("--label", format!("{name}={value}"));
    }
    for secret in &image.secrets {
        let field = |key: &str, value: &str| {
            let field = format!("{key}={value}");
            let quote = field.contains([',', '"', '\n', '\r']);
            if quote {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field
            }
        };
        let env = secret.env.as_deref().unwrap();
        add(
            "--secret",
            format!("{},{}", field("id", &secret.id), field("env", env)),
        );
    }
    for ssh in &image.ssh {
        add("--ssh", ssh.clone());
    }
    for cache in &image.cache_from {
        add("--cache-from", cache.clone());
    }
    add("--tag", image.reference.clone());
    for cache in &image.cache_to {
        add("--cache-to", cache.clone());
    }
    words.push("RUN/1".to_owned());
    words
}

/// A source policy holds exactly the sources of the plan.
#[track_caller]
fn check_policy(text: &str, plan: &Plan) {
    let policy: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
    let rules = policy["rules"].as_array().expect("a list of rules").iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let sources: BTreeMap<String, String> = rules
        .map(|rule| {
            let name = text(&rule["selector"]["identifier"]);
            (name, text(&rule["updates"]["attrs"]["http.checksum"]))
        })
        .collect();
    assert_eq!(sources, plan.images[0].sources);
}

/// Runs the plan pushing, so that every value is used.
#[track_caller]
fn check_run(runner: Runner, values: &[&str]) {
    let bench = Bench::new(runner, "//- folder/Dockerfile\nFROM scratch\n");
    let plan = hostile(&bench.head(), values, "folder");
    bench.emit(&plan);
    bench.runs(&[if runner == Runner::Make {
        "push"
    } else {
        "--push"
    }]);
    let calls = bench.docker.calls();
    let builds: Vec<_> = calls.iter().filter(|call| call[1] == "build").collect();
    assert_eq!(builds, [&expected(&plan)], "{runner:?}");
    let others = calls.iter().filter(|call| call[0] != "image");
    assert_eq!(others.count(), 9, "something else ran: {calls:?}");
    check_policy(&bench.docker.policy(&plan.images[0].reference), &plan);
    let status = bench.repo.git(&["status", "--porcelain"]);
    assert_eq!(status, "?? emitted", "{runner:?} left something behind");
}

#[test]
fn make_and_sh_pass_every_value_as_it_is() {
    for runner in Runner::ALL {
        check_run(runner, &VALUES);
    }
}

#[test]
fn make_and_sh_find_every_folder() {
    let special = [
        "-",
        "a/-x",
        "user@host:path",
        "github.com/a/b",
        "target:x",
        ":(top)",
        "a b/c",
    ];
    let folders = VALUES
        .into_iter()
        .filter(|value| is_path(value))
        .chain(special);
    for runner in Runner::ALL {
        let bench = Bench::new(runner, "//- empty\n");
        let mut images = Vec::new();
        for (index, folder) in folders.clone().enumerate() {
            let path = bench.repo.join(&format!("{folder}/Dockerfile"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("FROM scratch\nLABEL folder={index}\n")).unwrap();
            images.push(image(&format!("x/{index}"), folder, &[]));
        }
        let revision = bench.repo.commit("Add folders");
        let plan = plan(&revision, images);
        bench.emit(&plan);
        bench.runs(&[]);
        for (index, image) in plan.images.iter().enumerate() {
            let sent = bench.docker.sent(&image.reference);
            let text = format!("FROM scratch\nLABEL folder={index}\n");
            let context = ("Dockerfile".to_owned(), format!("644 {text}"));
            let expected = BTreeMap::from([("-f".to_owned(), text), context]);
            assert_eq!(sent, expected, "{runner:?}: {}", image.context);
        }
        assert_eq!(
            bench.repo.git(&["status", "--porcelain"]),
            "?? emitted",
            "{runner:?}"
        );
    }
}

/// A value as `bake --print` shows it: some versions escape some fields again (semantics §19.9).
fn as_printed(value: &str) -> String {
    static AGAIN: OnceLock<bool> = OnceLock::new();
    let again = AGAIN.get_or_init(|| {
        let text = "target \"default\" {\nargs = {\nA = \"$${x}\"\n}\n}\n";
        let printed = print(text, &[]).expect("bake was there");
        printed["target"]["default"]["args"]["A"] == "$${x}"
    });
    if *again {
        value.replace("${", "$${").replace("%{", "%%{")
    } else {
        value.to_owned()
    }
}

/// `bake --print` shows every value as it is.
#[track_caller]
fn check_bake(values: &[&str], folder: &str) {
    let mut plan = hostile(&"0".repeat(40), values, folder);
    // These bake takes apart and looks for, even to print them.
    plan.images[0].secrets.clear();
    plan.images[0].ssh.clear();
    plan.images[0].cache_from.clear();
    plan.images[0].cache_to.clear();
    let text = emit(&plan, &Files::default(), Format::Bake).expect("a plan that bake can carry");
    let policy = text
        .lines()
        .filter_map(|line| line.strip_prefix("#policy "));
    check_policy(&policy.collect::<String>(), &plan);
    let Some(printed) = print(&text, &[("PUSH", "true")]) else {
        return;
    };
    let targets = printed["target"].as_object().unwrap();
    let (name, target) = targets.iter().next().expect("a target");
    let image = &plan.images[0];
    let map = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.iter()
            .map(|(key, value)| (key.clone(), as_printed(value)))
            .collect()
    };
    let mut args = image.build_args.clone();
    args.extend(image.stamp_args.clone());
    assert_eq!(target["args"], serde_json::json!(map(&args)));
    assert_eq!(target["labels"], serde_json::json!(map(&image.labels)));
    assert_eq!(target["target"], serde_json::json!(image.target));
    assert_eq!(target["context"].as_str().map(plain), Some(plain(folder)));
    let group = &printed["group"]["default"]["targets"];
    assert_eq!(*group, serde_json::json!([name]));
    assert_eq!(targets.len(), 1);
}

fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

#[test]
fn bake_reads_every_value_as_it_is() {
    check_bake(&VALUES, "folder");
    for folder in VALUES.into_iter().filter(|value| is_path(value)) {
        check_bake(&["x"], folder);
    }
}

#[test]
fn names_with_a_tag_are_targets_too() {
    for runner in Runner::ALL {
        for name in ["x/ros:humble-core", "ros:humble-core"] {
            let bench = Bench::new(runner, "//- a/Dockerfile\nFROM scratch\n");
            let other = image("x/ros-humble-core", "a", &[]);
            let mut tagged = image("x/ros:humble-core", "a", &["x/ros-humble-core"]);
            tagged.repository = "x/ros".to_owned();
            tagged.reference = "x/ros:sw-1".to_owned();
            tagged.tags = vec!["x/ros:humble-core".to_owned()];
            bench.emit(&plan(&bench.head(), vec![other, tagged]));
            bench.runs(&[name]);
            let did = bench.did();
            assert_eq!(did[..2], ["build x/ros-humble-core", "build x/ros"]);
            assert_eq!(did.len(), 5, "{did:?}");
        }
    }
}

/// Words that a document of any language might trip over.
fn values() -> impl Strategy<Value = Vec<String>> {
    let odd = r#"[ -~\t\n\r'"$%{}#\\`é\u{2028}]{0,16}"#;
    prop::collection::vec(odd, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_passed_as_it_is(values in values()) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        check_run(Runner::Make, &values);
        check_run(Runner::Dash, &values);
        check_bake(&values, "folder");
    }
}
