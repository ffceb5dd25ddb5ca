//! Names that a tree object may hold, by git's own rules: what git hands out is a stranger's until it
//! is checked, and no name may lead out of its folder or into a `.git`.

/// Why a name may not stand in a tree; none where it may.
///
/// As `git fsck` does, on every system: a repository is checked out on all of them.
pub(super) fn problem(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => Some("an empty name"),
        b"." | b".." => Some("a name that leads elsewhere"),
        _ if name.contains(&b'/') => Some("a name with `/`"),
        _ if is_git_folder(name) => Some("a name that a file system may take for `.git`"),
        _ => None,
    }
}

/// Whether the name is `.git` on Linux, macOS or Windows.
fn is_git_folder(name: &[u8]) -> bool {
    // Nearly all names are none of these, which their first byte tells.
    let may_be = matches!(name[0], b'.' | b'g' | b'G' | 0xe2 | 0xef);
    if may_be && (is_git_on_windows(name) || is_git_on_macos(name)) {
        return true;
    }
    // On Windows a backslash ends the name of a folder.
    let mut after_backslash = name.split(|byte| *byte == b'\\').skip(1);
    after_backslash.any(is_git_on_windows)
}

/// `.git` or its short name `git~1`, whatever the case, before blanks and dots, which Windows drops, or
/// before the name of a stream.
fn is_git_on_windows(name: &[u8]) -> bool {
    let rest = [b".git".as_slice(), b"git~1"].into_iter().find_map(|git| {
        let (first, rest) = name.split_at_checked(git.len())?;
        first.eq_ignore_ascii_case(git).then_some(rest)
    });
    rest.is_some_and(|rest| {
        let end = rest.iter().position(|byte| matches!(byte, b'\\' | b':'));
        let dropped = &rest[..end.unwrap_or(rest.len())];
        dropped.iter().all(|byte| matches!(byte, b' ' | b'.'))
    })
}

/// `.git`, whatever the case, between characters that HFS+ ignores.
fn is_git_on_macos(name: &[u8]) -> bool {
    let ignored = |c: &char| matches!(*c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    std::str::from_utf8(name).is_ok_and(|name| {
        let seen = name.chars().filter(|c| !ignored(c));
        seen.map(|c| c.to_ascii_lowercase()).eq(".git".chars())
    })
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_git_refuses() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "/",
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git ",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".git\\x",
            "a\\.git",
            "a\\b\\GIT~1",
            ".g\u{200c}it",
            "\u{feff}.git",
            "\u{202a}.GIT",
        ] {
            assert!(problem(name.as_bytes()).is_some(), "{name:?}");
        }
        for name in [
            "a",
            "...",
            ".gitignore",
            ".github",
            "git",
            "git~2",
            ".git2",
            ".git x",
            "a\\b",
            "\u{feff}git",
            "g",
        ] {
            assert_eq!(problem(name.as_bytes()), None, "{name:?}");
        }
        assert_eq!(problem(b"\xff\xfe"), None);
    }
}
