//! What a spec takes is what the inputs hold: for random trees with links, ignore files, wildcards and
//! `--exclude`, and in both views, of a tree and of a tree with what git ignores on the disk.
//!
//! The definition is spelled out here on lists of paths: what is sent of a context, then what each
//! source takes of that, and what links lead to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shipwright::lang::{IgnoreFile, Sent};
use shipwright::planner::{InputSpec, Source};
use shipwright::tree::{File, Node, Snapshot};

use crate::ignore_laws::{pattern, slowly_decided, slowly_sent};
use crate::support::program::run;
use crate::support::repo::Repo;
use crate::support::trees::listed;

/// What stands at a path: a file, a folder, a link with its target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link(String),
}

type Tree = BTreeMap<String, Kind>;

/// What an instruction names.
#[derive(Debug, Clone)]
struct Named {
    path: String,
    excludes: Vec<String>,
}

fn path(longest: usize) -> impl Strategy<Value = String> {
    prop::collection::vec("[abl]{1,2}", 1..=longest).prop_map(|names| names.join("/"))
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => path(2),
        1 => path(2).prop_map(|path| format!("../{path}")),
        1 => path(2).prop_map(|path| format!("/{path}")),
        1 => (path(1), path(1)).prop_map(|(a, b)| format!("{a}/../{b}")),
        1 => Just(".".to_owned()),
    ]
}

/// Files, links and empty folders; what is on the way to another gives way.
fn tree() -> impl Strategy<Value = Tree> {
    let kind = prop_oneof![
        5 => Just(Kind::File),
        3 => target().prop_map(Kind::Link),
        1 => Just(Kind::Folder),
    ];
    prop::collection::btree_map(path(3), kind, 1..12).prop_map(|leaves| {
        let mut tree = Tree::new();
        for (path, kind) in leaves {
            for (at, _) in path.match_indices('/') {
                tree.insert(path[..at].to_owned(), Kind::Folder);
            }
            tree.entry(path).or_insert(kind);
        }
        tree
    })
}

fn named() -> impl Strategy<Value = Named> {
    let name = prop_oneof![3 => "[abl]{1,2}", 1 => Just("*".to_owned()), 1 => "[abl]\\*"];
    let named = prop_oneof![
        1 => Just(String::new()),
        6 => prop::collection::vec(name, 1..3).prop_map(|names| names.join("/")),
    ];
    let excludes = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(pattern(), 1..4),
    ];
    (named, excludes).prop_map(|(path, excludes)| Named { path, excludes })
}

fn snapshot(tree: &Tree) -> Snapshot {
    let files = tree.iter().filter_map(|(path, kind)| {
        let is_empty = !tree
            .keys()
            .any(|other| other.starts_with(&format!("{path}/")));
        let file = match kind {
            Kind::File => File::Plain(path.as_bytes().to_vec()),
            Kind::Link(target) => File::Link(target.as_bytes().to_vec()),
            Kind::Folder if is_empty => File::EmptyFolder,
            Kind::Folder => return None,
        };
        Some((path.as_str(), file))
    });
    Snapshot::of_files(None, files)
}

fn with_parents(paths: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in paths {
        for (at, _) in path.match_indices('/') {
            all.insert(path[..at].to_owned());
        }
        all.insert(path);
    }
    all
}

/// What is sent, and which files of it without their content.
fn sent(tree: &Tree, ignore: &[String]) -> (Tree, BTreeSet<String>) {
    let decided = |path: &String| !slowly_decided(ignore, path).1;
    let kept = with_parents(tree.keys().filter(|path| decided(path)).cloned());
    let is_empty =
        |path: &&String| tree[*path] == Kind::File && slowly_sent(ignore, path) == Sent::Empty;
    let empty = kept.iter().filter(is_empty).cloned().collect();
    let kept = kept
        .into_iter()
        .map(|path| (path.clone(), tree[&path].clone()));
    (kept.collect(), empty)
}

/// Where a path leads, and the links that are passed.
fn follow(sent: &Tree, path: &str) -> (Option<String>, Vec<String>) {
    let mut passed = Vec::new();
    let mut path = path.to_owned();
    'again: loop {
        if path.is_empty() {
            return (Some(path), passed);
        }
        let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        for end in ends.into_iter().chain([path.len()]) {
            match sent.get(&path[..end]) {
                None => return (None, passed),
                Some(Kind::File) if end < path.len() => return (None, passed),
                Some(Kind::File | Kind::Folder) => {}
                Some(Kind::Link(target)) => {
                    passed.push(path[..end].to_owned());
                    if passed.len() > 255 {
                        return (None, passed);
                    }
                    let folder = path[..end]
                        .rsplit_once('/')
                        .map_or("", |(folder, _)| folder);
                    let joined = match target.strip_prefix('/') {
                        Some(target) => format!("/{target}"),
                        None => format!("/{folder}/{target}"),
                    };
                    let target = shipwright::lang::clean(&joined);
                    path = format!("{target}{}", &path[end..]);
                    path = shipwright::lang::clean(&path).split_off(1);
                    continue 'again;
                }
            }
        }
        return (Some(path), passed);
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((first, rest)) => name
            .strip_prefix(first)
            .is_some_and(|name| (0..=name.len()).any(|at| matches(rest, &name[at..]))),
    }
}

/// What a source takes, links on the way and all.
fn taken(sent: &Tree, named: &Named) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let names: Vec<&str> = named.path.split('/').collect();
    let literal = names.iter().take_while(|name| !name.contains('*')).count();
    let (first, rest) = names.split_at(literal);
    let (end, passed) = follow(sent, &first.join("/"));
    taken.extend(passed);
    let Some(end) = end else { return taken };
    let mut roots = Vec::new();
    if rest.is_empty() {
        roots.push(end);
    } else {
        let below = |path: &String| match end.as_str() {
            "" => Some(path.clone()),
            end => Some(path.strip_prefix(end)?.strip_prefix('/')?.to_owned()),
        };
        for (path, rel) in sent.keys().filter_map(|path| Some((path, below(path)?))) {
            let names: Vec<&str> = rel.split('/').collect();
            let fits = names
                .iter()
                .zip(rest)
                .all(|(name, pattern)| matches(pattern, name));
            if fits
                && !end.is_empty()
                && names.len() < rest.len()
                && matches!(sent[path], Kind::Link(_))
            {
                // A client follows it, a builder does not enter it.
                taken.insert(path.clone());
            }
            if fits && names.len() == rest.len() {
                let (end, passed) = follow(sent, path);
                taken.extend(passed);
                roots.extend(end);
            }
        }
    }
    for root in roots {
        let prefix = if root.is_empty() {
            String::new()
        } else {
            format!("{root}/")
        };
        for path in sent.keys() {
            let Some(below) = path.strip_prefix(&prefix) else {
                continue;
            };
            if !slowly_decided(&named.excludes, below).1 {
                taken.insert(path.clone());
            }
        }
        if !root.is_empty() {
            taken.insert(root);
        }
    }
    taken
}

fn expected(
    tree: &Tree,
    ignore: &[String],
    sources: &[Named],
) -> (BTreeSet<String>, BTreeSet<String>) {
    let (sent, empty) = sent(tree, ignore);
    let all = with_parents(sources.iter().flat_map(|source| taken(&sent, source)));
    let empty = all.intersection(&empty).cloned().collect();
    let with_slashes = all.into_iter().map(|path| match sent[&path] {
        Kind::Folder => format!("{path}/"),
        _ => path,
    });
    (with_slashes.collect(), empty)
}

fn spec(ignore: &str, sources: &[Named]) -> InputSpec {
    let (ignore, _) = IgnoreFile::parse(ignore);
    let sources: Vec<Source<'_>> = sources
        .iter()
        .map(|named| Source {
            path: &named.path,
            is_wildcard: named.path.contains('*'),
            pattern: None,
            excludes: &named.excludes,
        })
        .collect();
    InputSpec::new("", &sources, &ignore)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn inputs_hold_what_the_definition_takes(
        tree in tree(),
        ignore in prop::collection::vec(pattern(), 0..5),
        sources in prop::collection::vec(named(), 1..4),
    ) {
        let files = snapshot(&tree);
        let inputs = spec(&ignore.join("\n"), &sources).inputs(&files.root, &files.links);
        let (taken, empty) = expected(&tree, &ignore, &sources);
        prop_assert_eq!(listed(&inputs.tree), taken);
        let mut without = BTreeSet::new();
        inputs.tree.walk(&mut |path, node| {
            let is_file = matches!(node, Node::File { .. });
            if is_file && files.root.node(path).is_some_and(|was| was.id() != node.id()) {
                without.insert(path.to_owned());
            }
        });
        prop_assert_eq!(without, empty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever git ignores of a tree, `--dirty` counts what a builder is sent of all of it.
    #[test]
    fn what_git_ignores_counts_with_dirty(
        tree in tree(),
        hidden in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        ignore in prop::collection::vec(pattern(), 0..3),
        sources in prop::collection::vec(named(), 1..3),
    ) {
        let mut tree = tree;
        tree.insert("kept".to_owned(), Kind::File);
        // Git has no empty folders.
        let folders: Vec<String> = tree.iter().filter(|(_, kind)| **kind == Kind::Folder).map(|(path, _)| path.clone()).collect();
        for folder in folders {
            let prefix = format!("{folder}/");
            if !tree.keys().any(|path| path.starts_with(&prefix)) {
                tree.insert(format!("{folder}/a"), Kind::File);
            }
        }
        let repo = Repo::empty();
        let paths: Vec<&String> = tree.keys().collect();
        let hidden = hidden.iter().map(|at| *at.get(&paths)).filter(|path| *path != "kept");
        let hidden: Vec<&String> = hidden.collect();
        let hidden: Vec<String> = hidden.iter().map(|path| format!("/c/{path}\n")).collect();
        let mut dockerfile = vec!["FROM scratch".to_owned()];
        for source in &sources {
            let path = if source.path.is_empty() { "." } else { &source.path };
            let excludes = source.excludes.iter().map(|exclude| format!("--exclude={exclude}"));
            let words = ["COPY".to_owned()].into_iter().chain(excludes);
            let words = words.chain([path.to_owned(), "/x/".to_owned()]);
            dockerfile.push(words.collect::<Vec<_>>().join(" "));
        }
        let folder = repo.join("c");
        std::fs::create_dir_all(&folder).unwrap();
        for (path, kind) in &tree {
            let path = folder.join(path);
            match kind {
                Kind::Folder => std::fs::create_dir_all(path).unwrap(),
                Kind::File => std::fs::write(&path, path.strip_prefix(&folder).unwrap().to_str().unwrap()).unwrap(),
                Kind::Link(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            }
        }
        std::fs::write(repo.join("x.Dockerfile"), dockerfile.join("\n")).unwrap();
        std::fs::write(repo.join("x.Dockerfile.dockerignore"), ignore.join("\n")).unwrap();
        std::fs::write(repo.join(".gitignore"), hidden.concat()).unwrap();
        std::fs::write(
            repo.join(".shipwright.json"),
            r#"{"version": 2, "images": {"x": {"dockerfile": "x.Dockerfile", "context": "c"}}}"#,
        ).unwrap();
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-qm", "one"]);
        let output = run(&repo, &["inputs", "--dirty", "x"]);
        let files = snapshot(&tree);
        let inputs = spec(&ignore.join("\n"), &sources).inputs(&files.root, &files.links);
        let mut expected = BTreeSet::new();
        inputs.tree.walk(&mut |path, node| {
            if !matches!(node, Node::Folder(_)) {
                expected.insert(format!("{:0>6} {} c/{path}", node.mode(), node.id()));
            }
        });
        let seen: BTreeSet<String> = output.lines().filter(|line| !line.starts_with("040000")).map(str::to_owned).collect();
        prop_assert_eq!(seen, expected);
    }
}
