//! What is kept is what its name says, whatever happened to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use git2::{IndexEntry, IndexTime, Repository, Signature};
use tempfile::TempDir;

use super::*;
use crate::tree::snapshot::object_id;

/// A repository whose one commit holds these files: mode, path, content.
fn repository(files: &[(u32, &[u8], &[u8])]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let repository = Repository::init(folder.path()).expect("a repository");
    let mut index = repository.index().expect("an index");
    for (mode, path, content) in files {
        let zero = IndexTime::new(0, 0);
        let id = repository.blob(content).expect("a blob");
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: *mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.to_vec(),
        };
        index.add(&entry).expect("a legal path");
    }
    let tree = index.write_tree().expect("a tree");
    let tree = repository.find_tree(tree).expect("it was written");
    let signature = Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).expect("a name");
    repository
        .commit(Some("HEAD"), &signature, &signature, "c", &tree, &[])
        .expect("a commit");
    folder
}

const FILES: &[(u32, &[u8], &[u8])] = &[
    (0o100_644, b"folder/file", b"content"),
    (0o100_755, b"folder/program", b"content"),
    (0o120_000, b"folder/link", b"file"),
    (0o100_644, b"odd\xff", b"odd"),
];

/// The sealer of a repository's commit, and all that it holds.
fn sealer(repository: &TempDir) -> (Sealer, Arc<Folder>) {
    let checkout = Checkout::open(repository.path()).expect("a repository");
    let tree = checkout.commit("HEAD").expect("a commit");
    let sealer = Sealer::new(&checkout, &tree, BTreeSet::new());
    (sealer, Arc::clone(&tree.root))
}

/// Whether a context that is damaged like that is whole again for the next run.
#[track_caller]
fn check(damage: impl FnOnce(&Path)) {
    let repository = repository(FILES);
    let (first, files) = sealer(&repository);
    let kept = first.context(".", &files).expect("it can be written");
    let same = first.context(".", &files).expect("it is there");
    assert_eq!(same, kept);
    damage(&kept);
    let (next, files) = sealer(&repository);
    let kept = next.context(".", &files).expect("it can be written");
    let text = |path: &str| fs::read_to_string(kept.join(path)).expect("it is there");
    assert_eq!(text("folder/file"), "content");
    assert_eq!(text("folder/link"), "content");
    let repository = next.repository().expect("it is there");
    let writer = Writer {
        repository: &repository,
        sealer: &next,
    };
    assert!(writer.holds(".", &files, &kept));
    let others = fs::read_dir(next.kept.folder())
        .expect("it is there")
        .count();
    assert_eq!(others, 1, "nothing is left of the damaged one");
}

#[test]
fn what_is_damaged_is_made_anew() {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    check(|_| {});
    check(|kept| fs::write(kept.join("folder/file"), "CONTENT").expect("a file"));
    check(|kept| fs::write(kept.join("folder/file"), "").expect("a file"));
    check(|kept| fs::remove_file(kept.join("folder/file")).expect("a file"));
    check(|kept| fs::remove_file(kept.join("folder/link")).expect("a link"));
    check(|kept| fs::remove_dir_all(kept.join("folder")).expect("a folder"));
    check(|kept| fs::write(kept.join("folder/more"), "").expect("a file"));
    check(|kept| mode(&kept.join("folder/program"), 0o644));
    check(|kept| mode(&kept.join("folder/file"), 0o4644));
    check(|kept| mode(&kept.join("folder"), 0o700));
    check(|kept| {
        fs::remove_dir_all(kept).expect("a folder");
        fs::write(kept, "").expect("a file");
    });
    check(|kept| {
        let file = kept.join("folder/file");
        fs::remove_file(&file).expect("a file");
        symlink("program", &file).expect("a link");
    });
    check(|kept| {
        // The same, by way of a link to a copy that somebody may change.
        let copy = kept.parent().and_then(Path::parent).expect("its folders");
        fs::rename(kept, copy.join("copy")).expect("a name");
        symlink(copy.join("copy"), kept).expect("a link");
    });
}

#[test]
fn a_kept_dockerfile_is_held_against_its_id_too() {
    let repository = repository(FILES);
    let file = sealer(&repository).0.dockerfile(b"FROM scratch\n");
    let file = file.expect("it can be written");
    for name in ["Dockerfile", "Dockerfile.dockerignore"] {
        fs::write(file.with_file_name(name), "FROM evil\n").expect("a file");
        let again = sealer(&repository).0.dockerfile(b"FROM scratch\n");
        let again = again.expect("it can be written");
        let text = |name| fs::read_to_string(again.with_file_name(name)).expect("a file");
        assert_eq!(text("Dockerfile"), "FROM scratch\n");
        assert_eq!(text("Dockerfile.dockerignore"), "!*\n");
    }
}

#[test]
fn an_object_is_streamed_and_held_against_its_id() {
    let repository = repository(FILES);
    let (sealer, _) = sealer(&repository);
    let repository = sealer.repository().expect("it is there");
    let id = object_id(repository.blob(b"large").expect("a blob"));
    let writer = Writer {
        repository: &repository,
        sealer: &sealer,
    };
    let folder = TempDir::new().expect("a temporary folder");
    let to = folder.path().join("file");
    if writer.stream(id, &to) {
        assert_eq!(fs::read(&to).expect("it was written"), b"large");
        assert!(!writer.stream(id, &to), "it is there");
    }
    let none = folder.path().join("none");
    assert!(!writer.stream(ObjectId([7; 20]), &none));
    assert!(!none.exists());
}
