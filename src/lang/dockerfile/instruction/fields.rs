//! The comma-separated fields of `--mount` and `--device`: one line of CSV.

use std::borrow::Cow;

use crate::lang::dockerfile::error::ErrorKind;

/// Cuts a flag's value into fields. A field in double quotes may hold commas, and doubled quotes
/// for single ones; anywhere else a double quote is an error. `what` is for the error's text.
pub(super) fn split<'n>(
    value: &'n str,
    what: &'static str,
) -> Result<Vec<Cow<'n, str>>, ErrorKind> {
    let fail = |at: usize, why: &str| {
        let column = at + 1;
        let message = format!("parse error on line 1, column {column}: {why}");
        ErrorKind::Fields(what, message)
    };
    if value.is_empty() {
        return Err(ErrorKind::Fields(what, "EOF".to_owned()));
    }
    let mut fields = Vec::new();
    let mut rest = value;
    loop {
        let at = value.len() - rest.len();
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let (field, after) = unquote(quoted)
                .map_err(|read| fail(at + 1 + read, "extraneous or missing \" in quoted-field"))?;
            fields.push(field);
            after
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if let Some(quote) = field.find('"') {
                return Err(fail(at + quote, "bare \" in non-quoted-field"));
            }
            fields.push(Cow::Borrowed(field));
            after
        };
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// Reads a field up to its closing quote, which must end it: the field and what follows. An error
/// is where it is.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), usize> {
    let mut field = Cow::Borrowed("");
    let mut at = 0;
    while let Some(length) = text[at..].find('"') {
        field += &text[at..at + length];
        at += length + 1;
        match text[at..].chars().next() {
            Some('"') => {
                field += "\"";
                at += 1;
            }
            Some(',') | None => return Ok((field, &text[at..])),
            Some(_) => return Err(at - 1),
        }
    }
    Err(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_fields() {
        for (value, expected) in [
            ("a=b,c", Ok(vec!["a=b", "c"])),
            ("a,", Ok(vec!["a", ""])),
            (",", Ok(vec!["", ""])),
            ("\"a,b\",\"c\"\"d\"", Ok(vec!["a,b", "c\"d"])),
            ("", Err("EOF")),
            (
                "ab\"c",
                Err("parse error on line 1, column 3: bare \" in non-quoted-field"),
            ),
            (
                "\"a\"b",
                Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field"),
            ),
            (
                "\"ab",
                Err("parse error on line 1, column 2: extraneous or missing \" in quoted-field"),
            ),
        ] {
            let expected = expected
                .map(|fields| fields.into_iter().map(Cow::from).collect())
                .map_err(|why| ErrorKind::Fields("mounts", why.to_owned()));
            assert_eq!(split(value, "mounts"), expected, "{value}");
        }
    }
}
