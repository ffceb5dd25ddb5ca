//! No plan makes reading, emitting or what a run reaches panic, and a plan that was read is written as
//! what is read again.
//!
//! The input is a `plan.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipwright::plan::Plan;
use shipwright::run::emit::{Files, Format, emit};
use shipwright::run::trust::{Ground, notes, reached};

fuzz_target!(|text: &str| {
    let Ok(plan) = Plan::from_json(text) else {
        return;
    };
    let json = plan.to_json();
    assert_eq!(
        Plan::from_json(&json).expect("our own plan").to_json(),
        json
    );
    for format in Format::ALL {
        if let Err(problems) = emit(&plan, &Files::default(), format) {
            assert!(problems.has_errors());
        }
    }
    let ground = Ground {
        root: "/checkout".into(),
        top: Some("/checkout".into()),
        git_directory: "/checkout/.git".into(),
    };
    reached(&plan, &ground);
    notes(&plan, &ground);
});
