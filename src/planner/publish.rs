//! What is published of an image: where it lives, its readable tags and labels, what its build is
//! stamped with. None of it is in the fingerprint.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::resolve::{Renderer, Setting};
use crate::config::template::{Engine, Template, Variables};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, SourceText};
use crate::lang::fingerprint::Fingerprint;
use crate::lang::reference::Reference;
use crate::lang::tags::{self, BranchTag, DIRTY};
use crate::planner::images::Definition;
use crate::tree::snapshot::Revision;

/// Label with the commit that an image was built from.
const REVISION_LABEL: &str = "org.opencontainers.image.revision";
/// Label with the committer's time of that commit.
const CREATED_LABEL: &str = "org.opencontainers.image.created";

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
        fingerprint: &Fingerprint,
        dirty: bool,
    ) -> Result<Published, Diagnostics> {
        let branch = self.revision.branch.as_deref();
        let branch = branch.map(|branch| BranchTag::new(branch, image.identity_tag(), dirty));
        let settings = &image.settings.publish;
        let plain = Engine::new(self.source);
        let mut renderer = Renderer {
            engine: &plain,
            variables: self.variables(image, branch.as_ref(), fingerprint, dirty),
            of: format!("`{}`", image.name),
            folder: &|path| Some(path.to_owned()),
            problems: Diagnostics::new(),
        };
        let repository = repository(image, &mut renderer);
        let value = Value::from(repository.as_str());
        renderer.variables.insert("repository".to_owned(), value);
        let mut labels = settings.labels.resolve(&mut renderer);
        labels.retain(|_, value| !value.is_empty());
        labels.extend(self.labels(fingerprint, dirty));
        let mut stamp_args = settings.stamp_args.resolve(&mut renderer);
        stamp_args.retain(|_, value| !value.is_empty());
        let mut cache_from = settings.cache_from.resolve(&mut renderer);
        cache_from.retain(|text| !text.is_empty());
        let mut cache_to = settings.cache_to.resolve(&mut renderer);
        cache_to.retain(|text| !text.is_empty());
        let engine = Engine::for_tags(self.source, branch.clone());
        let mut renderer = Renderer {
            engine: &engine,
            ..renderer
        };
        let published = Published {
            tags: self.tags(image, dirty, &mut renderer),
            labels,
            stamp_args,
            cache_from,
            cache_to,
            repository,
        };
        renderer.problems.fail_on_errors()?;
        Ok(published)
    }

    /// The readable tags, without repetitions.
    fn tags(&self, image: &Definition, dirty: bool, renderer: &mut Renderer<'_>) -> Vec<String> {
        let mut list = Vec::new();
        let prefix = image.identity_tag();
        if !self.tagging.no_default {
            list.extend(prefix.map(str::to_owned));
            let configured = image.settings.publish.tags.0.clone();
            let templates = configured.unwrap_or_else(|| DEFAULT_TAGS.map(Template::new).to_vec());
            for template in &templates {
                add_tags(template, prefix, dirty, renderer, &mut list);
            }
            // Another branch must not take what people know as the image itself, by no template.
            let moves = !dirty && self.revision.branch.as_deref() == Some(self.default_branch);
            list.retain(|tag| moves || Some(tag.as_str()) != prefix);
        }
        let added = self.tagging.added.iter();
        list.extend(added.map(|tag| prefixed(prefix, tag)));
        let mut seen = BTreeSet::new();
        list.retain(|tag| seen.insert(tag.clone()));
        list
    }

    fn variables(
        &self,
        image: &Definition,
        branch: Option<&BranchTag>,
        fingerprint: &Fingerprint,
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
    fn labels(&self, fingerprint: &Fingerprint, dirty: bool) -> BTreeMap<String, String> {
        let dirty = if dirty { DIRTY } else { "" };
        let mut labels = BTreeMap::from([
            (
                REVISION_LABEL.to_owned(),
                format!("{}{dirty}", self.revision.id),
            ),
            (Fingerprint::LABEL.to_owned(), fingerprint.to_string()),
        ]);
        let created = self.time().map(|time| (CREATED_LABEL.to_owned(), time));
        labels.extend(created);
        labels
    }
}

/// Where an image lives: under its name, unless something else is said.
fn repository(image: &Definition, renderer: &mut Renderer<'_>) -> String {
    let name = image.bare_name().to_owned();
    let Some(template) = &image.settings.publish.repository else {
        return name;
    };
    let Some(text) = renderer.word(template) else {
        return name;
    };
    let problem = match Reference::parse(&text) {
        Ok(reference) if reference.tag.is_none() && reference.digest.is_none() => return text,
        Ok(_) => "it has a tag or digest".to_owned(),
        Err(error) => error.to_string(),
    };
    let message = format!(
        "`{text}` is not a repository, for {}: {problem}",
        renderer.of
    );
    let problem = Diagnostic::new(Code::IllegalRepository, message)
        .help("a repository looks like `registry.example.com/team/{{ name }}`");
    renderer.refuse(template, problem);
    name
}

/// Adds the tags that a template says, white space between them.
fn add_tags(
    template: &Template,
    prefix: Option<&str>,
    dirty: bool,
    renderer: &mut Renderer<'_>,
    list: &mut Vec<String>,
) {
    let rendered = renderer.rendered(template).unwrap_or_default();
    for text in rendered.split_whitespace() {
        let mut text = text.to_owned();
        if dirty && !text.contains(DIRTY) {
            text.push_str(DIRTY);
        }
        let tag = prefixed(prefix, &text);
        let problem = if !tags::is_legal(&tag) {
            "a tag has 1 to 128 characters of `A-Z a-z 0-9 _ . -`, and does not begin with `.` or `-`"
        } else if tags::is_content_tag(&tag) {
            "`sw-` followed by hexadecimal digits is reserved for content references"
        } else {
            list.push(tag);
            continue;
        };
        let message = format!("`{tag}` cannot be a tag of {}", renderer.of);
        renderer.refuse(
            template,
            Diagnostic::new(Code::IllegalTag, message).help(problem),
        );
    }
}

/// A tag behind the one that is part of the image's identity, so that images of one repository never
/// share it.
fn prefixed(prefix: Option<&str>, tag: &str) -> String {
    let has_it = |prefix: &str| {
        let rest = tag.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    match prefix {
        Some(prefix) if !has_it(prefix) => tags::behind(prefix, tag),
        _ => tag.to_owned(),
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
                    .help("use `{{ name }}` or `{{ short }}` in `repository` or `tags`, so that they differ")
                    .help(r#"or add a tag to the name of one of the images: `"acme/app:variant"`"#),
            );
        }
    }
    diagnostics
}

#[cfg(test)]
mod tests;
