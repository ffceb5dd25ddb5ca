//! Rendering: every value that a template writes is quoted for the language of the template.
//!
//! The name of a template says its language (`Makefile.j2`, `*.sh.j2`, `*.hcl.j2`, `*.json.j2`, `*.yml.j2`, `*.html.j2`); the
//! formatter of the engine then quotes each `{{ value }}`, so that the author of a template cannot
//! forget to. The filters `sh`, `make`, `hcl`, `json`, `html` and `comment` do the same by name.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;

use super::quote::{Language, comment, harmless};
use crate::diagnostics::{Code, Diagnostic, SourceText};

/// The templates of this program, by name.
const TEMPLATES: [(&str, &str); 10] = [
    ("header.j2", include_str!("../../../templates/header.j2")),
    (
        "Makefile.j2",
        include_str!("../../../templates/Makefile.j2"),
    ),
    (
        "build.sh.j2",
        include_str!("../../../templates/build.sh.j2"),
    ),
    (
        "functions.sh.j2",
        include_str!("../../../templates/functions.sh.j2"),
    ),
    (
        "docker-bake.hcl.j2",
        include_str!("../../../templates/docker-bake.hcl.j2"),
    ),
    (
        "docker-bake.stable.hcl.j2",
        include_str!("../../../templates/docker-bake.stable.hcl.j2"),
    ),
    (
        "github.json.j2",
        include_str!("../../../templates/github.json.j2"),
    ),
    (
        "gitlab.yml.j2",
        include_str!("../../../templates/gitlab.yml.j2"),
    ),
    (
        "picture.svg.j2",
        include_str!("../../../templates/picture.svg.j2"),
    ),
    (
        "page.html.j2",
        include_str!("../../../templates/page.html.j2"),
    ),
];

/// A text that a template writes as it stands: made here, of nothing that could be misread.
pub(in crate::run) fn verbatim(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// A text from outside as a comment shows it to people.
pub(super) fn remark(text: &str) -> Value {
    verbatim(comment(text))
}

/// Renders one of the program's templates.
///
/// # Errors
/// When the template writes what is not there, or what its language cannot carry.
pub(in crate::run) fn render(name: &str, view: impl Serialize) -> Result<String, Diagnostic> {
    rendered(&TEMPLATES, name, view).map_err(|error| diagnose(&error))
}

/// Renders a template from outside.
///
/// # Errors
/// Besides those of [`render`], when it is no template.
pub(super) fn render_source(
    template: &SourceText,
    view: impl Serialize,
) -> Result<String, Diagnostic> {
    let (name, source) = (template.path.as_str(), &*template.text);
    rendered(&[(name, source)], name, view).map_err(|error| diagnose(&error))
}

/// Whether a template takes one of these names from its data.
///
/// # Errors
/// When it is no template.
pub(super) fn names_any(template: &SourceText, names: &[&str]) -> Result<bool, Diagnostic> {
    let engine = engine();
    let parsed = engine.template_from_named_str(&template.path, &template.text);
    let taken = parsed
        .map_err(|error| diagnose(&error))?
        .undeclared_variables(false);
    Ok(names.iter().any(|name| taken.contains(*name)))
}

fn rendered(templates: &[(&str, &str)], name: &str, view: impl Serialize) -> Result<String, Error> {
    let mut engine = engine();
    for (name, source) in templates {
        engine.add_template_owned((*name).to_owned(), (*source).to_owned())?;
    }
    engine.get_template(name)?.render(Serde(view))
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_syntax(syntax());
    engine.set_auto_escape_callback(|name| match language_of(name) {
        Some(language) => AutoEscape::Custom(language.into()),
        None => AutoEscape::None,
    });
    engine.set_formatter(format);
    for name in ["sh", "make", "hcl", "json", "html"] {
        engine.add_filter(name, move |value: Value| {
            let language = language(name).expect("a name of the list above");
            quote(language, &value).map(verbatim)
        });
    }
    // Data for a script of a page: JSON in which nothing ends the element or opens a comment.
    engine.add_filter("script", |value: Value| {
        quote(Language::Json, &value).map(|json| {
            let json = json.replace('<', "\\u003c").replace('>', "\\u003e");
            verbatim(json.replace('&', "\\u0026"))
        })
    });
    engine.add_function("fail", |message: &str| {
        Err::<Value, Error>(Error::new(ErrorKind::InvalidOperation, message.to_owned()))
    });
    engine.add_filter("comment", |text: &str| remark(text));
    // A part in `sh` within a Makefile: make undoes the doubling before the shell reads it.
    engine.add_filter("double_dollars", |text: &str| {
        verbatim(text.replace('$', "$$"))
    });
    engine
}

/// A line that holds a `{% block %}` alone leaves no trace in the output.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the usual delimiters do not contradict each other")
}

fn language(name: &str) -> Option<Language> {
    Some(match name {
        "sh" => Language::Sh,
        "make" => Language::Make,
        "hcl" => Language::Hcl,
        "json" => Language::Json,
        "html" => Language::Html,
        _ => return None,
    })
}

/// The language that a template of that name is written in.
fn language_of(template: &str) -> Option<&'static str> {
    let name = template.strip_suffix(".j2").unwrap_or(template);
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.rsplit_once('.') {
        Some((_, "sh")) => Some("sh"),
        Some((_, "mk")) => Some("make"),
        Some((_, "hcl")) => Some("hcl"),
        // YAML reads JSON.
        Some((_, "json" | "yml" | "yaml")) => Some("json"),
        Some((_, "html" | "htm" | "xhtml" | "xml" | "svg")) => Some("html"),
        None if last == "Makefile" => Some("make"),
        _ => None,
    }
}

/// What `{{ value }}` writes.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let language = match state.auto_escape() {
        AutoEscape::Custom(name) => language(name),
        _ => None,
    };
    match language {
        Some(language) if !value.is_safe() => {
            out.write_str(&quote(language, value)?).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn quote(language: Language, value: &Value) -> Result<String, Error> {
    let refuse = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    match value.kind() {
        _ if language == Language::Json => {
            let json = serde_json::to_string(value);
            json.map(|json| harmless(&json))
                .map_err(|error| refuse(error.to_string()))
        }
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number => Ok(value.to_string()),
        ValueKind::String => {
            let text = value.to_string();
            let quoted = language.quote(&text);
            quoted.map_err(|reason| refuse(format!("the value `{}` {reason}", comment(&text))))
        }
        kind => Err(refuse(format!("a value of kind {kind} is not text"))),
    }
}

fn diagnose(error: &Error) -> Diagnostic {
    let kind = || error.kind().to_string();
    let message = error.detail().map_or_else(kind, str::to_owned);
    let diagnostic = Diagnostic::new(Code::Template, message);
    match (error.name(), error.template_source(), error.range()) {
        (Some(name), Some(source), Some(range)) => {
            diagnostic.at(&SourceText::new(name, source).typed(), range, "")
        }
        _ => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// Renders a template of that name; an error is its message and the text it marks.
    #[track_caller]
    fn check(name: &str, source: &str, expected: Result<&str, (&str, &str)>) {
        let view = BTreeMap::from([("text", json!("a $b")), ("list", json!(["x y"]))]);
        let rendered = render_source(&SourceText::new(name, source), view);
        let rendered = rendered.map_err(|problem| {
            let marked = problem
                .labels
                .first()
                .map_or(0..0, |label| label.span.clone());
            (problem.message, &source[marked])
        });
        let rendered = rendered.as_deref();
        let rendered = rendered.map_err(|(message, marked)| (message.as_str(), *marked));
        assert_eq!(rendered, expected);
    }

    #[test]
    fn values_are_quoted_by_the_name_of_the_template() {
        check("a.sh.j2", "{{ text }}", Ok("'a $b'"));
        check("Makefile.j2", "{{ text }}", Ok("'a $$b'"));
        check("a.hcl.j2", "{{ text }} {{ true }}", Ok(r#""a $b" true"#));
        check("a.json.j2", "{{ list }}", Ok(r#"["x y"]"#));
        check(
            "a.yml.j2",
            "{{ text }}: {{ text|sh|json }}",
            Ok(r#""a $b": "'a $b'""#),
        );
        for name in ["a.html.j2", "a.htm", "b/a.svg.j2", "a.xml"] {
            let source = "{{ '<script>' }} <i>{{ text }} {{ 12 }} {{ 'a&b'|html }}";
            check(name, source, Ok("&lt;script&gt; <i>a $b 12 a&amp;b"));
        }
        let source = r#"<script>{{ ["</script><!--&"]|script }}</script>"#;
        let data = r#"<script>["\u003c/script\u003e\u003c!--\u0026"]</script>"#;
        check("a.html.j2", source, Ok(data));
        check("notes.txt", "{{ text }} {{ text|sh }}", Ok("a $b 'a $b'"));
    }

    #[test]
    fn nothing_is_quoted_twice() {
        check(
            "a.sh.j2",
            "{{ text|sh }} {{ text|comment }}",
            Ok("'a $b' a $b"),
        );
        let nested = "{% filter double_dollars %}{{ text|sh }}{% endfilter %}";
        check("Makefile.j2", nested, Ok("'a $$b'"));
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        check(
            "a.sh.j2",
            "{{ list }}",
            Err(("a value of kind sequence is not text", "list")),
        );
        check(
            "a.sh.j2",
            "\n{{ none }}",
            Err(("a value of kind none is not text", "none")),
        );
        check(
            "a.sh.j2",
            "{{ nothing }}",
            Err(("`nothing` is undefined", "nothing")),
        );
        check(
            "a.sh.j2",
            "{{ text|upper| }}",
            Err((
                "unexpected end of variable block, expected identifier",
                "}}",
            )),
        );
    }
}
