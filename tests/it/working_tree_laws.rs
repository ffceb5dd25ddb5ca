//! The working tree is what git says that it is: after any edits, the tree that is read equals the
//! one that `git add --all` would commit, file by file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use shipwright::tree::Checkout;

use crate::support::generate::Random;
use crate::support::repo::Repo;

const FIXTURE: &str = "\
//- .gitignore
*.log
/out/
!keep.log
//- a.txt
one
//- run.sh +x
echo
//- link -> a.txt
//- folder/a.txt
two
//- folder/b.txt
//- folder/deep/c.txt
three
//- folder/deep/.gitignore
*.tmp
//- folder-x
//- other/d.txt
four
//- traced.log
a tracked file that is ignored
";

/// Paths that edits are made at: files, folders, ignored ones, names that sort between others.
const PATHS: [&str; 22] = [
    "a.txt",
    "run.sh",
    "link",
    "folder",
    "folder/a.txt",
    "folder/b.txt",
    "folder/deep",
    "folder/deep/c.txt",
    "folder/deep/c.tmp",
    "folder/deep/.gitignore",
    "folder-x",
    "other",
    "other/d.txt",
    "traced.log",
    "new.log",
    "keep.log",
    "out/x",
    "out",
    "new/e.txt",
    "new/x.log",
    "new",
    ".gitignore",
];

const EMPTY_BLOB: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

/// What git says of a working tree: the tree of everything in it, and the paths that differ from HEAD.
fn by_git(repo: &Repo) -> (String, BTreeSet<String>) {
    let index = tempfile::tempdir().unwrap();
    let index = index.path().join("index");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(repo.path())
            .envs(Repo::environment())
            .env("GIT_INDEX_FILE", &index)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    // From the names of what is tracked alone, so that every file is read.
    let tracked = repo.git(&["ls-files", "-z"]);
    git(&["read-tree", "--empty"]);
    let tracked = tracked.split('\0').filter(|path| !path.is_empty());
    let mut entries = String::new();
    for path in tracked {
        entries.extend(["100644 ", EMPTY_BLOB, " 0\t", path, "\0"]);
    }
    let mut update = Command::new("git")
        .args(["update-index", "-z", "--index-info"])
        .current_dir(repo.path())
        .env("GIT_INDEX_FILE", &index)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(update.stdin.as_mut().unwrap(), entries.as_bytes()).unwrap();
    assert!(update.wait().unwrap().success());
    git(&["add", "--all"]);
    let tree = git(&["write-tree"]).trim().to_owned();
    let differing = git(&["diff-tree", "-r", "-z", "--name-only", "HEAD", &tree]);
    let differing = differing.split('\0').filter(|path| !path.is_empty());
    (tree, differing.map(str::to_owned).collect())
}

#[track_caller]
fn check(repo: &Repo, what: &str) {
    let checkout = Checkout::open(repo.path()).unwrap();
    let tree = checkout.working_tree(&[]).unwrap();
    let snapshot = tree.snapshot(&|_| false, &|_| false).unwrap();
    let changed = tree.changed().into_iter().map(str::to_owned).collect();
    let (expected, differing) = by_git(repo);
    assert_eq!(differing, changed, "{what}");
    assert_eq!(expected, snapshot.root.id().to_string(), "{what}");
}

fn remove(path: &Path) {
    let _ = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
}

/// Makes a random edit; says which.
fn edit(random: &mut Random, repo: &Repo) -> String {
    let name = random.one_of(&PATHS);
    let path = repo.join(name);
    let git = |arguments: &[&str]| {
        let _ = Command::new("git")
            .args(arguments)
            .current_dir(repo.path())
            .envs(Repo::environment())
            .output()
            .unwrap();
    };
    let free = |path: &Path| {
        let mut above = path.ancestors().skip(1);
        if let Some(file) = above.find(|above| !above.is_dir() && above.symlink_metadata().is_ok())
        {
            remove(file);
        }
        remove(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    };
    match random.below(12) {
        0 | 1 => {
            free(&path);
            fs::write(
                &path,
                random.one_of(&["", "one\n", "two\n", "longer\n", "a.txt"]),
            )
            .unwrap();
            format!("write {name}")
        }
        2 => {
            // Of the same length, right after it was written.
            let _ = fs::read(&path).map(|mut text| {
                for byte in &mut text {
                    *byte ^= 1;
                }
                fs::write(&path, text)
            });
            format!("change {name}")
        }
        3 => {
            remove(&path);
            format!("remove {name}")
        }
        4 => {
            let mode = random.one_of(&[&0o644, &0o755]);
            if path.is_file() && !path.is_symlink() {
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            format!("mode of {name}")
        }
        5 => {
            free(&path);
            symlink(random.one_of(&["a.txt", "folder", "gone"]), &path).unwrap();
            format!("link {name}")
        }
        6 => {
            git(&["add", "--force", name]);
            format!("add {name}")
        }
        7 => {
            git(&["rm", "-r", "--quiet", "--cached", name]);
            format!("rm --cached {name}")
        }
        8 => {
            git(&["checkout", "--quiet", "HEAD", "--", name]);
            format!("checkout {name}")
        }
        9 => {
            git(&["add", "--intent-to-add", name]);
            format!("add --intent-to-add {name}")
        }
        10 => {
            git(&["status"]);
            "status".to_owned()
        }
        _ => {
            let version = random.one_of(&["2", "3", "4"]);
            git(&["update-index", "--index-version", version]);
            format!("index version {version}")
        }
    }
}

#[test]
fn the_working_tree_is_what_git_would_commit() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let repo = Repo::new(FIXTURE);
        let mut edits = format!("seed {seed}");
        check(&repo, &edits);
        for _ in 0..6 {
            for _ in 0..=random.below(2) {
                edits += ", ";
                edits += &edit(&mut random, &repo);
            }
            check(&repo, &edits);
        }
    }
}

#[test]
fn before_the_first_commit_everything_is_new() {
    let repo = Repo::empty();
    repo.write("//- a\n//- b/c\n//- b/.gitignore\nd\n//- b/d\n");
    let checkout = Checkout::open(repo.path()).unwrap();
    let tree = checkout.working_tree(&[]).unwrap();
    assert_eq!(tree.changed(), ["a", "b/.gitignore", "b/c"]);
}

/// What a configuration and a script, run in the repository of the fixture, leave as changed.
#[track_caller]
fn check_script(script: &str, changed: &[&str]) {
    let repo = Repo::new(FIXTURE);
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(repo.path())
        .envs(Repo::environment())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    let checkout = Checkout::open(repo.path()).unwrap();
    let tree = checkout.working_tree(&[]).unwrap();
    assert_eq!(tree.changed(), changed, "{script}");
}

#[test]
fn a_change_that_times_do_not_show_is_found() {
    // The time of the file is not before that of the index.
    for time in ["2100-01-01", "2100-01-01T00:00:00.5"] {
        let racy = |text| {
            format!(
                "git config core.trustctime false
                touch -d {time} a.txt; git add a.txt; ! git status --porcelain | grep a.txt
                echo {text} > a.txt; touch -d {time} a.txt"
            )
        };
        check_script(&racy("six"), &["a.txt"]);
        check_script(&racy("one"), &[]);
    }
    let hidden = "git update-index --assume-unchanged a.txt; echo six > a.txt";
    check_script(hidden, &["a.txt"]);
}

#[test]
fn what_git_does_not_count_as_a_change_is_none() {
    check_script("touch -d 2001-01-01 a.txt run.sh; chmod g+w a.txt", &[]);
    check_script("git config core.fileMode false; chmod +x a.txt", &[]);
    check_script("git rm -q --cached a.txt", &[]);
    check_script("mkdir -p empty/folders", &[]);
    check_script("mkfifo pipe", &[]);
    let converted = "echo 'folder/* text eol=crlf' > .git/info/attributes
        rm -r folder; git checkout -q folder; grep -q '\r' folder/a.txt; touch folder/a.txt";
    check_script(converted, &[]);
    check_script(
        &format!("{converted}; echo more >> folder/a.txt"),
        &["folder/a.txt"],
    );
}

#[test]
fn a_sparse_checkout_lacks_nothing() {
    for index in ["--no-sparse-index", "--sparse-index"] {
        let sparse = format!("git sparse-checkout set --cone {index} other; ! test -e folder");
        check_script(&sparse, &[]);
        check_script(&format!("{sparse}; rm other/d.txt"), &["other/d.txt"]);
    }
}

#[test]
fn a_repository_in_the_repository_is_one_change() {
    let script = "git init -q inner; echo x > inner/x; echo log > inner/x.log";
    check_script(script, &["inner"]);
    let kept = format!("{script}; echo inner > .gitignore");
    check_script(&kept, &[".gitignore"]);
}

#[test]
fn an_index_that_cannot_be_read_is_an_error() {
    let repo = Repo::new(FIXTURE);
    repo.git(&["update-index", "--split-index"]);
    let checkout = Checkout::open(repo.path()).unwrap();
    let error = checkout.working_tree(&[]).map(|_| ()).unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("--no-split-index"), "{text}");
}
