//! Laws of plans, over random repositories, without a builder.

use std::collections::{BTreeMap, BTreeSet};

use shipwright::plan::Plan;
use shipwright::planner::{Compiled, Options, compile};
use shipwright::tree::{File, Snapshot};

use crate::support::edits::edit;
use crate::support::generate::{Files, Random, config, repository, snapshot, text_of};

/// The plan of these files, if it can be made.
fn planned(files: &Files) -> Option<Compiled> {
    planned_as(&snapshot(files), files)
}

fn planned_as(snapshot: &Snapshot, files: &Files) -> Option<Compiled> {
    compile(snapshot, &config(files), &Options::default(), None).value()
}

fn fingerprints(plan: &Plan) -> BTreeMap<&str, &str> {
    let images = plan.images.iter();
    images
        .map(|image| (&*image.name, &*image.fingerprint))
        .collect()
}

/// Calls `law` for as many repositories, with random numbers, the files and what they compile to.
fn for_all(cases: u64, mut law: impl FnMut(&mut Random, Files, Compiled)) {
    let mut planned_cases = 0;
    for seed in 0..cases {
        let mut random = Random::new(seed);
        let files = repository(&mut random);
        if let Some(compiled) = planned(&files) {
            planned_cases += 1;
            law(&mut random, files, compiled);
        }
    }
    assert!(
        planned_cases > cases * 3 / 4,
        "only {planned_cases} can be planned"
    );
}

/// Names of the images that need one of these, directly or not, and these themselves.
fn with_dependents<'p>(plan: &'p Plan, images: &BTreeSet<&'p str>) -> BTreeSet<&'p str> {
    let mut reached = images.clone();
    for image in &plan.images {
        let mut needed = image.dependencies.iter();
        if needed.any(|dependency| reached.contains(&*dependency.image)) {
            reached.insert(&image.name);
        }
    }
    reached
}

/// Names of the images that read the file at a path.
fn readers<'c>(compiled: &'c Compiled, path: &str) -> BTreeSet<&'c str> {
    let images = compiled.plan.images.iter();
    let reads = images.filter(|image| {
        let contents = &compiled.files[&image.name];
        let own = [(&image.context, &contents.inputs)].into_iter();
        let named = image.contexts.iter();
        let named = named.filter_map(|(name, folder)| Some((folder, contents.contexts.get(name)?)));
        own.chain(named).any(|(folder, files)| {
            let below = path.strip_prefix(&format!("{folder}/"));
            below.is_some_and(|below| files.node(below).is_some())
        })
    });
    reads.map(|image| &*image.name).collect()
}

fn changed<'p>(before: &'p Plan, after: &'p Plan) -> BTreeSet<&'p str> {
    let (before, after) = (fingerprints(before), fingerprints(after));
    let names = before.keys().chain(after.keys()).copied();
    names
        .filter(|name| before.get(name) != after.get(name))
        .collect()
}

#[test]
fn the_order_of_files_does_not_matter_and_plans_read_back() {
    for_all(1000, |random, files, compiled| {
        let mut shuffled: Vec<_> = files
            .iter()
            .map(|(path, file)| (&**path, file.clone()))
            .collect();
        random.shuffle(&mut shuffled);
        let again = planned_as(&Snapshot::of_files(None, shuffled), &files).unwrap();
        let json = compiled.plan.to_json();
        assert_eq!(json, again.plan.to_json());
        assert_eq!(Plan::from_json(&json).unwrap(), compiled.plan);
    });
}

#[test]
fn a_touched_file_changes_exactly_its_readers_and_what_needs_them() {
    for_all(80, |random, files, compiled| {
        let is_link = |(path, file): (&String, &File)| {
            path.ends_with("dockerignore") && matches!(file, File::Link(_))
        };
        if files.iter().any(is_link) {
            return; // Such a file says what is read, and is no input by that.
        }
        let is_plain = |path: &&String| {
            let name = path.rsplit('.').next();
            name.is_some_and(|end| end == "txt" || end == "md")
        };
        for path in files.keys().filter(is_plain) {
            let mut files = files.clone();
            let Some(file) = files.get_mut(path) else {
                continue;
            };
            let bytes = text_of(Some(file)).into_bytes();
            *file = match random.below(4) {
                0 => File::Executable(bytes),
                1 => File::Link(bytes),
                2 => File::Plain(Vec::new()),
                _ => File::Plain([bytes.as_slice(), b"!"].concat()),
            };
            let after = planned(&files).unwrap();
            let expected = with_dependents(&compiled.plan, &readers(&compiled, path));
            assert_eq!(changed(&compiled.plan, &after.plan), expected, "{path}");
        }
    });
}

#[test]
fn what_nothing_reads_changes_nothing() {
    for_all(500, |random, files, compiled| {
        let mut files = files.clone();
        // Beside all contexts: in no folder, in one of its own, in one whose name begins like a
        // context's.
        for folder in ["", "docs/", "img0-notes/"] {
            let text = random.next().to_string().into_bytes();
            files.insert(format!("{folder}notes.txt"), File::Plain(text));
        }
        let after = planned(&files).unwrap();
        assert_eq!(compiled.plan.to_json(), after.plan.to_json());
    });
}

#[test]
fn layout_and_unreachable_stages_do_not_count() {
    for_all(400, |random, files, compiled| {
        for image in &compiled.plan.images {
            let mut files = files.clone();
            let text = text_of(files.get(&image.dockerfile));
            let text = match random.below(3) {
                // Inside a here-document it would be content.
                0 => ["FROM", "COPY", "RUN", "ARG", "ENV", "LABEL"].iter().fold(
                    text,
                    |text, word| {
                        text.replace(
                            &format!("\n{word} "),
                            &format!("\n\n  # A comment.\n{word} "),
                        )
                    },
                ),
                // The text of a trigger is in the image as it is written.
                1 => text
                    .replace("\nCOPY ", "\ncopy   ")
                    .replace("FROM ", "\tFrom  "),
                _ => text.replacen("FROM ", "FROM scratch AS unreachable\nCOPY . .\nFROM ", 1),
            };
            files.insert(image.dockerfile.clone(), File::Plain(text.into_bytes()));
            let after = planned(&files).unwrap();
            // Where it is copied, the Dockerfile is a file like any other.
            let expected = with_dependents(&compiled.plan, &readers(&compiled, &image.dockerfile));
            assert_eq!(
                changed(&compiled.plan, &after.plan),
                expected,
                "{}",
                image.name
            );
        }
    });
}

#[test]
fn every_difference_has_a_reason_and_nothing_else_does() {
    use shipwright::plan::ReasonKind;
    use shipwright::planner::{Earlier, reasons};
    for_all(1000, |random, mut files, compiled| {
        let what = edit(random, &mut files);
        let Some(after) = planned(&files) else {
            return;
        };
        let before = fingerprints(&compiled.plan).into_iter();
        let before: BTreeMap<String, String> = before
            .map(|(name, print)| (name.to_owned(), print.to_owned()))
            .collect();
        let earlier = Earlier {
            revision: String::new(),
            compiled: Some(compiled),
        };
        for image in &after.plan.images {
            let reasons = reasons(image, &after.files, &earlier);
            let same = before.get(&image.name).map(String::as_str) == Some(&*image.fingerprint);
            assert_eq!(
                same,
                reasons.is_empty(),
                "{what}: {} {reasons:?}",
                image.name
            );
            let vague = reasons
                .iter()
                .any(|reason| reason.kind == ReasonKind::Fingerprint);
            assert!(!vague, "{what}: {}", image.name);
        }
    });
}
