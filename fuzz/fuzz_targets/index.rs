//! No index of git makes reading the working tree panic.
//!
//! The input is the file `.git/index` of a repository with one commit.
#![no_main]

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs, process};

use libfuzzer_sys::fuzz_target;
use shipwright::tree::Checkout;

static REPOSITORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = env::temp_dir().join(format!("shipwright-fuzz-index-{}", process::id()));
    fs::create_dir_all(folder.join("a")).unwrap();
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY a /\n").unwrap();
    fs::write(folder.join("a/b"), "b\n").unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "--quiet",
            "-m",
            "a",
        ],
    ] {
        let git = Command::new("git")
            .arg("-C")
            .arg(&folder)
            .args(arguments)
            .status();
        assert!(git.unwrap().success());
    }
    folder
});

fuzz_target!(|index: &[u8]| {
    fs::write(REPOSITORY.join(".git/index"), index).unwrap();
    let checkout = Checkout::open(&REPOSITORY).expect("a repository");
    let _ = checkout.working_tree(&[]);
});
