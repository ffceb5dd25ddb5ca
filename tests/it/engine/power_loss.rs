//! What the disk holds at any moment of a run leads to the right images, or to an error.
//!
//! The checkout lies on a file system in a file. A copy of that file, taken while `exec` runs, is what a
//! power loss would leave. `SHIPWRIGHT_POWER_LOSSES` is the number of moments, 4 where it is not set.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::engine::{self, Engine, contents, sha256};
use crate::support::program::shipwright;
use crate::support::repo::Repo;
use crate::support::skip::skip;

const IMAGES: usize = 6;
/// How long a run takes at least, in milliseconds.
const RUN: u64 = 3_000;

/// Names of files reach the disk after a second, their contents much later: what is not written durably
/// is seen half done.
const OPTIONS: &str = "loop,commit=1";

/// A file system in a file.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// An empty one; nothing but a loud line where none can be made here.
    fn new() -> Option<Self> {
        let folder = TempDir::with_prefix("shipwright-disk-").expect("a temporary folder");
        let disk = Self { folder };
        let image = disk.image();
        let made = run(Command::new("truncate").args(["--size=64M"]).arg(&image))
            && run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        if !made {
            skip("mkfs.ext4 to make a file system");
            return None;
        }
        Some(disk)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// What a power loss would leave at this moment.
    fn copy(&self) -> Self {
        let folder = TempDir::with_prefix("shipwright-disk-").expect("a temporary folder");
        let copy = Self { folder };
        let mut command = Command::new("cp");
        assert!(run(command.arg(self.image()).arg(copy.image())));
        copy
    }

    /// A repository on it; nothing but a loud line where it cannot be mounted here.
    fn repository(&self) -> Option<Mounted> {
        let repo = Repo::empty();
        let mut command = Command::new("mount");
        if run(command
            .args(["-o", OPTIONS])
            .arg(self.image())
            .arg(repo.path()))
        {
            return Some(Mounted { repo });
        }
        skip("loop devices and root to mount a file system");
        None
    }
}

/// A repository on a mounted file system.
struct Mounted {
    repo: Repo,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(self.repo.path()));
    }
}

fn run(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn sync(folder: &Path) {
    assert!(run(Command::new("sync").arg("--file-system").arg(folder)));
}

/// The files of one version of all images.
fn fixture(engine: &Engine, version: u64) -> String {
    let namespace = engine.repository("us");
    let mut fixture =
        format!("//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{namespace}\"}}\n");
    for image in 0..IMAGES {
        let text = format!(
            "//- i{image}/Dockerfile\nFROM {base}\nCOPY app lib /app/\nRUN sleep 0.2; echo {namespace}\n\
             //- i{image}/app\n{image} {version}\n//- i{image}/lib/deep/file\nlib of {version}\n",
            base = engine::BASE
        );
        fixture.push_str(&text);
    }
    fixture
}

#[test]
fn what_the_disk_holds_after_a_power_loss_is_whole_or_refused() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let Some(disk) = Disk::new() else { return };
    let Some(mounted) = disk.repository() else {
        return;
    };
    let repo = &mounted.repo;
    repo.git(&["init", "--quiet", "--initial-branch=main"]);
    let count = std::env::var("SHIPWRIGHT_POWER_LOSSES");
    let count: u64 = count.map_or(4, |count| count.parse().expect("a number"));
    for index in 0..count {
        repo.write(&fixture(&engine, index));
        repo.commit("Change everything");
        sync(repo.path());
        let mut child = shipwright(repo, ".")
            .args(["exec", "--quiet", "-j2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program was built");
        sleep(Duration::from_millis(index * RUN / count));
        let left = disk.copy();
        child.kill().expect("it can be killed");
        child.wait().expect("it was started");
        engine.clear();

        let after = left.repository().expect("the first could be mounted");
        let output = shipwright(&after.repo, ".")
            .args(["exec", "--quiet"])
            .output()
            .expect("the program was built");
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            assert!(stderr.contains("error["), "{index} of {count}: {stderr}");
            continue;
        }
        for image in 0..IMAGES {
            let built = contents(&engine.repository(&format!("us/i{image}:main")));
            let is_text = |path: &str, text: &str| {
                let file = built.files.get(path);
                file.is_some_and(|file| file.sha256 == sha256(text.as_bytes()))
            };
            assert!(
                is_text("/app/app", &format!("{image} {index}\n"))
                    && is_text("/app/deep/file", &format!("lib of {index}\n")),
                "{index} of {count}: image {image} has other contents: {stderr}"
            );
        }
        engine.clear();
    }
}
