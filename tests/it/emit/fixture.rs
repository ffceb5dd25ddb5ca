//! A plan of five images over a real checkout, and the runners that are to agree on it.

use std::fs;
use std::process::Output;

use shipwright::plan::{Dependency, Image, Plan};
use shipwright::run::emit::{Files, Format, emit};

use super::noting_docker::NotingDocker;
use crate::support::plans::{self, set_fingerprint};
use crate::support::repo::Repo;

/// The tree of the plan: python ← shared ← service1, service2; admin takes from shared and service1.
pub(crate) const TREE: &str = "\
//- python/Dockerfile
FROM local/busybox:1
COPY run.sh /
ONBUILD ENV TRIGGERED=no
//- python/run.sh +x
echo python
//- shared/Dockerfile
FROM x/python
ARG WHO=nobody
RUN echo $WHO >/who
//- services/service1/Dockerfile
FROM x/shared AS build
RUN echo built >/built
FROM build AS prod
//- docker/service2.Dockerfile
FROM x/shared
COPY . /src
//- docker/service2.Dockerfile.dockerignore
ignored
//- services/service2/ignored
no
//- services/service2/main
yes
//- services/admin/Dockerfile
FROM x/shared
COPY --from=x/service1 /built /
";

/// An image `name` built from `context`, needing `needs`; every other field at its simplest.
pub(crate) fn image(name: &str, context: &str, needs: &[&str]) -> Image {
    let mut image = plans::plan("", "any").images.remove(0);
    name.clone_into(&mut image.name);
    name.clone_into(&mut image.repository);
    context.clone_into(&mut image.context);
    image.dockerfile = format!("{context}/Dockerfile");
    image.tags = vec![format!("{name}:main"), format!("{name}:1")];
    let needs = needs.iter().map(|need| Dependency {
        image: (*need).to_owned(),
        reference: (*need).to_owned(),
        content: None,
        across: std::collections::BTreeMap::new(),
        via: Vec::new(),
    });
    image.dependencies = needs.collect();
    set_fingerprint(&mut image, 0);
    image
}

/// A plan of those images at a revision.
pub(crate) fn plan(revision: &str, images: Vec<Image>) -> Plan {
    let mut plan = plans::plan("", "any");
    revision.clone_into(&mut plan.source.revision);
    plan.images = images;
    plan
}

/// The plan of [`TREE`] at no revision, with the waves of its images.
pub(crate) fn waves() -> Plan {
    let mut plan = five(&"0".repeat(40));
    for (image, wave) in plan.images.iter_mut().zip([0, 1, 2, 2, 3]) {
        image.wave = wave;
    }
    plan
}

/// The plan of [`TREE`] at a revision.
pub(crate) fn five(revision: &str) -> Plan {
    let mut shared = image("x/shared", "shared", &["x/python"]);
    shared.build_args.insert("WHO".to_owned(), "us".to_owned());
    let mut service1 = image("x/service1", "services/service1", &["x/shared"]);
    service1.target = Some("prod".to_owned());
    let mut service2 = image("x/service2", "services/service2", &["x/shared"]);
    service2.dockerfile = String::from("docker/service2.Dockerfile");
    let admin = image("x/admin", "services/admin", &["x/service1", "x/shared"]);
    let python = image("x/python", "python", &[]);
    plan(revision, vec![python, shared, service1, service2, admin])
}

/// What runs an emitted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    Make,
    Dash,
    Busybox,
}

impl Runner {
    pub(crate) const ALL: [Self; 3] = [Self::Make, Self::Dash, Self::Busybox];

    pub(crate) fn format(self) -> Format {
        match self {
            Self::Make => Format::Make,
            Self::Dash | Self::Busybox => Format::Sh,
        }
    }

    /// The program and its arguments before the name of the emitted file.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Make => &["make", "-f"],
            Self::Dash => &["dash"],
            Self::Busybox => &["busybox", "sh"],
        }
    }
}

/// A checkout with an emitted file at its top, and a `docker` that only notes what it is asked.
pub(crate) struct Bench {
    pub(crate) repo: Repo,
    pub(crate) docker: NotingDocker,
    pub(crate) runner: Runner,
    /// The root of the plan, below the top of the checkout; empty for the top itself.
    pub(crate) root: &'static str,
    /// Further variables of the environment.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Bench {
    /// The checkout of a tree.
    #[track_caller]
    pub(crate) fn new(runner: Runner, tree: &str) -> Self {
        let (repo, docker) = (Repo::new(tree), NotingDocker::new());
        let (root, env) = ("", Vec::new());
        Self {
            repo,
            docker,
            runner,
            root,
            env,
        }
    }

    /// The current revision.
    pub(crate) fn head(&self) -> String {
        self.repo.git(&["rev-parse", "HEAD"])
    }

    /// Writes the file that the plan compiles to, whose files are all in the revision.
    #[track_caller]
    pub(crate) fn emit(&self, plan: &Plan) {
        let files = Files {
            root: self.root.to_owned(),
            ..Files::default()
        };
        self.emit_with(plan, &files);
    }

    /// Writes the file that the plan compiles to.
    #[track_caller]
    pub(crate) fn emit_with(&self, plan: &Plan, files: &Files) {
        let text = emit(plan, files, self.runner.format()).expect("a plan that can be emitted");
        fs::write(self.repo.join(self.root).join("emitted"), text).unwrap();
    }

    /// Runs the emitted file.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let words = self.runner.words();
        let mut command = self.docker.command(words[0], &self.repo.join(self.root));
        command.args(&words[1..]).arg("emitted").args(arguments);
        // A make around this test run is not to reach the one within it.
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
            .output()
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Runs it and expects success.
    #[track_caller]
    pub(crate) fn runs(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{:?} {arguments:?}: {stderr}",
            self.runner
        );
    }

    /// Runs it and expects failure with a message that holds each of the texts.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], says: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success(),
            "{:?} {arguments:?}: {stderr}",
            self.runner
        );
        for text in says {
            assert!(
                stderr.contains(text),
                "{:?}: {text:?} is not in {stderr}",
                self.runner
            );
        }
    }

    /// What docker was asked that changes something, in short: `build x/shared`, `tag x/shared:1`,
    /// `push x/shared:1`; a content reference without its digits.
    #[track_caller]
    pub(crate) fn did(&self) -> Vec<String> {
        self.docker
            .calls()
            .iter()
            .filter_map(|call| in_short(call))
            .collect()
    }
}

fn in_short(call: &[String]) -> Option<String> {
    let brief = |reference: &String| match reference.split_once(":sw-") {
        Some((name, _)) => name.to_owned(),
        None => reference.clone(),
    };
    let words: Vec<&str> = call.iter().map(String::as_str).collect();
    match words[..] {
        ["buildx", "build", ..] => {
            let tag = call.iter().skip_while(|word| *word != "--tag").nth(1);
            Some(format!("build {}", brief(tag.expect("a build has a tag"))))
        }
        ["tag", ..] => Some(format!("tag {}", brief(&call[2]))),
        ["push", ..] => Some(format!("push {}", brief(&call[1]))),
        ["image", "inspect", ..]
        | ["buildx", "imagetools", ..]
        | ["context", "show"]
        | ["info", ..] => None,
        _ => panic!("docker was asked {call:?}"),
    }
}
