//! `# check=`: which of BuildKit's lint rules count, and whether a hit fails the build (semantics §2.6).

use std::collections::BTreeSet;

use crate::lang::go::text::{parse_bool, quote};

/// The options of a `# check=`, or of the build argument that replaces it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CheckOptions {
    /// Rules that do not count.
    skip: Rules,
    /// Experimental rules that count.
    experimental: Rules,
    /// Whether a hit fails the build.
    pub(super) error: bool,
}

/// Some rules, by name. A name that is none is of no consequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rules {
    all: bool,
    names: BTreeSet<String>,
}

impl Rules {
    fn parse(text: &str) -> Self {
        match text.trim() {
            "all" => Self {
                all: true,
                names: BTreeSet::new(),
            },
            names => Self {
                all: false,
                names: names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect(),
            },
        }
    }

    fn has(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    fn add(&mut self, other: &Self) {
        self.all |= other.all;
        self.names.extend(other.names.iter().cloned());
    }
}

impl CheckOptions {
    /// Reads options: `name=value` up to three times, `;` between.
    ///
    /// # Errors
    /// When one is none, in BuildKit's words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(options);
        }
        for part in text.splitn(3, ';') {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("invalid check option {}", quote(part)));
            };
            match name.trim() {
                "skip" => options.skip = Rules::parse(value),
                "experimental" => options.experimental = Rules::parse(value),
                "error" => {
                    let value = value.trim();
                    options.error = parse_bool(value).ok_or_else(|| {
                        format!(
                            "failed to parse check option {}: strconv.ParseBool: parsing {}: invalid syntax",
                            quote(part),
                            quote(value)
                        )
                    })?;
                }
                name => return Err(format!("invalid check option {}", quote(name))),
            }
        }
        Ok(options)
    }

    /// Whether a hit of a rule counts.
    pub(super) fn counts(&self, rule: &str, is_experimental: bool) -> bool {
        if is_experimental {
            self.experimental.has(rule)
        } else {
            !self.skip.has(rule)
        }
    }

    /// These options with those of a comment above an instruction, which hold for that alone.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.skip.add(&other.skip);
        both.experimental.add(&other.experimental);
        both
    }
}

#[cfg(test)]
mod tests {
    use super::CheckOptions;

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(CheckOptions::parse(text), Err(message.to_owned()));
    }

    #[test]
    fn reads_options() {
        let options = CheckOptions::parse(" skip = A, B ;error= T ").unwrap();
        assert!(options.error);
        assert!(!options.counts("A", false) && options.counts("C", false));
        assert!(!options.counts("X", true));
        let all = CheckOptions::parse("experimental=all;skip=all").unwrap();
        assert!(!all.error && all.counts("X", true) && !all.counts("A", false));
        // A fourth belongs to the third.
        let third = CheckOptions::parse("error=1;skip=A;experimental=X;error=no").unwrap();
        assert!(third.error && !third.counts("X", true));
    }

    #[test]
    fn refuses_others() {
        refused("error", "invalid check option \"error\"");
        refused("SKIP=all", "invalid check option \"SKIP\"");
        refused("skip=A;", "invalid check option \"\"");
        refused(
            "error=maybe",
            "failed to parse check option \"error=maybe\": strconv.ParseBool: parsing \"maybe\": invalid syntax",
        );
    }
}
