//! A run that is killed at any moment leaves whole images and whole tags, and the next one goes on.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::five_images::{WITH_BASE, checkout};
use crate::support::engine::{self, contents};
use crate::support::program::{self, shipwright};

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

    for moment in [
        100, 400, 900, 1_500, 2_100, 2_800, 3_500, 4_200, 5_000, 6_000,
    ] {
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
