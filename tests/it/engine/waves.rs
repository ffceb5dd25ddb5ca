//! The waves of `docs/scale.md`, each job on a machine that has no image.

use super::five_images::{WITH_BASE, checkout};
use super::registry::{digests, exec};
use crate::support::engine::{self, Engine};
use crate::support::program;
use crate::support::repo::Repo;

/// Builds all jobs of all waves, each on a machine that has no image, then moves the tags on another;
/// gives what that says.
#[track_caller]
fn go(engine: &Engine, repo: &Repo) -> (String, serde_json::Value) {
    let emit = [&["emit", "github"], &WITH_BASE[..]].concat();
    let outputs = program::run(repo, &emit);
    let mut jobs = 0;
    for line in outputs.lines() {
        let (_, value) = line.split_once('=').expect("`name=value`");
        let matrix: serde_json::Value = serde_json::from_str(value).expect("JSON");
        for job in matrix["include"].as_array().into_iter().flatten() {
            engine.clear();
            let image = job["reference"].as_str().expect("a reference");
            let (counts, _) = exec(repo, &["--push", "--no-tags", "-e", image]);
            assert!(counts.starts_with("1 built"), "{image}: {counts}");
            jobs += 1;
        }
    }
    assert_eq!(jobs, 5);
    engine.clear();
    let done = exec(repo, &["--push", "--no-build"]);
    assert_eq!(engine.tags().len(), 0, "nothing was pulled");
    done
}

#[test]
fn images_meet_in_the_registry() {
    let Some(engine) = engine::published() else {
        return;
    };
    let repo = checkout(&engine);
    let (counts, report) = go(&engine, &repo);
    assert_eq!(counts, "5 re-tagged");
    assert_eq!(digests(&engine, &report, "main").len(), 5);

    // The base of others and one that nobody needs are not published; each is built once all the same.
    let (shared, admin) = (engine.repository("shared"), engine.repository("admin"));
    repo.write(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{}\", \"epoch\": \"2\",\n\
         \"names\": {{\"/shared/libs\": \"{shared}\"}},\n\
         \"images\": {{\"{shared}\": {{\"push\": false}}, \"{admin}\": {{\"push\": false}}}}}}\n",
        engine.prefix()
    ));
    repo.commit("Publish less");
    let (counts, report) = go(&engine, &repo);
    assert_eq!(counts, "3 re-tagged, 2 skipped");
    let problems = report["problems"].as_array().expect("a list");
    let codes: Vec<&str> = problems
        .iter()
        .filter_map(|problem| problem["code"].as_str())
        .collect();
    assert_eq!(codes, ["not-published"]);
}
