//! Names that a format can hold, in place of names that it cannot: readable, and never one for two.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

/// One identifier for each name, in the same order, no two alike and none of `reserved`.
///
/// A name made of allowed characters alone keeps itself; the others have each run of other
/// characters replaced by `-`. Where that is taken, digits of the name's SHA-256 follow.
pub(super) fn slugs(
    names: &[&str],
    allowed: impl Fn(char) -> bool,
    reserved: &[&str],
) -> Vec<String> {
    let mut taken: BTreeSet<String> = reserved.iter().map(|&name| name.to_owned()).collect();
    let mut slugs = vec![String::new(); names.len()];
    let is_legal = |name: &str| !name.is_empty() && name.chars().all(&allowed);
    // Legal names first, so that none of them has to give way to a replaced one.
    for legal in [true, false] {
        for (slug, name) in slugs.iter_mut().zip(names) {
            if is_legal(name) == legal {
                *slug = free(&replaced(name, &allowed), name, &taken);
                taken.insert(slug.clone());
            }
        }
    }
    slugs
}

/// The last component of each name where no other name ends in it, else the whole name.
pub(super) fn shortest<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let last = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *count.entry(last(name)).or_default() += 1;
    }
    let short = |&name: &&'a str| {
        if count[last(name)] == 1 {
            last(name)
        } else {
            name
        }
    };
    names.iter().map(short).collect()
}

/// A name with each run of other characters replaced by `-`.
pub(super) fn replaced(name: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        if allowed(character) {
            slug.push(character);
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug
}

fn free(slug: &str, name: &str, taken: &BTreeSet<String>) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let mut candidate = slug.to_owned();
    let mut digits = digest.iter().map(|byte| format!("{byte:02x}"));
    while taken.contains(&candidate) {
        if candidate == slug {
            candidate.push('-');
            candidate.extend(digits.by_ref().take(4));
        } else {
            // All the digits used up: names that were made to collide get a longer tail.
            candidate.push_str(&digits.next().unwrap_or_else(|| "0".to_owned()));
        }
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert_eq!(slugs(names, allowed, &["all"]), expected);
    }

    #[test]
    fn no_two_names_share_a_slug() {
        check(&["a", "b/c"], &["a", "b-c"]);
        check(&["b/c", "b-c"], &["b-c-b9e2beb9", "b-c"]);
        check(
            &["b-c", "b/c", "b-c-b9e2beb9"],
            &["b-c", "b-c-b9e2beb9a0", "b-c-b9e2beb9"],
        );
        check(&["all"], &["all-5ef5ef03"]);
    }

    #[test]
    fn a_short_name_is_short_where_it_is_clear() {
        let names = ["x/a", "y/a", "x/b", "c"];
        assert_eq!(shortest(&names), ["x/a", "y/a", "b", "c"]);
    }
}
