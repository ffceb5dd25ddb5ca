//! Many names in few lines.

use unicode_width::UnicodeWidthStr;

use super::thousands;

/// The folders that all names have in common, with the final `/`; empty where they have none.
pub(in crate::run) fn common_folder<'n>(names: impl IntoIterator<Item = &'n str>) -> &'n str {
    let mut names = names.into_iter();
    let Some(first) = names.next() else {
        return "";
    };
    names.fold(folder(first), |common, name| {
        let same = common.bytes().zip(name.bytes());
        let same = same.take_while(|(a, b)| a == b).count();
        // A place between two characters that both texts share, or the end of a whole folder.
        match common.as_bytes()[..same]
            .iter()
            .rposition(|byte| *byte == b'/')
        {
            Some(slash) => &common[..=slash],
            None => "",
        }
    })
}

fn folder(name: &str) -> &str {
    name.rfind('/').map_or("", |slash| &name[..=slash])
}

/// Names with commas between them, in at most `lines` lines of `width` columns. Those that do not
/// fit are counted.
pub(in crate::run) fn in_lines(names: &[&str], width: usize, lines: usize) -> Vec<String> {
    let more = |shown: usize| format!("… and {} more", thousands(names.len() - shown));
    let mut done: Vec<String> = Vec::new();
    let mut line = String::new();
    for (index, name) in names.iter().enumerate() {
        let is_last = index + 1 == names.len();
        let item = if is_last {
            (*name).to_owned()
        } else {
            format!("{name},")
        };
        let on_last_line = done.len() + 1 == lines;
        let reserved = if on_last_line && !is_last {
            1 + more(0).width()
        } else {
            0
        };
        if !line.is_empty() && line.width() + 1 + item.width() + reserved > width {
            if on_last_line {
                done.push(format!("{line} {}", more(index)));
                return done;
            }
            done.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&item);
    }
    done.push(line);
    done
}

/// A line of at most `width` columns, its end cut off where it is longer.
pub(in crate::run) fn cut(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let mut text = String::new();
    for c in line.chars() {
        if text.width() + 2 > width {
            break;
        }
        text.push(c);
    }
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_have_in_common() {
        let rows: [(&[&str], &str); 6] = [
            (&[], ""),
            (&["a/b/c"], "a/b/"),
            (&["a/b/c", "a/b/d"], "a/b/"),
            (&["a/b/c", "a/bc/d"], "a/"),
            (&["a/b", "c"], ""),
            (&["é/a", "è/a"], ""),
        ];
        for (names, expected) in rows {
            assert_eq!(common_folder(names.iter().copied()), expected, "{names:?}");
        }
    }

    #[test]
    fn names_fill_lines_and_the_rest_is_counted() {
        #[track_caller]
        fn check(names: &[&str], width: usize, lines: usize, expected: &[&str]) {
            assert_eq!(in_lines(names, width, lines), expected);
        }
        check(&["a", "b"], 80, 1, &["a, b"]);
        check(&["aaaa", "bbbb", "cccc"], 11, 2, &["aaaa, bbbb,", "cccc"]);
        check(
            &["aaaa", "bbbb", "cccc", "dddd"],
            22,
            1,
            &["aaaa, … and 3 more"],
        );
        // One that is too long for a line has one of its own.
        check(&["a-long-name", "b"], 4, 2, &["a-long-name,", "b"]);
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("数数数", 5), "数数…");
    }
}
