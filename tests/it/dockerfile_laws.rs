//! What holds for every text, Dockerfile or not.

use std::borrow::Cow;
use std::fs;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use shipwright::lang::dockerfile::node::{Arguments, Node, Token};
use shipwright::lang::dockerfile::{Ast, Dockerfile, Kind, Span, dump, parse};

use crate::shared;

use crate::support::files::cases;

/// Pieces that mean something to one of the grammar's productions.
const PIECES: [&str; 66] = [
    "FROM ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "LABEL ",
    "ARG ",
    "CMD ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "SHELL ",
    "VOLUME ",
    "EXPOSE ",
    "from ",
    "# ",
    "#",
    "# escape=`",
    "# syntax=a b",
    "\n",
    "\r\n",
    "\n\n",
    " ",
    "\t",
    "\u{b}",
    "\u{a0}",
    "\u{85}",
    "\u{feff}",
    "\\",
    "\\\n",
    "` \n",
    "\\\n\\\n",
    "'",
    "\"",
    "[",
    "]",
    "[\"a\"]",
    "[\"a\", \"\\ud800\"]",
    "[1]",
    "=",
    "a=b",
    "$",
    "${",
    "}",
    "${A:-",
    "${A/b/",
    "<<",
    "<<E",
    "<<-'E'",
    "<< E",
    "3<<E",
    "E\n",
    "\tE\n",
    "--",
    "--from=a ",
    "--link ",
    "--mount=type=bind,from=a",
    "--chown=é ",
    "--x=\"a b\" ",
    "CMD ",
    "NONE",
    "AS ",
    "a",
    "b ",
    "é",
    "\u{1f600}",
    "\0",
];

/// The Dockerfiles of the test cases, and the real ones where they are there.
fn dockerfiles() -> Vec<String> {
    let cases = cases("dockerfile").into_iter();
    let mut files: Vec<String> = cases
        .map(|case| fs::read_to_string(case.join("Dockerfile")).expect("a case has a Dockerfile"))
        .collect();
    let real = shared::read("real/dockerfiles.jsonl.xz").unwrap_or_default();
    files.extend(real.lines().take(200).map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row is JSON");
        row["dockerfile"].as_str().expect("a text").to_owned()
    }));
    files
}

fn check_span(ast: &Ast<'_>, span: Span) {
    assert!(ast.text.get(span.range()).is_some(), "{span:?}");
}

fn check_token(ast: &Ast<'_>, token: &Token<'_>) {
    check_span(ast, token.span);
    if let Cow::Borrowed(text) = token.text {
        assert_eq!(text, &ast.text[token.span.range()]);
    }
}

fn check_arguments(ast: &Ast<'_>, arguments: &Arguments<'_>) {
    match arguments {
        Arguments::None | Arguments::Unknown => {}
        Arguments::Text(token) => check_token(ast, token),
        Arguments::Words(tokens) | Arguments::Json(tokens) => {
            for token in tokens {
                check_token(ast, token);
            }
        }
        Arguments::Pairs(pairs) => {
            for pair in pairs {
                check_token(ast, &pair.name);
                check_token(ast, &pair.value);
            }
        }
        Arguments::Health { kind, command } => {
            check_token(ast, kind);
            check_arguments(ast, command);
        }
        Arguments::Trigger(node) => check_node(ast, node),
    }
}

fn check_node(ast: &Ast<'_>, node: &Node<'_>) {
    check_token(ast, &node.word);
    for flag in &node.flags {
        check_token(ast, flag);
    }
    check_arguments(ast, &node.arguments);
    for heredoc in &node.heredocs {
        assert_eq!(heredoc.content, &ast.text[heredoc.span.range()]);
        check_span(ast, heredoc.terminator);
    }
    check_span(ast, node.line);
    check_span(ast, node.span);
}

/// Every place is in the file and on character borders; a borrowed text is what stands there.
fn check_places(file: &Dockerfile<'_>) {
    let ast = file.ast;
    for comment in &ast.comments {
        check_span(ast, comment.span);
    }
    for node in &ast.nodes {
        check_node(ast, node);
    }
    for error in file.all_errors() {
        check_span(ast, error.span);
    }
    for instruction in &file.instructions {
        if let Kind::Run(run) = &instruction.kind {
            for field in run.mounts.iter().flat_map(|mount| &mount.fields) {
                check_span(ast, field.span);
                check_span(ast, field.value_span);
            }
        }
    }
}

/// Comments and instructions follow each other, and between them is white space: together they are
/// the file.
fn check_nothing_is_lost(ast: &Ast<'_>) {
    if !ast.errors.is_empty() {
        return;
    }
    let comments = ast.comments.iter().map(|comment| comment.span);
    let mut spans: Vec<Span> = comments
        .chain(ast.nodes.iter().map(|node| node.span))
        .collect();
    spans.sort_unstable();
    let mut read_to = 0;
    spans.push(Span::new(ast.text.len(), ast.text.len()));
    for span in spans {
        assert!(read_to <= span.start, "two overlap at {}", span.start);
        let between = &ast.text[read_to..span.start];
        let between = between.strip_prefix('\u{feff}').unwrap_or(between);
        assert!(between.trim().is_empty(), "nobody read {between:?}");
        read_to = span.end;
    }
}

fn check(text: &str) {
    let ast = parse(text);
    let file = Dockerfile::new(&ast);
    check_places(&file);
    check_nothing_is_lost(&ast);
    assert_eq!(ast.line_count, text.split_inclusive('\n').count());
    // Whatever cannot be read is said to be so.
    assert!(!ast.nodes.is_empty() || !ast.errors.is_empty());
    assert_eq!(
        dump::file(&file),
        dump::file(&Dockerfile::new(&parse(text)))
    );
}

/// The parts of all nodes.
fn parts(text: &str) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    for node in &parse(text).nodes {
        node.parts(&mut |name, text| parts.push((name, text.to_owned())));
    }
    parts
}

#[test]
fn truncated_anywhere() {
    for text in dockerfiles().iter().take(32) {
        for (end, _) in text.char_indices() {
            check(&text[..end]);
        }
    }
}

/// A file with one line an instruction and no comments says the same.
#[test]
fn layout_does_not_matter() {
    for text in dockerfiles() {
        let ast = parse(&text);
        if !ast.errors.is_empty() {
            continue;
        }
        let mut plain = format!("# escape={}\n", ast.escape);
        for node in &ast.nodes {
            plain.push_str(&ast.original(node));
            plain.push('\n');
            for heredoc in &node.heredocs {
                plain.push_str(heredoc.content);
                plain.push_str(&text[heredoc.terminator.range()]);
                plain.push('\n');
            }
        }
        assert_eq!(parts(&plain), parts(&text), "{plain}");
    }
}

/// Sizes at which anything quadratic would take hours, and any recursion exhaust the stack.
#[test]
fn large_files() {
    const MANY: usize = 100_000;
    let flags = "--mount=from=a,target=/a \\\n".repeat(MANY) + &"--network=none \\\n".repeat(MANY);
    let each = |text: &dyn Fn(usize) -> String| (0..MANY).map(text).collect::<Vec<_>>().concat();
    let bodies = each(&|n| format!("a\n{n}\n"));
    let names = each(&|n| format!("<<{n} \\\n"));
    for instruction in [
        "RUN x".to_owned() + &" \\\n && y".repeat(MANY),
        "COPY a \\\n".repeat(MANY),
        "ENV ".to_owned() + &"A='b c' \\\n\n# d\n".repeat(MANY),
        "ENV A ".to_owned() + &"a \\\n".repeat(MANY),
        format!("RUN {flags} x"),
        format!("COPY {names} /\n{bodies}"),
        "ONBUILD \\\n".repeat(MANY) + "RUN x",
        "RUN ".to_owned() + &"[ \\\n".repeat(MANY),
        "RUN ".to_owned() + &"[ \\\n".repeat(MANY) + &"]\\\n".repeat(MANY),
        "CMD [\"\"".to_owned() + &",\"\\u00e9\" \\\n".repeat(MANY) + "]",
        "RUN <<".to_owned() + &"${A:-\"\\\n".repeat(MANY),
        "RUN <<E ".to_owned() + &"\"${A/b/\\\n".repeat(MANY) + &"}\"\\\n".repeat(MANY) + "\nE",
        "RUN \"<<".to_owned() + &"${A:-b}\\\n".repeat(MANY),
        "FROM a AS b\nCOPY --from=b . .\n".repeat(MANY),
        "\\\n".repeat(MANY),
        "# a\n".repeat(MANY),
    ] {
        let text = format!("FROM a\n{instruction}\n");
        let ast = parse(&text);
        check_places(&Dockerfile::new(&ast));
        check_nothing_is_lost(&ast);
    }
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(select(&PIECES[..]), 0..40)) {
        check(&pieces.concat());
    }

    #[test]
    fn any_edits(
        file in select(dockerfiles()),
        edits in prop::collection::vec((any::<Index>(), 0..20_usize, select(&PIECES[..])), 1..6),
    ) {
        let mut characters: Vec<char> = file.chars().collect();
        for (at, cut, piece) in edits {
            let start = at.index(characters.len() + 1);
            let end = (start + cut).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        check(&characters.into_iter().collect::<String>());
    }
}
