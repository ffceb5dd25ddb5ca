//! Reads the bytes of a tree object, and refuses what git would not write.

use std::fmt;
use std::sync::Arc;

use super::{Folder, Kind, Slot, git_order, offset};
use crate::tree::snapshot::{ObjectId, names};

/// Why the bytes of a tree object are none that git would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MalformedTree {
    /// They are no entries.
    NoTree,
    /// An entry has a name that leads elsewhere: which, and what is wrong with it.
    Name(String, &'static str),
    /// An entry appears twice, or not in its place.
    Order(String),
}

impl fmt::Display for MalformedTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTree => f.write_str("it is malformed"),
            Self::Name(name, why) => write!(f, "it contains {why}: {name:?}"),
            Self::Order(name) => write!(f, "it contains {name:?} twice, or out of order"),
        }
    }
}

impl std::error::Error for MalformedTree {}

impl Folder {
    /// The folder that a tree object holds, whose id is known; `below` gives the folders in it by
    /// their ids.
    ///
    /// # Errors
    /// The first of `below`, or why the bytes are no tree: names and order are checked as git does.
    pub(crate) fn of_tree<E: From<MalformedTree>>(
        id: ObjectId,
        tree: &[u8],
        mut below: impl FnMut(ObjectId) -> Result<Arc<Self>, E>,
    ) -> Result<Self, E> {
        if u32::try_from(tree.len()).is_err() {
            return Err(MalformedTree::NoTree.into());
        }
        // Most entries take this much or more: one allocation is enough.
        let mut slots: Vec<Slot> = Vec::with_capacity(tree.len() / 32 + 1);
        let mut folders = Vec::new();
        let mut at = 0;
        while at < tree.len() {
            let (mode, start) = mode(tree, at).ok_or(MalformedTree::NoTree)?;
            let end = memchr::memchr(0, &tree[start..]).ok_or(MalformedTree::NoTree)? + start;
            at = end + 1 + 20;
            let id = tree.get(end + 1..at).ok_or(MalformedTree::NoTree)?;
            if let Some(why) = names::problem(&tree[start..end]) {
                let name = String::from_utf8_lossy(&tree[start..end]).into_owned();
                return Err(MalformedTree::Name(name, why).into());
            }
            let kind = match mode & 0o170_000 {
                0o040_000 => {
                    let id = id.try_into().expect("20 bytes were taken");
                    folders.push(below(ObjectId(id))?);
                    Kind::Folder(offset(folders.len() - 1))
                }
                0o160_000 => Kind::Submodule,
                0o120_000 => Kind::Link,
                _ => Kind::File {
                    executable: mode & 0o111 != 0,
                },
            };
            let (start, end) = (offset(start), offset(end));
            let slot = Slot { start, end, kind };
            if !follows(tree, &slots, &slot) {
                let name = &tree[slot.start as usize..slot.end as usize];
                let name = String::from_utf8_lossy(name).into_owned();
                return Err(MalformedTree::Order(name).into());
            }
            slots.push(slot);
        }
        Ok(Self {
            id,
            tree: tree.into(),
            slots: slots.into(),
            folders: folders.into(),
        })
    }
}

/// The mode that an entry of a tree object begins with at `at`, and where its name begins.
fn mode(tree: &[u8], at: usize) -> Option<(u32, usize)> {
    // Six octal digits at most.
    let digits = tree[at..].iter().take(7).position(|&byte| byte == b' ')?;
    let mut mode = 0;
    for &digit in &tree[at..at + digits] {
        if !(b'0'..=b'7').contains(&digit) {
            return None;
        }
        mode = mode << 3 | u32::from(digit - b'0');
    }
    Some((mode, at + digits + 1))
}

/// Whether an entry may stand after others: in git's order, and under a name that none of them has.
fn follows(tree: &[u8], before: &[Slot], slot: &Slot) -> bool {
    let name = |slot: &Slot| &tree[slot.start as usize..slot.end as usize];
    let key = |slot: &Slot| (name(slot), slot.is_folder());
    let Some(last) = before.last() else {
        return true;
    };
    if git_order(key(last), key(slot)).is_ge() {
        return false;
    }
    // A file of the same name as a folder stands before it, and between them what begins alike.
    let alike = before
        .iter()
        .rev()
        .take_while(|other| name(other).starts_with(name(slot)));
    !slot.is_folder() || !alike.into_iter().any(|other| name(other) == name(slot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::snapshot::{Node, blob_id};

    #[test]
    fn a_tree_object_reads_as_what_it_was_made_of() {
        let id = blob_id(b"");
        let inner = Arc::new(Folder::new([
            ("link", Node::Link { id }),
            ("module", Node::Submodule { id }),
            (
                "run",
                Node::File {
                    executable: true,
                    id,
                },
            ),
        ]));
        let x = Node::File {
            executable: false,
            id,
        };
        let made = Folder::new([("inner", Node::Folder(Arc::clone(&inner))), ("x", x)]);
        let read = Folder::of_tree(made.id, &made.tree, |id| {
            assert_eq!(id, inner.id);
            Folder::of_tree(id, &inner.tree, |_| Err(MalformedTree::NoTree)).map(Arc::new)
        });
        let read = read.unwrap();
        let list = |folder: &Folder| {
            let mut list = Vec::new();
            folder.walk(&mut |path, node| list.push((path.to_owned(), node.to_owned())));
            list
        };
        assert_eq!(list(&read), list(&made));
        assert_eq!(list(&read).len(), 4);

        for length in 1..made.tree.len() {
            let cut = Folder::of_tree(made.id, &made.tree[..length], |_| {
                Ok::<_, MalformedTree>(Arc::clone(&inner))
            });
            // The first entry alone is a tree too.
            let first = b"40000 inner\0".len() + 20;
            assert_eq!(cut.is_err(), length != first, "{length}");
        }
        let none = |_| Err(MalformedTree::NoTree);
        for bytes in ["1006440 x", "10b644 x", "x", " "] {
            let bytes = [bytes.as_bytes(), &[0; 21]].concat();
            let read = Folder::of_tree(id, &bytes, none);
            assert!(read.is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_tree_that_git_would_refuse_is_refused() {
        #[track_caller]
        fn check(entries: &[(&str, &str)], refused: bool) {
            let mut tree = Vec::new();
            for (mode, name) in entries {
                tree.extend([mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[1; 20]].concat());
            }
            let empty = Arc::new(Folder::empty());
            let read = Folder::of_tree(blob_id(b""), &tree, |_| {
                Ok::<_, MalformedTree>(Arc::clone(&empty))
            });
            assert_eq!(read.is_err(), refused, "{entries:?}: {read:?}");
        }
        let (file, folder) = ("100644", "40000");
        check(&[(file, "a"), (file, "a-b"), (folder, "a0")], false);
        check(&[(file, "a-b"), (folder, "a"), (file, "a0")], false);
        check(&[(file, "../../x")], true);
        check(&[(folder, "..")], true);
        check(&[(folder, ".git")], true);
        check(&[(file, "")], true);
        check(&[(file, "l"), (file, "l/through")], true);
        check(&[(file, "a"), (file, "a")], true);
        check(&[(folder, "a"), (folder, "a")], true);
        check(&[(file, "a"), (file, "a-b"), (folder, "a")], true);
        check(&[(file, "b"), (file, "a")], true);
        check(&[(folder, "a"), (file, "a-b")], true);
    }
}
