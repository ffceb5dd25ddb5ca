//! The report of a run (`exec --report`), as far as pictures show it and `promote` goes by it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::diagnostics::{Code, Diagnostic};
use crate::plan::Image;

/// The version of the format that is read.
const VERSION: u64 = 1;

/// What a run did. Keys that are not known are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    version: u64,
    /// Whether it only says what would be done.
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    images: Vec<ImageReport>,
    /// Seconds that the run took.
    #[serde(default)]
    pub(super) time: f64,
    #[serde(skip)]
    by_name: BTreeMap<String, usize>,
}

/// What a run did with an image.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ImageReport {
    name: String,
    reference: String,
    pub(super) outcome: String,
    /// Seconds that its build, fetch and push took.
    #[serde(default)]
    pub(super) time: f64,
    #[serde(default)]
    start: Option<Value>,
    #[serde(default)]
    pub(super) digest: Option<String>,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When it is no report, or of a version that this program does not read.
    pub(crate) fn from_json(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let bad = |why: String| {
            Diagnostic::new(Code::BadReport, format!("`{name}`: {why}"))
                .help("`shipwright exec --report FILE` writes one")
        };
        let mut report: Self = serde_json::from_str(text)
            .map_err(|error| bad(format!("this is not a report: {error}")))?;
        if report.version != VERSION {
            let version = report.version;
            return Err(bad(format!(
                "this report has version {version}; this program reads version {VERSION}"
            )));
        }
        let names = report.images.iter().enumerate();
        report.by_name = names.map(|(at, image)| (image.name.clone(), at)).collect();
        Ok(report)
    }

    /// The digests in registries, by content reference; of what the run did not push there is none.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        let told = self.images.iter();
        told.filter_map(|image| Some((image.reference.clone(), image.digest.clone()?)))
            .collect()
    }

    /// What is told of exactly this image: of its name and its content.
    pub(super) fn image(&self, image: &Image) -> Option<&ImageReport> {
        let told = &self.images[*self.by_name.get(&image.name)?];
        (told.reference == image.reference).then_some(told)
    }
}

impl ImageReport {
    /// Seconds; never negative, infinite or no number.
    pub(super) fn seconds(&self) -> f64 {
        if self.time.is_finite() {
            self.time.max(0.0)
        } else {
            0.0
        }
    }

    /// When it started, in seconds from any fixed moment, where the report says so: as a number or
    /// as a time of day.
    pub(super) fn start(&self) -> Option<f64> {
        match self.start.as_ref()? {
            Value::Number(seconds) => seconds.as_f64(),
            Value::String(time) => {
                let rfc3339 = &time::format_description::well_known::Rfc3339;
                let time = time::OffsetDateTime::parse(time, rfc3339).ok()?;
                // Milliseconds of any year that is worth drawing are exact in a double.
                #[expect(clippy::cast_precision_loss, reason = "milliseconds fit")]
                let seconds = (time.unix_timestamp_nanos() / 1_000_000) as f64 / 1000.0;
                Some(seconds)
            }
            _ => None,
        }
    }
}
