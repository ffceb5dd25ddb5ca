//! Ways in which people make names of paths: a constant beginning, then parts of the path.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::config::template::kebab;
use crate::lang::reference;
use crate::paths::folder_of;
use crate::planner::discover;
use crate::planner::names::problem_of;

/// How many folders of a path a name is made of, at most.
const MAX_FOLDERS: usize = 12;

/// How many parts a name is made of, at most.
const MAX_PIECES: usize = 5;

/// How many folders a name leaves out at the beginning of a path, at most.
const MAX_LEFT_OUT: usize = 4;

/// What stands between parts of names.
const JOINTS: [char; 3] = ['-', '_', '/'];

/// The path of a Dockerfile, in parts that may stand in a name.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// The names of the folders.
    pub(crate) folders: Vec<String>,
    /// What the file name adds to that of a Dockerfile.
    pub(crate) suffix: String,
    /// Whether kebab case makes others of these.
    differs_in_kebab: bool,
    /// The folders in kebab case.
    kebab: Vec<String>,
}

impl File {
    /// What the path of a Dockerfile may give to names.
    pub(crate) fn new(path: &str) -> Self {
        let folder = folder_of(path);
        let legal = |text: &str| reference::legal(text).unwrap_or_default();
        let names: Vec<&str> = match folder {
            "." => Vec::new(),
            folder => folder.split('/').collect(),
        };
        let folders: Vec<String> = names.iter().map(|name| legal(name)).collect();
        let kebab: Vec<String> = names.iter().map(|name| legal(&kebab(name))).collect();
        Self {
            suffix: legal(discover::suffix(path)),
            differs_in_kebab: kebab != folders,
            folders,
            kebab,
        }
    }

    /// The same of a project: a Dockerfile at its root may be called like that.
    pub(crate) fn of_project(path: &str, project: &str) -> Self {
        let mut file = Self::new(path);
        if file.folders.is_empty() {
            file.folders.extend(reference::legal(project));
            file.kebab.clone_from(&file.folders);
        }
        file
    }

    fn folders(&self, case: Case) -> &[String] {
        match case {
            Case::Plain => &self.folders,
            Case::Kebab => &self.kebab,
        }
    }
}

/// How folders are written in names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    /// As they are, made legal.
    Plain,
    /// `NodeBase` as `node-base`.
    Kebab,
}

/// A part of a path that stands in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A folder, counted from the Dockerfile up, from 1.
    Up(usize),
    /// A folder, counted from the root down, from 0.
    Down(usize),
    /// All folders but so many at the beginning, joined.
    Below(usize, char),
    /// Of the Dockerfile's folder, what stands before the first `-`.
    Head,
    /// Of the Dockerfile's folder, what stands after the first `-`.
    Rest,
    /// What the file name adds.
    Suffix,
}

impl Part {
    /// The part of a path; empty where it has none that could be left out, none where the path is
    /// not made so.
    fn of(self, file: &File, case: Case) -> Option<Cow<'_, str>> {
        let folders = file.folders(case);
        let text = match self {
            Self::Up(count) => folders[folders.len().checked_sub(count)?].as_str(),
            Self::Down(count) => folders.get(count)?,
            Self::Below(from, joint) => match folders.get(from..)? {
                [] => return None,
                [only] => only,
                below => return Some(below.join(joint.encode_utf8(&mut [0; 4])).into()),
            },
            Self::Head => {
                let last = folders.last()?;
                last.split_once('-').map_or(last.as_str(), |(head, _)| head)
            }
            Self::Rest => folders.last()?.split_once('-').map_or("", |(_, rest)| rest),
            Self::Suffix => &file.suffix,
        };
        Some(text.into())
    }

    /// Which halves of which folders it takes: no two parts of a name take the same.
    fn takes(self, folders: usize) -> u32 {
        let both = |at: usize| 0b11 << (2 * at);
        match self {
            Self::Up(count) => both(folders - count),
            Self::Down(count) => both(count),
            Self::Below(from, _) => (from..folders).map(both).sum(),
            Self::Head => 0b01 << (2 * (folders - 1)),
            Self::Rest => 0b10 << (2 * (folders - 1)),
            Self::Suffix => 1 << 31,
        }
    }
}

/// A way to make a name of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// What all names begin with, separator included.
    pub(crate) prefix: String,
    /// The parts, each with what stands before it. An empty part is left out with it.
    pub(crate) pieces: Vec<(char, Part)>,
    /// What all names end in.
    pub(crate) end: String,
    pub(crate) case: Case,
}

impl Shape {
    /// The folder's name in a namespace, as where the configuration says no more than that.
    pub(crate) fn plain(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            pieces: vec![('-', Part::Up(1)), ('-', Part::Suffix)],
            end: String::new(),
            case: Case::Plain,
        }
    }

    /// The folders of the path, but so many at the beginning, in one name.
    pub(crate) fn path(prefix: &str, from: usize, joint: char) -> Self {
        Self {
            pieces: vec![('-', Part::Below(from, joint)), ('-', Part::Suffix)],
            ..Self::plain(prefix)
        }
    }

    /// Ways that say more of a path than the folder's name, the shortest first: two to four folders, all that
    /// the paths of some files do not have in common, then all.
    pub(crate) fn longer<'f>(
        namespace: Option<&str>,
        files: &'f [File],
    ) -> impl Iterator<Item = Self> + use<'f> {
        let prefix = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
        let first = files.first().map_or(&[][..], |file| &file.folders[..]);
        let is_common = |at: usize| {
            files
                .iter()
                .all(|file| file.folders.get(at) == first.get(at))
        };
        let common = (0..first.len()).take_while(|at| is_common(*at)).count();
        let from = common.min(MAX_LEFT_OUT).min(first.len().saturating_sub(1));
        let plain = Self::plain(&prefix);
        let by_depth = (2..=4).map(move |depth| {
            let mut shape = plain.clone();
            let above = (2..=depth).rev().map(|up| ('-', Part::Up(up)));
            shape.pieces.splice(0..0, above);
            shape
        });
        let froms = BTreeSet::from([from, 0]).into_iter().rev();
        by_depth.chain(froms.map(move |from| Self::path(&prefix, from, '-')))
    }

    /// The name of a Dockerfile's image; none where its path is not made so.
    pub(crate) fn name(&self, file: &File) -> Option<String> {
        let mut name = String::new();
        (self.write(file, &mut name) && problem_of(&name).is_none()).then_some(name)
    }

    /// Writes the name in place of a text, legal or not. Whether the path is made so.
    pub(super) fn write(&self, file: &File, name: &mut String) -> bool {
        name.clear();
        name.push_str(&self.prefix);
        let mut is_first = true;
        for (joint, part) in &self.pieces {
            let Some(value) = part.of(file, self.case) else {
                return false;
            };
            if value.is_empty() {
                if !matches!(part, Part::Suffix | Part::Rest) {
                    return false;
                }
                continue;
            }
            if !is_first {
                name.push(*joint);
            }
            name.push_str(&value);
            is_first = false;
        }
        name.push_str(&self.end);
        !is_first
    }

    /// Whether it says no more than a namespace.
    pub(crate) fn namespace(&self) -> Option<&str> {
        let namespace = self.prefix.strip_suffix('/')?;
        let plain = Self::plain(&self.prefix);
        (*self == plain && !namespace.contains(':')).then_some(namespace)
    }

    /// Whether a name is a whole path.
    pub(crate) fn is_path(&self) -> bool {
        matches!(
            self.pieces[..],
            [(_, Part::Below(0, '/')), (_, Part::Suffix)]
        )
    }

    /// How much it takes to say it: of two that explain as much, the one with less is meant.
    pub(crate) fn cost(&self) -> usize {
        let pieces = self.pieces.iter().map(|(_, part)| match part {
            Part::Suffix => 1,
            Part::Up(1) => 2,
            Part::Up(count) => 2 + count,
            Part::Down(_) => 4,
            Part::Below(from, _) => 3 + from,
            Part::Head | Part::Rest => 3,
        });
        let literal = usize::from(!self.prefix.is_empty() && !self.prefix.ends_with(['/', ':']));
        let end = 2 * usize::from(!self.end.is_empty());
        let case = 2 * usize::from(self.case == Case::Kebab);
        let silent = 3 * usize::from(!self.says_suffix());
        pieces.sum::<usize>() + literal + end + case + silent
    }

    /// The same names in no registry; none where they stand in no namespace of one.
    pub(super) fn in_any_registry(&self) -> Option<Self> {
        let prefix = match self.prefix.split_once('/') {
            Some((host, rest)) if reference::is_registry(host) => rest,
            _ => &self.prefix,
        };
        prefix.contains('/').then(|| Self {
            prefix: prefix.to_owned(),
            ..self.clone()
        })
    }

    /// How many folders of so many stand above all that names say.
    pub(super) fn unsaid(&self, count: usize) -> usize {
        let said = self.pieces.iter().map(|(_, part)| match part {
            Part::Up(up) => count.saturating_sub(*up),
            Part::Down(at) | Part::Below(at, _) => *at,
            Part::Head | Part::Rest => count.saturating_sub(1),
            Part::Suffix => count,
        });
        said.min().unwrap_or(count).min(count)
    }

    /// Whether a name has what the file name adds, where it adds something.
    pub(super) fn says_suffix(&self) -> bool {
        self.pieces.iter().any(|(_, part)| *part == Part::Suffix)
    }

    /// Whether a name says nothing of the folders, as `base` of `docker/Dockerfile.base`.
    pub(crate) fn is_suffix(&self) -> bool {
        matches!(self.pieces[..], [(_, Part::Suffix)])
    }

    /// What names say, for people.
    pub(crate) fn what(&self) -> &'static str {
        if self.is_suffix() {
            "Dockerfiles"
        } else {
            "folders"
        }
    }

    /// Whether what names begin with ends in the name of the folder that holds all that are meant: it is then no
    /// constant but a part of their paths.
    pub(super) fn begins_with_folder(&self, within: &str) -> bool {
        let folder = File::new(&format!("{within}/Dockerfile"));
        let Some(last) = folder.folders(self.case).last().filter(|_| within != ".") else {
            return false;
        };
        let prefix = self.prefix.strip_suffix(JOINTS);
        let before = prefix.and_then(|prefix| prefix.strip_suffix(last.as_str()));
        before.is_some_and(|before| before.is_empty() || before.ends_with(is_separator))
    }

    /// How many parts of a path stand in every name.
    pub(crate) fn parts(&self) -> usize {
        if self.is_suffix() {
            return 1;
        }
        let parts = self.pieces.iter().map(|(_, part)| match part {
            Part::Suffix | Part::Rest => 0,
            Part::Below(..) => 2,
            _ => 1,
        });
        parts.sum()
    }
}

/// A path as a name may be read of it: its parts, with the folders written in one way.
#[derive(Debug)]
pub(super) struct Reading {
    case: Case,
    has_suffix: bool,
    /// The parts that may stand in a name, with what each takes and its text.
    parts: Vec<(Part, u32, String)>,
}

impl Reading {
    /// The ways in which the folders of a path are written.
    pub(super) fn of(file: &File) -> Vec<Self> {
        let cases: &[Case] = match file.folders.len() {
            0 if file.suffix.is_empty() => &[],
            count if count > MAX_FOLDERS => &[],
            _ if file.differs_in_kebab => &[Case::Plain, Case::Kebab],
            _ => &[Case::Plain],
        };
        let readings = cases.iter().map(|&case| Self {
            case,
            has_suffix: !file.suffix.is_empty(),
            parts: parts(file, case),
        });
        readings.collect()
    }

    /// The texts of its parts, none of them empty.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(_, _, text)| text.as_str())
    }

    /// Adds every way in which a reference, as people write it, may be made of the path by a name that begins at
    /// `start` with the part of index `first`, whose text stands there.
    pub(super) fn add_shapes(
        &self,
        text: &str,
        start: usize,
        first: usize,
        shapes: &mut BTreeSet<Shape>,
    ) {
        let mut derivation = Derivation {
            text,
            start,
            reading: self,
            shapes,
            pieces: Vec::new(),
        };
        let (part, takes, value) = &self.parts[first];
        derivation.take('-', *part, *takes, start + value.len());
    }
}

/// The parts of a path that may stand in a name, each with what it takes and its text.
fn parts(file: &File, case: Case) -> Vec<(Part, u32, String)> {
    let count = file.folders.len();
    let mut parts: Vec<Part> = (1..=count.min(MAX_PIECES)).map(Part::Up).collect();
    parts.extend((0..count.saturating_sub(1).min(MAX_LEFT_OUT)).map(Part::Down));
    for from in 0..count.saturating_sub(1).min(MAX_LEFT_OUT) {
        parts.extend(JOINTS.map(|joint| Part::Below(from, joint)));
    }
    if file
        .folders(case)
        .last()
        .is_some_and(|last| last.contains('-'))
    {
        parts.extend([Part::Head, Part::Rest]);
    }
    parts.push(Part::Suffix);
    let parts = parts.into_iter().filter_map(|part| {
        let text = part.of(file, case)?.into_owned();
        Some((part, part.takes(count), text))
    });
    parts.filter(|(_, _, text)| !text.is_empty()).collect()
}

/// Whether parts of names end at it.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '/' | ':' | '.')
}

struct Derivation<'d> {
    text: &'d str,
    /// Where the name begins.
    start: usize,
    reading: &'d Reading,
    shapes: &'d mut BTreeSet<Shape>,
    /// The parts so far, each with what stands before it.
    pieces: Vec<(char, Part)>,
}

impl Derivation<'_> {
    /// Goes on with a part that ends where a separator or nothing follows. `taken` is what all parts take.
    fn take(&mut self, before: char, part: Part, taken: u32, end: usize) {
        self.pieces.push((before, part));
        self.add(end);
        let joint = self.text[end..].chars().next();
        if let Some(joint) = joint
            && self.pieces.len() < MAX_PIECES
        {
            self.read(joint, end + joint.len_utf8(), taken);
        }
        self.pieces.pop();
    }

    /// Reads the text from `at` on, where `before` stands before it, as further parts of the path.
    fn read(&mut self, before: char, at: usize, taken: u32) {
        let (text, reading) = (self.text, self.reading);
        for (part, takes, value) in &reading.parts {
            if takes & taken != 0 {
                continue;
            }
            if let Some(rest) = text[at..].strip_prefix(value.as_str())
                && (rest.is_empty() || rest.starts_with(is_separator))
            {
                self.take(before, *part, takes | taken, at + value.len());
            }
        }
    }

    /// A shape, where what it has read is all that it has to.
    fn add(&mut self, end: usize) {
        // A tag that all have is a tag.
        let end_is_tag = self.text[end..].contains(':');
        if end_is_tag {
            return;
        }
        let mut pieces = self.pieces.clone();
        // A file's name that all have says nothing.
        if !self.reading.has_suffix {
            pieces.push(('-', Part::Suffix));
        }
        self.shapes.insert(Shape {
            prefix: self.text[..self.start].to_owned(),
            pieces,
            end: self.text[end..].to_owned(),
            case: self.reading.case,
        });
    }
}
