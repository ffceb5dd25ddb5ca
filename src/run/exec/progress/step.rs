//! What a line of `docker buildx build --progress=plain` says is being done, in words.

/// The step that a line tells of; none where it tells of nothing new.
pub(super) fn step(line: &str) -> Option<String> {
    let line = line.trim();
    if !line.contains(' ') {
        return (!line.is_empty() && !line.starts_with('#')).then(|| line.to_owned());
    }
    let Some(rest) = of_a_vertex(line) else {
        return Some(line.to_owned());
    };
    let first = rest.split(' ').next().unwrap_or_default();
    match first {
        // The step that ended was told of when it began.
        "DONE" | "CACHED" | "CANCELED" | "" | "..." => None,
        "ERROR:" => Some(rest.to_owned()),
        _ if first.starts_with("sha256:") => downloading(rest),
        _ if first.parse::<f64>().is_ok() => said(line).map(str::to_owned),
        // The builder was chosen before.
        "building" if rest.starts_with("building with ") => None,
        "transferring" => transferring(rest),
        "resolve" => Some(format!("looking up {}", last(rest))),
        "extracting" => Some("unpacking a base image".to_owned()),
        "exporting" => Some("exporting the image".to_owned()),
        "writing" | "naming" | "unpacking" => Some("storing the image".to_owned()),
        "pushing" => Some("pushing the image".to_owned()),
        "preparing" | "sending" | "importing" => Some(rest.to_owned()),
        _ => Some(named(rest)),
    }
}

/// `#5 …`: what BuildKit says of one of its steps.
fn of_a_vertex(line: &str) -> Option<&str> {
    let (number, rest) = line.trim().strip_prefix('#')?.split_once(' ')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| rest.trim())
}

/// `#5 0.312 compiling`: what an instruction printed; none for other lines and for blanks.
pub(in crate::run) fn said(line: &str) -> Option<&str> {
    let (seconds, output) = of_a_vertex(line)?.split_once(' ')?;
    seconds.parse::<f64>().ok()?;
    let output = output.trim();
    (!output.is_empty()).then_some(output)
}

/// `sha256:… 12.3MB / 45.6MB 1.2s`: a layer of a base image.
fn downloading(rest: &str) -> Option<String> {
    let mut words = rest.split(' ').skip(1);
    let (have, slash, all) = (words.next()?, words.next()?, words.next()?);
    (slash == "/").then(|| format!("downloading a layer, {have} of {all}"))
}

/// `transferring context: 2.1MB 0.3s`.
fn transferring(rest: &str) -> Option<String> {
    let (what, size) = rest.split_once(": ")?;
    let what = match what.strip_prefix("transferring ").unwrap_or(what) {
        "dockerfile" => "the Dockerfile",
        "context" => "the context",
        other => other,
    };
    let size = size.split(' ').next().unwrap_or_default();
    Some(format!("sending {what}, {size}"))
}

/// `[build 3/7] RUN make`, and what BuildKit does by itself.
fn named(rest: &str) -> String {
    let Some((label, text)) = rest
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    else {
        return rest.to_owned();
    };
    if label == "internal" {
        return match text {
            "load .dockerignore" => "reading .dockerignore".to_owned(),
            "load build context" => "sending the context".to_owned(),
            _ if text.starts_with("load build definition") => "reading the Dockerfile".to_owned(),
            _ if text.starts_with("load metadata for ") => format!("looking up {}", last(text)),
            _ => text.to_owned(),
        };
    }
    match label.rsplit_once(' ') {
        // BuildKit's name for the last stage, where it has none.
        Some((stage, count)) if count.contains('/') && stage.starts_with("stage-") => {
            format!("step {}: {text}", count.replace('/', " of "))
        }
        Some((stage, count)) if count.contains('/') => {
            format!(
                "step {} of stage {stage}: {text}",
                count.replace('/', " of ")
            )
        }
        None if label.contains('/') => format!("step {}: {text}", label.replace('/', " of ")),
        _ => format!("{label}: {text}"),
    }
}

fn last(text: &str) -> &str {
    text.rsplit(' ').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_buildkit_in_words() {
        for (line, expected) in [
            (
                "#0 building with \"default\" instance using docker driver",
                None,
            ),
            (
                "#1 [internal] load build definition from Dockerfile",
                Some("reading the Dockerfile"),
            ),
            (
                "#1 transferring dockerfile: 105B done",
                Some("sending the Dockerfile, 105B"),
            ),
            ("#1 DONE 0.0s", None),
            (
                "#2 [internal] load metadata for docker.io/library/alpine:3",
                Some("looking up docker.io/library/alpine:3"),
            ),
            ("#5 [2/5] RUN make", Some("step 2 of 5: RUN make")),
            ("#5 [stage-1 2/5] RUN make", Some("step 2 of 5: RUN make")),
            (
                "#6 [build 3/7] COPY . .",
                Some("step 3 of 7 of stage build: COPY . ."),
            ),
            ("#6 0.312 compiling", Some("compiling")),
            ("#6 0.400", None),
            (
                "#6 sha256:0a1b 12.3MB / 45.6MB 1.2s",
                Some("downloading a layer, 12.3MB of 45.6MB"),
            ),
            ("#6 sha256:0a1b done", None),
            ("#6 CACHED", None),
            ("#7 exporting to image", Some("exporting the image")),
            (
                "#7 writing image sha256:0a1b done",
                Some("storing the image"),
            ),
            (
                "#5 ERROR: process \"/bin/sh -c false\" did not complete",
                Some("ERROR: process \"/bin/sh -c false\" did not complete"),
            ),
            ("#8", None),
            ("", None),
            (
                "The push refers to repository [r/x]",
                Some("The push refers to repository [r/x]"),
            ),
            ("#", None),
            ("#x y", Some("#x y")),
        ] {
            assert_eq!(step(line).as_deref(), expected, "{line}");
        }
    }
}
