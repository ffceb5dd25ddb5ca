//! `for` and `except`: one image for each combination of values.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde_json::{Value as Json, json};

use super::Spanned;
use super::json::At;
use super::table::Value;
use super::template::problem_of_name;

/// The most combinations that one matrix may have.
const MOST: usize = 10_000;

/// The combinations of a matrix, in the order of their images.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matrix(Vec<Combination>);

/// Values by the variables that they are of, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Combination(Vec<(String, String)>);

/// Combinations that are left out, and where each stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exceptions(Vec<Spanned<Combination>>);

impl Matrix {
    /// The combinations that no exception leaves out, and where the exceptions stand that leave out none.
    pub(crate) fn without(
        &self,
        exceptions: &Exceptions,
    ) -> (Vec<&Combination>, Vec<Range<usize>>) {
        let mut used = vec![false; exceptions.0.len()];
        let mut kept = Vec::with_capacity(self.0.len());
        for combination in &self.0 {
            let mut is_kept = true;
            for (index, exception) in exceptions.0.iter().enumerate() {
                if combination.agrees_with(&exception.value) {
                    used[index] = true;
                    is_kept = false;
                }
            }
            if is_kept {
                kept.push(combination);
            }
        }
        let unused = exceptions.0.iter().zip(used);
        let unused = unused.filter(|(_, used)| !used);
        (
            kept,
            unused
                .map(|(exception, _)| exception.span.clone())
                .collect(),
        )
    }
}

impl Exceptions {
    /// Where the first stands.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        self.0.first().map(|exception| exception.span.clone())
    }
}

impl Combination {
    /// The values by their variables.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether it has every value of the other.
    fn agrees_with(&self, other: &Self) -> bool {
        other.0.iter().all(|pair| self.0.contains(pair))
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name} `{value}`")?;
        }
        Ok(())
    }
}

impl Value for Combination {
    const SEVERAL: &str = "objects";

    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let values = at.entries(|name, span, value| {
            if let Some(problem) = problem_of_name(name) {
                value.refuse(span, problem, super::NAME_HELP);
                return None;
            }
            Some((name.to_owned(), value.string()?.value))
        });
        Some(Self(values))
    }

    fn schema() -> Json {
        BTreeMap::<String, String>::schema()
    }
}

impl Value for Matrix {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let combinations = if at.is_list() {
            at.elements("objects", Combination::read)
        } else {
            product(at)?
        };
        let span = at.span();
        if combinations.is_empty() {
            at.refuse(
                span,
                "this matrix has no combination of values".to_owned(),
                r#"it is like `{"variant": ["noble", "jammy"], "arch": ["amd64"]}`"#,
            );
            return None;
        }
        if combinations.len() > MOST {
            at.refuse(span, too_many(), "");
            return None;
        }
        Some(Self(combinations))
    }

    fn schema() -> Json {
        json!({"anyOf": [
            {"type": "object", "additionalProperties": Vec::<String>::schema()},
            Vec::<Combination>::schema(),
        ]})
    }
}

fn too_many() -> String {
    format!("this matrix has more than {MOST} combinations of values")
}

/// All combinations of an object of lists, the last key fastest.
fn product(at: &mut At<'_, '_>) -> Option<Vec<Combination>> {
    let lists: Vec<(String, Vec<String>)> = at.entries(|name, span, values| {
        if let Some(problem) = problem_of_name(name) {
            values.refuse(span, problem, super::NAME_HELP);
            return None;
        }
        let values = values.elements("strings", |value| Some(value.string()?.value));
        Some((name.to_owned(), values))
    });
    let sizes = lists.iter().map(|(_, values)| values.len());
    let size = sizes.fold(1_usize, usize::saturating_mul);
    if size > MOST {
        let span = at.span();
        at.refuse(span, too_many(), "");
        return None;
    }
    if lists.is_empty() {
        return Some(Vec::new());
    }
    let mut combinations = vec![Combination::default()];
    for (name, values) in &lists {
        let longer = combinations.iter().flat_map(|combination| {
            values.iter().map(|value| {
                let mut longer = combination.clone();
                longer.0.push((name.clone(), value.clone()));
                longer
            })
        });
        combinations = longer.collect();
    }
    Some(combinations)
}

impl Value for Exceptions {
    fn read(at: &mut At<'_, '_>) -> Option<Self> {
        let exceptions = at.elements("objects", |at| {
            Some(Spanned {
                span: at.span(),
                value: Combination::read(at)?,
            })
        });
        Some(Self(exceptions))
    }

    fn schema() -> Json {
        Vec::<Combination>::schema()
    }
}
