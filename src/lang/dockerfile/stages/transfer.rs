//! `COPY` and `ADD` after expansion: what they read from the context and what they fetch
//! (semantics §14, §15.1).

use std::borrow::Cow;
use std::sync::Arc;

use super::state::{Neighbours, State};
use super::system::System;
use super::{ContextSource, Download, Malformed, Origin as From, Parents, ReadKind, Step, checks};
use crate::lang::dockerfile::Span;
use crate::lang::dockerfile::expand::Lexer;
use crate::lang::dockerfile::instruction::{AddFiles, CopyFiles, Source, Transfer as Words, Word};
use crate::lang::git_source::GitSource;
use crate::lang::go::text::quote;
use crate::lang::ignore::pattern_error;
use crate::lang::reference::check_digest;
use crate::lang::wildcard::has_wildcards;
use crate::paths;

/// A `COPY` or `ADD` whose words are expanded; a text is `None` where it depends on something
/// unknown.
struct Transfer<'t> {
    /// [`ReadKind::Add`] or [`ReadKind::Copy`].
    kind: ReadKind,
    /// The system that the image is for.
    system: System,
    words: &'t Expanded,
    /// `--chmod`
    chmod: Option<&'t str>,
    /// `--checksum`; empty where it is missing.
    checksum: Option<Cow<'t, str>>,
    /// `--keep-git-dir`
    keep_git_dir: Option<bool>,
    /// `--parents`
    parents: bool,
    /// `--exclude`
    excludes: Arc<[String]>,
    /// Whether its paths are paths of the build context.
    from_context: bool,
}

/// The words of a `COPY` or `ADD`, expanded.
struct Expanded {
    /// Everything but heredocs.
    sources: Vec<Option<String>>,
    /// The names of heredocs.
    inline: Vec<String>,
    destination: Option<String>,
}

/// Where a source is.
enum Origin {
    Git(GitSource),
    Http,
    Local,
}

fn origin(text: &str) -> Result<Origin, String> {
    Ok(match GitSource::parse(text)? {
        Some(source) if !source.looks_local => Origin::Git(source),
        None if text.starts_with("http://") || text.starts_with("https://") => Origin::Http,
        _ => Origin::Local,
    })
}

impl Transfer<'_> {
    /// Checks the flags, and notes what the sources are in the step.
    ///
    /// # Errors
    /// The first thing that is wrong, in BuildKit's words.
    fn take(mut self, step: &mut Step<'_>) -> Result<(), String> {
        let words = self.words;
        if let Some(destination) = &words.destination {
            self.system.check_destination(destination)?;
        }
        if let Some(mode) = self.chmod.filter(|mode| !mode.is_empty()) {
            checks::chmod(mode)?;
        }
        self.check_checksum()?;
        let mut sources = words.sources.iter();
        sources.try_for_each(|source| self.take_source(source.as_deref(), step))?;
        let mut names = words.inline.iter();
        names.try_for_each(|name| self.system.check_name(name))
    }

    fn check_checksum(&self) -> Result<(), String> {
        if self.checksum.as_deref().is_none_or(str::is_empty) {
            return Ok(());
        }
        match &self.words.sources[..] {
            [Some(source)] => {
                let is_remote = match GitSource::parse(source) {
                    Ok(None) => source.starts_with("http://") || source.starts_with("https://"),
                    Ok(Some(_)) => true,
                    // The source itself will be refused.
                    Err(_) => return Ok(()),
                };
                if is_remote {
                    Ok(())
                } else {
                    Err("checksum requires HTTP(S) or Git sources".to_owned())
                }
            }
            [None] => Ok(()),
            _ => Err("checksum can't be specified for multiple sources".to_owned()),
        }
    }

    fn take_source(&mut self, text: Option<&str>, step: &mut Step<'_>) -> Result<(), String> {
        let Some(text) = text else {
            // It may be anything, so it may be all of the context.
            if self.from_context {
                step.recorded_paths.push("/".to_owned());
            }
            return self.read(None, step);
        };
        let origin = origin(text)?;
        if self.kind == ReadKind::Copy {
            match origin {
                Origin::Git(_) => return Err("source can't be a git ref for COPY".to_owned()),
                Origin::Http => return Err("source can't be a URL for COPY".to_owned()),
                Origin::Local => {}
            }
        }
        let is_web = text.starts_with("http://") || text.starts_with("https://");
        if self.from_context && !(self.kind == ReadKind::Add && is_web) {
            let path = paths::within_root(text);
            step.recorded_paths.push(format!("/{path}"));
        }
        let is_commit = match &origin {
            Origin::Local => return self.read(Some(text), step),
            Origin::Git(git) => {
                self.agree(git)?;
                is_commit(&git.reference)
            }
            Origin::Http => false,
        };
        let is_git = matches!(origin, Origin::Git(_));
        let checksum = self.checksum.as_deref().unwrap_or_default();
        if !is_git && !checksum.is_empty() {
            check_digest(checksum).map_err(|error| error.to_string())?;
        }
        step.downloads.push(Download {
            text: text.to_owned(),
            is_git,
            checksum: Some(checksum.to_owned()).filter(|checksum| !checksum.is_empty()),
            is_fixed: is_commit || self.checksum.as_deref() != Some(""),
        });
        Ok(())
    }

    /// Holds what the URL of a git source asks for against the flags, and against the sources before
    /// it: BuildKit carries both over to those after it.
    fn agree(&mut self, git: &GitSource) -> Result<(), String> {
        if let (Some(flag), Some(query)) = (self.keep_git_dir, git.keep_git_dir)
            && flag != query
        {
            return Err("inconsistent keep-git-dir configuration".to_owned());
        }
        let flag = self.checksum.as_deref().unwrap_or_default();
        if !flag.is_empty() && !git.checksum.is_empty() && flag != git.checksum {
            let query = quote(&git.checksum);
            return Err(format!("checksum mismatch {} != {query}", quote(flag)));
        }
        self.keep_git_dir = git.keep_git_dir.or(self.keep_git_dir);
        if !git.checksum.is_empty() {
            self.checksum = Some(Cow::Owned(git.checksum.clone()));
        }
        Ok(())
    }

    /// Notes a path in the step: of the build context, or of what `--from` names.
    fn read(&self, text: Option<&str>, step: &mut Step<'_>) -> Result<(), String> {
        let source = self.local(text)?;
        if let Some(message) = source.wildcard_error() {
            let pattern = source.parents.as_ref().map(|parents| &parents.pattern);
            step.malformed.push(Malformed {
                span: step.place.span,
                pattern: pattern
                    .or(source.path.as_ref())
                    .cloned()
                    .unwrap_or_default(),
                message,
            });
        }
        if self.from_context {
            step.sources.push(source);
        } else if let Some(from) = step.uses.first_mut() {
            from.read(source);
        }
        Ok(())
    }

    fn local(&self, text: Option<&str>) -> Result<ContextSource, String> {
        let within = |path: &str| self.system.source(path);
        let parents = match text.filter(|_| self.parents) {
            None => None,
            Some(text) => {
                let (base, pattern) = text.split_once("/./").unwrap_or(("", text));
                let pattern = within(pattern)?;
                let base = within(base)?;
                Some(Parents { base, pattern })
            }
        };
        // With `--parents` BuildKit reads the text in two parts, and never as a whole.
        let path = match (text, &parents) {
            (Some(text), None) => Some(within(text)?),
            (Some(text), Some(_)) => Some(paths::within_root(text)),
            (None, _) => None,
        };
        Ok(ContextSource {
            is_wildcard: path.as_deref().is_some_and(has_wildcards),
            path,
            parents,
            excludes: Arc::clone(&self.excludes),
            kind: self.kind,
        })
    }
}

impl State<'_> {
    /// Runs a `COPY`.
    ///
    /// # Errors
    /// The first thing that is wrong, in BuildKit's words.
    pub(super) fn copy(
        &self,
        copy: &CopyFiles<'_>,
        links: &[Option<usize>],
        neighbours: &Neighbours<'_>,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let chown_and_chmod = [copy.transfer.chown, copy.transfer.chmod];
        let flags = self.expand_all(chown_and_chmod.into_iter().map(or_empty), step)?;
        let words = self.transfer_words(&copy.transfer, step)?;
        if let (Some(from), Some(number)) = (copy.from, links.first().copied().flatten())
            && !neighbours.has(number)
        {
            return Err(format!(
                "cannot copy from stage {}, it needs to be defined before current stage {}",
                quote(from.text),
                quote(&neighbours.name)
            ));
        }
        let transfer = Transfer {
            kind: ReadKind::Copy,
            system: self.system,
            words: &words,
            chmod: flags[1].as_deref(),
            checksum: Some(Cow::Borrowed("")),
            keep_git_dir: None,
            parents: copy.parents,
            excludes: excludes(&copy.transfer),
            from_context: copy.from.is_none(),
        };
        step.note_excludes(&copy.transfer);
        transfer.take(step)
    }

    /// Runs an `ADD`.
    ///
    /// # Errors
    /// The first thing that is wrong, in BuildKit's words.
    pub(super) fn add(&self, add: &AddFiles<'_>, step: &mut Step<'_>) -> Result<(), String> {
        let flags = [add.transfer.chown, add.transfer.chmod, add.checksum];
        let flags = self.expand_all(flags.into_iter().map(or_empty), step)?;
        let words = self.transfer_words(&add.transfer, step)?;
        let transfer = Transfer {
            kind: ReadKind::Add,
            system: self.system,
            words: &words,
            chmod: flags[1].as_deref(),
            checksum: flags[2].as_deref().map(Cow::Borrowed),
            keep_git_dir: add.keep_git_dir,
            parents: false,
            excludes: excludes(&add.transfer),
            from_context: true,
        };
        step.note_excludes(&add.transfer);
        transfer.take(step)
    }

    /// Expands sources, destination and heredocs, in this order.
    fn transfer_words(
        &self,
        transfer: &Words<'_>,
        step: &mut Step<'_>,
    ) -> Result<Expanded, String> {
        let mut words = Expanded {
            sources: Vec::with_capacity(transfer.sources.len()),
            inline: Vec::new(),
            destination: None,
        };
        for source in &transfer.sources {
            match source {
                Source::Path(word) => words.sources.push(self.expand(word.text, step)?),
                Source::Inline(file) => words.inline.push(file.name.clone()),
            }
        }
        words.destination = self.expand(transfer.destination.text, step)?;
        for source in &transfer.sources {
            if let Source::Inline(file) = source
                && file.expand
            {
                self.expand_with(Lexer::heredoc_body(), &file.content, step)?;
            }
        }
        Ok(words)
    }
}

impl Step<'_> {
    /// Notes the patterns of `--exclude` that are none.
    fn note_excludes(&mut self, transfer: &Words<'_>) {
        for word in &transfer.excludes {
            if let Some(message) = pattern_error(word.text) {
                let span = match self.origin {
                    From::Own(_) => word.span,
                    // It stands in the base.
                    From::Trigger(_) => self.place.span,
                };
                self.malformed.push(Malformed {
                    span,
                    pattern: word.text.to_owned(),
                    message,
                });
            }
        }
    }
}

/// Whether what git is to fetch is a commit, by its whole id.
fn is_commit(reference: &str) -> bool {
    matches!(reference.len(), 40 | 64) && reference.bytes().all(|b| b.is_ascii_hexdigit())
}

fn or_empty(word: Option<Word<'_>>) -> Word<'_> {
    word.unwrap_or(Word {
        text: "",
        span: Span::default(),
    })
}

fn excludes(transfer: &Words<'_>) -> Arc<[String]> {
    let patterns = transfer.excludes.iter();
    patterns.map(|pattern| pattern.text.to_owned()).collect()
}
