//! Where the sources of an image lead, links followed: what is wanted of a context, before the walk.

use std::collections::{BTreeMap, VecDeque};

use super::filter::Filter;
use super::{InputSpec, Names, Parents, Selected, Take};
use crate::lang::ignore::{self, Sent, Verdict};
use crate::tree::links::{self, MAX_LINKS, Place};
use crate::tree::view::{Item, View};

/// What is wanted of a folder, before anything is ignored; of a file, whether it is.
#[derive(Debug, Default)]
pub(super) struct Wanted<'s> {
    /// All that is in it, at any depth.
    pub(super) whole: bool,
    /// What these let through of it.
    pub(super) filters: Vec<&'s Filter>,
    /// By name, where it is not all.
    pub(super) inner: BTreeMap<Vec<u8>, Wanted<'s>>,
}

/// Where the sources of a spec lead.
pub(super) struct Resolved<'s> {
    pub(super) wanted: Wanted<'s>,
    /// By source.
    pub(super) ways: Vec<Way>,
    /// Links whose targets are not known.
    pub(super) unread: Vec<Place>,
    /// Submodules without files that a path leads into.
    pub(super) submodules: Vec<Place>,
    /// Whether a pattern of the ignore file is tried whose expression is none.
    pub(super) is_refused: bool,
}

/// Where the literal beginning of a source leads.
#[derive(Debug)]
pub(super) struct Way {
    /// The place, with no link in it; none where it leads nowhere.
    end: Option<Place>,
    /// The place, as far as it is known, and the names that are not there.
    pub(super) towards: Place,
    /// Whether every link that a pattern matches leads somewhere, and what `--parents` names is there.
    is_sound: bool,
    /// What has to be taken for the instruction not to fail.
    needed: Option<Place>,
}

/// Where a path leads.
struct Followed<'s, F> {
    /// What stands there; none where it leads nowhere.
    end: Option<End<'s, F>>,
    /// The place, as far as it is known, and the names that are not there.
    towards: Place,
    /// How many links are on the way.
    passed: usize,
}

/// What stands at the end of a way.
enum End<'s, F> {
    Folder(F, ignore::Folder<'s>),
    Leaf,
}

/// Follows what a spec takes through the links of a view.
///
/// # Errors
/// The first of the view.
pub(super) fn resolve<'s, 'v, V: View<'v>>(
    spec: &'s InputSpec,
    view: &V,
) -> Result<Resolved<'s>, V::Error> {
    let mut resolver = Resolver {
        view,
        spec,
        resolved: Resolved {
            wanted: Wanted::default(),
            ways: Vec::with_capacity(spec.takes.len()),
            unread: Vec::new(),
            submodules: Vec::new(),
            is_refused: false,
        },
    };
    for take in &spec.takes {
        let way = resolver.take(take)?;
        resolver.resolved.ways.push(way);
    }
    Ok(resolver.resolved)
}

impl Way {
    /// Whether what the source names is there, as far as a build needs it.
    pub(super) fn is_there<F>(&self, take: &Take, selected: &Selected<'_, F>) -> bool {
        let is_taken = |place: &Place| selected.has(place);
        let end = self
            .end
            .as_ref()
            .filter(|_| self.is_sound && self.needed.iter().all(is_taken));
        // The root of what is sent is always there, and of `--parents` it is known already.
        let is_given = |end: &Place| end.is_empty() || take.parents.is_some();
        end.is_some_and(|end| is_given(end) || selected.has(end))
    }
}

struct Resolver<'a, 's, V> {
    view: &'a V,
    spec: &'s InputSpec,
    resolved: Resolved<'s>,
}

impl<'s, 'v, V: View<'v>> Resolver<'_, 's, V> {
    /// Notes what a source wants, and the links on the way to it.
    fn take(&mut self, take: &'s Take) -> Result<Way, V::Error> {
        let followed = self.follow(take.literal.clone())?;
        let mut way = Way {
            end: None,
            towards: followed.towards,
            is_sound: true,
            needed: None,
        };
        match (&take.wildcard, followed.end) {
            (Some(Err(_)), _) => {
                // A builder refuses the pattern; until then anything may count.
                self.resolved.wanted.whole = true;
            }
            (_, None) | (Some(Ok(_)), Some(End::Leaf)) => {}
            (None, Some(end)) => {
                self.want(&way.towards, &end, &take.filter);
                way.end = Some(way.towards.clone());
                if let (Some(parents), End::Folder(folder, ignore)) = (&take.parents, &end) {
                    self.parents(parents, take, &mut way, folder, ignore)?;
                    way.is_sound &= followed.passed == 0 || matches!(parents, Parents::Pattern(_));
                }
            }
            (Some(Ok(names)), Some(End::Folder(folder, ignore))) => {
                for matched in self.matches(&way.towards, &folder, &ignore, names)? {
                    let followed = self.follow(matched)?;
                    match followed.end {
                        Some(end) => self.want(&followed.towards, &end, &take.filter),
                        // One link that leads nowhere fails the whole instruction.
                        None => way.is_sound = false,
                    }
                }
                way.end = Some(way.towards.clone());
            }
        }
        Ok(way)
    }

    /// Looks whether what `--parents` names below a folder is there. A builder does not follow links on
    /// the way to it, and copies those that it names as links; but they have to lead somewhere.
    fn parents(
        &mut self,
        parents: &Parents,
        take: &Take,
        way: &mut Way,
        folder: &V::Folder,
        ignore: &ignore::Folder<'_>,
    ) -> Result<(), V::Error> {
        match parents {
            // `COPY --parents .` never works.
            Parents::Path(names) if names.is_empty() => way.is_sound = false,
            Parents::Path(names) => {
                way.is_sound = self.has(folder, ignore, names)?;
                if take.filter.drops(&links::path(names)) {
                    way.needed = Some([&way.towards[..], names].concat());
                }
            }
            Parents::Pattern(None) => {}
            Parents::Pattern(Some(names)) => {
                for matched in self.matches(&way.towards, folder, ignore, names)? {
                    if !take.filter.copies(&matched[way.towards.len()..]) {
                        continue;
                    }
                    let followed = self.follow(matched)?;
                    if followed.passed > 0 {
                        way.is_sound &= followed.end.is_some();
                        if followed.end.is_some() {
                            self.resolved.wanted.at(&followed.towards).whole = true;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether something that is sent stands at a path below a folder, no link followed.
    fn has(
        &mut self,
        folder: &V::Folder,
        ignore: &ignore::Folder<'_>,
        names: &[Vec<u8>],
    ) -> Result<bool, V::Error> {
        let Some((first, rest)) = names.split_first() else {
            return Ok(true);
        };
        let text = String::from_utf8_lossy(first);
        match self.view.find(folder, first)? {
            None => Ok(false),
            Some(Item::Leaf(_)) => {
                Ok(rest.is_empty() && ignore.sends(&text).is_ok_and(|sent| sent != Sent::Nothing))
            }
            Some(Item::Folder(inner)) => match ignore.enter(&text) {
                Ok(ignore) if ignore.verdict() != Verdict::Ignored => {
                    self.has(&inner, &ignore, rest)
                }
                _ => Ok(false),
            },
        }
    }

    /// Wants what stands at a place. Patterns are for what is below a folder: a builder copies a file
    /// that is named itself whatever they say.
    fn want(&mut self, place: &[Vec<u8>], end: &End<'_, V::Folder>, filter: &'s Filter) {
        let wanted = self.resolved.wanted.at(place);
        match end {
            End::Folder(..) if !filter.is_open() => wanted.filters.push(filter),
            _ => wanted.whole = true,
        }
    }

    /// Follows a path from the root, and wants the links on it. Answers what stands at its end, if it
    /// leads somewhere, and the place.
    fn follow(&mut self, names: Place) -> Result<Followed<'s, V::Folder>, V::Error> {
        let mut ahead: VecDeque<Vec<u8>> = names.into();
        let mut place = Place::new();
        let mut at = (self.view.root(), self.spec.ignore.root());
        let mut passed = 0;
        let end = loop {
            let Some(name) = ahead.pop_front() else {
                break Some(End::Folder(at.0, at.1));
            };
            let text = String::from_utf8_lossy(&name).into_owned();
            let item = self.view.find(&at.0, &name)?;
            place.push(name);
            let leaf = match item {
                None => break None,
                Some(Item::Leaf(leaf)) => leaf,
                Some(Item::Folder(folder)) => match at.1.enter(&text) {
                    Ok(ignore) if ignore.verdict() == Verdict::Ignored => break None,
                    Ok(ignore) => {
                        at = (folder, ignore);
                        continue;
                    }
                    Err(_) => {
                        self.resolved.is_refused = true;
                        break None;
                    }
                },
            };
            if leaf.is_submodule() {
                self.resolved.submodules.push(place.clone());
            }
            match at.1.sends(&text) {
                Ok(Sent::Nothing) => break None,
                Ok(_) => {}
                Err(_) => {
                    self.resolved.is_refused = true;
                    break None;
                }
            }
            if !leaf.is_link() {
                break ahead.is_empty().then_some(End::Leaf);
            }
            self.resolved.wanted.at(&place).whole = true;
            passed += 1;
            let Some(target) = self.view.target(&place, leaf)? else {
                self.resolved.unread.push(place.clone());
                break None;
            };
            if passed > MAX_LINKS {
                break None;
            }
            let way = links::through(&place, &target);
            ahead = way.into_iter().chain(ahead).collect();
            place.clear();
            at = (self.view.root(), self.spec.ignore.root());
        };
        place.extend(ahead);
        Ok(Followed {
            end,
            towards: place,
            passed,
        })
    }

    /// The places below a folder that a pattern matches and that are sent.
    fn matches(
        &mut self,
        place: &[Vec<u8>],
        folder: &V::Folder,
        ignore: &ignore::Folder<'_>,
        names: &Names,
    ) -> Result<Vec<Place>, V::Error> {
        let mut found = Vec::new();
        self.matching(folder, ignore, &mut Place::new(), names, &mut found, place)?;
        Ok(found)
    }

    fn matching(
        &mut self,
        folder: &V::Folder,
        ignore: &ignore::Folder<'_>,
        path: &mut Place,
        names: &Names,
        found: &mut Vec<Place>,
        place: &[Vec<u8>],
    ) -> Result<(), V::Error> {
        let depth = path.len();
        let is_last = depth + 1 == names.each.len();
        for (name, item) in self.view.list(folder)? {
            let text = String::from_utf8_lossy(&name).into_owned();
            path.push(name.into_owned());
            let at = || [place, path].concat();
            let is_match = is_last && names.whole.matches(path.join(&b'/'));
            match item {
                Item::Leaf(leaf) => {
                    // A client follows links in the middle of a match, a builder does not enter them:
                    // the folder that the pattern is of is there for their sake.
                    let on_the_way = !is_last
                        && !place.is_empty()
                        && leaf.is_link()
                        && names.each[depth].matches(&path[depth]);
                    match ignore.sends(&text) {
                        _ if !is_match && !on_the_way => {}
                        Ok(Sent::Nothing) => {}
                        Ok(_) if is_match => found.push(at()),
                        Ok(_) => self.resolved.wanted.at(&at()).whole = true,
                        Err(_) => self.resolved.is_refused = true,
                    }
                }
                Item::Folder(inner) if is_match || !is_last => match ignore.enter(&text) {
                    Ok(ignore) if ignore.verdict() == Verdict::Ignored => {}
                    Ok(_) if is_match => found.push(at()),
                    Ok(ignore) => {
                        self.matching(&inner, &ignore, path, names, found, place)?;
                    }
                    Err(_) => self.resolved.is_refused = true,
                },
                Item::Folder(_) => {}
            }
            path.pop();
        }
        Ok(())
    }
}

impl Wanted<'_> {
    fn at(&mut self, place: &[Vec<u8>]) -> &mut Self {
        let mut wanted = self;
        for name in place {
            wanted = wanted.inner.entry(name.clone()).or_default();
        }
        wanted
    }
}
