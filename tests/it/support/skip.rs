//! The one way to leave out a test whose tools are not on the machine.

use std::io::Write;

/// Says on standard error that a test is skipped, and what it needs.
///
/// # Panics
/// Where `SHIPWRIGHT_REQUIRE_ENGINE` is set: there everything that the tests need is to be installed.
#[track_caller]
pub(crate) fn skip(needed: &str) {
    let required = std::env::var_os("SHIPWRIGHT_REQUIRE_ENGINE").is_some();
    assert!(!required, "needs {needed}");
    // Not `eprintln!`, whose output the test harness keeps back.
    let _ = writeln!(std::io::stderr(), "SKIPPED: needs {needed}");
}
