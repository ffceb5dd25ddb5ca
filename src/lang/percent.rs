//! Percent escapes, as URLs and platforms use them.

use std::fmt::Write;

/// Undoes the escapes; `None` where a `%` is not followed by two hexadecimal digits. Bytes that are
/// not UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let high = char::from(digits[0]).to_digit(16)?;
            let low = char::from(digits[1]).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path as the reference of a URL: every byte that is neither unreserved (RFC 3986 §2.3) nor `/` is
/// escaped.
pub(crate) fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// A path as Go writes it in a URL: as it was, if each character may stand there, else with escapes of its own.
pub(crate) fn path_of_url(written: &str, decoded: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~$&+,/:;=@".contains(&byte);
    if written
        .bytes()
        .all(|byte| is_plain(byte) || b"!'()*[]%".contains(&byte))
    {
        return written.to_owned();
    }
    let mut encoded = String::with_capacity(decoded.len());
    for byte in decoded.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{decode, encode_path, path_of_url};

    #[test]
    fn paths_of_urls() {
        for (written, expected) in [
            ("/o/r(1).git", "/o/r(1).git"),
            ("/o/r%2egit", "/o/r%2egit"),
            ("/o/r (1)%2e", "/o/r%20%281%29."),
            ("/é", "/%C3%A9"),
        ] {
            let decoded = decode(written).unwrap();
            assert_eq!(path_of_url(written, &decoded), expected);
        }
    }

    #[test]
    fn a_path_comes_back() {
        for (path, encoded) in [
            ("a/b-c_d.e~f", "a/b-c_d.e~f"),
            ("a b:é%", "a%20b%3A%C3%A9%25"),
        ] {
            assert_eq!(encode_path(path), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(path));
        }
    }

    #[test]
    fn decodes_whole_escapes_only() {
        let rows = [
            ("a%2Fb", Some("a/b")),
            ("%C3%A9", Some("é")),
            ("%ff", Some("\u{fffd}")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%é1", None),
        ];
        for (text, expected) in rows {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
