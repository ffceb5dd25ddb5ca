//! Variables without which compose refuses its files: `${NAME:?why}`.

use std::collections::{BTreeMap, BTreeSet};

use super::is_yaml;
use super::lines::Line;
use crate::diagnostics::{Code, Diagnostic, SourceText};
use crate::init::required::VALUE;
use crate::paths;

/// The variables that files require, `${NAME:?why}`, and that the file of variables lacks.
pub(super) fn lacking(texts: &BTreeMap<String, Vec<u8>>, env: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known = texts.get(env).map(|text| String::from_utf8_lossy(text));
    let is_known = |name: &str| {
        let lines = known.iter().flat_map(|text| text.lines());
        let mut values = lines.filter_map(|line| line.split_once('='));
        values.any(|(key, value)| key.trim() == name && !value.trim().is_empty())
    };
    let mut names = BTreeSet::new();
    for (_, text) in texts.iter().filter(|(path, _)| is_yaml(path)) {
        let text = String::from_utf8_lossy(text);
        for part in text.split("${").skip(1) {
            let end = part.find(|c| !is_of_name(c)).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let is_required = rest.strip_prefix(':').unwrap_or(rest).starts_with('?');
            if !name.is_empty() && is_required && !is_known(name) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// Tells of those of some variables that builds ask for.
pub(super) fn told(
    names: &BTreeSet<String>,
    files: &[(&SourceText, Vec<Line>)],
) -> impl Iterator<Item = Diagnostic> {
    names.iter().filter_map(|name| {
        let asks = |line: &&Line| line.is_of_build() && line.asks_for(name);
        let mut files = files.iter();
        let (source, line) =
            files.find_map(|(source, lines)| Some((*source, lines.iter().find(asks)?)))?;
        let env = paths::join(paths::folder_of(&source.path), ".env");
        let message = format!("`{name}` has no value, and Compose requires one");
        let help = format!(
            "set it in `{env}` and run `shipwright init` again: in what it builds it is `{VALUE}` now"
        );
        Some(
            Diagnostic::new(Code::UnsetVariable, message)
                .at(source, line.value.clone(), "")
                .because_of("required by Compose")
                .help(help),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_required() {
        let texts = [
            (
                "compose.yaml",
                "a: ${A:?no a} ${B?}\nb: ${C:-c} $D ${E} ${F:?} ${G?x}",
            ),
            (".env", "F=1\nG=\n"),
            ("notes", "${H:?}"),
        ];
        let texts = texts.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
        let names = lacking(&BTreeMap::from(texts), ".env");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, ["A", "B", "G"]);
    }
}
