//! No ignore file makes matching panic, and a walk through a context sees what every path alone
//! would show.
//!
//! The input is an ignore file and, after a line `---`, the paths to ask for, a line each. Without
//! that line, the lines of the ignore file are the paths as well.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipwright::lang::{IgnoreFile, Sent, Verdict};

fuzz_target!(|text: &str| {
    let (ignore, paths) = text.split_once("\n---\n").unwrap_or((text, text));
    matching(ignore, paths);
});

fn matching(ignore: &str, paths: &str) {
    let (file, _) = IgnoreFile::parse(ignore);
    for path in paths.lines().take(16) {
        let parts: Vec<&str> = path.split('/').collect();
        // What is asked for is clean, and of this many folders at most.
        if parts.len() > 8 || parts.iter().any(|part| ["", ".", ".."].contains(part)) {
            continue;
        }
        walk(&file, &parts);
    }
}

/// Walks down a path. What a folder says of all below it holds, and without exceptions what is listed is
/// what can be opened.
fn walk(file: &IgnoreFile, parts: &[&str]) {
    let mut folder = file.root();
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (index, name) in parts.iter().enumerate() {
        verdicts.push(folder.verdict());
        let (Ok(sent), Ok(inner)) = (folder.sends(name), folder.enter(name)) else {
            assert!(file.has_bad_expression());
            return;
        };
        assert_eq!(inner.is_ignored(), sent == Sent::Nothing);
        if !file.has_exceptions() {
            let path = parts[..=index].join("/");
            assert_eq!(file.ignores(&path), sent == Sent::Nothing);
        }
        for verdict in &verdicts {
            match verdict {
                Verdict::Taken => assert_eq!(sent, Sent::Whole),
                Verdict::Ignored => assert_eq!(sent, Sent::Nothing),
                Verdict::Mixed => {}
            }
        }
        folder = inner;
    }
}
