//! Entries of `rules` and `images`.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::Regex;

use super::json::Object;
use super::settings::{ImageSettings, OWN_KEYS, SHARED_KEYS};
use super::{Spanned, Template};

/// What Dockerfiles at some paths make.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Matches the path of a Dockerfile; its named groups are variables of the rule's templates.
    pub matches: Regex,
    /// Where the expression stands.
    pub span: Range<usize>,
    /// The image's name; the default one where it renders empty.
    pub name: Option<Template>,
    /// What is said of the image.
    pub settings: ImageSettings,
}

/// An image by its name: a further one, or changes to one that is there.
#[derive(Debug, Clone)]
pub struct ImageEntry {
    /// Where the name stands.
    pub name_span: Range<usize>,
    /// Its Dockerfile; where it is not said, the entry changes the image that has this name.
    pub dockerfile: Option<Spanned<String>>,
    /// What is said of the image.
    pub settings: ImageSettings,
}

impl Rule {
    pub(super) fn read(object: &mut Object<'_, '_>) -> Option<Self> {
        object.check_keys(&[&["match", "name"][..], &SHARED_KEYS, &OWN_KEYS].concat());
        let name = object.template("name", false);
        let settings = ImageSettings::read(object, false);
        let pattern = object.required("match")?;
        match Regex::new(&pattern.value) {
            Ok(matches) => Some(Self {
                matches,
                span: pattern.span,
                name,
                settings,
            }),
            Err(error) => {
                // The last line says what is wrong; those before draw the expression again.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let message = format!("`{}` is not a regular expression: {reason}", pattern.value);
                let help = "it matches the path of a Dockerfile, like `^images/(?<kind>[^/]+)/`";
                object.refuse(pattern.span, message, help);
                None
            }
        }
    }

    /// The named groups of a match, empty where they took no part; none where the path does not
    /// match.
    pub fn groups(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let captures = self.matches.captures(path)?;
        let names = self.matches.capture_names().flatten();
        let group = |name: &str| {
            let text = captures.name(name).map_or("", |group| group.as_str());
            (name.to_owned(), text.to_owned())
        };
        Some(names.map(group).collect())
    }
}

impl ImageEntry {
    pub(super) fn read(name_span: Range<usize>, object: &mut Object<'_, '_>) -> Self {
        object.check_keys(&[&["dockerfile"][..], &SHARED_KEYS, &OWN_KEYS].concat());
        Self {
            name_span,
            dockerfile: object.string("dockerfile"),
            settings: ImageSettings::read(object, true),
        }
    }
}
