//! Layer 1: physical lines, and the logical lines that continuations join them to.
//!
//! A logical line is a slice of the file where it is one physical line, else a text joined in a
//! buffer that is used again for the next one. [`Line`] remembers where every part comes from, so
//! that what later layers cut out of it is a slice of the file wherever possible, and always has a
//! place in the file.

use std::borrow::Cow;

use memchr::memchr;

use super::node::Token;
use super::span::Span;

/// How many bytes BuildKit reads as one line, with the line end.
const MAX_LINE: usize = 65_536;

/// The byte order mark, which is dropped from the start of a file and nowhere else.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// One physical line.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhysicalLine<'a> {
    /// The text, with the line end.
    pub raw: &'a str,
    /// Where it starts in the file.
    pub start: usize,
}

impl<'a> PhysicalLine<'a> {
    /// The text without its line end: any run of carriage returns and line feeds.
    pub(super) fn text(self) -> &'a str {
        self.raw.trim_end_matches(['\r', '\n'])
    }

    /// Where the text is, without the line end.
    pub(super) fn span(self) -> Span {
        Span::new(self.start, self.start + self.text().len())
    }

    /// Whether it is a comment: its first character that is not white space is a `#`.
    pub(super) fn is_comment(self) -> bool {
        self.raw.trim_start().starts_with('#')
    }
}

/// The physical lines of a file, one after the other, up to one that is too long.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    /// How many bytes a line may have.
    limit: usize,
    /// How many lines were read.
    pub count: usize,
    /// The line that is longer than BuildKit reads, where reading stopped.
    pub too_long: Option<Span>,
}

impl<'a> Lines<'a> {
    /// The lines of a file from `start` on.
    pub(super) fn new(text: &'a str, start: usize) -> Self {
        Self {
            text,
            at: start,
            limit: MAX_LINE,
            count: 0,
            too_long: None,
        }
    }

    /// Where the next line starts.
    pub(super) fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = PhysicalLine<'a>;

    fn next(&mut self) -> Option<PhysicalLine<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let mut length = memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
        let mut raw = &rest[..length];
        // Without a line end there must be room for one.
        if length > self.limit || (length == self.limit && !raw.ends_with('\n')) {
            if self.too_long.is_none() {
                self.too_long = Some(Span::new(self.at, self.at + length));
                return None;
            }
            // Who asks once more gets what BuildKit has in its buffer, and that is all.
            raw = cut(raw, self.limit);
            length = rest.len();
        }
        let (raw, start) = match raw.strip_prefix(BYTE_ORDER_MARK) {
            Some(raw) if self.at == 0 => (raw, BYTE_ORDER_MARK.len_utf8()),
            _ => (raw, self.at),
        };
        self.at += length;
        self.count += 1;
        Some(PhysicalLine { raw, start })
    }
}

/// The start of a text: at most so many bytes, and whole characters.
fn cut(text: &str, mut length: usize) -> &str {
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// `text [ escape { " " | TAB } ]`: what is left of a line that continues in the next one, or
/// nothing if it does not. Two escape characters are no continuation, nor are more.
fn continued(text: &str, escape: char) -> Option<&str> {
    let rest = text.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!rest.ends_with(escape)).then_some(rest)
}

/// A logical line that is read into buffers which the next one uses again.
#[derive(Debug, Default)]
pub(super) struct LogicalLine {
    joined: String,
    segments: Vec<Segment>,
    is_joined: bool,
    /// The first and the last physical line, without the last line end.
    span: Span,
    /// Whether a blank line stood between the lines, which BuildKit warns about.
    pub has_blank_line: bool,
}

/// From `at` on in the logical line to the next segment: the file from `from` on.
#[derive(Debug, Clone, Copy)]
struct Segment {
    at: usize,
    from: usize,
}

impl LogicalLine {
    /// Reads the logical line that starts with `first`, whose text starts at `start` in the file.
    ///
    /// While it continues, comments and blank lines are dropped; they do not end it.
    pub(super) fn read<'a>(
        &mut self,
        start: usize,
        first: &'a str,
        lines: &mut Lines<'a>,
        escape: char,
    ) {
        self.joined.clear();
        self.joined.clear();
        self.segments.clear();
        self.has_blank_line = false;
        self.span = Span::new(start, start + first.len());
        let mut continuation = continued(first, escape);
        self.is_joined = continuation.is_some();
        if self.is_joined && self.joined.capacity() == 0 {
            self.joined.reserve(512);
            self.segments.reserve(16);
        }
        self.push(start, continuation.unwrap_or_default());
        while continuation.is_some() {
            let Some(line) = lines.next() else { break };
            self.span.end = line.span().end;
            if line.is_comment() {
                continue;
            }
            let text = line.text();
            if text.trim_start().is_empty() {
                self.has_blank_line = true;
                continue;
            }
            continuation = continued(text, escape);
            self.push(line.start, continuation.unwrap_or(text));
        }
    }

    fn push(&mut self, from: usize, text: &str) {
        let at = self.joined.len();
        self.segments.push(Segment { at, from });
        self.joined.push_str(text);
    }

    /// From the first character to the end of the last physical line.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// What was read, as a view.
    pub(super) fn line<'a, 'b>(&'b self, file: &'a str) -> Line<'a, 'b>
    where
        'a: 'b,
    {
        Line {
            file,
            text: if self.is_joined {
                &self.joined
            } else {
                &file[self.span.range()]
            },
            segments: &self.segments,
        }
    }
}

/// A logical line, and where its parts are in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a, 'b> {
    file: &'a str,
    /// The text, without line ends.
    pub text: &'b str,
    segments: &'b [Segment],
}

impl<'a> Line<'a, '_> {
    /// The segment that holds an offset in the logical line.
    fn segment(&self, offset: usize) -> Segment {
        let after = self.segments.partition_point(|s| s.at <= offset);
        self.segments[after.saturating_sub(1)]
    }

    /// The segments that hold the first and the last byte of a slice, and where it is in the file.
    fn locate(&self, part: &str) -> (Segment, Segment, Span) {
        let offset = part.as_ptr() as usize - self.text.as_ptr() as usize;
        let first = self.segment(offset);
        let start = first.from + (offset - first.at);
        let Some(behind_first) = part.len().checked_sub(1) else {
            return (first, first, Span::new(start, start));
        };
        let last_byte = offset + behind_first;
        let last = self.segment(last_byte);
        let end = last.from + (last_byte - last.at) + 1;
        (first, last, Span::new(start, end))
    }

    /// Where a slice of this line is in the file.
    pub(super) fn span(&self, part: &str) -> Span {
        self.locate(part).2
    }

    /// A slice of this line as a token: borrowed from the file if it lies there in one piece.
    pub(super) fn token(&self, part: &str) -> Token<'a> {
        let (first, last, span) = self.locate(part);
        let text = if first.at == last.at {
            Cow::Borrowed(&self.file[span.range()])
        } else {
            Cow::Owned(part.to_owned())
        };
        Token { text, span }
    }

    /// The same, of a slice that stands for a value: borrowed where it is the slice itself.
    pub(super) fn token_of_value(&self, raw: &str, value: Cow<'_, str>) -> Token<'a> {
        match value {
            Cow::Borrowed(_) => self.token(raw),
            Cow::Owned(text) => Token {
                text: Cow::Owned(text),
                span: self.span(raw),
            },
        }
    }
}

/// The logical line that an instruction's span holds, read once more.
pub(super) fn rejoin(file: &str, span: Span, escape: char) -> Cow<'_, str> {
    let mut lines = Lines::new(&file[..span.end], span.start);
    lines.limit = usize::MAX;
    let Some(first) = lines.next() else {
        return Cow::Borrowed("");
    };
    let mut logical = LogicalLine::default();
    logical.read(first.start, first.text(), &mut lines, escape);
    if logical.is_joined {
        Cow::Owned(logical.joined)
    } else {
        Cow::Borrowed(first.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_joined(file: &str, joined: &str) {
        let mut lines = Lines::new(file, 0);
        let first = lines.next().expect("the file has a line");
        let mut logical = LogicalLine::default();
        logical.read(0, first.text(), &mut lines, '\\');
        assert_eq!(logical.line(file).text, joined);
        assert_eq!(rejoin(file, logical.span(), '\\'), joined);
    }

    #[test]
    fn joins_lines() {
        check_joined("RUN a\nb", "RUN a");
        check_joined("RUN ab\\\ncd", "RUN abcd");
        check_joined("RUN a \\ \t\r\n  b\r\n", "RUN a   b");
        check_joined("RUN a \\\n\n  # c \\\n b", "RUN a  b");
        check_joined("RUN a \\", "RUN a ");
        check_joined("RUN a \\\\\nb", "RUN a \\\\");
        check_joined("\\\nRUN a", "RUN a");
    }

    #[test]
    fn tokens_borrow_where_they_can() {
        let file = "RUN ab\\\n  cd\\\nef g";
        let mut lines = Lines::new(file, 0);
        let first = lines.next().expect("the file has a line");
        let mut logical = LogicalLine::default();
        logical.read(0, first.text(), &mut lines, '\\');
        let line = logical.line(file);
        assert_eq!(line.text, "RUN ab  cdef g");
        let borrowed = line.token(&line.text[8..10]);
        assert_eq!(borrowed.span, Span::new(10, 12));
        assert!(matches!(borrowed.text, Cow::Borrowed("cd")));
        let joined = line.token(&line.text[8..12]);
        assert_eq!(joined.span, Span::new(10, 16));
        assert!(matches!(joined.text, Cow::Owned(ref text) if text == "cdef"));
        assert_eq!(line.span(&line.text[14..]), Span::new(18, 18));
    }

    #[test]
    fn refuses_a_line_that_buildkit_does_not_read() {
        for (length, end, read) in [
            (65_535, "\n", true),
            (65_536, "\n", false),
            (65_535, "", true),
            (65_536, "", false),
        ] {
            let file = "x".repeat(length) + end;
            let mut lines = Lines::new(&file, 0);
            assert_eq!(lines.next().is_some(), read, "{length} {end:?}");
            assert_eq!(lines.too_long.is_none(), read);
        }
    }
}
