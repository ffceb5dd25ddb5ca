//! What a run did, as a table for people.

use super::{Report, short_time};
use crate::run::columns::{WIDEST, align, width};
use crate::run::review::{cut, in_lines};

/// Columns in which tags can still be told apart.
const LEAST_ROOM: usize = 8;

impl Report {
    /// A table for people: a line an image, then a line that counts, each with its newline.
    pub fn table(&self) -> String {
        self.table_within(None)
    }

    /// The table on a screen of that width, if it is one. Where it has no room for whole references, tags
    /// stand there without their repository, as many as fit.
    pub(crate) fn table_within(&self, screen: Option<usize>) -> String {
        let rows = self.images.iter().map(|image| {
            vec![
                self.word(image.outcome).to_owned(),
                image.name.clone(),
                format!("{:>7}", short_time(image.time)),
            ]
        });
        let mut rows: Vec<Vec<String>> = rows.collect();
        let columns: Vec<usize> = (0..3).map(|column| width(&rows, column, WIDEST)).collect();
        let room = |row: &[String]| {
            let before = columns.iter().zip(row);
            let before = before.map(|(width, cell)| 2 + cell.chars().count().max(*width));
            screen.map(|screen| screen.saturating_sub(before.sum()))
        };
        let whole = self.images.iter().map(|image| image.tags.join(" "));
        let whole: Vec<String> = whole.collect();
        let mut all = rows.iter().zip(&whole);
        let fits = all.all(|(row, tags)| room(row).is_none_or(|room| tags.len() <= room));
        for ((row, whole), image) in rows.iter_mut().zip(whole).zip(&self.images) {
            let cell = match room(row) {
                Some(room) if !fits => short(&image.tags, room),
                _ => whole,
            };
            row.push(cell);
        }
        let table = align(&rows, |_| WIDEST);
        let untagged = if self.moved_nothing() {
            "; no tag moved"
        } else {
            ""
        };
        table + &self.summary() + untagged + "\n"
    }

    /// Whether the run failed before the readable tags moved: they do so all together, at the end.
    fn moved_nothing(&self) -> bool {
        !self.dry_run
            && !self.succeeded()
            && !self.images.is_empty()
            && self.images.iter().all(|image| image.tags.is_empty())
    }
}

/// Tags without their repository, as many as there is room for.
fn short(references: &[String], room: usize) -> String {
    if room < LEAST_ROOM || references.is_empty() {
        return String::new();
    }
    let tags = references.iter();
    let tags: Vec<&str> = tags
        .map(|tag| tag.rsplit(':').next().unwrap_or(tag))
        .collect();
    cut(&in_lines(&tags, room, 1).join(""), room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::run::exec::Outcome;
    use crate::run::exec::tests::{image, plan};

    #[test]
    fn tags_take_the_room_that_there_is() {
        let plan = plan(vec![image("a-long-name", &[]), image("b", &[])]);
        let mut report = Report::not_started(Some(&plan), &Diagnostics::new(), false);
        for image in &mut report.images {
            image.outcome = Outcome::Retagged;
            let tags = ["main", "feature-login", "645c5ef3e48b"];
            image.tags = tags.map(|tag| format!("{}:{tag}", image.name)).into();
        }
        let lines = |screen| {
            let table = report.table_within(screen);
            let lines = table.lines().take(2).map(str::trim_end);
            lines.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(lines(None), @"
        re-tagged  a-long-name           a-long-name:main a-long-name:feature-login a-long-name:645c5ef3e48b
        re-tagged  b                     b:main b:feature-login b:645c5ef3e48b
        ");
        assert_eq!(lines(Some(120)), lines(None));
        insta::assert_snapshot!(lines(Some(80)), @"
        re-tagged  a-long-name           main, feature-login, 645c5ef3e48b
        re-tagged  b                     main, feature-login, 645c5ef3e48b
        ");
        insta::assert_snapshot!(lines(Some(60)), @"
        re-tagged  a-long-name           main, … and 2 more
        re-tagged  b                     main, … and 2 more
        ");
        insta::assert_snapshot!(lines(Some(36)), @"
        re-tagged  a-long-name
        re-tagged  b
        ");
        for screen in 24..130 {
            for line in lines(Some(screen)).lines() {
                assert!(line.chars().count() <= screen, "{screen}: {line}");
            }
        }
    }
}
