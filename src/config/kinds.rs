//! The kinds of values that settings have: what is right, how it is merged, what it comes to.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::json::At;
use super::resolve::{Part, Renderer, Setting};
use super::table::{self, Value, table};
use super::template::{NAME_HELP, Template, problem_of_name};
use super::{PLATFORM_HELP, Spanned};
use crate::diagnostics::{Code, Diagnostic};
use crate::lang::platform::Platform;
use crate::lang::reference::Reference;
use crate::paths;

/// How the value of a named context begins where it is an image.
pub(crate) const IMAGE_SCHEME: &str = "docker-image://";

impl Value for Template {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        at.template()
    }

    fn schema() -> Json {
        String::schema()
    }
}

/// A list; a narrower one takes the place of a wider one, even where it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Value> Value for List<T> {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        Some(Self(Some(Vec::read(at)?)))
    }

    fn schema() -> Json {
        Vec::<T>::schema()
    }
}

impl<T: Part> Setting for List<T> {
    type Resolved = Vec<T::Resolved>;

    fn over(&self, wider: &Self) -> Self {
        Self(self.0.as_ref().or(wider.0.as_ref()).cloned())
    }

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Self::Resolved {
        let parts = self.0.iter().flatten();
        parts.filter_map(|part| part.resolve(renderer)).collect()
    }

    fn templates<'s>(&'s self, all: &mut Vec<&'s Template>) {
        let parts = self.0.iter().flatten();
        all.extend(parts.filter_map(Part::template));
    }
}

/// A template that is something more special than a text.
macro_rules! special {
    ($($(#[$meta:meta])* $name:ident => $resolved:ty, $resolve:expr;)*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Default, PartialEq, Eq)]
            pub(crate) struct $name(pub(crate) Template);

            impl Value for $name {
                fn read(at: &mut At<'_, '_>) -> Option<Self> {
                    Some(Self(at.template()?))
                }

                fn schema() -> Json {
                    String::schema()
                }
            }

            impl Part for $name {
                type Resolved = $resolved;

                fn resolve(&self, renderer: &mut Renderer<'_>) -> Option<$resolved> {
                    $resolve(&self.0, renderer)
                }

                fn template(&self) -> Option<&Template> {
                    Some(&self.0)
                }
            }
        )*
    };
}

special! {
    /// A text without white space around it.
    Word => String, |template, renderer: &mut Renderer<'_>| renderer.word(template);
    /// A folder of the repository.
    FolderPath => String, folder;
    /// A further reference of an image, perhaps a pattern.
    Alias => String, alias;
}

fn folder(template: &Template, renderer: &mut Renderer<'_>) -> Option<String> {
    let text = renderer.word(template)?;
    let path = paths::clean(text.trim_start_matches('/'));
    if let Some(folder) = (renderer.folder)(&path) {
        return Some(folder);
    }
    let message = format!(
        "there is no folder `{text}`, the context of {}",
        renderer.of
    );
    let problem = Diagnostic::new(Code::MissingContext, message).help(
        "paths are relative to the root of the plan, which is `.`; links are followed within it",
    );
    renderer.refuse(template, problem);
    None
}

fn alias(template: &Template, renderer: &mut Renderer<'_>) -> Option<String> {
    let alias = renderer.word(template)?;
    let problem = if is_glob(&alias) {
        paths::glob(&alias).err()
    } else {
        Reference::parse(&alias)
            .err()
            .map(|error| error.to_string())
    };
    let Some(problem) = problem else {
        return Some(alias);
    };
    let message = format!("`{alias}` cannot be an alias of {}: {problem}", renderer.of);
    let problem = Diagnostic::new(Code::IllegalName, message)
        .help("an alias is a reference, such as `acme/service`, `base` or `acme/runtime:8.0.*`");
    renderer.refuse(template, problem);
    None
}

/// Whether an alias is a pattern rather than a reference.
pub(crate) fn is_glob(alias: &str) -> bool {
    alias.contains(['*', '?', '[', '{'])
}

/// A platform; what holds no template is checked at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlatformText(pub(crate) Template);

impl Value for PlatformText {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let template = at.template()?;
        if (template.literal || !template.text.contains('{'))
            && let Err(error) = Platform::parse(&template.text)
        {
            at.refuse(at.span(), error.to_string(), PLATFORM_HELP);
            return None;
        }
        Some(Self(template))
    }

    fn schema() -> Json {
        json!({"type": "string", "examples": ["linux/amd64", "linux/arm64"]})
    }
}

impl Part for PlatformText {
    type Resolved = Platform;

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Option<Platform> {
        let text = renderer.word(&self.0)?;
        match Platform::parse(&text) {
            Ok(platform) => Some(platform),
            Err(error) => {
                let problem =
                    Diagnostic::new(Code::ConfigValue, error.to_string()).help(PLATFORM_HELP);
                renderer.refuse(&self.0, problem);
                None
            }
        }
    }

    fn template(&self) -> Option<&Template> {
        Some(&self.0)
    }
}

/// What a further named context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamedContext {
    /// A folder, relative to the root of the plan.
    Folder(String),
    /// An image, ours or another's.
    Image(Reference),
}

/// Further named contexts, by the names that the file gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contexts(pub(crate) BTreeMap<String, Template>);

impl Value for Contexts {
    const MERGES: bool = true;

    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        Value::read(at).map(Self)
    }

    fn schema() -> Json {
        BTreeMap::<String, Template>::schema()
    }
}

impl Setting for Contexts {
    /// By the names that a builder looks up.
    type Resolved = BTreeMap<String, NamedContext>;

    fn over(&self, wider: &Self) -> Self {
        Self(self.0.over(&wider.0))
    }

    fn resolve(&self, renderer: &mut Renderer<'_>) -> Self::Resolved {
        let contexts = self.0.iter();
        contexts
            .filter_map(|(name, value)| named_context(name, value, renderer))
            .collect()
    }

    fn templates<'s>(&'s self, all: &mut Vec<&'s Template>) {
        self.0.templates(all);
    }
}

fn named_context(
    name: &str,
    template: &Template,
    renderer: &mut Renderer<'_>,
) -> Option<(String, NamedContext)> {
    let key = match Reference::parse(name) {
        Ok(reference) => reference.context_key(),
        Err(error) => {
            let message = format!("`{name}` cannot name a context: {error}");
            let problem = Diagnostic::new(Code::IllegalName, message)
                .help("named contexts are looked up like images: use a name such as `base`");
            renderer.refuse(template, problem);
            return None;
        }
    };
    let text = renderer.word(template)?;
    let Some(image) = text.strip_prefix(IMAGE_SCHEME) else {
        if text.contains("://") {
            let message = format!("`{text}` is neither a folder nor an image");
            let problem = Diagnostic::new(Code::ConfigValue, message).help(format!(
                "a context is a folder of the repository, or `{IMAGE_SCHEME}` and a reference"
            ));
            renderer.refuse(template, problem);
            return None;
        }
        return Some((key, NamedContext::Folder(folder(template, renderer)?)));
    };
    match Reference::parse(image) {
        Ok(reference) => Some((key, NamedContext::Image(reference))),
        Err(error) => {
            let message = format!("`{image}` is not the reference of an image: {error}");
            renderer.refuse(template, Diagnostic::new(Code::IllegalName, message));
            None
        }
    }
}

/// Variables of templates, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Vars(pub(crate) BTreeMap<String, Spanned<String>>);

impl Value for Vars {
    const MERGES: bool = true;

    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let vars = at.entries(|name, span, value| {
            if let Some(problem) = problem_of_name(name) {
                value.refuse(span, problem, NAME_HELP);
                return None;
            }
            let value = value.string()?.value;
            Some((name.to_owned(), Spanned { value, span }))
        });
        Some(Self(vars.into_iter().collect()))
    }

    fn schema() -> Json {
        BTreeMap::<String, String>::schema()
    }
}

impl Setting for Vars {
    type Resolved = BTreeMap<String, String>;

    fn over(&self, wider: &Self) -> Self {
        let mut vars = wider.0.clone();
        vars.extend(self.0.clone());
        Self(vars)
    }

    fn resolve(&self, _: &mut Renderer<'_>) -> Self::Resolved {
        let vars = self.0.iter();
        vars.map(|(name, value)| (name.clone(), value.value.clone()))
            .collect()
    }

    fn templates<'s>(&'s self, _: &mut Vec<&'s Template>) {}
}

/// What of an image goes to a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Push {
    /// Its content reference and its readable tags.
    #[default]
    Yes,
    /// Its content reference.
    Content,
    /// Nothing, unless something that is pushed needs it.
    No,
}

impl Value for Push {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        match (at.as_boolean(), at.as_text()) {
            (Some(true), _) => Some(Self::Yes),
            (Some(false), _) => Some(Self::No),
            (None, Some("content")) => Some(Self::Content),
            _ => {
                at.wrong_type(PUSH);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({"enum": [true, false, "content"]})
    }
}

/// What messages say that `push` must be.
const PUSH: &str = "`true`, `false` or `\"content\"`";

/// The labels of the machines that a CI system takes; often one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runner(pub(crate) Vec<String>);

impl Value for Runner {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        if at.is_list() {
            return Value::read(at).map(Self);
        }
        Some(Self(vec![at.string()?.value]))
    }

    fn schema() -> Json {
        json!({"anyOf": [String::schema(), Vec::<String>::schema()]})
    }
}

table! {
    #[derive(Debug, Clone, Default)]
    struct SecretKeys {
        /// the id by which a `RUN --mount=type=secret` asks for it
        id: Option<String>, Required;
        /// the environment variable that holds the value
        env: Option<super::Spanned<String>>;
        /// path of the file that holds the value
        src: Option<super::Spanned<String>>;
    }
}

/// A secret of a build, by where its value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret {
    /// The id by which a `RUN --mount=type=secret` asks for it.
    pub(crate) id: String,
    /// Name of the environment variable that holds the value.
    pub(crate) env: Option<String>,
    /// Path of the file that holds the value.
    pub(crate) src: Option<String>,
}

impl Value for Secret {
    const SEVERAL: &str = "objects";

    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let mut object = at.object()?;
        object.check_keys(&table::keys([SecretKeys::ROWS]), |_| None);
        let keys = SecretKeys::read(&mut object);
        if let (Some(_), Some(src)) = (&keys.env, &keys.src) {
            let message = "a secret comes from `env` or from `src`, not from both".to_owned();
            object.refuse(src.span.clone(), message, "keep one of them");
        }
        Some(Self {
            id: keys.id?,
            env: keys.env.map(|text| text.value),
            src: keys.src.map(|text| text.value),
        })
    }

    fn schema() -> Json {
        let mut schema = table::schema(SecretKeys::ROWS);
        schema["not"] = json!({"required": ["env", "src"]});
        schema
    }
}
