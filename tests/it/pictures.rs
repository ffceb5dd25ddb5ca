//! Pictures: of the example, as they are kept in `snapshots/`; and the page, in a real browser.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::emit::goldens;
use crate::screens::locked;
use crate::support::browser::{Browser, DOWN, ENTER, ESCAPE, LEFT, RIGHT, TAB};
use crate::support::program;
use crate::support::repo::Repo;

/// The plan of the example with a change of the shared library, and the repository that it is of.
fn example() -> (Repo, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/6sense");
    let repo = Repo::new(&program::fixture_of(&folder));
    repo.branch("feature/login");
    let path = repo.join("shared/libs/lib/greet.py");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "\n# polite\n").unwrap();
    repo.commit("greet politely");
    let plan = program::run(&repo, &["plan", "--since", "HEAD~1"]);
    (repo, plan)
}

/// A report of a run of that plan: everything that is built takes some seconds.
fn report_of(plan: &str) -> String {
    let plan: serde_json::Value = serde_json::from_str(plan).unwrap();
    let images = plan["images"].as_array().unwrap().iter().enumerate();
    let images: Vec<_> = images
        .map(|(index, image)| {
            let built = image["action"] == "build";
            let (start, time) = match image["wave"].as_u64() {
                Some(1) => (0.5, 12.4),
                Some(2) => (13.0, 9.2 + f64::from(u32::try_from(index).unwrap())),
                _ => (25.2, 4.6),
            };
            json!({
                "name": image["name"], "reference": image["reference"],
                "outcome": if built { "built" } else { "retagged" },
                "start": if built { start } else { 0.0 }, "time": if built { time } else { 0.0 },
            })
        })
        .collect();
    json!({"version": 1, "dry_run": false, "images": images, "time": 30.0}).to_string()
}

#[test]
fn pictures_of_the_example_are_as_they_were() {
    let (repo, plan) = example();
    // Git keeps these out of the working tree that a picture would be of.
    fs::write(repo.join(".git/plan.json"), &plan).unwrap();
    fs::write(repo.join(".git/report.json"), report_of(&plan)).unwrap();
    let draw = |more: &[&str]| {
        let arguments = [&["graph", "--plan", ".git/plan.json"], more].concat();
        program::run(&repo, &arguments)
    };
    let report = ["--report", ".git/report.json"];
    goldens::check("graph.txt", &draw(&[]));
    goldens::check("graph.dot", &draw(&["--format", "dot", "--external"]));
    goldens::check("graph.mmd", &draw(&["--format", "mermaid"]));
    goldens::check("graph.svg", &draw(&["--format", "svg", "--external"]));
    let page = draw(&[&["--format", "html", "--external"], &report[..]].concat());
    goldens::check("graph.html", &page);
}

/// The page for that plan.
fn page(plan: &str, report: Option<&str>, more: &[&str]) -> String {
    let repo = Repo::new("//- a/Dockerfile\nFROM scratch\n");
    fs::write(repo.join(".git/plan.json"), plan).unwrap();
    let mut arguments = vec!["graph", "--plan", ".git/plan.json", "--format", "html"];
    if let Some(report) = report {
        fs::write(repo.join(".git/report.json"), report).unwrap();
        arguments.extend(["--report", ".git/report.json"]);
    }
    arguments.extend(more);
    program::run(&repo, &arguments)
}

/// How many nodes of the graph, and rows of the list, are shown.
#[track_caller]
fn shown(browser: &Browser) -> (u64, u64) {
    let nodes = "[...document.querySelectorAll('#picture .node')].filter(e => getComputedStyle(e).display !== 'none').length";
    let rows = "document.querySelectorAll('#list li:not([hidden])').length";
    let count = |expression| browser.run(expression).as_u64().unwrap();
    (count(nodes), count(rows))
}

#[track_caller]
fn check(browser: &Browser, expression: &str, expected: &str) {
    assert_eq!(browser.run(expression), expected, "{expression}");
}

#[track_caller]
fn check_quiet(browser: &Browser) {
    assert_eq!(browser.complaints(), [""; 0], "nothing is complained of");
    assert_eq!(browser.requests(), [""; 0], "nothing is asked for");
}

#[test]
fn the_page_is_searched_and_focused_by_keyboard() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let (_repo, plan) = example();
    let page = page(&plan, Some(&report_of(&plan)), &["--external"]);
    browser.open(&page);
    let (nodes, images) = shown(&browser);
    assert_eq!(images, 5);
    assert!(nodes > 5, "the bases from elsewhere too");

    browser.keys("/serv");
    check(&browser, "document.activeElement.id", "search");
    check(
        &browser,
        "document.getElementById('matches').textContent",
        "2 of 5 images",
    );
    browser.keys(ESCAPE);
    browser.keys("/service1");
    check(
        &browser,
        "document.getElementById('matches').textContent",
        "1 of 5 images",
    );
    browser.keys(DOWN);
    check(&browser, "document.activeElement.dataset.image", "2");
    browser.keys(ENTER);
    check(
        &browser,
        "document.querySelector('#details h2').textContent",
        "6sense/service1",
    );
    let details = browser.run("document.getElementById('details').innerText");
    let details = details.as_str().unwrap();
    for expected in [
        "service1/Dockerfile:",
        "FROM",
        "6sense/service1:sw-",
        "inputs",
        "built",
    ] {
        assert!(details.contains(expected), "{expected}: {details}");
    }
    assert!(
        shown(&browser).0 < nodes,
        "what it has nothing to do with is gone"
    );
    // Escape shows all again.
    browser.keys(ESCAPE);
    assert_eq!(shown(&browser).0, nodes);
    check(
        &browser,
        "String(document.getElementById('details').hidden)",
        "true",
    );

    // From the search through list and tools to the graph, and there with arrow keys.
    browser.run("document.querySelector('#picture [tabindex=\"0\"]').focus()");
    let node = "document.activeElement.dataset.node";
    let first = browser.run(node);
    browser.keys(RIGHT);
    assert_ne!(browser.run(node), first, "to a node on the right");
    browser.keys(LEFT);
    browser.keys(RIGHT);
    browser.keys(ENTER);
    check(
        &browser,
        "String(document.getElementById('details').hidden)",
        "false",
    );
    browser.keys(TAB);
    browser.click("#causes button.link");
    check(
        &browser,
        "document.querySelector('#details h2').textContent",
        "6sense/shared",
    );
    browser.click("#run button.link");
    let critical = browser.run("document.querySelectorAll('.bar.critical').length");
    assert!(critical.as_u64().unwrap() >= 2, "{critical}");
    check_quiet(&browser);
    picture(&browser, &page);
}

#[test]
fn the_page_tells_what_bases_are_locked_to_and_how_old_they_are() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let repo = locked();
    let page = program::run(&repo, &["graph", "--format", "html", "--external"]);
    browser.open(&page);
    browser.keys("/service-01");
    browser.keys(ENTER);
    let of_image = browser.run("document.getElementById('details').innerText");
    let base = "document.querySelector('#picture .node.external')";
    browser.run(&format!(
        "{base}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"
    ));
    let title = "document.querySelector('#details h2').textContent";
    check(&browser, title, "debian:12-slim");
    let of_base = browser.run("document.getElementById('details').innerText");
    for details in [of_image, of_base] {
        let details = details.as_str().unwrap();
        for expected in ["debian:12-slim", "created 2024-05-01, ", " days ago"] {
            assert!(details.contains(expected), "{expected}: {details}");
        }
        assert!(details.contains(&"1".repeat(64)), "the digest: {details}");
    }
    check_quiet(&browser);
}

/// Takes the picture of the documentation where `UPDATE=1` asks for it.
fn picture(browser: &Browser, page: &str) {
    if std::env::var_os("UPDATE").is_some() {
        browser.open(page);
        browser.keys("/shared");
        browser.keys(ENTER);
        browser.keys(DOWN);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/graph.png");
        fs::write(file, browser.screenshot()).unwrap();
    }
}

#[test]
fn a_page_of_many_images_opens_at_once() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let page = page(&many(), None, &[]);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
    // The fastest of three: others may work on this machine too.
    let time = (0..3).map(|_| browser.open(&page)).min().unwrap();
    assert!(time < Duration::from_secs(2), "{time:?}");
    let (nodes, images) = shown(&browser);
    assert_eq!(images, 1378);
    assert!(nodes <= 120, "{nodes} nodes");
    browser.keys("/project-0777");
    check(
        &browser,
        "document.getElementById('matches').textContent",
        "1 of 1,378 images",
    );
    browser.keys(ENTER);
    check(
        &browser,
        "document.querySelector('#details h2').textContent",
        "gcr.io/oss/project-0777",
    );
    check(
        &browser,
        "document.getElementById('focus').textContent",
        "project-0777: needs 3, needed by 0",
    );
    assert_eq!(shown(&browser).0, 4);
    for scheme in ["dark", "light"] {
        browser.prefer(scheme);
        let paper = browser.run("getComputedStyle(document.body).backgroundColor");
        let is_dark = paper == "rgb(20, 24, 29)";
        assert_eq!(is_dark, scheme == "dark", "{paper}");
    }
    check_quiet(&browser);
}

/// A plan of 1,378 images: a few bases, two builders on them, and a project on one of these each.
fn many() -> String {
    let image = |name: &str, wave: usize, needs: &[&str]| {
        let dependencies: Vec<_> = needs
            .iter()
            .map(|need| {
                json!({"image": format!("gcr.io/oss/{need}"), "reference": format!("gcr.io/oss/{need}"),
                    "via": [{"instruction": "FROM", "line": 17}]})
            })
            .collect();
        let full = format!("gcr.io/oss/{name}");
        let reason = match wave {
            0 => json!({"kind": "input", "detail": "base/install.sh"}),
            _ => json!({"kind": "dependency", "detail": format!("gcr.io/oss/{}", needs[0])}),
        };
        json!({"name": full, "repository": full, "dockerfile": format!("projects/{name}/Dockerfile"),
            "context": format!("projects/{name}"), "target": null, "build_args": {}, "stamp_args": {},
            "platforms": [], "labels": {}, "wave": wave, "dependencies": dependencies, "base_images": [],
            "inputs": "0".repeat(40), "fingerprint": "1".repeat(64),
            "reference": format!("{full}:sw-{}", "1".repeat(32)),
            "tags": [format!("{full}:main"), format!("{full}:0123456789ab")],
            "action": "build", "reasons": [reason]})
    };
    let mut images = vec![
        image("base", 0, &[]),
        image("clang", 1, &["base"]),
        image("builder", 2, &["clang"]),
        image("builder-old", 2, &["clang"]),
    ];
    images.extend((0..1374).map(|number| {
        let builder = if number % 20 == 0 {
            "builder-old"
        } else {
            "builder"
        };
        image(&format!("project-{number:04}"), 3, &[builder])
    }));
    let source = json!({"revision": "0123456789abcdef0123456789abcdef01234567", "branch": "main",
        "dirty": false, "timestamp": 0, "since": "89abcdef0123456789abcdef0123456789abcdef"});
    json!({"version": 1, "source": source, "images": images}).to_string()
}
