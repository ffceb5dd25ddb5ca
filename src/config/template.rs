//! Templates of the configuration: names, arguments and tags that are written with variables.
//!
//! One language everywhere: minijinja, strict (a variable that is not there is an error), with the
//! filters `kebab`, `lower` and `slug`. Errors point into the configuration.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::diagnostics::{Code, Diagnostic, SourceText};
use crate::lang::reference;
use crate::lang::tags::BranchTag;

/// What templates may write, by name.
pub(crate) type Variables = BTreeMap<String, Value>;

/// The variables that templates have by themselves.
const BUILT_IN: [&str; 13] = [
    "name",
    "namespace",
    "short",
    "tag",
    "repository",
    "folder",
    "dockerfile",
    "branch",
    "default_branch",
    "revision",
    "commit",
    "date",
    "git_tags",
];

/// What a name of a variable is like, for help.
pub(crate) const NAME_HELP: &str = "the name of a variable looks like `dotnet` or `os_version`";

/// Why a text cannot name a variable of the configuration's own; none where it can.
pub(crate) fn problem_of_name(name: &str) -> Option<String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Some(format!("`{name}` cannot be used in a template"));
    }
    BUILT_IN
        .contains(&name)
        .then(|| format!("every template already has a variable `{name}`"))
}

/// How much work a template may be. minijinja counts instructions, and the data that they make at 64 bytes
/// each; a list of a thousand tags is a twentieth of it.
const FUEL: u64 = 100_000;

/// A text of the configuration that may hold variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    /// The text.
    pub text: String,
    /// Where it stands in the configuration; none for one that the program or the command line
    /// brings.
    pub span: Option<Range<usize>>,
    /// Whether it means itself: nothing in it is replaced.
    pub literal: bool,
}

impl Template {
    /// A template that is not of the configuration.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            span: None,
            literal: false,
        }
    }
}

/// Renders templates.
#[derive(Debug)]
pub(crate) struct Engine<'c> {
    /// Made when it is first needed: most images have nothing that is rendered by it.
    environment: OnceCell<Environment<'static>>,
    /// How a branch is written in tags; none for templates of other things.
    branch: Option<BranchTag>,
    source: Option<&'c SourceText>,
}

impl<'c> Engine<'c> {
    /// An engine for the templates of a configuration, whose text is `source`.
    pub(crate) fn new(source: Option<&'c SourceText>) -> Self {
        Self {
            environment: OnceCell::new(),
            branch: None,
            source,
        }
    }

    /// The same for templates of tags: what [`BranchTag`] marks as a branch is written as the tag
    /// of that branch.
    pub(crate) fn for_tags(source: Option<&'c SourceText>, branch: Option<BranchTag>) -> Self {
        Self {
            branch,
            ..Self::new(source)
        }
    }

    fn environment(&self) -> &Environment<'static> {
        self.environment.get_or_init(|| {
            let mut environment = Environment::new();
            environment.set_undefined_behavior(UndefinedBehavior::Strict);
            environment.set_auto_escape_callback(|_| AutoEscape::None);
            environment.set_fuel(Some(FUEL));
            environment.add_filter("kebab", |text: &str| kebab(text));
            environment.add_filter("slug", |text: &str| {
                reference::legal(text).unwrap_or_default()
            });
            if let Some(branch) = self.branch.clone() {
                environment.set_formatter(move |out, state, value| {
                    if branch.is_marked(value) {
                        return out.write_str(&branch.tag).map_err(Error::from);
                    }
                    minijinja::escape_formatter(out, state, value)
                });
            }
            environment
        })
    }

    /// What a template says that is one variable and nothing else, which most are.
    fn variable(&self, template: &Template, variables: &Variables) -> Option<String> {
        let inner = template.text.strip_prefix("{{ ")?.strip_suffix(" }}")?;
        let value = variables.get(inner)?;
        match &self.branch {
            Some(branch) if branch.is_marked(value) => Some(branch.tag.clone()),
            _ => value.as_str().map(str::to_owned),
        }
    }

    /// Whether a text is a template at all.
    ///
    /// # Errors
    /// The syntax error, at its place in the configuration.
    pub(crate) fn check(&self, template: &Template) -> Result<(), Diagnostic> {
        if template.literal {
            return Ok(());
        }
        let parsed = self.environment().template_from_str(&template.text);
        parsed
            .map(|_| ())
            .map_err(|error| self.diagnose(template, &error, ""))
    }

    /// What a template says with these variables. `of` names what it is rendered for, in messages.
    ///
    /// # Errors
    /// When it is no template, or writes what is not there.
    pub(crate) fn render(
        &self,
        template: &Template,
        variables: &Variables,
        of: &str,
    ) -> Result<String, Diagnostic> {
        if template.literal || !template.text.contains(['{', '\n']) {
            return Ok(template.text.clone());
        }
        if let Some(text) = self.variable(template, variables) {
            return Ok(text);
        }
        let rendered = self.environment().render_str(&template.text, variables);
        rendered.map_err(|error| {
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            let diagnostic = self.diagnose(template, &error, &format!(", for {of}"));
            if error.kind() == ErrorKind::OutOfFuel {
                return diagnostic.help("a template must produce a short text without long loops");
            }
            diagnostic.help(format!("variables here: {}", known.join(", ")))
        })
    }

    /// Puts a problem of a template at its place.
    pub(crate) fn at(&self, template: &Template, diagnostic: Diagnostic) -> Diagnostic {
        match (self.source, &template.span) {
            (Some(source), Some(span)) => diagnostic
                .at(source, span.clone(), "")
                .because_of(format!("{span:?}")),
            _ => diagnostic,
        }
    }

    fn diagnose(&self, template: &Template, error: &Error, of: &str) -> Diagnostic {
        let kind = error.kind();
        let detail = error
            .detail()
            .map_or(String::new(), |detail| format!(": {detail}"));
        let text = &template.text;
        let message = if kind == ErrorKind::OutOfFuel {
            format!("the template `{text}` takes too long{of}")
        } else {
            format!("the template `{text}` fails{of}: {kind}{detail}")
        };
        self.at(template, Diagnostic::new(Code::ConfigTemplate, message))
    }
}

/// `NodeChrome`, `node_chrome` and `node chrome` as `node-chrome`; a run of capitals is one word.
pub(crate) fn kebab(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kebab = String::with_capacity(text.len() + 4);
    for (at, &c) in chars.iter().enumerate() {
        if matches!(c, '_' | ' ') {
            kebab.push('-');
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let starts_word = c.is_uppercase()
            && before.is_some_and(|before| {
                let next_is_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && next_is_lower
            });
        if starts_word {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_kebab_case() {
        for (text, expected) in [
            ("NodeChrome", "node-chrome"),
            ("SessionQueue", "session-queue"),
            ("HTTPServer", "http-server"),
            ("Base", "base"),
            ("php8Fpm", "php8-fpm"),
            ("a_b c", "a-b-c"),
            ("already-kebab", "already-kebab"),
            ("", ""),
        ] {
            assert_eq!(kebab(text), expected);
        }
    }

    #[track_caller]
    fn check(template: &str, expected: Result<&str, &str>) {
        let engine = Engine::new(None);
        let variables = Variables::from([
            ("folder".to_owned(), Value::from("images/NodeChrome")),
            ("rest".to_owned(), Value::from("")),
        ]);
        let rendered = engine.render(&Template::new(template), &variables, "`x`");
        match (rendered, expected) {
            (Ok(rendered), Ok(expected)) => assert_eq!(rendered, expected),
            (Err(diagnostic), Err(part)) => {
                assert!(diagnostic.message.contains(part), "{}", diagnostic.message);
            }
            (rendered, expected) => panic!("{rendered:?} rather than {expected:?}"),
        }
    }

    #[test]
    fn templates_are_strict() {
        check("plain", Ok("plain"));
        check("{{ folder | kebab }}", Ok("images/node-chrome"));
        check("{{ folder | slug }}", Ok("images-nodechrome"));
        check("a{% if rest %}-{{ rest }}{% endif %}", Ok("a"));
        check("{{ rset }}", Err("undefined"));
        check("{{ folder", Err("syntax error"));
    }

    #[test]
    fn templates_end_soon_and_stay_small() {
        for template in [
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            r#"{{ "x"|indent(4000000000)|length }}"#,
            "{{ range(100000)|join(range(100000)|join)|length }}",
            r#"{% set ns = namespace(x="xx") %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"#,
            r#"{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f("x") }}"#,
            r#"{{ ("x" * 1000000)|replace("x", "x" * 1000000)|length }}"#,
            "{{ 10 ** 10 ** 10 }}",
        ] {
            let rendered =
                Engine::new(None).render(&Template::new(template), &Variables::default(), "`x`");
            rendered.expect_err(template);
        }
    }
}
