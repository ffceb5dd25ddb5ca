//! `shipwright list`: the images as a table for people, as JSON, or bare references for scripts.

use std::collections::BTreeSet;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::args::{Planning, Stored};
use super::{output, planning, screen, stored};
use crate::diagnostics::{Diagnostics, escape};
use crate::plan::{Action, Image, Plan};
use crate::planner::names::short;
use crate::run::columns::{self, WIDEST, align};

/// How the list is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Prints the images; only their references where there is no format.
pub(super) fn run(
    directory: &Path,
    planning: &Planning,
    stored: &Stored,
    format: Option<Format>,
) -> Result<(), Diagnostics> {
    let plan = stored::or_made(directory, stored, || planning::look(directory, planning))?;
    let text = match format {
        None => references(&plan),
        Some(Format::Table) => table(&plan, screen::width()),
        Some(Format::Json) => return Ok(output::write_json(&Document::of(&plan))?),
    };
    Ok(output::write_text(&text, None)?)
}

/// The list for programs: what each image is called and where it comes from. The plan has everything.
#[derive(Serialize)]
struct Document<'p> {
    version: u32,
    images: Vec<Row<'p>>,
}

#[derive(Serialize)]
struct Row<'p> {
    name: &'p str,
    wave: usize,
    reference: &'p str,
    tags: &'p [String],
    dirty: bool,
    action: Action,
    dockerfile: &'p str,
    context: &'p str,
    target: Option<&'p str>,
    platforms: &'p [String],
    needs: BTreeSet<&'p str>,
}

impl<'p> Document<'p> {
    fn of(plan: &'p Plan) -> Self {
        let row = |image: &'p Image| Row {
            name: &image.name,
            wave: image.wave,
            reference: &image.reference,
            tags: &image.tags,
            dirty: image.dirty,
            action: image.action,
            dockerfile: &image.dockerfile,
            context: &image.context,
            target: image.target.as_deref(),
            platforms: &image.platforms,
            needs: image.dependencies.iter().map(|need| &*need.image).collect(),
        };
        Self {
            version: 1,
            images: plan.images.iter().map(row).collect(),
        }
    }
}

/// All references, one per line: of each image the content reference, then the readable ones.
fn references(plan: &Plan) -> String {
    let mut text = String::new();
    for image in &plan.images {
        for reference in std::iter::once(&image.reference).chain(&image.tags) {
            text.push_str(reference);
            text.push('\n');
        }
    }
    text
}

/// One line an image, in build order; with what a runner does with it, where that was decided.
/// Within the width, if there is one.
fn table(plan: &Plan, width: Option<usize>) -> String {
    let decided = plan
        .images
        .iter()
        .any(|image| image.action != Action::Ensure);
    let mut header = vec!["WAVE", IMAGE, CONTENT, NEEDS, DOCKERFILE];
    header.extend(decided.then_some("ACTION"));
    let header = header.into_iter().map(str::to_owned).collect();
    let rows = plan.images.iter().map(|image| {
        let content = image.reference.rsplit(':').next().unwrap_or_default();
        let dirty = if image.dirty { " (dirty)" } else { "" };
        let mut row = vec![
            image.wave.to_string(),
            image.name.clone(),
            format!("{}{dirty}", content.get(..15).unwrap_or(content)),
            needs(image),
            escape::name(&image.dockerfile).into_owned(),
        ];
        row.extend(decided.then(|| action(image.action).to_owned()));
        row
    });
    let mut rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    if let Some(width) = width {
        fit(&mut rows, width);
    }
    align(&rows, |column| most(&rows, column, width))
}

/// How wide a column may be: half of the screen for names, which are not cut. Others were made to fit.
fn most(rows: &[Vec<String>], column: usize, screen: Option<usize>) -> usize {
    let is_name = rows
        .first()
        .and_then(|row| row.get(column))
        .is_some_and(|cell| cell == IMAGE);
    match screen {
        None => WIDEST,
        Some(width) if is_name => (width / 2).max(16),
        Some(_) => usize::MAX,
    }
}

const IMAGE: &str = "IMAGE";
const CONTENT: &str = "CONTENT";
const NEEDS: &str = "NEEDS";
const DOCKERFILE: &str = "DOCKERFILE";

/// The columns whose cells are cut on a narrow screen, in this order: down to so many columns of the screen.
/// Names are never cut: they are there to be copied.
const CUT: [(&str, usize); 2] = [(NEEDS, 8), (DOCKERFILE, 16)];

/// The columns that are left out where that is not enough, in this order.
const LEFT_OUT: [&str; 3] = [DOCKERFILE, NEEDS, CONTENT];

/// Makes rows below a header fit the width, or as narrow as they can be.
fn fit(rows: &mut Vec<Vec<String>>, width: usize) {
    let mut whole = rows.clone();
    let mut more = LEFT_OUT.into_iter();
    loop {
        rows.clone_from(&whole);
        if fits_once_cut(rows, width) {
            return;
        }
        let Some(column) = more.next() else {
            return;
        };
        if let Some(column) = position(&whole, column) {
            for row in &mut whole {
                row.remove(column);
            }
        }
    }
}

/// Cuts cells as far as needed; whether that was enough.
fn fits_once_cut(rows: &mut [Vec<String>], width: usize) -> bool {
    let widest = |rows: &[Vec<String>], column: usize| {
        columns::width(rows, column, most(rows, column, Some(width)))
    };
    let over = |rows: &[Vec<String>]| {
        let columns = rows.first().map_or(0, Vec::len);
        let whole: usize = (0..columns).map(|column| widest(rows, column) + 2).sum();
        whole.saturating_sub(2).saturating_sub(width)
    };
    for (name, least) in CUT {
        let over = over(rows);
        let Some(column) = position(rows, name).filter(|_| over > 0) else {
            continue;
        };
        let room = widest(rows, column).saturating_sub(over).max(least);
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            if cell.width() > room {
                *cell = cut(cell, room, name == DOCKERFILE);
            }
        }
    }
    over(rows) == 0
}

/// Where a column stands, by its header.
fn position(rows: &[Vec<String>], column: &str) -> Option<usize> {
    rows.first()?.iter().position(|cell| cell == column)
}

/// As much of a text as has room, with `…` for the rest.
fn cut(text: &str, room: usize, from_the_end: bool) -> String {
    let mut left = room.saturating_sub(1);
    let mut fits = |character: &char| {
        let width = character.width().unwrap_or(0);
        let fits = width <= left;
        left = if fits { left - width } else { 0 };
        fits
    };
    if from_the_end {
        let kept: Vec<char> = text.chars().rev().take_while(&mut fits).collect();
        std::iter::once('…').chain(kept.into_iter().rev()).collect()
    } else {
        let kept = text.chars().take_while(&mut fits);
        kept.chain(std::iter::once('…')).collect()
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Ensure => "ensure",
        Action::Build => "build",
        Action::Retag => "retag",
    }
}

/// The short names of what an image needs.
fn needs(image: &Image) -> String {
    let mut names: Vec<&str> = image
        .dependencies
        .iter()
        .map(|dependency| short(&dependency.image))
        .collect();
    names.dedup();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_screen() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let whole = vec![
            row(["WAVE", "IMAGE", "CONTENT", "NEEDS", "DOCKERFILE"]),
            row([
                "1",
                "team/service",
                "sw-012345678901",
                "alpha, beta, gamma, delta",
                "services/team/service/Dockerfile",
            ]),
        ];
        let fitted = |width| {
            let mut rows = whole.clone();
            fit(&mut rows, width);
            align(&rows, |_| WIDEST)
        };
        assert_eq!(fitted(200), align(&whole, |_| WIDEST));
        insta::assert_snapshot!(fitted(70), @"
        WAVE  IMAGE         CONTENT          NEEDS     DOCKERFILE
        1     team/service  sw-012345678901  alpha, …  …eam/service/Dockerfile
        ");
        // What is left out makes room for what was cut.
        insta::assert_snapshot!(fitted(50), @"
        WAVE  IMAGE         CONTENT          NEEDS
        1     team/service  sw-012345678901  alpha, beta,…
        ");
        insta::assert_snapshot!(fitted(10), @"
        WAVE  IMAGE
        1     team/service
        ");
        assert_eq!(cut("数数数", 4, true), "…数");
    }
}
