//! What is published of an image: where it lives, its readable tags and labels, what its build is
//! stamped with. None of it is in the fingerprint.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::template::{Engine, Template, Variables};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::reference::Reference;
use crate::lang::tags::{self, BranchTag, DIRTY};
use crate::planner::images::Definition;
use crate::tree::snapshot::Revision;

/// Label with the commit that an image was built from.
const REVISION_LABEL: &str = "org.opencontainers.image.revision";
/// Label with the committer's time of that commit.
const CREATED_LABEL: &str = "org.opencontainers.image.created";
/// Label with the whole fingerprint.
const FINGERPRINT_LABEL: &str = "dev.shipwright.fingerprint";

/// The tags of an image for which nothing else is configured.
const DEFAULT_TAGS: [&str; 2] = ["{{ branch }}", "{{ revision }}"];

/// Which readable tags images get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tagging {
    /// Legal tags besides the configured ones.
    pub added: Vec<String>,
    /// Whether to leave out the configured ones, by default those of branch and revision.
    pub no_default: bool,
}

/// What is published of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// Where it lives: `registry/path`, without a tag.
    pub repository: String,
    /// The readable tags, without repetitions.
    pub tags: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Build arguments that are not counted.
    pub stamp_args: BTreeMap<String, String>,
    /// Cache sources.
    pub cache_from: Vec<String>,
    /// Cache destinations.
    pub cache_to: Vec<String>,
}

/// What all images of a plan have in common.
pub(crate) struct Publisher<'a> {
    /// The text of the configuration.
    pub source: Option<&'a SourceText>,
    /// The commit.
    pub revision: &'a Revision,
    /// Which readable tags images get.
    pub tagging: &'a Tagging,
    /// The branch whose tags may be `latest` and the like.
    pub default_branch: &'a str,
    /// The tags that git has for the commit.
    pub git_tags: &'a [String],
}

impl Publisher<'_> {
    /// What is published of an image with this fingerprint, which may differ from the commit.
    ///
    /// # Errors
    /// When a template fails, or what it says is no repository or no tag.
    pub(crate) fn publish(
        &self,
        image: &Definition,
        fingerprint: &str,
        dirty: bool,
    ) -> Result<Published, Diagnostics> {
        let branch = self.revision.branch.as_deref();
        let branch = branch.map(|branch| BranchTag::new(branch, image.identity_tag(), dirty));
        let mut press = Press {
            publisher: self,
            image,
            plain: Engine::new(self.source),
            tags: Engine::for_tags(self.source, branch.clone()),
            variables: self.variables(image, branch.as_ref(), fingerprint, dirty),
            of: format!("`{}`", image.name),
            problems: Diagnostics::new(),
        };
        let repository = press.repository();
        let value = Value::from(repository.as_str());
        press.variables.insert("repository".to_owned(), value);
        let settings = &image.settings;
        let mut labels = press.map(&settings.labels);
        labels.retain(|_, value| !value.is_empty());
        labels.extend(self.labels(fingerprint, dirty));
        let mut stamp_args = press.map(&settings.stamp_args);
        stamp_args.retain(|_, value| !value.is_empty());
        let published = Published {
            tags: press.tags(dirty),
            labels,
            stamp_args,
            cache_from: press.list(settings.cache_from.as_deref()),
            cache_to: press.list(settings.cache_to.as_deref()),
            repository,
        };
        if press.problems.has_errors() {
            return Err(press.problems);
        }
        Ok(published)
    }

    fn variables(
        &self,
        image: &Definition,
        branch: Option<&BranchTag>,
        fingerprint: &str,
        dirty: bool,
    ) -> Variables {
        let commit = self.revision.id.to_string();
        let revision = if dirty {
            tags::dirty_revision_tag(&commit, fingerprint)
        } else {
            tags::revision_tag(&commit)
        };
        let git_tags: &[String] = if dirty { &[] } else { self.git_tags };
        let mut variables = image.variables.clone();
        for (name, value) in [
            (
                "branch",
                branch.map_or_else(|| Value::from(""), BranchTag::value),
            ),
            ("default_branch", Value::from(self.default_branch)),
            ("revision", Value::from(revision)),
            ("commit", Value::from(commit)),
            ("date", Value::from(self.date())),
            ("git_tags", git_tags.iter().map(String::as_str).collect()),
        ] {
            variables.insert(name.to_owned(), value);
        }
        variables
    }

    /// The day of the commit, in UTC: `2023-11-14`. Empty where it has no year of four digits.
    fn date(&self) -> String {
        let time = self.time().unwrap_or_default();
        time.split('T').next().unwrap_or_default().to_owned()
    }

    /// The committer's time in the form of RFC 3339, where it has one.
    fn time(&self) -> Option<String> {
        let time = OffsetDateTime::from_unix_timestamp(self.revision.timestamp).ok()?;
        time.format(&Rfc3339).ok()
    }

    /// The labels that every image has.
    fn labels(&self, fingerprint: &str, dirty: bool) -> BTreeMap<String, String> {
        let dirty = if dirty { DIRTY } else { "" };
        let mut labels = BTreeMap::from([
            (
                REVISION_LABEL.to_owned(),
                format!("{}{dirty}", self.revision.id),
            ),
            (FINGERPRINT_LABEL.to_owned(), fingerprint.to_owned()),
        ]);
        let created = self.time().map(|time| (CREATED_LABEL.to_owned(), time));
        labels.extend(created);
        labels
    }
}

/// Renders for one image.
struct Press<'p> {
    publisher: &'p Publisher<'p>,
    image: &'p Definition,
    plain: Engine<'p>,
    tags: Engine<'p>,
    variables: Variables,
    of: String,
    problems: Diagnostics,
}

impl Press<'_> {
    /// What a template says; nothing where it fails, which is reported.
    fn rendered(&mut self, template: &Template) -> String {
        let rendered = self.plain.render(template, &self.variables, &self.of);
        rendered.unwrap_or_else(|problem| {
            self.problems.push(problem);
            String::new()
        })
    }

    fn map(&mut self, templates: &BTreeMap<String, Template>) -> BTreeMap<String, String> {
        let entries = templates.iter();
        entries
            .map(|(key, template)| (key.clone(), self.rendered(template)))
            .collect()
    }

    fn list(&mut self, templates: Option<&[Template]>) -> Vec<String> {
        let templates = templates.unwrap_or_default().iter();
        let rendered = templates.map(|template| self.rendered(template));
        rendered.filter(|text| !text.is_empty()).collect()
    }

    /// Where the image lives: under its name, unless something else is said.
    fn repository(&mut self) -> String {
        let name = self.image.bare_name().to_owned();
        let Some(template) = &self.image.settings.repository else {
            return name;
        };
        let text = self.rendered(template);
        let text = text.trim();
        if text.is_empty() {
            return name;
        }
        let problem = match Reference::parse(text) {
            Ok(reference) if reference.tag.is_none() && reference.digest.is_none() => {
                return text.to_owned();
            }
            Ok(_) => "it carries a tag or digest".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("`{text}` is not a repository, for {}: {problem}", self.of);
        let problem = Diagnostic::new(Code::IllegalRepository, message)
            .help("a repository is like `registry.example.com/team/{{ name }}`");
        self.problems.push(self.plain.at(template, problem));
        name
    }

    fn tags(&mut self, dirty: bool) -> Vec<String> {
        let mut list = Vec::new();
        let tagging = self.publisher.tagging;
        let prefix = self.image.identity_tag();
        if !tagging.no_default {
            list.extend(prefix.filter(|_| !dirty).map(str::to_owned));
            match self.image.settings.tags.clone() {
                Some(templates) => {
                    for template in &templates {
                        self.tag(template, dirty, &mut list);
                    }
                }
                None => {
                    for template in DEFAULT_TAGS.map(Template::new) {
                        self.tag(&template, dirty, &mut list);
                    }
                }
            }
        }
        list.extend(tagging.added.iter().map(|tag| self.prefixed(tag)));
        let mut seen = BTreeSet::new();
        list.retain(|tag| seen.insert(tag.clone()));
        list
    }

    /// Adds the tags that a template says, white space between them.
    fn tag(&mut self, template: &Template, dirty: bool, list: &mut Vec<String>) {
        let rendered = match self.tags.render(template, &self.variables, &self.of) {
            Ok(rendered) => rendered,
            Err(problem) => return self.problems.push(problem),
        };
        for text in rendered.split_whitespace() {
            let mut tag = self.prefixed(text);
            if dirty && !tag.contains(DIRTY) {
                tag.push_str(DIRTY);
            }
            let problem = if !tags::is_legal(&tag) {
                "a tag has 1 to 128 of `A-Z a-z 0-9 _ . -`, and begins with none of `.` and `-`"
            } else if tags::is_content_tag(&tag) {
                "`sw-` and hexadecimal digits are kept for content references"
            } else {
                list.push(tag);
                continue;
            };
            let message = format!("`{tag}` cannot be a tag of {}", self.of);
            let diagnostic = Diagnostic::new(Code::IllegalTag, message).help(problem);
            self.problems.push(self.tags.at(template, diagnostic));
        }
    }

    /// A tag behind the one that is part of the image's identity, so that images of one repository
    /// never share it.
    fn prefixed(&self, tag: &str) -> String {
        match self.image.identity_tag() {
            Some(prefix)
                if tag != prefix
                    && !tag
                        .strip_prefix(prefix)
                        .is_some_and(|rest| rest.starts_with('-')) =>
            {
                format!("{prefix}-{tag}")
            }
            _ => tag.to_owned(),
        }
    }
}

/// Tags that two images of a plan claim.
pub(crate) fn claimed_twice<'p>(
    images: impl IntoIterator<Item = (&'p Definition, &'p Published)>,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for (image, published) in images {
        for tag in &published.tags {
            let owner = owners
                .entry((&published.repository, tag))
                .or_insert(&image.name);
            if *owner == image.name || !told.insert((*owner, &*image.name)) {
                continue;
            }
            let reference = format!("{}:{tag}", published.repository);
            let message = format!("`{owner}` and `{}` both claim `{reference}`", image.name);
            diagnostics.push(
                Diagnostic::new(Code::DuplicateTag, message)
                    .help("write `{{ name }}` or `{{ short }}` into `repository` or `tags`, so that they differ")
                    .help(r#"or name one of the images with a tag of its own: `"acme/app:variant"`"#),
            );
        }
    }
    diagnostics
}

#[cfg(test)]
mod tests;
