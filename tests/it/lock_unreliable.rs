//! `lock` where the registry is busy, unavailable or silent at random moments.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use crate::support::program::{self, shipwright};
use crate::support::repo::Repo;
use crate::support::unreliable_registry::UnreliableRegistry;

/// An entry is renewed, or stays as it was and is named; none is lost, and the file is whole.
#[test]
fn an_entry_is_renewed_or_stays_and_is_named() {
    const BASES: usize = 12;
    let Some(registry) = UnreliableRegistry::start(3) else {
        return;
    };
    let put = |version: usize| {
        for base in 0..BASES {
            let env = BTreeMap::from([("VERSION".to_owned(), version.to_string())]);
            let raw = registry.raw();
            raw.base(
                &format!("base/b{base}"),
                Some("1"),
                "amd64",
                &env,
                &[],
                None,
            );
        }
    };
    put(0);
    let mut fixture = "//- .shipwright.json\n{\"version\": 2, \"namespace\": \"us\"}\n".to_owned();
    for base in 0..BASES {
        let host = registry.host();
        let _ = writeln!(
            fixture,
            "//- i{base}/Dockerfile\nFROM {host}/base/b{base}:1"
        );
    }
    let repo = Repo::new(&fixture);
    let lock_file = || fs::read_to_string(repo.join("shipwright.lock")).unwrap_or_default();
    program::run(&repo, &["lock"]);
    for (round, one_in) in [(1, 6), (2, 2)] {
        let before = lock_file();
        put(round);
        registry.behave().fails_one_in = one_in;
        let output = shipwright(&repo, ".")
            .args(["lock", "--update"])
            .output()
            .expect("the program was built");
        registry.behave().fails_one_in = 0;
        let said = String::from_utf8_lossy(&output.stderr);
        let seen = registry.take();
        let after = lock_file();
        let version = format!("\"VERSION\": \"{round}\"");
        let renewed = after.matches(&version).count();
        let kept = after.matches("\"VERSION\"").count() - renewed;
        eprintln!(
            "{:?}: {renewed} renewed, {kept} kept, {:?}",
            output.status.code(),
            seen.failures
        );
        assert_eq!(renewed + kept, BASES, "{said}");
        match output.status.code() {
            Some(0) => assert_eq!(kept, 0),
            Some(1) => assert!(kept > 0 && said.contains("[lock-unanswered]"), "{said}"),
            Some(2) => assert!(after == before && said.contains("help: "), "{said}"),
            other => panic!("{other:?}: {said}"),
        }
        program::run(&repo, &["plan", "--dirty"]);
        program::run(&repo, &["lock", "--update"]);
        assert_eq!(lock_file().matches(&version).count(), BASES);
    }
}
