//! Nodes → typed instructions: the entry, and the instructions that need no file of their own.

use super::flags::Flags;
use super::{
    Alias, Argument, Command, FromImage, Instruction, Kind, Onbuild, Setting, Word, files, health,
    run,
};
use crate::lang::dockerfile::error::{Error, ErrorKind};
use crate::lang::dockerfile::keyword::Keyword;
use crate::lang::dockerfile::node::{Arguments, Ast, Node, Token};
use crate::lang::dockerfile::span::{LineRange, Span};
use crate::lang::go::text::{is_regex_space, lower, lower_char, upper};

/// What was checked so far.
pub(super) struct Checker {
    /// What is wrong, in the order in which BuildKit would find it.
    errors: Vec<Error>,
    /// The lines of the instruction that is being checked.
    lines: LineRange,
}

impl Checker {
    /// Reports a problem of the current instruction.
    pub(super) fn report(&mut self, kind: ErrorKind, span: Span) {
        let lines = self.lines;
        self.errors.push(Error { kind, span, lines });
    }

    /// The value, or nothing and a report.
    pub(super) fn accept<T>(&mut self, result: Result<T, ErrorKind>, span: Span) -> Option<T> {
        result.map_err(|kind| self.report(kind, span)).ok()
    }
}

/// Checks all instructions of a file: the valid ones, and what is wrong with the others.
pub(in crate::lang::dockerfile) fn all<'n>(ast: &'n Ast<'n>) -> (Vec<Instruction<'n>>, Vec<Error>) {
    let mut checker = Checker {
        errors: Vec::new(),
        lines: LineRange::default(),
    };
    let mut instructions = Vec::with_capacity(ast.nodes.len());
    let mut has_stage = false;
    for node in &ast.nodes {
        checker.lines = node.lines;
        let before = checker.errors.len();
        let kind = check(ast, node, &mut checker);
        has_stage |= node.keyword == Some(Keyword::From);
        let Some(kind) = kind else { continue };
        if checker.errors.len() > before {
            continue;
        }
        if !has_stage && node.keyword != Some(Keyword::Arg) {
            checker.report(ErrorKind::NoStage, node.word.span);
            // Once is enough, however many instructions follow.
            has_stage = true;
        }
        instructions.push(Instruction { node, kind });
    }
    (instructions, checker.errors)
}

/// Checks one instruction. Nothing comes back where it cannot be told what is meant; something may
/// come back in spite of a report, and is not valid then.
fn check<'n>(ast: &'n Ast<'n>, node: &'n Node<'n>, checker: &mut Checker) -> Option<Kind<'n>> {
    let Some(keyword) = node.keyword else {
        let word = node.word.text.clone().into_owned();
        checker.report(ErrorKind::UnknownInstruction(word), node.word.span);
        return None;
    };
    match keyword {
        Keyword::Add | Keyword::Copy => files::check(node, keyword, checker),
        Keyword::Arg => arg(node, checker).map(Kind::Arg),
        Keyword::Cmd => {
            Flags::check(node, keyword, checker);
            Some(Kind::Cmd(command(node)))
        }
        Keyword::Entrypoint => {
            Flags::check(node, keyword, checker);
            Some(Kind::Entrypoint(command(node)))
        }
        Keyword::Env => settings(node, keyword, checker).map(Kind::Env),
        Keyword::Expose => words(node, keyword, checker).map(Kind::Expose),
        Keyword::From => from(node, checker).map(Kind::From),
        Keyword::Healthcheck => health::check(node, checker).map(Kind::Healthcheck),
        Keyword::Label => settings(node, keyword, checker).map(Kind::Label),
        Keyword::Maintainer => single(node, keyword, checker).map(Kind::Maintainer),
        Keyword::Onbuild => onbuild(ast, node, checker).map(Kind::Onbuild),
        Keyword::Run => run::check(node, checker).map(Kind::Run),
        Keyword::Shell => shell(node, checker).map(Kind::Shell),
        Keyword::Stopsignal => stopsignal(node, checker).map(Kind::Stopsignal),
        Keyword::User => single(node, keyword, checker).map(Kind::User),
        Keyword::Volume => volume(node, checker).map(Kind::Volume),
        Keyword::Workdir => single(node, keyword, checker).map(Kind::Workdir),
    }
}

/// The arguments that are words, in whatever form.
pub(super) fn tokens<'n>(node: &'n Node<'n>) -> &'n [Token<'n>] {
    match &node.arguments {
        Arguments::Words(tokens) | Arguments::Json(tokens) => tokens,
        Arguments::Text(token) => std::slice::from_ref(token),
        _ => &[],
    }
}

/// A command line in shell or exec form.
pub(super) fn command<'n>(node: &'n Node<'n>) -> Command<'n> {
    command_of(&node.arguments, node)
}

/// The same, of arguments that are part of a node's.
pub(super) fn command_of<'n>(arguments: &'n Arguments<'n>, node: &'n Node<'n>) -> Command<'n> {
    match arguments {
        Arguments::Json(tokens) => Command::Exec(tokens.iter().map(Word::from).collect()),
        Arguments::Text(token) => Command::Shell(token.into()),
        _ => Command::Shell(Word {
            text: "",
            span: Span::new(node.word.span.end, node.word.span.end),
        }),
    }
}

/// `WORKDIR`, `USER`, `MAINTAINER`: one text.
fn single<'n>(node: &'n Node<'n>, keyword: Keyword, checker: &mut Checker) -> Option<Word<'n>> {
    let word = one_argument(node, keyword, checker);
    Flags::check(node, keyword, checker);
    word
}

/// The only argument.
fn one_argument<'n>(
    node: &'n Node<'n>,
    keyword: Keyword,
    checker: &mut Checker,
) -> Option<Word<'n>> {
    let [token] = tokens(node) else {
        checker.report(ErrorKind::NotOneArgument(keyword), node.line);
        return None;
    };
    Some(token.into())
}

/// `STOPSIGNAL` does not look at its flags.
fn stopsignal<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<Word<'n>> {
    one_argument(node, Keyword::Stopsignal, checker)
}

/// `EXPOSE`, and `VOLUME` before it is checked further: at least one word.
fn words<'n>(node: &'n Node<'n>, keyword: Keyword, checker: &mut Checker) -> Option<Vec<Word<'n>>> {
    let words: Vec<_> = tokens(node).iter().map(Word::from).collect();
    if words.is_empty() {
        checker.report(ErrorKind::NoArguments(keyword), node.line);
    }
    Flags::check(node, keyword, checker);
    (!words.is_empty()).then_some(words)
}

fn volume<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<Vec<Word<'n>>> {
    words(node, Keyword::Volume, checker)?;
    let mut volumes = Vec::new();
    for token in tokens(node) {
        let word = token.word(token.text.trim());
        if word.text.is_empty() {
            checker.report(ErrorKind::EmptyVolume, token.span);
        }
        volumes.push(word);
    }
    Some(volumes)
}

fn shell<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<Vec<Word<'n>>> {
    Flags::check(node, Keyword::Shell, checker);
    let words = tokens(node);
    if words.is_empty() {
        checker.report(ErrorKind::NoArguments(Keyword::Shell), node.line);
        return None;
    }
    if !node.is_json() {
        checker.report(ErrorKind::ShellNotJson, words[0].span);
        return None;
    }
    Some(words.iter().map(Word::from).collect())
}

/// `ENV` and `LABEL`.
fn settings<'n>(
    node: &'n Node<'n>,
    keyword: Keyword,
    checker: &mut Checker,
) -> Option<Vec<Setting<'n>>> {
    Flags::check(node, keyword, checker);
    let Arguments::Pairs(pairs) = &node.arguments else {
        checker.report(ErrorKind::NoArguments(keyword), node.line);
        return None;
    };
    let mut settings = Vec::with_capacity(pairs.len());
    for pair in pairs {
        if pair.name.text.is_empty() {
            checker.report(ErrorKind::BlankName(keyword), pair.name.span);
        }
        settings.push(Setting {
            name: (&pair.name).into(),
            value: (&pair.value).into(),
            legacy: pair.legacy,
        });
    }
    Some(settings)
}

/// `ARG` does not look at its flags.
fn arg<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<Vec<Argument<'n>>> {
    let tokens = tokens(node);
    if tokens.is_empty() {
        checker.report(ErrorKind::NoArguments(Keyword::Arg), node.line);
        return None;
    }
    let mut arguments = Vec::with_capacity(tokens.len());
    for token in tokens {
        let (name, default) = match token.text.split_once('=') {
            Some((name, default)) => (name, Some(token.word(default))),
            None => (&*token.text, None),
        };
        if name.is_empty() {
            checker.report(ErrorKind::BlankName(Keyword::Arg), token.span);
        }
        let name = token.word(name);
        arguments.push(Argument { name, default });
    }
    Some(arguments)
}

fn from<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<FromImage<'n>> {
    let (image, alias) = match tokens(node) {
        [image] => (Some(image), None),
        [image, word, name] if is_as(&word.text) => {
            (Some(image), checker.accept(alias(name), name.span))
        }
        _ => {
            checker.report(ErrorKind::FromArguments, node.line);
            (None, None)
        }
    };
    let flags = Flags::check(node, Keyword::From, checker);
    Some(FromImage {
        image: image?.into(),
        platform: flags.text("platform"),
        alias,
    })
}

/// `AS` in any case, by Unicode's folding: the long s is an s too.
fn is_as(word: &str) -> bool {
    let folded = word.chars().map(|c| match c {
        '\u{17f}' => 's',
        other => lower_char(other),
    });
    folded.eq("as".chars())
}

/// `letter { letter | digit | "-" | "_" | "." }`, once it is lower-cased.
fn alias<'n>(token: &'n Token<'n>) -> Result<Alias<'n>, ErrorKind> {
    let name = lower(&token.text);
    let is_inner =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(is_inner) {
        let word = token.into();
        Ok(Alias { name, word })
    } else {
        Err(ErrorKind::StageName(token.text.clone().into_owned()))
    }
}

fn onbuild<'n>(ast: &'n Ast<'n>, node: &'n Node<'n>, checker: &mut Checker) -> Option<Onbuild<'n>> {
    let trigger = node.trigger();
    if trigger.is_none() {
        checker.report(ErrorKind::NoArguments(Keyword::Onbuild), node.line);
    }
    Flags::check(node, Keyword::Onbuild, checker);
    let trigger = trigger?;
    let span = trigger.word.span;
    match &*upper(trigger.word.text.trim()) {
        "ONBUILD" => checker.report(ErrorKind::OnbuildChain, span),
        "FROM" => checker.report(ErrorKind::OnbuildTrigger("FROM"), span),
        "MAINTAINER" => checker.report(ErrorKind::OnbuildTrigger("MAINTAINER"), span),
        _ => {}
    }
    Some(Onbuild {
        expression: expression(&ast.original(node), node),
        trigger,
    })
}

/// What an image stores of an `ONBUILD`: the line without the keyword, then every heredoc.
fn expression(original: &str, node: &Node<'_>) -> String {
    let trimmed = original.trim_start_matches(is_regex_space);
    let name = Keyword::Onbuild.name();
    let mut expression = match trimmed.split_at_checked(name.len()) {
        Some((word, rest)) if word.eq_ignore_ascii_case(name) => {
            rest.trim_start_matches(is_regex_space).to_owned()
        }
        _ => original.to_owned(),
    };
    for heredoc in &node.heredocs {
        expression.push('\n');
        expression.push_str(heredoc.content);
        expression.push_str(&heredoc.name);
    }
    expression
}
