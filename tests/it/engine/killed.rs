//! A run that is killed at any moment leaves whole images and whole tags, and the next one goes on.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::five_images::{WITH_BASE, checkout};
use crate::support::engine::{self, contents};
use crate::support::program::{self, shipwright};

/// So many moments by chance, in milliseconds, one in each equal part of the time: a failure names its
/// own, which is all that is needed to see it again.
fn moments(count: u64, end: u64) -> Vec<u64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut chance = now.map_or(0, |since| u64::from(since.subsec_nanos()));
    let part = end / count;
    let within = (0..count).map(|index| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        index * part + (chance >> 33) % part
    });
    within.collect()
}

#[test]
fn a_killed_run_loses_nothing_that_was_finished() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = checkout(&engine);
    let exec = |epoch: &str| {
        let fixed = ["exec", "--quiet", "-j2", "--epoch", epoch];
        [&fixed, &WITH_BASE[..]]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<String>>()
    };
    let run = |arguments: &[String]| {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        program::run(&repo, &words)
    };
    run(&exec("undisturbed"));
    let expected = contents(&engine.repository("admin:main")).files;
    engine.clear();

    for moment in moments(10, 6_000) {
        // An epoch is built without cache, so there is something to be killed.
        let arguments = exec(&moment.to_string());
        let mut child = shipwright(&repo, ".")
            .args(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program was built");
        sleep(Duration::from_millis(moment));
        let _ = child.kill();
        child.wait().expect("it was started");
        let finished = engine.references();
        let moved = finished
            .keys()
            .filter(|name| !name.contains(":sw-"))
            .count();
        if moved > 0 {
            let contents = finished.keys().filter(|name| name.contains(":sw-")).count();
            assert_eq!(
                contents, 5,
                "{moment} ms: a tag moved before everything was built"
            );
        }

        run(&arguments);
        let after = engine.references();
        assert_eq!(after.len(), 15, "{moment} ms");
        for (name, id) in &finished {
            assert_eq!(
                after.get(name),
                Some(id),
                "{moment} ms: {name} was built again"
            );
        }
        for (name, id) in &after {
            let (image, _) = name.split_once(':').expect("a tag");
            assert_eq!(
                after.get(&format!("{image}:main")),
                Some(id),
                "{moment} ms: {name}"
            );
        }
        assert_eq!(
            contents(&engine.repository("admin:main")).files,
            expected,
            "{moment} ms"
        );
        engine.clear();
    }
}
