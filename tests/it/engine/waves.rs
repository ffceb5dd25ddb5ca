//! The waves of `docs/scale.md`, each job on a machine that has no image.

use super::five_images::{WITH_BASE, checkout};
use super::registry::{digests, exec};
use crate::support::engine;
use crate::support::program;

#[test]
fn images_meet_in_the_registry() {
    let Some(engine) = engine::published() else {
        return;
    };
    let repo = checkout(&engine);
    let emit = [&["emit", "github"], &WITH_BASE[..]].concat();
    let outputs = program::run(&repo, &emit);
    let mut jobs = 0;
    for line in outputs.lines() {
        let (_, value) = line.split_once('=').expect("`name=value`");
        let matrix: serde_json::Value = serde_json::from_str(value).expect("JSON");
        for job in matrix["include"].as_array().into_iter().flatten() {
            engine.clear();
            let image = job["image"].as_str().expect("a name");
            let (counts, _) = exec(&repo, &["--push", "--no-tags", image]);
            assert!(counts.starts_with("1 built"), "{image}: {counts}");
            jobs += 1;
        }
    }
    assert_eq!(jobs, 5);

    engine.clear();
    let (counts, report) = exec(&repo, &["--push", "--no-build"]);
    assert_eq!(counts, "5 re-tagged");
    assert_eq!(engine.tags().len(), 0, "nothing was pulled");
    assert_eq!(digests(&engine, &report, "main").len(), 5);
}
