//! What git makes of a file's content on its way into the repository: other line ends, keywords that
//! are no longer expanded. A file is its blob all the same where one of these forms is the blob.

use std::borrow::Cow;

/// What is converted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conversions {
    /// Line ends: of any content, or only of what looks like text.
    pub(super) line_ends: Option<bool>,
    /// `$Id: …$`.
    pub(super) keywords: bool,
}

impl Conversions {
    /// Whether anything is.
    pub(super) fn any(self) -> bool {
        self.line_ends.is_some() || self.keywords
    }

    /// The forms that a content may have in git.
    pub(super) fn of(self, content: &[u8]) -> Vec<Cow<'_, [u8]>> {
        let mut forms = Vec::new();
        let with_line_ends = match self.line_ends {
            Some(explicit) if explicit || is_text(content) => {
                Some(without_carriage_returns(content))
            }
            _ => None,
        };
        if self.keywords {
            forms.push(Cow::Owned(without_keywords(content)));
            let both = with_line_ends.as_deref().map(without_keywords);
            forms.extend(both.map(Cow::Owned));
        }
        forms.extend(with_line_ends.map(Cow::Owned));
        forms
    }
}

/// Whether git takes a content for text where nothing says so: no byte is zero, no carriage return
/// stands alone, and hardly any other control character.
fn is_text(content: &[u8]) -> bool {
    let (mut printable, mut control) = (0_usize, 0_usize);
    for (at, byte) in content.iter().enumerate() {
        match byte {
            0 => return false,
            b'\r' if content.get(at + 1) != Some(&b'\n') => return false,
            b'\r' | b'\n' => {}
            0x08 | b'\t' | 0x0c | 0x1b => printable += 1,
            0x01..=0x1f | 0x7f => control += 1,
            _ => printable += 1,
        }
    }
    printable >> 7 >= control
}

fn without_carriage_returns(content: &[u8]) -> Vec<u8> {
    let mut rest = content.iter().copied().peekable();
    let mut made = Vec::with_capacity(content.len());
    while let Some(byte) = rest.next() {
        if byte != b'\r' || rest.peek() != Some(&b'\n') {
            made.push(byte);
        }
    }
    made
}

fn without_keywords(content: &[u8]) -> Vec<u8> {
    const KEYWORD: &[u8] = b"$Id:";
    let mut made = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = memchr::memmem::find(rest, KEYWORD) {
        let after = &rest[at + KEYWORD.len()..];
        let end = memchr::memchr2(b'$', b'\n', after).filter(|end| after[*end] == b'$');
        made.extend_from_slice(&rest[..at]);
        rest = if let Some(end) = end {
            made.extend_from_slice(b"$Id$");
            &after[end + 1..]
        } else {
            made.extend_from_slice(KEYWORD);
            after
        };
    }
    made.extend_from_slice(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_in_git() {
        #[track_caller]
        fn check(line_ends: Option<bool>, keywords: bool, content: &str, expected: &[&str]) {
            let conversions = Conversions {
                line_ends,
                keywords,
            };
            let forms = conversions.of(content.as_bytes());
            let forms: Vec<_> = forms
                .iter()
                .map(|form| String::from_utf8_lossy(form))
                .collect();
            assert_eq!(forms, expected, "{content:?}");
        }
        check(None, false, "a\r\n", &[]);
        check(Some(false), false, "a\r\nb\n", &["a\nb\n"]);
        check(Some(false), false, "a\rb\r\n", &[]);
        check(Some(true), false, "a\rb\r\n", &["a\rb\n"]);
        check(Some(false), false, "a\0\r\n", &[]);
        check(None, true, "$Id: 12 $ $Id: x\n$Id$", &["$Id$ $Id: x\n$Id$"]);
        check(
            Some(false),
            true,
            "$Id: 1$\r\n",
            &["$Id$\r\n", "$Id$\n", "$Id: 1$\n"],
        );
    }
}
