//! What a run did, for people and for tools.

mod table;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::diagnostics::Diagnostics;
use crate::plan::{Image, Plan, Reason};

/// The version of the file that a report is written to.
const VERSION: u32 = 1;

/// What wrote a report.
pub(super) const PROGRAM: &str = concat!("shipwright ", env!("CARGO_PKG_VERSION"));

/// A moment; a report has it as RFC 3339 in UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub SystemTime);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = OffsetDateTime::from(self.0);
        let milliseconds = moment.replace_millisecond(moment.millisecond());
        let text = milliseconds
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        text.serialize(serializer)
    }
}

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its build succeeded.
    Built,
    /// It existed in its registry and was fetched from there.
    Fetched,
    /// Its parts existed in its registry and were joined there.
    Joined,
    /// It existed; readable tags were moved to it.
    Retagged,
    /// It existed, and there was nothing to do.
    Skipped,
    /// Its build or its push failed.
    Failed,
    /// Its build or its push was ended because the run was stopped.
    Stopped,
    /// Its turn never came: something that it needs failed, or the run ended before.
    NotBuilt,
}

impl Outcome {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Fetched => "fetched",
            Self::Joined => "joined",
            Self::Retagged => "re-tagged",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::NotBuilt => "not built",
        }
    }

    /// The word for people where nothing was done yet.
    pub(in crate::run) fn word_ahead(self) -> &'static str {
        match self {
            Self::Built => "to build",
            Self::Fetched => "to fetch",
            Self::Joined => "to join",
            Self::Retagged => "to re-tag",
            Self::Skipped => "unchanged",
            Self::Failed | Self::Stopped | Self::NotBuilt => self.word(),
        }
    }
}

/// What a run did with one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// The image's name.
    pub name: String,
    /// Its content reference.
    pub reference: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why the plan has it built or not, as the plan says it.
    pub reasons: Vec<Reason>,
    /// The platforms that it is built for; empty for the builder's own.
    pub platforms: Vec<String>,
    /// When its build, fetch or push began; none where nothing ran.
    pub start: Option<Moment>,
    /// When that ended.
    pub end: Option<Moment>,
    /// How long its build and push took.
    #[serde(serialize_with = "seconds")]
    pub time: Duration,
    /// Bytes that it takes in the engine, layers shared with others included; none where the engine does
    /// not hold it.
    pub size: Option<u64>,
    /// The engine's id of the image, if the engine holds it.
    pub id: Option<String>,
    /// The digest of its manifest in the registry, if it was found or put there.
    pub digest: Option<String>,
    /// The readable references that were moved to it.
    pub tags: Vec<String>,
    /// Where the log of its build is.
    pub log: Option<PathBuf>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What ran: the program and its version.
    pub program: &'static str,
    /// The commit that was planned; none where there is no plan.
    pub revision: Option<String>,
    /// The branch that was planned, if any.
    pub branch: Option<String>,
    /// When the run began; none where it could not.
    pub start: Option<Moment>,
    /// When it ended.
    pub end: Option<Moment>,
    /// Whether this only says what a run would do.
    pub dry_run: bool,
    /// The images, in the order of the plan.
    pub images: Vec<ImageReport>,
    /// How long all of it took.
    #[serde(serialize_with = "seconds")]
    pub time: Duration,
    /// What went wrong.
    #[serde(skip)]
    pub problems: Diagnostics,
}

/// A report as it is written to a file.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    succeeded: bool,
    #[serde(flatten)]
    report: &'a Report,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
}

impl Report {
    /// The report of a run that could not start, for there is no plan or for another reason.
    pub(crate) fn not_started(plan: Option<&Plan>, problems: &Diagnostics, dry_run: bool) -> Self {
        let images = plan.map_or(&[][..], |plan| &plan.images);
        let image = |image: &Image| ImageReport {
            name: image.name.clone(),
            reference: image.reference.clone(),
            outcome: Outcome::NotBuilt,
            reasons: image.reasons.clone(),
            platforms: image.platforms.clone(),
            start: None,
            end: None,
            time: Duration::ZERO,
            size: None,
            id: None,
            digest: None,
            tags: Vec::new(),
            log: None,
        };
        Self {
            program: PROGRAM,
            revision: plan.map(|plan| plan.source.revision.clone()),
            branch: plan.and_then(|plan| plan.source.branch.clone()),
            start: None,
            end: None,
            dry_run,
            images: images.iter().map(image).collect(),
            time: Duration::ZERO,
            problems: problems.clone(),
        }
    }

    /// Whether every image exists and carries its tags.
    pub fn succeeded(&self) -> bool {
        !self.problems.has_errors()
    }

    /// The report as a file for tools, as `docs/running.md` describes it: two-space indent, one
    /// final newline.
    pub fn to_json(&self) -> String {
        let problems = self.problems.iter().map(|problem| Problem {
            severity: problem.severity.as_str(),
            code: problem.code.as_str(),
            message: &problem.message,
        });
        let document = Document {
            version: VERSION,
            succeeded: self.succeeded(),
            report: self,
            problems: problems.collect(),
        };
        let mut text = serde_json::to_string_pretty(&document)
            .expect("a report holds nothing that JSON cannot");
        text.push('\n');
        text
    }

    fn word(&self, outcome: Outcome) -> &'static str {
        if self.dry_run {
            outcome.word_ahead()
        } else {
            outcome.word()
        }
    }

    /// How many images came to which end, in one line.
    pub(in crate::run) fn summary(&self) -> String {
        use Outcome::{Built, Failed, Fetched, Joined, NotBuilt, Retagged, Skipped, Stopped};
        let outcomes = [
            Built, Fetched, Joined, Retagged, Skipped, Failed, Stopped, NotBuilt,
        ];
        let counts: Vec<String> = outcomes
            .into_iter()
            .filter_map(|outcome| {
                let count = self
                    .images
                    .iter()
                    .filter(|image| image.outcome == outcome)
                    .count();
                (count > 0).then(|| format!("{count} {}", self.word(outcome)))
            })
            .collect();
        let counts = if !counts.is_empty() {
            counts.join(", ")
        } else if self.succeeded() {
            "nothing to do".to_owned()
        } else {
            "failed before the first image".to_owned()
        };
        if self.dry_run {
            format!("dry run: {counts}")
        } else {
            format!("{counts} in {:.1}s", self.time.as_secs_f64())
        }
    }
}

/// The time in seconds; nothing where none was spent.
pub(in crate::run) fn short_time(time: Duration) -> String {
    if time.is_zero() {
        String::new()
    } else {
        format!("{:.1}s", time.as_secs_f64())
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are as exact as the time of a build is worth.
    serializer.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Code, Diagnostic};
    use crate::plan::ReasonKind;

    #[test]
    fn columns_are_aligned_and_the_file_is_as_documented() {
        let image = |name: &str, outcome, millis, tags: &[&str]| ImageReport {
            name: name.to_owned(),
            reference: format!("{name}:sw-1"),
            outcome,
            reasons: vec![Reason::new(ReasonKind::Input, "python/run.sh")],
            platforms: vec!["linux/amd64".to_owned()],
            start: Some(Moment(SystemTime::UNIX_EPOCH)),
            end: Some(Moment(
                SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
            )),
            time: Duration::from_millis(millis),
            size: Some(4_261_550),
            id: None,
            digest: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            log: None,
        };
        let mut report = Report {
            program: "shipwright 1.2.3",
            revision: Some("1".repeat(40)),
            branch: None,
            start: Some(Moment(SystemTime::UNIX_EPOCH)),
            end: Some(Moment(
                SystemTime::UNIX_EPOCH + Duration::from_millis(12_500),
            )),
            dry_run: false,
            images: vec![
                image("us/python", Outcome::Built, 12_340, &["us/python:main"]),
                image("us/app", Outcome::Retagged, 0, &["us/app:main", "us/app:1"]),
                image("us/longer-name", Outcome::Skipped, 0, &[]),
            ],
            time: Duration::from_millis(12_500),
            problems: Diagnostics::new(),
        };
        insta::assert_snapshot!(report.table(), @"
        built      us/python         12.3s  us/python:main
        re-tagged  us/app                   us/app:main us/app:1
        skipped    us/longer-name
        1 built, 1 re-tagged, 1 skipped in 12.5s
        ");
        report.dry_run = true;
        let counts = "dry run: 1 to build, 1 to re-tag, 1 unchanged";
        assert_eq!(report.summary(), counts);
        report.dry_run = false;
        report.images.truncate(1);
        let missing = Diagnostic::new(Code::ImageMissing, "`us/app` does not exist");
        report.problems.push(missing.help("not in the file"));
        insta::assert_snapshot!(report.to_json(), @r#"
        {
          "version": 1,
          "succeeded": false,
          "program": "shipwright 1.2.3",
          "revision": "1111111111111111111111111111111111111111",
          "branch": null,
          "start": "1970-01-01T00:00:00Z",
          "end": "1970-01-01T00:00:12.5Z",
          "dry_run": false,
          "images": [
            {
              "name": "us/python",
              "reference": "us/python:sw-1",
              "outcome": "built",
              "reasons": [
                {
                  "kind": "input",
                  "detail": "python/run.sh"
                }
              ],
              "platforms": [
                "linux/amd64"
              ],
              "start": "1970-01-01T00:00:00Z",
              "end": "1970-01-01T00:00:12.34Z",
              "time": 12.34,
              "size": 4261550,
              "id": null,
              "digest": null,
              "tags": [
                "us/python:main"
              ],
              "log": null
            }
          ],
          "time": 12.5,
          "problems": [
            {
              "severity": "error",
              "code": "image-missing",
              "message": "`us/app` does not exist"
            }
          ]
        }
        "#);
        report.images.clear();
        assert_eq!(report.table(), "failed before the first image in 12.5s\n");
    }
}
