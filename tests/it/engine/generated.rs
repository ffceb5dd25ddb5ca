//! Repositories thrown by dice: a few images that take from each other in every way there is.

use std::fmt::Write;

/// Dice that fall the same way for the same seed: `SplitMix64`.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % sides as u64).expect("below `sides`")
    }

    /// Yes, one time in `sides`.
    pub(super) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// A generated repository.
pub(super) struct Generated {
    /// Its files.
    pub(super) fixture: String,
    /// Images that can be built up to their stage `mid`, by folder.
    pub(super) with_stage: Vec<String>,
    /// Images that take from the named context `extra`, by folder.
    pub(super) with_context: Vec<String>,
    /// How many images there are: `us/i0`, `us/i1` and so on, in folders of these names.
    pub(super) images: usize,
}

/// Throws a repository. Every image has what it was built on below `/i<number>`, so that a wrong
/// base, argument, stage or context shows in its files.
pub(super) fn repository(dice: &mut Dice) -> Generated {
    let images = 3 + dice.roll(3);
    let mut generated = Generated {
        fixture: "//- .shipwright.json\n{\"version\": 2, \"namespace\": \"us\"}\n\
            //- extra/file\nfrom a named context\n"
            .to_owned(),
        with_stage: Vec::new(),
        with_context: Vec::new(),
        images,
    };
    for number in 0..images {
        let dockerfile = dockerfile(number, dice, &mut generated);
        let folder = format!("i{number}");
        write!(
            generated.fixture,
            "//- {folder}/Dockerfile\n{dockerfile}\
             //- {folder}/version\n1\n\
             //- {folder}/bin/a b +x\necho {number}\n\
             //- {folder}/link -> version\n"
        )
        .unwrap();
        if dice.one_in(2) {
            write!(
                generated.fixture,
                "//- {folder}/.dockerignore\nbin\n!bin/a*\nleft-out\n//- {folder}/left-out\nno\n"
            )
            .unwrap();
        }
    }
    generated
}

/// The Dockerfile of an image, which may need those of lower numbers.
fn dockerfile(number: usize, dice: &mut Dice, generated: &mut Generated) -> String {
    let folder = format!("i{number}");
    let other = |dice: &mut Dice| (number > 0).then(|| dice.roll(number));
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
         ARG WHO=nobody\n\
         ENV WHO_{number}=\"$WHO\" PLACE=/{folder}\n\
         COPY version /{folder}/version\n\
         RUN echo \"$WHO\" > /{folder}/who\n\
         FROM base AS mid\n\
         WORKDIR /{folder}/work\n\
         COPY . .\n"
    )
    .unwrap();
    if dice.one_in(2) {
        generated.with_stage.push(folder.clone());
        write!(
            text,
            "FROM base\nCOPY --from=mid /{folder}/work /copied-{number}\n"
        )
        .unwrap();
    }
    if let Some(from) = other(dice) {
        let flags = ["", "--chown=7:8 ", "--chmod=640 "][dice.roll(3)];
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
        generated.with_context.push(folder.clone());
        writeln!(text, "COPY --from=extra file /{folder}/extra").unwrap();
    }
    if dice.one_in(4) {
        writeln!(text, "ONBUILD RUN echo {number} >> /triggered").unwrap();
    }
    let last = [
        "USER 7:8",
        "CMD [\"sh\", \"-c\", \"it's\"]",
        "EXPOSE 80/udp",
        "VOLUME /v",
    ];
    text.push_str(last[dice.roll(last.len())]);
    text.push('\n');
    text
}
