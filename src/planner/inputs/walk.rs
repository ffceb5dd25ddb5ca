//! The one walk: what is wanted of a context and is sent.

use super::filter::Filtering;
use super::picked::{Entries, Picked};
use super::resolve::Wanted;
use super::{InputSpec, Source};
use crate::lang::ignore::{self, Sent, Verdict};
use crate::tree::view::{Item, Leaf, View};

/// What came of a walk.
pub(super) struct Walked<'v, F> {
    pub(super) root: Picked<'v, F>,
    /// Whether a pattern of the ignore file was tried whose expression is none.
    pub(super) is_refused: bool,
}

/// Walks a view for what is wanted of it.
pub(super) fn walk<'v, V: View<'v>>(
    spec: &InputSpec,
    view: &V,
    wanted: &Wanted<'_>,
) -> Result<Walked<'v, V::Folder>, V::Error> {
    let mut walker = Walker {
        view,
        is_refused: false,
    };
    let root = view.root();
    let here = Here {
        ignore: spec.ignore.root(),
        wanted: Some(wanted),
        whole: wanted.whole,
        filters: wanted.filters.iter().map(|filter| filter.root()).collect(),
    };
    let root = if here.whole && here.ignore.verdict() == Verdict::Taken {
        Picked::Whole(root)
    } else {
        let (entries, is_all) = walker.entries(&root, &here)?;
        if is_all && !entries.is_empty() {
            Picked::Whole(root)
        } else {
            Picked::Part(root, entries)
        }
    };
    Ok(Walked {
        root,
        is_refused: walker.is_refused,
    })
}

/// Whether a pattern of the ignore file is tried anywhere whose expression is none. A client walks all
/// of a context, whatever is wanted of it.
pub(super) fn is_refused<'v, V: View<'v>>(spec: &InputSpec, view: &V) -> Result<bool, V::Error> {
    let all = InputSpec::new(&spec.context, &[Source::ALL], &spec.ignore);
    let wanted = Wanted {
        whole: true,
        ..Wanted::default()
    };
    Ok(walk(&all, view, &wanted)?.is_refused)
}

struct Walker<'a, V> {
    view: &'a V,
    is_refused: bool,
}

/// What is known in a folder of everything in it.
struct Here<'w> {
    ignore: ignore::Folder<'w>,
    wanted: Option<&'w Wanted<'w>>,
    /// Whether all is wanted.
    whole: bool,
    /// The filters that let some of it through.
    filters: Vec<Filtering<'w>>,
}

/// What is wanted of a folder.
struct Below<'w> {
    here: Here<'w>,
    /// Whether the folder is copied even if nothing is left in it.
    itself: bool,
}

impl<'v, V: View<'v>> Walker<'_, V> {
    /// What is picked in a folder, and whether that is all that is there.
    fn entries(
        &mut self,
        folder: &V::Folder,
        here: &Here<'_>,
    ) -> Result<(Entries<'v, V::Folder>, bool), V::Error> {
        let mut entries = Vec::new();
        let listed = self.view.list(folder)?;
        let count = listed.len();
        for (name, item) in listed {
            let wanted = here.wanted.and_then(|wanted| wanted.inner.get(&*name));
            if !here.whole && wanted.is_none() && here.filters.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(&name);
            let picked = match item {
                Item::Folder(inner) => self.folder(inner, here, &text, wanted)?,
                Item::Leaf(leaf) => self.leaf(leaf, here, &text, wanted),
            };
            entries.extend(picked.map(|picked| (name, picked)));
        }
        let is_whole =
            |picked: &Picked<'_, _>| matches!(picked, Picked::Whole(_) | Picked::Leaf(_));
        let is_all = entries.len() == count && entries.iter().all(|(_, picked)| is_whole(picked));
        Ok((entries, is_all))
    }

    /// What is left of a folder. One that is wanted and not ignored itself is there even when all that
    /// it holds is ignored; one that is only on the way to something is not.
    fn folder(
        &mut self,
        folder: V::Folder,
        here: &Here<'_>,
        name: &str,
        wanted: Option<&Wanted<'_>>,
    ) -> Result<Option<Picked<'v, V::Folder>>, V::Error> {
        let Ok(ignore) = here.ignore.enter(name) else {
            self.is_refused = true;
            return Ok(None);
        };
        let verdict = ignore.verdict();
        if verdict == Verdict::Ignored {
            return Ok(None);
        }
        let below = here.below(name, wanted, ignore);
        if below.here.whole && verdict == Verdict::Taken {
            return Ok(Some(Picked::Whole(folder)));
        }
        let (entries, is_all) = self.entries(&folder, &below.here)?;
        if is_all && !entries.is_empty() {
            return Ok(Some(Picked::Whole(folder)));
        }
        let there =
            !entries.is_empty() || below.itself && self.is_sent(&folder, &below.here.ignore)?;
        Ok(there.then_some(Picked::Part(folder, entries)))
    }

    /// Whether a folder is sent: it is not ignored, or something in it is sent.
    fn is_sent(
        &mut self,
        folder: &V::Folder,
        ignore: &ignore::Folder<'_>,
    ) -> Result<bool, V::Error> {
        if !ignore.is_ignored() {
            return Ok(true);
        }
        for (name, item) in self.view.list(folder)? {
            let text = String::from_utf8_lossy(&name);
            let is_sent = match item {
                Item::Leaf(_) => ignore.sends(&text) != Ok(Sent::Nothing),
                Item::Folder(inner) => match ignore.enter(&text) {
                    Ok(ignore) if ignore.verdict() == Verdict::Ignored => false,
                    Ok(ignore) => self.is_sent(&inner, &ignore)?,
                    Err(_) => true,
                },
            };
            if is_sent {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn leaf(
        &mut self,
        leaf: Leaf<'v>,
        here: &Here<'_>,
        name: &str,
        wanted: Option<&Wanted<'_>>,
    ) -> Option<Picked<'v, V::Folder>> {
        if !here.takes(name, wanted) {
            return None;
        }
        match here.ignore.sends(name) {
            Ok(Sent::Nothing) => None,
            Ok(Sent::Empty) if leaf.is_file() => Some(Picked::Empty(leaf)),
            Ok(_) => Some(Picked::Leaf(leaf)),
            Err(_) => {
                self.is_refused = true;
                None
            }
        }
    }
}

impl Here<'_> {
    /// Whether the file of that name is wanted.
    fn takes(&self, name: &str, wanted: Option<&Wanted<'_>>) -> bool {
        // A builder refuses a pattern whose expression is none; until then anything may count.
        let mut filters = self.filters.iter();
        self.whole
            || wanted.is_some_and(|wanted| wanted.whole || !wanted.filters.is_empty())
            || filters.any(|filter| filter.takes(name).unwrap_or(true))
    }

    /// What is wanted of the folder of that name.
    fn below<'b>(
        &'b self,
        name: &str,
        wanted: Option<&'b Wanted<'b>>,
        ignore: ignore::Folder<'b>,
    ) -> Below<'b> {
        let mut whole = self.whole || wanted.is_some_and(|wanted| wanted.whole);
        let mut itself = whole;
        let mut filters = Vec::new();
        if !whole {
            for filter in &self.filters {
                let Ok(filter) = filter.enter(name) else {
                    whole = true;
                    continue;
                };
                match filter.verdict() {
                    Verdict::Ignored => itself |= filter.takes_folder(),
                    Verdict::Taken => whole = true,
                    Verdict::Mixed => {
                        itself |= filter.takes_folder();
                        filters.push(filter);
                    }
                }
            }
            let starting = wanted.into_iter().flat_map(|wanted| &wanted.filters);
            filters.extend(starting.map(|filter| filter.root()));
            itself |= whole || wanted.is_some_and(|wanted| !wanted.filters.is_empty());
        }
        if whole {
            filters.clear();
        }
        Below {
            here: Here {
                ignore,
                wanted,
                whole,
                filters,
            },
            itself,
        }
    }
}
