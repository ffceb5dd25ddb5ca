//! Real repositories whose own build order is known: the examples of configurations in
//! `docs/examples` make Shipwright find the same images and the same dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use shipwright::plan::{Action, Plan};

use crate::support::corpus::Corpus;
use crate::support::program;
use crate::support::repo::Repo;

/// Edges from an image to one that it needs.
type Edges = BTreeSet<(String, String)>;

/// The plan of a repository, as the program prints it.
#[track_caller]
fn plan(repo: &Repo, options: &[&str]) -> Plan {
    let output = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .arg("plan")
        .args(options)
        .current_dir(repo.path())
        .env_remove("SW_NAMESPACE")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    Plan::from_json(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn edges_of(plan: &Plan) -> Edges {
    let edges = plan.images.iter().flat_map(|image| {
        let needed = image.dependencies.iter();
        needed.map(|needed| (image.name.clone(), needed.image.clone()))
    });
    edges.collect()
}

fn edges_in(truth: &Value) -> Edges {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let edges = truth["edges"].as_array().unwrap().iter();
    edges.map(|edge| (text(&edge[0]), text(&edge[1]))).collect()
}

/// Of each image by its name: Dockerfile and context.
fn images_in(truth: &Value) -> BTreeMap<&str, (&str, &str)> {
    let images = truth["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            let text = |key: &str| image[key].as_str().unwrap();
            (text("name"), (text("dockerfile"), text("context")))
        })
        .collect()
}

/// Compares names, Dockerfiles, contexts and edges of the example configuration's plan. `missing` and
/// `further` are the edges that the plan lacks and has beside those of the repository's own
/// definition.
#[track_caller]
fn check(name: &str, missing: &[(&str, &str)], further: &[(&str, &str)]) {
    let Some(Corpus { repo, truth }) = Corpus::new(name) else {
        return;
    };
    compare(&plan(&repo, &[]), &truth, missing, further);
}

#[track_caller]
fn compare(plan: &Plan, truth: &Value, missing: &[(&str, &str)], further: &[(&str, &str)]) {
    let planned = plan.images.iter().map(|image| {
        let made_of = (image.dockerfile.as_str(), image.context.as_str());
        (image.name.as_str(), made_of)
    });
    assert_eq!(planned.collect::<BTreeMap<_, _>>(), images_in(truth));
    let (found, known) = (edges_of(plan), edges_in(truth));
    let expected = |edges: &[(&str, &str)]| -> Edges {
        let edges = edges.iter();
        edges
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let lacking: Edges = known.difference(&found).cloned().collect();
    assert_eq!(lacking, expected(missing), "missing");
    let more: Edges = found.difference(&known).cloned().collect();
    assert_eq!(more, expected(further), "further");
}

/// What `init` writes, in place of the example, and committed.
#[track_caller]
fn init(repo: &Repo) -> String {
    repo.git(&["rm", "--quiet", ".shipwright.json"]);
    program::run(repo, &["init"]);
    repo.commit("Configure");
    fs::read_to_string(repo.join(".shipwright.json")).unwrap()
}

/// Its bake file, which spells out 76 targets, comes down to one rule.
#[test]
fn init_on_lagoon_images() {
    let Some(Corpus { repo, truth }) = Corpus::new("uselagoon+lagoon-images") else {
        return;
    };
    insta::assert_snapshot!(init(&repo), @r#"
    {
      "version": 2,
      "namespace": "lagoon",
      "rules": [
        {
          "match": "^images/(?<kind>[^-/]+)-?(?<rest>[^/]*)/(?<suffix>[^/]+)\\.[Dd]ockerfile$",
          "name": "lagoon/{{ kind }}-{{ suffix }}{% if rest %}-{{ rest }}{% endif %}"
        }
      ],
      "build_args": {"LAGOON_VERSION": "development", "LOCAL_REPO": "lagoon"},
      "platforms": ["linux/amd64"],
      "repository": "ghcr.io/uselagoon/{{ short }}",
      "labels": {
        "org.opencontainers.image.authors": "The Lagoon Authors",
        "org.opencontainers.image.licenses": "Apache 2.0",
        "org.opencontainers.image.url": "https://github.com/uselagoon/lagoon-images",
        "org.opencontainers.image.version": "development",
        "repository": "https://github.com/uselagoon/lagoon-images"
      }
    }
    "#);
    compare(&plan(&repo, &[]), &truth, &[], &[]);
}

/// What is understood of a repository at first contact, its edges compared by Dockerfile: the names may be others.
struct Understood {
    /// Edges that the repository's definition has too, without a configuration; `None` where it has to be planned
    /// with one.
    without: Option<usize>,
    /// The same after `init` without arguments.
    after_init: usize,
    /// How many edges the definition has.
    of: usize,
    /// Edges after `init` that the definition lacks.
    further: usize,
    /// The most lines of what `init` writes.
    lines: usize,
}

/// How many lines are said where a plan fails, at most.
const MOST_SAID: usize = 40;

/// Of each image by its name: its Dockerfile.
fn files_in(truth: &Value) -> BTreeMap<&str, &str> {
    let images = truth["images"].as_array().unwrap().iter();
    images
        .map(|image| {
            let text = |key: &str| image[key].as_str().unwrap();
            (text("name"), text("dockerfile"))
        })
        .collect()
}

fn by_file(edges: &Edges, files: &BTreeMap<&str, &str>) -> Edges {
    let edges = edges.iter();
    edges
        .map(|(a, b)| (files[a.as_str()].to_owned(), files[b.as_str()].to_owned()))
        .collect()
}

/// A row of a table: the repository, and the fields of [`Understood`].
type Row<'r> = (&'r str, Option<usize>, usize, usize, usize, usize);

#[track_caller]
fn all_understood(rows: &[Row<'_>]) {
    for &(name, without, after_init, of, further, lines) in rows {
        let expected = Understood {
            without,
            after_init,
            of,
            further,
            lines,
        };
        understood(name, &expected);
    }
}

#[track_caller]
fn understood(name: &str, expected: &Understood) {
    let Some(Corpus { repo, truth }) = Corpus::new(name) else {
        return;
    };
    let example = repo.join(".shipwright.json");
    if example.exists() {
        fs::remove_file(example).unwrap();
        repo.commit("Without a configuration");
    }
    let known = by_file(&edges_in(&truth), &files_in(&truth));
    let found = |plan: &Plan| {
        let images = plan.images.iter();
        let files = images
            .map(|image| (image.name.as_str(), image.dockerfile.as_str()))
            .collect();
        by_file(&edges_of(plan), &files)
    };
    let output = Command::new(env!("CARGO_BIN_EXE_shipwright"))
        .arg("plan")
        .current_dir(repo.path())
        .env_remove("SW_NAMESPACE")
        .output()
        .unwrap();
    let without = output.status.success().then(|| {
        let plan = Plan::from_json(&String::from_utf8(output.stdout).unwrap()).unwrap();
        known.intersection(&found(&plan)).count()
    });
    let said = String::from_utf8_lossy(&output.stderr).lines().count();
    assert!(said <= MOST_SAID, "{name}: {said} lines");
    program::run(&repo, &["init"]);
    let lines =
        fs::read_to_string(repo.join(".shipwright.json")).map_or(0, |text| text.lines().count());
    repo.commit("Configure");
    let after = found(&plan(&repo, &[]));
    assert_eq!(
        (
            without,
            known.intersection(&after).count(),
            known.len(),
            after.difference(&known).count()
        ),
        (
            expected.without,
            expected.after_init,
            expected.of,
            expected.further
        ),
        "{name}: {:?}",
        after
            .symmetric_difference(&known)
            .take(20)
            .collect::<Vec<_>>()
    );
    assert!(lines <= expected.lines, "{name}: {lines} lines");
    program::run(&repo, &["check"]);
    program::run(&repo, &["init", "--check"]);
}

/// Edges that only build arguments decide count as missing, and Dockerfiles that the definition does not build, such
/// as documentation, tests and archives, as further ones.
#[test]
fn first_contact() {
    all_understood(&[
        ("Islandora-Devops+isle-buildkit", Some(32), 32, 32, 0, 30),
        ("Mailu+Mailu", Some(12), 12, 12, 1, 12),
        // `BASE` decides the base of `Standalone`.
        ("SeleniumHQ+docker-selenium", None, 13, 17, 2, 10),
        ("confluentinc+cp-docker-images", Some(0), 20, 20, 0, 9),
        ("jupyter+docker-stacks", Some(0), 13, 13, 12, 4),
        ("kubeflow+notebooks", None, 14, 14, 0, 30),
        ("osrf+docker_images", None, 152, 152, 0, 12),
        // The file of its bake variables has no text in the corpus.
        ("runpod+containers", Some(0), 0, 3, 0, 60),
        ("trinodb+docker-images", None, 15, 15, 4, 5),
        ("uselagoon+lagoon-images", Some(0), 76, 76, 0, 20),
    ]);
}

/// The two that take longest.
#[test]
fn first_contact_of_many_images() {
    all_understood(&[
        (
            "dotnet+dotnet-buildtools-prereqs-docker",
            None,
            215,
            217,
            0,
            21,
        ),
        ("google+oss-fuzz", None, 1354, 1382, 20, 11),
    ]);
}

/// The example names by its path what the definition names by architecture and version.
#[test]
fn dotnet_buildtools_prereqs() {
    let Some(Corpus { repo, truth }) = Corpus::new("dotnet+dotnet-buildtools-prereqs-docker")
    else {
        return;
    };
    let plan = plan(&repo, &[]);
    let files: BTreeMap<&str, &str> = plan
        .images
        .iter()
        .map(|image| (image.name.as_str(), image.dockerfile.as_str()))
        .collect();
    assert_eq!(
        by_file(&edges_of(&plan), &files),
        by_file(&edges_in(&truth), &files_in(&truth))
    );
}

/// The examples of those of which only names and edges are known.
#[test]
fn examples_of_names_and_edges() {
    for name in [
        "Islandora-Devops+isle-buildkit",
        "Mailu+Mailu",
        "confluentinc+cp-docker-images",
        "osrf+docker_images",
        "runpod+containers",
        "trinodb+docker-images",
    ] {
        let Some(Corpus { repo, truth }) = Corpus::new(name) else {
            return;
        };
        let plan = plan(&repo, &[]);
        let files = |image: (&str, (&str, &str))| (image.0.to_owned(), image.1.0.to_owned());
        let wanted: BTreeMap<_, _> = images_in(&truth).into_iter().map(files).collect();
        let images = plan.images.iter();
        let planned = images
            .map(|image| (image.name.clone(), image.dockerfile.clone()))
            .collect();
        assert_eq!(wanted, planned, "{name}");
        assert_eq!(edges_of(&plan), edges_in(&truth), "{name}");
    }
}

#[test]
fn jupyter_docker_stacks() {
    check("jupyter+docker-stacks", &[], &[]);
}

#[test]
fn docker_selenium() {
    check("SeleniumHQ+docker-selenium", &[], &[]);
}

#[test]
fn lagoon_images() {
    check("uselagoon+lagoon-images", &[], &[]);
}

#[test]
fn kubeflow_notebooks() {
    check("kubeflow+notebooks", &[], &[]);
}

/// 1,378 images. Where the plan differs from the repository's own list, the list differs from the
/// Dockerfiles.
#[test]
fn oss_fuzz() {
    let base = |image: &str| format!("gcr.io/oss-fuzz-base/{image}");
    let project = |image: &str| format!("gcr.io/oss-fuzz/{image}");
    // The list has one of two images of one Dockerfile built on the other; the Dockerfile builds
    // both on `base-image`.
    let full = [
        ("base-clang-full", "base-clang", "base-image"),
        (
            "base-clang-full:ubuntu-20-04",
            "base-clang:ubuntu-20-04",
            "base-image",
        ),
        (
            "base-clang-full:ubuntu-24-04",
            "base-clang:ubuntu-24-04",
            "base-image:ubuntu-24-04",
        ),
    ];
    // Its Dockerfile says `FROM …/base-image`, without a tag.
    let untagged = (
        "base-clang:ubuntu-20-04",
        "base-image:ubuntu-20-04",
        "base-image",
    );
    // `COPY --from` in Dockerfiles, which the list forgets.
    let copies = [
        ("base-builder", "indexer"),
        ("base-builder:ubuntu-20-04", "indexer"),
        ("base-builder:ubuntu-24-04", "indexer:ubuntu-24-04"),
        ("base-runner", "base-clang"),
        ("base-runner:ubuntu-20-04", "base-clang:ubuntu-20-04"),
        ("base-runner:ubuntu-24-04", "base-clang:ubuntu-24-04"),
    ];
    // `FROM …@sha256:…` means a published image whatever it is called; the list counts it all the
    // same.
    let digests = [
        ("ampproject", "base-builder"),
        ("bignum-fuzzer", "base-builder"),
        ("cryptofuzz", "base-builder-rust"),
        ("dill", "base-builder-python"),
        ("grpc-httpjson-transcoding", "base-builder:ubuntu-24-04"),
        ("httpx", "base-builder-python"),
        ("libecc", "base-builder"),
        ("libressl", "base-builder"),
        ("msal", "base-builder-python"),
        ("nettle", "base-builder"),
        ("osquery", "base-builder"),
        ("packaging", "base-builder-python"),
        ("pcl", "base-builder"),
        ("pycrypto", "base-builder-python"),
        ("pyodbc", "base-builder-python"),
        ("setuptools", "base-builder-python"),
        ("tensorflow-serving", "base-builder"),
        ("tomli", "base-builder-python"),
    ];
    // Only the last of two stages is built, which takes nothing from the first.
    let unreachable = [("cri-o", "base-builder"), ("tink-cc", "base-builder")];
    let (mut missing, mut further) = (Vec::new(), Vec::new());
    for (image, listed, written) in full.into_iter().chain([untagged]) {
        missing.push((base(image), base(listed)));
        further.push((base(image), base(written)));
    }
    further.extend(copies.map(|(image, needed)| (base(image), base(needed))));
    let of_projects = digests.into_iter().chain(unreachable);
    missing.extend(of_projects.map(|(image, needed)| (project(image), base(needed))));
    check("google+oss-fuzz", &as_str(&missing), &as_str(&further));
}

/// One base image changes: it and all that need it are built, everything else is re-tagged.
#[test]
fn oss_fuzz_since_a_base_image_changed() {
    let Some(Corpus { repo, .. }) = Corpus::new("google+oss-fuzz") else {
        return;
    };
    let changed = "gcr.io/oss-fuzz-base/base-builder-python";
    let dockerfile = repo.join("infra/base-images/base-builder-python/Dockerfile");
    let text = std::fs::read_to_string(&dockerfile).unwrap();
    std::fs::write(dockerfile, text + "RUN true\n").unwrap();
    repo.commit("Change");
    let plan = plan(&repo, &["--since", "HEAD~"]);

    let edges = edges_of(&plan);
    let mut expected = BTreeSet::from([changed.to_owned()]);
    loop {
        let reached = edges.iter().filter(|(_, needed)| expected.contains(needed));
        let reached: Vec<String> = reached.map(|(image, _)| image.clone()).collect();
        let before = expected.len();
        expected.extend(reached);
        if expected.len() == before {
            break;
        }
    }
    assert!(expected.len() > 100, "{}", expected.len());
    let with = |action| {
        let images = plan
            .images
            .iter()
            .filter(move |image| image.action == action);
        let names: BTreeSet<String> = images.map(|image| image.name.clone()).collect();
        names
    };
    assert_eq!(with(Action::Build), expected);
    assert_eq!(
        with(Action::Retag).len(),
        plan.images.len() - expected.len()
    );
}

fn as_str(edges: &[(String, String)]) -> Vec<(&str, &str)> {
    let edges = edges.iter();
    edges.map(|(a, b)| (a.as_str(), b.as_str())).collect()
}
