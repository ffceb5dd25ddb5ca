//! Which files of a snapshot are Dockerfiles, and which texts the planner needs to read at all.

use crate::snapshot::{Node, Snapshot};

/// Endings of files that are templates of Dockerfiles or notes about them.
const NOT_DOCKERFILES: [&str; 8] = [
    ".dockerignore",
    ".in",
    ".j2",
    ".tmpl",
    ".template",
    ".erb",
    ".md",
    ".txt",
];

/// Folders that hold other people's files.
const FOREIGN_FOLDERS: [&str; 2] = ["vendor", "node_modules"];

/// Paths of all Dockerfiles of a snapshot, in byte order. A symbolic link that leads to a file is
/// one too.
pub fn dockerfiles(snapshot: &Snapshot) -> Vec<String> {
    let mut paths = Vec::new();
    snapshot.root.walk(&mut |path, node| {
        let is_file = match node {
            Node::File { .. } => true,
            Node::Link { .. } => snapshot.texts.contains_key(path),
            _ => false,
        };
        if is_file && is_dockerfile(path) {
            paths.push(path.to_owned());
        }
    });
    paths.sort();
    paths
}

/// Whether the planner reads the file at this path: a Dockerfile or an ignore file.
pub fn is_read(path: &str) -> bool {
    let name = file_name(path);
    name == ".dockerignore" || name.ends_with(".dockerignore") || is_dockerfile(path)
}

/// Whether a file is a Dockerfile by its path.
pub fn is_dockerfile(path: &str) -> bool {
    let mut folders = path.split('/');
    let name = folders.next_back().unwrap_or(path);
    parts(name).is_some() && !folders.any(|folder| FOREIGN_FOLDERS.contains(&folder))
}

/// What the file name of a Dockerfile adds to the name of its folder: `dev` for `Dockerfile.dev`
/// and for `dev.Dockerfile`, nothing for `Dockerfile`.
pub fn suffix(path: &str) -> &str {
    parts(file_name(path)).unwrap_or_default()
}

/// The suffix of a Dockerfile's name; none where the name is not a Dockerfile's.
fn parts(name: &str) -> Option<&str> {
    let lower = name.to_ascii_lowercase();
    if NOT_DOCKERFILES.iter().any(|ending| lower.ends_with(ending)) {
        return None;
    }
    for word in ["Dockerfile", "Containerfile"] {
        if let Some(rest) = name.strip_prefix(word) {
            let mut chars = rest.chars();
            return match chars.next() {
                None => Some(""),
                Some('.' | '-' | '_') if !chars.as_str().is_empty() => Some(chars.as_str()),
                Some(_) => None,
            };
        }
    }
    let endings = [
        ".Dockerfile",
        ".dockerfile",
        ".Containerfile",
        ".containerfile",
    ];
    let prefix = endings
        .iter()
        .find_map(|ending| name.strip_suffix(ending))?;
    (!prefix.is_empty()).then_some(prefix)
}

/// The last component of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a file is in; `.` at the root.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_dockerfiles() {
        let rows = [
            ("Dockerfile", Some("")),
            ("a/b/Dockerfile", Some("")),
            ("a/Dockerfile.dev", Some("dev")),
            ("a/Dockerfile-dev", Some("dev")),
            ("a/Dockerfile_dev.x", Some("dev.x")),
            ("a/dev.Dockerfile", Some("dev")),
            ("a/8.3.dockerfile", Some("8.3")),
            ("a/Containerfile", Some("")),
            ("a/Containerfile.web", Some("web")),
            ("a/web.Containerfile", Some("web")),
            ("Dockerfiles", None),
            ("Dockerfile.", None),
            ("dockerfile", None),
            (".Dockerfile", None),
            ("a/Dockerfile.dockerignore", None),
            ("a/Dockerfile.j2", None),
            ("a/Dockerfile.md", None),
            ("a/Dockerfile.template", None),
            ("vendor/x/Dockerfile", None),
            ("a/node_modules/x/Dockerfile", None),
            ("vendored/Dockerfile", Some("")),
        ];
        for (path, expected) in rows {
            let found = is_dockerfile(path).then(|| suffix(path));
            assert_eq!(found, expected, "{path}");
        }
    }
}
