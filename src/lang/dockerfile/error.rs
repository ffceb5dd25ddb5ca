//! What can be wrong with a Dockerfile before anything is expanded: errors as data, worded in one
//! place as BuildKit words them.

use std::fmt;

use super::expand::ExpandError;
use super::instruction::flags;
use super::keyword::Keyword;
use super::span::{LineRange, Span};
use crate::diagnostics::{Code, Diagnostic, SourceText, nearest};
use crate::lang::go::text::quote;

/// The longest file that BuildKit takes: what one message of its protocol holds.
const MAX_FILE: usize = 16 * 1024 * 1024;

/// One problem of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The place to look at.
    pub span: Span,
    /// The lines that BuildKit names.
    pub lines: LineRange,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file is larger than builders read; its length.
    TooLarge(usize),
    /// `# check=` with options that are none; why. BuildKit reads them before the file.
    CheckOptions(String),

    // Layer 1: lines.
    /// A physical line is longer than BuildKit reads.
    LineTooLong,
    /// There is no instruction in the file.
    NoInstructions,
    /// The file ends inside a heredoc of this name.
    UnterminatedHeredoc(String),
    /// `# escape=` with something other than a backslash or a backtick.
    InvalidEscape(String),
    /// A parser directive that is there twice.
    DuplicateDirective(&'static str),

    // Layer 2: nodes.
    /// A JSON array with something other than strings in it.
    JsonNotStrings,
    /// `ENV NAME` or `LABEL NAME` without a value.
    MissingValue(Keyword),
    /// `ENV` or `LABEL` with this word, which has no `=`, among pairs.
    MissingEquals(String),
    /// A heredoc's name that cannot be read.
    HeredocName(ExpandError),
    /// A heredoc's name that is one word with its quotes and several without.
    HeredocWords(String),

    // Layer 3: instructions.
    /// A keyword that is none.
    UnknownInstruction(String),
    /// An instruction other than `ARG` before the first `FROM`.
    NoStage,
    /// A flag, with its dashes, that this instruction does not have.
    UnknownFlag(String, Keyword),
    /// A flag that is there twice.
    DuplicateFlag(String),
    /// A flag that needs a value.
    FlagWithoutValue(String),
    /// A flag that is either true or false, and its value.
    FlagNotBoolean(String, String),
    /// An instruction without arguments.
    NoArguments(Keyword),
    /// An instruction with no argument, or with more than one.
    NotOneArgument(Keyword),
    /// `COPY` or `ADD` with fewer than two arguments.
    NoDestination(Keyword),
    /// `COPY` or `ADD` to a heredoc.
    HeredocDestination(Keyword),
    /// A name that is empty.
    BlankName(Keyword),
    /// `FROM` with a number of arguments other than one or three, or without the `AS`.
    FromArguments,
    /// A stage's name that is not one.
    StageName(String),
    /// `HEALTHCHECK` with a type that is neither `CMD` nor `NONE`.
    HealthcheckType(String),
    /// `HEALTHCHECK CMD` with nothing to run.
    HealthcheckCommand,
    /// `HEALTHCHECK NONE` with more.
    HealthcheckNone,
    /// A duration that cannot be read; the whole message.
    Duration(String),
    /// The flag of this name, without dashes, has a duration under one millisecond.
    IntervalTooShort(&'static str),
    /// `--retries` that is no number; the number, and why.
    RetriesNotNumber(String, &'static str),
    /// `--retries` under zero.
    RetriesNegative(i64),
    /// `SHELL` not in JSON form.
    ShellNotJson,
    /// `VOLUME` with an empty path.
    EmptyVolume,
    /// `ONBUILD ONBUILD`.
    OnbuildChain,
    /// `ONBUILD` with an instruction that cannot be a trigger.
    OnbuildTrigger(&'static str),
    /// `--mount` or `--device` that is not a list of fields; what is read, and why not.
    Fields(&'static str, String),
    /// A variable in `from=` of a mount.
    MountFromVariable,
    /// `--network` with an unknown value.
    Network(String),
    /// `--security` with an unknown value.
    Security(String),
    /// A field of `--device` that needs a value.
    DeviceFieldWithoutValue(String),
    /// A `--device` with two names; the first.
    DeviceNamedTwice(String),
    /// A field of `--device` that is neither true nor false: key and value.
    DeviceFieldValue(String, String),
    /// A field of `--device` that there is none of: key and field.
    DeviceField(String, String),
}

impl Error {
    /// The error for a file of that length, where it is larger than builders read.
    pub fn too_large(length: usize) -> Option<Self> {
        (length > MAX_FILE).then(|| Self {
            kind: ErrorKind::TooLarge(length),
            span: Span::default(),
            lines: LineRange::default(),
        })
    }

    /// Whether it is one of layers 1 and 2, which BuildKit reports before any of layer 3.
    pub fn is_syntax(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::TooLarge(_)
                | ErrorKind::CheckOptions(_)
                | ErrorKind::LineTooLong
                | ErrorKind::NoInstructions
                | ErrorKind::UnterminatedHeredoc(_)
                | ErrorKind::InvalidEscape(_)
                | ErrorKind::DuplicateDirective(_)
                | ErrorKind::JsonNotStrings
                | ErrorKind::MissingValue(_)
                | ErrorKind::MissingEquals(_)
                | ErrorKind::HeredocName(..)
                | ErrorKind::HeredocWords(_)
        )
    }

    /// Whether BuildKit says where it is.
    pub fn is_located(&self) -> bool {
        !matches!(
            self.kind,
            ErrorKind::TooLarge(_) | ErrorKind::CheckOptions(_)
        )
    }

    /// Whether BuildKit gives out the nodes before it all the same.
    pub fn is_too_long(&self) -> bool {
        self.kind == ErrorKind::LineTooLong
    }

    /// The whole message, as BuildKit prints it, but for suggestions.
    pub fn message(&self) -> String {
        if self.is_syntax() || self.kind == ErrorKind::NoStage {
            self.kind.to_string()
        } else {
            format!(
                "dockerfile parse error on line {}: {}",
                self.lines.start, self.kind
            )
        }
    }

    /// For people: with the place in `source` marked.
    pub fn diagnostic(&self, source: &SourceText) -> Diagnostic {
        let suggestion = self.kind.suggestion();
        let label = suggestion
            .as_ref()
            .map(|name| format!("did you mean `{name}`?"))
            .unwrap_or_default();
        let diagnostic = Diagnostic::new(Code::DockerfileSyntax, self.kind.to_string()).at(
            source,
            self.span.range(),
            label,
        );
        match self.kind.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl ErrorKind {
    /// What was meant, most likely.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::UnknownInstruction(word) => {
                nearest(word, Keyword::ALL.map(Keyword::name)).map(str::to_owned)
            }
            Self::UnknownFlag(flag, keyword) => {
                let known = flags::of(*keyword).iter().map(|flag| flag.name);
                let name = nearest(flag.trim_start_matches('-'), known)?;
                Some(format!("--{name}"))
            }
            Self::Network(value) => nearest(value, ["default", "none", "host"]).map(str::to_owned),
            Self::Security(value) => nearest(value, ["sandbox", "insecure"]).map(str::to_owned),
            Self::DeviceField(key, _) => nearest(key, ["name", "required"]).map(str::to_owned),
            _ => None,
        }
    }

    /// What to do, where the message does not say it.
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::TooLarge(_) => "builders read no more than 16 MiB".into(),
            Self::CheckOptions(_) => {
                "write `skip=RULE,…`, `experimental=RULE,…` or `error=true`, with `;` between"
                    .into()
            }
            Self::LineTooLong => "break the line with the escape character".into(),
            Self::UnterminatedHeredoc(name) => format!(
                "end the heredoc with a line that holds `{name}` and nothing else, not even a blank"
            ),
            Self::MissingValue(keyword) => format!("write `{} NAME=value`", keyword.name()),
            Self::MissingEquals(_) => "quote a value that has blanks in it".into(),
            Self::UnknownInstruction(word) => {
                let odd = word.chars().find(|c| c.is_whitespace())?;
                format!(
                    "U+{:04X} in it does not separate words: replace it with a space",
                    u32::from(odd)
                )
            }
            Self::MountFromVariable => {
                "start a stage with `FROM $IMAGE AS name`, and mount from `name`".into()
            }
            Self::IntervalTooShort(_) | Self::Duration(_) => {
                "write a number with a unit, such as `30s` or `1m30s`".into()
            }
            Self::RetriesNotNumber(..) | Self::RetriesNegative(_) => {
                "write a whole number; 0 stands for the default".into()
            }
            Self::JsonNotStrings => "quote every element of the array".into(),
            Self::UnknownFlag(_, keyword) => {
                let known: Vec<String> = flags::of(*keyword)
                    .iter()
                    .map(|flag| format!("`--{}`", flag.name))
                    .collect();
                if known.is_empty() {
                    format!("`{}` has no flags", keyword.name())
                } else {
                    format!("`{}` has {}", keyword.name(), known.join(", "))
                }
            }
            Self::FlagNotBoolean(..) => "write `true` or `false`, or the flag alone".into(),
            Self::NoStage => "start with `FROM`; only `ARG` may stand before it".into(),
            Self::FromArguments => "write `FROM image` or `FROM image AS name`".into(),
            Self::StageName(_) => {
                "start with a letter; go on with letters, digits, `-`, `_` and `.`".into()
            }
            Self::ShellNotJson => r#"write `SHELL ["program", "argument"]`"#.into(),
            Self::Network(_) => "one of `default`, `none` and `host`".into(),
            Self::Security(_) => "one of `sandbox` and `insecure`".into(),
            _ => return None,
        };
        Some(help)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(length) => write!(
                f,
                "failed to read dockerfile: received message larger than max ({length} vs. {MAX_FILE})"
            ),
            Self::CheckOptions(why) => write!(f, "failed to parse check options: {why}"),
            Self::LineTooLong => {
                f.write_str("dockerfile line greater than max allowed size of 65535")
            }
            Self::NoInstructions => f.write_str("file with no instructions"),
            Self::UnterminatedHeredoc(_) => f.write_str("unterminated heredoc"),
            Self::InvalidEscape(value) => {
                write!(f, "invalid escape token '{value}' does not match ` or \\")
            }
            Self::DuplicateDirective(key) => {
                write!(f, "only one {key} parser directive can be used")
            }
            Self::JsonNotStrings => f.write_str(
                "when using JSON array syntax, arrays must be comprised of strings only",
            ),
            Self::MissingValue(keyword) => {
                write!(f, "{} must have two arguments", keyword.name())
            }
            Self::MissingEquals(word) => write!(
                f,
                "Syntax error - can't find = in {}. Must be of the form: name=value",
                quote(word)
            ),
            Self::HeredocName(error) => error.fmt(f),
            Self::HeredocWords(rest) => write!(
                f,
                "internal lexing of heredoc produced inconsistent results: {rest}"
            ),
            Self::UnknownInstruction(word) => write!(f, "unknown instruction: {word}"),
            Self::NoStage => f.write_str("no build stage in current context"),
            Self::UnknownFlag(flag, _) => write!(f, "unknown flag: {flag}"),
            Self::DuplicateFlag(flag) => write!(f, "duplicate flag specified: {flag}"),
            Self::FlagWithoutValue(flag) => write!(f, "missing a value on flag: {flag}"),
            Self::FlagNotBoolean(flag, value) => {
                write!(f, "expecting boolean value for flag {flag}, not: {value}")
            }
            Self::NoArguments(keyword) => {
                write!(f, "{} requires at least one argument", keyword.name())
            }
            Self::NotOneArgument(keyword) => {
                write!(f, "{} requires exactly one argument", keyword.name())
            }
            Self::NoDestination(keyword) => write!(
                f,
                "{} requires at least two arguments, but only one was provided. \
                 Destination could not be determined",
                keyword.name()
            ),
            Self::HeredocDestination(keyword) => write!(
                f,
                "{} cannot accept a heredoc as a destination",
                keyword.name()
            ),
            Self::BlankName(keyword) => write!(f, "{} names can not be blank", keyword.name()),
            Self::FromArguments => f.write_str("FROM requires either one or three arguments"),
            Self::StageName(name) => write!(
                f,
                "invalid name for build stage: {}, name can't start with a number or contain symbols",
                quote(name)
            ),
            Self::HealthcheckType(kind) => {
                write!(f, "Unknown type {} in HEALTHCHECK (try CMD)", quote(kind))
            }
            Self::HealthcheckCommand => f.write_str("Missing command after HEALTHCHECK CMD"),
            Self::HealthcheckNone => f.write_str("HEALTHCHECK NONE takes no arguments"),
            Self::Duration(message) => f.write_str(message),
            Self::IntervalTooShort(flag) => {
                write!(f, "Interval {} cannot be less than 1ms", quote(flag))
            }
            Self::RetriesNotNumber(number, why) => {
                write!(f, "strconv.ParseInt: parsing {}: {why}", quote(number))
            }
            Self::RetriesNegative(number) => {
                write!(f, "--retries cannot be negative ({number})")
            }
            Self::ShellNotJson => f.write_str("SHELL requires the arguments to be in JSON form"),
            Self::EmptyVolume => f.write_str("VOLUME specified can not be an empty string"),
            Self::OnbuildChain => {
                f.write_str("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
            }
            Self::OnbuildTrigger(name) => {
                write!(f, "{name} isn't allowed as an ONBUILD trigger")
            }
            Self::Fields(what, why) => write!(f, "failed to parse csv {what}: {why}"),
            Self::MountFromVariable => {
                f.write_str("'from' doesn't support variable expansion, define alias stage instead")
            }
            Self::Network(value) => write!(f, "invalid network mode {}", quote(value)),
            Self::Security(value) => write!(f, "security {} is not valid", quote(value)),
            Self::DeviceFieldWithoutValue(field) => {
                write!(f, "invalid field '{field}' must be a key=value pair")
            }
            Self::DeviceNamedTwice(name) => write!(f, "device name already set to {name}"),
            Self::DeviceFieldValue(key, value) => write!(f, "invalid value for {key}: {value}"),
            Self::DeviceField(key, field) => write!(f, "unexpected key '{key}' in '{field}'"),
        }
    }
}
