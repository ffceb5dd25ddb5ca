//! Paths as text: cleaned without looking at a file system, always with `/`; and patterns of them.

mod glob;

pub(crate) use glob::{Globs, glob, glob_of_names};

/// The shortest path that names the same place, as Go's `path.Clean`: without `.`, without
/// `name/..`, without doubled or trailing slashes; `.` where nothing is left.
///
/// A leading `/` stays, and `..` cannot climb above it; leading `..` of a relative path stay.
pub fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match kept.last() {
                Some(&last) if last != ".." => {
                    kept.pop();
                }
                _ if absolute => {}
                _ => kept.push(part),
            },
            _ => kept.push(part),
        }
    }
    let joined = kept.join("/");
    if absolute {
        format!("/{joined}")
    } else if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

/// `path` relative to the root that it is taken from, cleaned: `..` cannot climb out, a leading `/`
/// means nothing, and the root itself is the empty path.
pub(crate) fn within_root(path: &str) -> String {
    clean(&format!("/{path}"))[1..].to_owned()
}

/// A path below a folder, both clean; `.` and the empty path are the root, on either side.
pub(crate) fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("" | ".", path) | (path, "") => path.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

/// A path as seen from a folder, both relative to the same root and clean; `.` and the empty path are the root.
pub(crate) fn relative(path: &str, folder: &str) -> String {
    let mut path: Vec<&str> = path.split('/').collect();
    let mut folder: Vec<&str> = folder
        .split('/')
        .filter(|&part| !matches!(part, "" | "."))
        .collect();
    while path.len() > 1 && folder.first().is_some_and(|first| path[0] == *first) {
        path.remove(0);
        folder.remove(0);
    }
    let up = vec![".."; folder.len()];
    [up, path].concat().join("/")
}

/// The last component of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a file is in; `.` at the root.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// A folder as a tree names it: empty for the root, which is `.` elsewhere.
pub(crate) fn in_tree(folder: &str) -> &str {
    if folder == "." { "" } else { folder }
}

#[cfg(test)]
mod tests {
    use super::{clean, relative, within_root};

    #[test]
    fn cleans_as_go_does() {
        let rows = [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("a//b/../c/", "a/c"),
            ("./a", "a"),
            ("a/..", "."),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
            ("../..", "../.."),
            ("!/a", "!/a"),
        ];
        for (path, expected) in rows {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn stays_within_the_root() {
        let rows = [
            ("", ""),
            ("/", ""),
            ("..", ""),
            ("../e", "e"),
            ("/f", "f"),
            ("./a//b/../c", "a/c"),
        ];
        for (path, expected) in rows {
            assert_eq!(within_root(path), expected, "{path}");
        }
    }

    #[test]
    fn seen_from_a_folder() {
        for (path, folder, expected) in [
            ("Dockerfile", ".", "Dockerfile"),
            ("a/Dockerfile", ".", "a/Dockerfile"),
            ("a/b/Dockerfile", "a", "b/Dockerfile"),
            ("docker/a.Dockerfile", "a/b", "../../docker/a.Dockerfile"),
            ("a/c/Dockerfile", "a/b", "../c/Dockerfile"),
            ("a", "a/b", "../../a"),
            ("a", "", "a"),
        ] {
            assert_eq!(relative(path, folder), expected);
        }
    }
}
