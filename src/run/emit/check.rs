//! What a plan may hold that a format cannot carry: refused with the value's place, never altered.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::quote::comment;
use super::{Files, Format, bake, jobs};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::plan::{Image, Plan};

/// Every reason why the plan cannot be written in that format.
pub(super) fn problems(plan: &Plan, format: Format) -> Diagnostics {
    let mut problems = Diagnostics::new();
    problems.extend(digits("a revision", &plan.source.revision));
    for image in &plan.images {
        problems.extend(digits("a fingerprint", &image.fingerprint));
        problems.extend(references(image));
        problems.extend(dependencies(plan, image));
        problems.extend(keys(image));
        problems.extend(values(image, format));
        if format == Format::Bake {
            problems.extend(remote_context(image));
        }
    }
    if format == Format::Bake {
        problems.extend(bake::relay::problems(plan));
    }
    if matches!(format, Format::Github | Format::Gitlab) {
        problems.extend(jobs::problems(plan));
    }
    problems
}

/// Those of some characters that a text of an image or of its files holds, so that its quoting needs a
/// definition.
pub(super) fn held_by_texts(plan: &Plan, files: &Files, characters: &[char]) -> BTreeSet<char> {
    let mut found = BTreeSet::new();
    let files = serde_json::to_value(files).expect("files hold nothing that JSON cannot");
    for value in plan.images.iter().map(as_json).chain([files]) {
        texts(&value, &mut String::new(), &mut |_, text| {
            found.extend(characters.iter().filter(|c| text.contains(**c)));
        });
    }
    found
}

fn digits(what: &str, text: &str) -> Option<Diagnostic> {
    let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
    let message = || format!("`{}` is not {what}", comment(text));
    (!good).then(|| Diagnostic::new(Code::PlanDigits, message()))
}

/// Names and references hold nothing but the characters of image references, so that they can
/// stand in a `FROM`, and as the name of a target where only a colon is special.
fn references(image: &Image) -> Vec<Diagnostic> {
    let refuse = |what: &str, text: &str| {
        let message = format!("`{}` is not {what}", comment(text));
        Diagnostic::new(Code::PlanReference, message)
    };
    let legal = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || more.contains(c))
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._/:-".contains(c) || more.contains(c))
    };
    let mut problems = Vec::new();
    if !legal(&image.name, "") {
        problems.push(refuse("the name of an image", &image.name));
    }
    let needs = &image.dependencies;
    let contents = needs.iter().filter_map(|need| need.content.as_ref());
    let bound = needs.iter().map(|need| &need.reference);
    for reference in [&image.reference]
        .into_iter()
        .chain(&image.tags)
        .chain(contents)
        .chain(bound)
    {
        if !legal(reference, "@[]") {
            problems.push(refuse("an image reference", reference));
        }
    }
    problems
}

fn dependencies(plan: &Plan, image: &Image) -> Vec<Diagnostic> {
    let missing = image
        .dependencies
        .iter()
        .filter(|d| plan.content_reference(d).is_none());
    missing
        .map(|dependency| {
            let message = format!(
                "`{}` depends on `{}`, which is not in the plan, and the plan lacks its content reference",
                image.name, dependency.image
            );
            Diagnostic::new(Code::PlanDependency, message).help("plan it too, with `--upto`")
        })
        .collect()
}

/// `--build-arg NAME=VALUE` and its like end the name at the first `=`.
fn keys(image: &Image) -> Vec<Diagnostic> {
    let maps = [
        ("build argument", &image.build_args),
        ("build argument", &image.stamp_args),
        ("label", &image.labels),
        ("named context", &image.contexts),
    ];
    let keys = maps
        .iter()
        .flat_map(|(what, map)| map.keys().map(move |key| (what, key)));
    let bad = keys.filter(|(_, key)| key.is_empty() || key.contains('='));
    bad.map(|(what, key)| {
        let key = comment(key);
        let message = format!("a {what} of `{}` cannot be named `{key}`", image.name);
        Diagnostic::new(Code::PlanKey, message)
    })
    .collect()
}

fn values(image: &Image, format: Format) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    texts(&as_json(image), &mut String::new(), &mut |path, text| {
        if let Err(reason) = format.language().quote(text) {
            let what = format!("`{}` of `{}` {reason}", comment(path), comment(&image.name));
            let problem = Diagnostic::new(Code::UnquotableValue, what)
                .help(format!("it is `{}`", comment(text)));
            problems.push(problem);
        }
    });
    problems
}

/// bake takes such a folder for a remote repository, even with `./` before it.
fn remote_context(image: &Image) -> Option<Diagnostic> {
    let context = image.context.as_str();
    let word = |part: &str, more: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let is_ssh = context.split_once('@').is_some_and(|(user, rest)| {
        let host = rest.split_once(':').map(|(host, _)| host);
        word(user, "-_") && host.is_some_and(|host| word(host, "-."))
    });
    (is_ssh || context.starts_with("github.com/")).then(|| {
        let message = format!(
            "bake would treat the context `{}` of `{}` as a remote repository",
            comment(context),
            image.name
        );
        Diagnostic::new(Code::BakeRemoteContext, message)
            .help("rename the folder, or run the plan with make, sh or exec")
    })
}

fn as_json(image: &Image) -> Value {
    serde_json::to_value(image).expect("a plan holds nothing that JSON cannot")
}

/// Every string below a value, keys included, with its path (`build_args.CERT`, `tags[1]`).
fn texts(value: &Value, path: &mut String, found: &mut impl FnMut(&str, &str)) {
    let length = path.len();
    match value {
        Value::String(text) => found(path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                texts(item, path, found);
                path.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                found(path, key);
                texts(item, path, found);
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
