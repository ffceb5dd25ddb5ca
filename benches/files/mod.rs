//! What is measured with: the real Dockerfiles of the conformance data where they are there
//! (`$SHIPWRIGHT_SHARED`, or `shared` beside the checkout), else files like them.
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads its data and runs a program"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// Dockerfiles.
pub(crate) static FILES: LazyLock<Vec<String>> = LazyLock::new(|| real().unwrap_or_else(generated));

fn real() -> Option<Vec<String>> {
    let shared = std::env::var_os("SHIPWRIGHT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let packed = shared.join("conformance/real/dockerfiles.jsonl.xz");
    let unpacked = Command::new("xz").arg("-dc").arg(packed).output().ok()?;
    let rows = String::from_utf8(unpacked.stdout).ok()?;
    let files = rows.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        row["dockerfile"].as_str().map(str::to_owned)
    });
    files
        .collect::<Option<Vec<_>>>()
        .filter(|files| !files.is_empty())
}

fn generated() -> Vec<String> {
    let stage = "# builds it\nFROM --platform=$BUILDPLATFORM golang:1.26 AS build\nWORKDIR /src\n\
                 COPY go.mod go.sum ./\nRUN apt-get update \\\n    && apt-get install -y git \\\n    \
                 && rm -rf /var/lib/apt/lists/*\nENV A=1 B=\"two words\"\nCMD [\"serve\"]\n\n";
    (1..50).map(|count| stage.repeat(count)).collect()
}
