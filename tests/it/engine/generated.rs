//! Repositories thrown by dice: a few images that take from each other in every way there is.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::support::generate::Random;

/// A generated repository.
pub(super) struct Generated {
    /// Its files.
    pub(super) fixture: String,
    /// How many folders with a Dockerfile there are: `i0`, `i1` and so on, the images `us/i0`, `us/i1`.
    pub(super) folders: usize,
}

/// What the configuration says of the image of a folder.
#[derive(Default)]
struct Settings {
    /// A stage before the last can be built.
    has_stages: bool,
    /// The Dockerfile takes from the named context `extra`.
    takes_extra: bool,
}

/// Throws a repository. Every image has what it was built on below `/i<number>`, so that a wrong
/// base, argument, stage or context shows in its files.
pub(super) fn repository(dice: &mut Random) -> Generated {
    let folders = 3 + dice.below(3);
    let mut fixture = String::from("//- extra/file\nfrom a named context\n//- extra/not\ntaken\n");
    let mut images = Vec::new();
    for number in 0..folders {
        let (dockerfile, settings) = dockerfile(number, dice);
        let folder = format!("i{number}");
        write!(
            fixture,
            "//- {folder}/Dockerfile\n{dockerfile}\
             //- {folder}/version\n1\n\
             //- {folder}/bin/a b +x\necho {number}\n\
             //- {folder}/link -> version\n"
        )
        .unwrap();
        if dice.one_in(2) {
            write!(
                fixture,
                "//- {folder}/.dockerignore\nbin\n!bin/a*\nleft-out\n//- {folder}/left-out\nno\n"
            )
            .unwrap();
        }
        images.extend(entries(&folder, &settings, dice));
    }
    let config = json!({
        "version": 2,
        "namespace": "us",
        "images": images.into_iter().collect::<Map<_, _>>(),
        "labels": {"org.example.all": "it's \"all\""},
        "stamp_args": {"STAMP": "{{ revision }}"},
    });
    write!(fixture, "//- .shipwright.json\n{config:#}\n").unwrap();
    Generated { fixture, folders }
}

/// What the configuration says of the images of a folder: the one of its name, and perhaps further
/// ones of the same Dockerfile.
fn entries(folder: &str, settings: &Settings, dice: &mut Random) -> Vec<(String, Value)> {
    let mut own = json!({"dockerfile": format!("{folder}/Dockerfile")});
    if settings.takes_extra {
        own["contexts"] = json!({"extra": "extra"});
    }
    let mut all = Vec::new();
    if settings.has_stages {
        let mut middle = own.clone();
        middle["target"] = json!("mid");
        match dice.below(3) {
            0 => own = middle,
            1 => all.push((format!("us/{folder}-middle"), middle)),
            _ => {}
        }
    }
    if dice.one_in(3) {
        let mut other = own.clone();
        other["build_args"] = json!({"WHO": "another $one"});
        all.push((format!("us/{folder}:another"), other));
    }
    if dice.one_in(3) {
        own["labels"] = json!({"org.example.one": folder});
    }
    all.push((format!("us/{folder}"), own));
    all
}

/// The Dockerfile of an image, which may need those of lower numbers.
fn dockerfile(number: usize, dice: &mut Random) -> (String, Settings) {
    let mut settings = Settings::default();
    let folder = format!("i{number}");
    let other = |dice: &mut Random| (number > 0).then(|| dice.below(number));
    let mut text = String::new();
    let base = match other(dice) {
        Some(base) if dice.one_in(2) => {
            writeln!(text, "ARG BASE=us/i{base}").unwrap();
            "$BASE".to_owned()
        }
        Some(base) if !dice.one_in(4) => format!("us/i{base}"),
        _ => "local/busybox:1".to_owned(),
    };
    write!(
        text,
        "FROM {base} AS base\n\
         USER 0:0\n\
         ARG WHO=nobody STAMP\n\
         ENV WHO_{number}=\"$WHO\" PLACE=/{folder}\n\
         COPY version /{folder}/version\n\
         RUN echo \"$WHO\" > /{folder}/who\n\
         FROM base AS mid\n\
         WORKDIR /{folder}/work\n\
         COPY . .\n"
    )
    .unwrap();
    if dice.one_in(2) {
        settings.has_stages = true;
        write!(
            text,
            "FROM base\nCOPY --from=mid /{folder}/work /copied-{number}\n"
        )
        .unwrap();
    }
    if let Some(from) = other(dice) {
        let flags = ["", "--chown=7:8 ", "--chmod=640 "][dice.below(3)];
        writeln!(
            text,
            "COPY {flags}--from=us/i{from} /i{from}/version /{folder}/of-i{from}"
        )
        .unwrap();
    }
    if let Some(from) = other(dice) {
        writeln!(
            text,
            "RUN --mount=type=bind,from=us/i{from},target=/other \
             cat /other/i{from}/who > /{folder}/mounted"
        )
        .unwrap();
    }
    if dice.one_in(3) {
        settings.takes_extra = true;
        writeln!(text, "COPY --from=extra file /{folder}/extra").unwrap();
    }
    if dice.one_in(4) {
        writeln!(text, "ONBUILD COPY version /triggered-{number}").unwrap();
    }
    let last = [
        "USER 7:8",
        "CMD [\"sh\", \"-c\", \"it's\"]",
        "EXPOSE 80/udp",
        "VOLUME /v",
    ];
    text.push_str(last[dice.below(last.len())]);
    text.push('\n');
    (text, settings)
}
