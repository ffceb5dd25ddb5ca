//! Another run that publishes the same content at the same time.

use std::collections::BTreeMap;

use super::{Memory, found, image, plan, steps};
use crate::run::exec::Push;

#[test]
fn what_another_run_has_put_meanwhile_stays() {
    let plan = plan(vec![image("a", &[])]);
    let reference = "us/a:sw-a";
    for (builder, during, immutable, expected) in [
        // While it is built.
        (Some("team"), "build us/a", false, "build us/a"),
        (
            None,
            "build us/a:sw-a",
            false,
            "build us/a:sw-a, pull us/a:sw-a",
        ),
        // Between the last look and the push, where tags are immutable.
        (
            Some("team"),
            "publish us/a:sw-a",
            true,
            "build us/a, publish us/a:sw-a",
        ),
        (
            None,
            "push us/a:sw-a",
            true,
            "build us/a:sw-a, push us/a:sw-a, pull us/a:sw-a",
        ),
    ] {
        let step = during.to_owned();
        let memory = Memory {
            failing: immutable.then(|| step.clone()).into_iter().collect(),
            meanwhile: BTreeMap::from([(step, reference.to_owned())]),
            ..Memory::default()
        };
        let (asked, result) = steps(&memory, &plan, |options| {
            options.builder = builder.map(str::to_owned);
            options.push = Some(Push::Clean);
            options.tags = false;
        });
        assert_eq!(asked.join(", "), expected);
        assert_eq!(result.as_deref(), Ok("built a"), "{expected}");
        let others = found(Some("a"), "amd64");
        assert_eq!(memory.published.lock().unwrap()[reference], others);
    }
}
