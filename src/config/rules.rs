//! Entries of `rules` and `images`.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde_json::{Value as Json, json};

use super::Template;
use super::json::{At, Object};
use super::matrix::{Exceptions, Matrix};
use super::settings::Settings;
use super::table::{self, Row, Value, table};

table! {
    /// What a rule has beside settings.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct RuleKeys {
        /// a [regular expression](https://docs.rs/regex/latest/regex/#syntax), found anywhere in the path of a
        /// Dockerfile. Only the first matching rule applies
        matches ("match"): Option<Pattern>, Required;
        /// the image's name; if it is absent or empty, the default name
        name: Option<Template>;
        /// one image for each combination of values: `{"variant": ["noble", "jammy"], "arch": ["amd64", "arm64v8"]}`,
        /// the last key fastest, or a list of combinations, `[{"variant": "noble", "arch": "amd64"}]`
        matrix ("for"): Option<Matrix>;
        /// combinations of `for` to exclude: those that match all keys of an entry
        except: Exceptions;
    }
}

table! {
    /// What an entry of `images` has beside settings.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct ImageKeys {
        /// path of the Dockerfile, from the root. Without it, the entry changes the image with its name
        dockerfile: Option<Template>;
        /// one image for each combination of values, as in [rules](#rules). The name, `dockerfile` and all values of the
        /// entry are then templates
        matrix ("for"): Option<Matrix>;
        /// combinations of `for` to exclude, as in rules
        except: Exceptions;
    }
}

/// How large an expression may be once it is compiled, in bytes.
const SIZE: usize = 1 << 20;

/// A regular expression, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    pub(crate) span: Range<usize>,
}

impl Pattern {
    /// The expression as it is written.
    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it is found in a path.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }
}

/// What Dockerfiles at some paths make.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Matches the path of a Dockerfile; its named groups are variables of the rule's templates.
    pub(crate) pattern: Pattern,
    /// The image's name; the default one where it renders empty.
    pub(crate) name: Option<Template>,
    /// The combinations of values that make an image each.
    pub(crate) matrix: Option<Matrix>,
    /// Which of them do not.
    pub(crate) except: Exceptions,
    /// What is said of the image.
    pub(crate) settings: Settings,
}

/// An image by its name: a further one, or changes to one that is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageEntry {
    /// Where the name stands.
    pub(crate) name_span: Range<usize>,
    /// Its Dockerfile; where it is not said, the entry changes the image that has this name.
    pub(crate) dockerfile: Option<Template>,
    /// The combinations of values that make an image each; the name and all values are templates then.
    pub(crate) matrix: Option<Matrix>,
    /// Which of them do not.
    pub(crate) except: Exceptions,
    /// What is said of the image.
    pub(crate) settings: Settings,
}

/// Checks the keys of a rule or an image, of which `own` are those that are no settings.
fn check_keys(object: &mut Object<'_, '_>, own: &'static [Row]) {
    let known: Vec<&str> = own
        .iter()
        .chain(Settings::rows())
        .map(|row| row.key)
        .collect();
    object.check_keys(&known, |_| None);
}

impl Value for Vec<Rule> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        Some(at.elements("objects", Rule::read))
    }

    fn schema() -> Json {
        let rows = RuleKeys::ROWS.iter().chain(Settings::rows());
        json!({"type": "array", "items": table::schema(rows)})
    }
}

impl Rule {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let mut object = at.object()?;
        check_keys(&mut object, RuleKeys::ROWS);
        let keys = RuleKeys::read(&mut object);
        let settings = Settings::read(&mut object);
        Some(Self {
            pattern: keys.matches?,
            name: keys.name,
            matrix: keys.matrix,
            except: keys.except,
            settings,
        })
    }

    /// The named groups of a match, empty where they took no part; none where the path does not
    /// match.
    pub(crate) fn groups(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let regex = &self.pattern.regex;
        let captures = regex.captures(path)?;
        let names = regex.capture_names().flatten();
        let group = |name: &str| {
            let text = captures.name(name).map_or("", |group| group.as_str());
            (name.to_owned(), text.to_owned())
        };
        Some(names.map(group).collect())
    }
}

impl Value for Option<Pattern> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let text = at.string()?;
        match RegexBuilder::new(&text.value).size_limit(SIZE).build() {
            Ok(regex) => Some(Some(Pattern {
                regex,
                span: text.span,
            })),
            Err(error) => {
                // The last line says what is wrong; those before draw the expression again.
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let message = format!("`{}` is not a regular expression: {reason}", text.value);
                let help =
                    "it must match the path of a Dockerfile, such as `^images/(?<kind>[^/]+)/`";
                at.refuse(text.span, message, help);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({"type": "string", "format": "regex", "examples": ["^images/(?<kind>[^/]+)/"]})
    }
}

impl Value for BTreeMap<String, ImageEntry> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let entries = at.entries(|name, name_span, at| {
            let mut object = at.object()?;
            check_keys(&mut object, ImageKeys::ROWS);
            // Without a matrix everything is known: nothing is left to a template.
            if !object.has("for") {
                object.literal();
            }
            let keys = ImageKeys::read(&mut object);
            let entry = ImageEntry {
                name_span,
                dockerfile: keys.dockerfile,
                matrix: keys.matrix,
                except: keys.except,
                settings: Settings::read(&mut object),
            };
            Some((name.to_owned(), entry))
        });
        Some(entries.into_iter().collect())
    }

    fn schema() -> Json {
        let rows = ImageKeys::ROWS.iter().chain(Settings::rows());
        json!({"type": "object", "additionalProperties": table::schema(rows)})
    }
}
