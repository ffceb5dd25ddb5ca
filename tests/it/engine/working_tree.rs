//! What is sent beside the files of the commit, on a real engine: generated files, those of
//! submodules and of git-lfs are, those that git ignores are not; and a folder that Docker reads
//! itself gives the same image.

use std::process::Command;

use crate::support::engine::{self, contents};
use crate::support::program;
use crate::support::repo::Repo;

const FIXTURE: &str = "\
//- .gitignore
*.jar
.env
//- .gitattributes
*.bin filter=lfs -text
//- clean +x
#!/bin/sh
set -e
cat > .git/content
oid=$(sha256sum .git/content | cut -d' ' -f1)
folder=.git/lfs/objects/$(echo $oid | cut -c1-2)/$(echo $oid | cut -c3-4)
size=$(wc -c < .git/content)
mkdir -p $folder
mv .git/content $folder/$oid
printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' $oid $size
//- app/.dockerignore
**/.git
**/tests
//- app/Dockerfile
FROM local/busybox:1
COPY . /app
//- app/model.bin
the weights
//- lib/code.c
int x;
//- lib/tests/test.c
";

#[test]
fn what_counts_is_sent() {
    let Some(engine) = engine::engine() else {
        return;
    };
    let repo = Repo::empty();
    repo.write(FIXTURE);
    let ours = engine.repository("us");
    repo.write(&format!(
        "//- .shipwright.json\n{{\"version\": 2, \"namespace\": \"{ours}\", \"generated\": [\"app/*.jar\"]}}\n"
    ));
    let script = "\
        mv lib .git/lib; (cd .git/lib; git init -q -b main; git add -A; git commit -qm lib)\n\
        git -c protocol.file.allow=always submodule --quiet add ./.git/lib app/lib\n\
        git config filter.lfs.clean ./clean; git config filter.lfs.smudge cat\n\
        git add -A; git commit -qm one; echo jar > app/app.jar; echo secret > app/.env\n\
        echo test > app/lib/tests/more.c";
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(repo.path())
        .envs(Repo::environment())
        .output()
        .expect("there is a shell");
    program::succeeded(&[script], &made);

    program::run(&repo, &["exec", "--quiet", "--tag", "sealed"]);
    let sealed = contents(&format!("{ours}/app:sealed"));
    let files: Vec<&str> = sealed.files.keys().map(String::as_str).collect();
    let ours_of: Vec<&str> = files
        .into_iter()
        .filter(|path| path.starts_with("/app/"))
        .collect();
    assert_eq!(
        ours_of,
        [
            "/app/.dockerignore",
            "/app/Dockerfile",
            "/app/app.jar",
            "/app/lib",
            "/app/lib/code.c",
            "/app/model.bin"
        ]
    );
    // The engine has it already: to be built from the folder it has to go.
    engine.clear();
    for path in ["app/.env", "app/lib/tests/more.c"] {
        std::fs::remove_file(repo.join(path)).unwrap();
    }
    let emitted = program::run(&repo, &["emit", "sh", "--tag", "folder"]);
    std::fs::write(repo.join(".git/build.sh"), emitted).unwrap();
    let built = Command::new("sh")
        .arg(".git/build.sh")
        .current_dir(repo.path())
        .output()
        .expect("there is a shell");
    program::succeeded(&["build.sh"], &built);
    assert_eq!(contents(&format!("{ours}/app:folder")).files, sealed.files);
}
