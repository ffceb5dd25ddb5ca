//! `COPY` and `ADD`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::check::{Checker, tokens};
use super::flags::Flags;
use super::{AddFiles, CopyFiles, InlineFile, Kind, Source, Transfer};
use crate::lang::dockerfile::error::ErrorKind;
use crate::lang::dockerfile::heredoc::{redirection, without_tabs};
use crate::lang::dockerfile::keyword::Keyword;
use crate::lang::dockerfile::node::{Node, Token};

/// The bodies of an instruction's heredocs, by name.
type Heredocs<'n> = BTreeMap<&'n str, &'n str>;

/// Checks a `COPY` or an `ADD`.
pub(super) fn check<'n>(
    node: &'n Node<'n>,
    keyword: Keyword,
    checker: &mut Checker,
) -> Option<Kind<'n>> {
    let (sources, destination) = match tokens(node) {
        [sources @ .., destination] if !sources.is_empty() => (sources, Some(destination)),
        _ => {
            checker.report(ErrorKind::NoDestination(keyword), node.line);
            (&[][..], None)
        }
    };
    let flags = Flags::check(node, keyword, checker);
    let destination = destination?;
    if let Ok(Some(_)) = redirection(&destination.text) {
        checker.report(ErrorKind::HeredocDestination(keyword), destination.span);
    }
    let heredocs: Heredocs<'_> = node
        .heredocs
        .iter()
        .map(|h| (&*h.name, h.content))
        .collect();
    let transfer = Transfer {
        sources: sources
            .iter()
            .map(|token| source(token, &heredocs))
            .collect(),
        destination: destination.into(),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.bool("link").unwrap_or(false),
        excludes: flags.list("exclude").map(|(_, value)| value).collect(),
    };
    Some(if keyword == Keyword::Copy {
        Kind::Copy(CopyFiles {
            transfer,
            from: flags.text("from"),
            parents: flags.bool("parents").unwrap_or(false),
        })
    } else {
        Kind::Add(AddFiles {
            transfer,
            checksum: flags.text("checksum"),
            keep_git_dir: flags.bool("keep-git-dir"),
            unpack: flags.bool("unpack"),
        })
    })
}

/// A path, or the heredoc that the word names. Of several with one name, the last has the content;
/// where there is none (a word in JSON form), the file is empty.
fn source<'n>(token: &'n Token<'n>, heredocs: &Heredocs<'n>) -> Source<'n> {
    let Ok(Some(named)) = redirection(&token.text) else {
        return Source::Path(token.into());
    };
    let content = heredocs.get(&*named.name).copied().unwrap_or_default();
    Source::Inline(InlineFile {
        name: named.name,
        content: if named.chomp {
            Cow::Owned(without_tabs(content))
        } else {
            Cow::Borrowed(content)
        },
        expand: named.expand,
        span: token.span,
    })
}
