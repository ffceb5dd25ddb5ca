//! Typed instructions (layer 3): what every instruction says, its flags and arguments checked.
//!
//! Words are as written: variables are not expanded, quotes in them not removed. Everything
//! borrows from the [`Ast`](super::Ast), so a word is two pointers and a span, and is `Copy`.

use std::borrow::Cow;

use super::node::{Heredoc, Node, Token};
use super::span::Span;

pub(super) mod check;
mod fields;
mod files;
pub mod flags;
mod health;
pub mod mount;
mod run;

use check::Checker;
pub use mount::{Mount, MountField};

/// A word of an instruction, not expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'n> {
    /// The text.
    pub text: &'n str,
    /// Where it is written.
    pub span: Span,
}

impl<'n> From<&'n Token<'_>> for Word<'n> {
    fn from(token: &'n Token<'_>) -> Self {
        Self {
            text: &token.text,
            span: token.span,
        }
    }
}

/// One valid instruction.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction<'n> {
    /// How it is written.
    pub node: &'n Node<'n>,
    /// What it says.
    pub kind: Kind<'n>,
}

/// What an instruction says.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'n> {
    /// `ADD`
    Add(AddFiles<'n>),
    /// `ARG`: at least one.
    Arg(Vec<Argument<'n>>),
    /// `CMD`
    Cmd(Command<'n>),
    /// `COPY`
    Copy(CopyFiles<'n>),
    /// `ENTRYPOINT`
    Entrypoint(Command<'n>),
    /// `ENV`: at least one.
    Env(Vec<Setting<'n>>),
    /// `EXPOSE`: at least one, in the order written.
    Expose(Vec<Word<'n>>),
    /// `FROM`
    From(FromImage<'n>),
    /// `HEALTHCHECK`
    Healthcheck(Healthcheck<'n>),
    /// `LABEL`: at least one.
    Label(Vec<Setting<'n>>),
    /// `MAINTAINER`
    Maintainer(Word<'n>),
    /// `ONBUILD`
    Onbuild(Onbuild<'n>),
    /// `RUN`
    Run(RunCommand<'n>),
    /// `SHELL`: at least one word.
    Shell(Vec<Word<'n>>),
    /// `STOPSIGNAL`; whether it names a signal can be told only after expansion.
    Stopsignal(Word<'n>),
    /// `USER`
    User(Word<'n>),
    /// `VOLUME`: at least one, each without surrounding white space and not empty.
    Volume(Vec<Word<'n>>),
    /// `WORKDIR`
    Workdir(Word<'n>),
}

/// `FROM [--platform=p] image [AS name]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromImage<'n> {
    /// A stage's name or an image reference.
    pub image: Word<'n>,
    /// The value of `--platform`; `None` where it is missing or empty.
    pub platform: Option<Word<'n>>,
    /// The name of the stage that it starts.
    pub alias: Option<Alias<'n>>,
}

/// The name of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias<'n> {
    /// The name, lower-cased: what references compare with.
    pub name: Cow<'n, str>,
    /// The name as written.
    pub word: Word<'n>,
}

/// One declaration of an `ARG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument<'n> {
    /// The name, never expanded; quotes are part of it.
    pub name: Word<'n>,
    /// The default, if there is a `=`.
    pub default: Option<Word<'n>>,
}

/// One `name=value` of `ENV` or `LABEL`. Both sides are expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<'n> {
    /// The name, never empty.
    pub name: Word<'n>,
    /// The value.
    pub value: Word<'n>,
    /// Whether it is in the old form, `ENV name value`.
    pub legacy: bool,
}

/// What `COPY` and `ADD` have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer<'n> {
    /// What is copied, at least one.
    pub sources: Vec<Source<'n>>,
    /// Where it goes.
    pub destination: Word<'n>,
    /// `--chown`; `None` where missing or empty. Expanded.
    pub chown: Option<Word<'n>>,
    /// `--chmod`; `None` where missing or empty. Expanded.
    pub chmod: Option<Word<'n>>,
    /// `--link`
    pub link: bool,
    /// The values of `--exclude`, in order. Not expanded.
    pub excludes: Vec<Word<'n>>,
}

/// One source of `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'n> {
    /// A path, or for `ADD` perhaps a URL or git reference. Expanded.
    Path(Word<'n>),
    /// A heredoc.
    Inline(InlineFile<'n>),
}

/// A heredoc as a source: a file that stands in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineFile<'n> {
    /// The file's name.
    pub name: String,
    /// What is in it, leading tabs cut if `<<-` asks for that; not expanded.
    pub content: Cow<'n, str>,
    /// Whether variables in the content are expanded.
    pub expand: bool,
    /// Where the `<<NAME` is.
    pub span: Span,
}

/// `COPY [--from=…] [--parents] … source… destination`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFiles<'n> {
    /// Sources, destination and the flags that `ADD` has too.
    pub transfer: Transfer<'n>,
    /// `--from`; `None` where missing or empty, which both mean the build context. Must not hold
    /// variables that change it (semantics §7.9).
    pub from: Option<Word<'n>>,
    /// `--parents`
    pub parents: bool,
}

/// `ADD [--checksum=…] … source… destination`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddFiles<'n> {
    /// Sources, destination and the flags that `COPY` has too.
    pub transfer: Transfer<'n>,
    /// `--checksum`; `None` where missing or empty. Expanded.
    pub checksum: Option<Word<'n>>,
    /// `--keep-git-dir`, if it is there.
    pub keep_git_dir: Option<bool>,
    /// `--unpack`, if it is there.
    pub unpack: Option<bool>,
}

/// A command line in one of its two forms. Never expanded by the builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'n> {
    /// A text for the shell; empty where nothing follows the keyword.
    Shell(Word<'n>),
    /// The program and its arguments; may be empty.
    Exec(Vec<Word<'n>>),
}

/// `RUN [--mount=…]… command`
#[derive(Debug, Clone, PartialEq)]
pub struct RunCommand<'n> {
    /// What is mounted, in order.
    pub mounts: Vec<Mount<'n>>,
    /// `--network`
    pub network: Network,
    /// `--security`
    pub security: Security,
    /// The values of `--device`, in order.
    pub devices: Vec<Device<'n>>,
    /// What is run.
    pub command: Command<'n>,
    /// The heredocs of the command, in order.
    pub heredocs: &'n [Heredoc<'n>],
}

/// The network that a `RUN` sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// The builder's default.
    #[default]
    Default,
    /// None at all.
    None,
    /// That of the host.
    Host,
}

/// How a `RUN` is confined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Security {
    /// As usual.
    #[default]
    Sandbox,
    /// With all privileges.
    Insecure,
}

/// One `--device` of a `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device<'n> {
    /// The device's name; may be empty.
    pub name: Cow<'n, str>,
    /// Whether the build fails without it.
    pub required: bool,
    /// Where the flag is.
    pub span: Span,
}

/// `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck<'n> {
    /// Switches an inherited check off.
    None,
    /// How to check.
    Check {
        /// What is run, never empty.
        command: Command<'n>,
        /// `--interval` in nanoseconds; 0 for the default.
        interval: i64,
        /// `--timeout` in nanoseconds; 0 for the default.
        timeout: i64,
        /// `--start-period` in nanoseconds; 0 for the default.
        start_period: i64,
        /// `--start-interval` in nanoseconds; 0 for the default.
        start_interval: i64,
        /// `--retries`; 0 for the default.
        retries: u32,
    },
}

/// `ONBUILD instruction`
#[derive(Debug, Clone, PartialEq)]
pub struct Onbuild<'n> {
    /// What an image stores: the instruction without `ONBUILD`, with heredoc bodies. Where it fires,
    /// this text is parsed as a file of its own, whatever the escape character here.
    pub expression: String,
    /// The instruction as this file has it. Its keyword may be unknown: that fails where it fires.
    pub trigger: &'n Node<'n>,
}
