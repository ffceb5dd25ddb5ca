use super::*;
use crate::config::{List, PublishSettings, ResolvedBuild, Settings};
use crate::tree::snapshot::ObjectId;

const FINGERPRINT: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn image(name: &str, settings: PublishSettings) -> Definition {
    let mut image = Definition {
        name: name.to_owned(),
        dockerfile: "app/Dockerfile".to_owned(),
        build: ResolvedBuild::default(),
        settings: Settings {
            publish: settings,
            ..Settings::default()
        },
        variables: Variables::new(),
    };
    let bare = image.bare_name().to_owned();
    let tag = image.identity_tag().unwrap_or_default().to_owned();
    for (name, value) in [("name", bare), ("tag", tag)] {
        image.variables.insert(name.to_owned(), Value::from(value));
    }
    image
}

fn templates(texts: &[&str]) -> Vec<Template> {
    texts.iter().map(|text| Template::new(*text)).collect()
}

fn publish(
    image: &Definition,
    branch: &str,
    dirty: bool,
    tagging: &Tagging,
) -> Result<Published, Diagnostics> {
    let revision = Revision {
        id: ObjectId([0xab; 20]),
        timestamp: 1_700_000_000,
        branch: Some(branch.to_owned()).filter(|branch| !branch.is_empty()),
    };
    let publisher = Publisher {
        source: None,
        revision: &revision,
        tagging,
        default_branch: "main",
        git_tags: &["v1".to_owned(), "v1.2".to_owned()],
    };
    publisher.publish(image, &FINGERPRINT.into(), dirty)
}

#[track_caller]
fn check(name: &str, tags: Option<&[&str]>, branch: &str, dirty: bool, expected: &[&str]) {
    let settings = PublishSettings {
        tags: List(tags.map(templates)),
        ..PublishSettings::default()
    };
    let published = publish(&image(name, settings), branch, dirty, &Tagging::default());
    let published = published.unwrap();
    assert_eq!(published.tags, expected);
    assert_eq!(published.repository, "acme/app");
}

#[test]
fn tags_of_branch_and_revision() {
    let app = "acme/app";
    check(app, None, "main", false, &["main", "abababababab"]);
    check(app, None, "", false, &["abababababab"]);
    check(
        app,
        None,
        "a/b",
        false,
        &["a-b-5c825c55b932", "abababababab"],
    );
    check(
        app,
        None,
        "main",
        true,
        &["main-dirty", "abababababab-dirty-fedcba987654"],
    );
}

#[test]
fn a_tag_of_the_identity_is_one_and_stands_before_the_others() {
    check(
        "acme/app:alpine",
        None,
        "main",
        false,
        &["alpine", "alpine-main-f921bd05e68b", "alpine-abababababab"],
    );
    check(
        "acme/app:alpine",
        Some(&["{{ tag }}-latest", "next"]),
        "main",
        false,
        &["alpine", "alpine-latest", "alpine-next"],
    );
    check(
        "acme/app:alpine",
        None,
        "other",
        false,
        &["alpine-other-9ac131b6ce60", "alpine-abababababab"],
    );
    check(
        "acme/app:alpine",
        Some(&["next"]),
        "main",
        true,
        &["alpine-next-dirty"],
    );
}

#[test]
fn a_tag_of_the_identity_moves_on_the_default_branch_alone() {
    let own = ["{{ tag }}", "{{ tag }}-{{ revision }}"];
    for templates in [None, Some(&own[..])] {
        let app = |branch: &str, added: &[&str]| {
            let settings = PublishSettings {
                tags: List(templates.map(self::templates)),
                ..PublishSettings::default()
            };
            let tagging = Tagging {
                added: added.iter().map(|&tag| tag.to_owned()).collect(),
                no_default: false,
            };
            let image = image("acme/app:alpine", settings);
            publish(&image, branch, false, &tagging).unwrap().tags
        };
        assert_eq!(app("main", &[])[0], "alpine");
        for branch in ["", "feature", "Main", "refs/heads/main"] {
            let tags = app(branch, &[]);
            assert!(!tags.contains(&"alpine".to_owned()), "{branch}: {tags:?}");
            assert_eq!(tags.last().unwrap(), "alpine-abababababab");
            // What is asked for by hand moves.
            assert_eq!(app(branch, &["alpine"]).last().unwrap(), "alpine");
        }
    }
}

#[test]
fn templates_compare_names_and_write_tags() {
    let latest = "{% if branch == default_branch %}latest{% endif %}";
    check("acme/app", Some(&[latest]), "main", false, &["latest"]);
    check("acme/app", Some(&[latest]), "main", true, &[]);
    check("acme/app", Some(&[latest]), "other", false, &[]);
    let slashed = "{% if branch == 'a/b' %}{{ branch }}{% endif %}";
    check(
        "acme/app",
        Some(&[slashed]),
        "a/b",
        false,
        &["a-b-5c825c55b932"],
    );
    check(
        "acme/app",
        Some(&["{{ git_tags | join(' ') }}", "d-{{ date }}"]),
        "main",
        false,
        &["v1", "v1.2", "d-2023-11-14"],
    );
}

#[test]
fn what_is_no_tag_or_no_repository_is_refused() {
    for tag in ["a/b", "sw-12ab", "-x", "{{ commit * 4 }}", "{{ nothing }}"] {
        let settings = PublishSettings {
            tags: List(Some(templates(&[tag]))),
            ..PublishSettings::default()
        };
        publish(
            &image("acme/app", settings),
            "main",
            false,
            &Tagging::default(),
        )
        .expect_err(tag);
    }
    for repository in ["x/Acme/{{ name }}", "x/{{ name }}:1", "{{ x"] {
        let settings = PublishSettings {
            repository: Some(Template::new(repository)),
            ..PublishSettings::default()
        };
        let image = image("acme/app", settings);
        publish(&image, "main", false, &Tagging::default()).expect_err(repository);
    }
}

#[test]
fn elsewhere_under_the_same_name() {
    let template = |text| ("x".to_owned(), Template::new(text));
    let settings = PublishSettings {
        repository: Some(Template::new("registry.example.com/{{ name }}")),
        cache_to: List(Some(templates(&[
            "type=registry,ref={{ repository }}:cache",
        ]))),
        labels: BTreeMap::from([template("on {{ branch }}")]),
        stamp_args: BTreeMap::from([template("{{ commit }}")]),
        ..PublishSettings::default()
    };
    let tagging = Tagging {
        added: vec!["v9".to_owned()],
        no_default: true,
    };
    let published = publish(&image("acme/app:8", settings), "a/b", false, &tagging).unwrap();
    assert_eq!(published.repository, "registry.example.com/acme/app");
    assert_eq!(
        published.cache_to,
        ["type=registry,ref=registry.example.com/acme/app:cache"]
    );
    assert_eq!(published.tags, ["8-v9"]);
    assert_eq!(published.labels["x"], "on a/b");
    assert_eq!(published.stamp_args["x"], "ab".repeat(20));
    assert_eq!(published.labels.len(), 4);
}

#[test]
fn one_tag_is_claimed_once() {
    let (one, two) = (
        image("acme/one", PublishSettings::default()),
        image("acme/two", PublishSettings::default()),
    );
    let published = |repository: &str| Published {
        repository: repository.to_owned(),
        tags: vec!["main".to_owned()],
        labels: BTreeMap::new(),
        stamp_args: BTreeMap::new(),
        cache_from: Vec::new(),
        cache_to: Vec::new(),
    };
    let (a, b) = (published("acme/one"), published("acme/two"));
    assert!(claimed_twice([(&one, &a), (&two, &b)]).is_empty());
    assert!(claimed_twice([(&one, &a), (&two, &a)]).has_errors());
}
