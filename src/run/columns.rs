//! Tables for people: rows with their columns lined up.

use unicode_width::UnicodeWidthStr;

/// How wide a column may be without a screen that says it.
pub(crate) const WIDEST: usize = 64;

/// Of so many cells, one may be wider than its column.
const FEW: usize = 4;

/// How wide a column is: as its widest cell, but for a few that are wider than `most`.
pub(crate) fn width(rows: &[Vec<String>], column: usize, most: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    let widths: Vec<usize> = cells.map(|cell| cell.width()).collect();
    let widest = widths.iter().copied().max().unwrap_or(0);
    let (narrow, wide): (Vec<usize>, Vec<usize>) =
        widths.into_iter().partition(|width| *width <= most);
    if wide.len() * FEW > narrow.len() + wide.len() {
        return widest;
    }
    narrow.into_iter().max().unwrap_or(0)
}

/// Rows with two spaces between their columns. A cell that is wider than its column moves the rest of its own
/// row, and no other.
pub(crate) fn align(rows: &[Vec<String>], most: impl Fn(usize) -> usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(rows, column, most(column)))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            let padding = width.saturating_sub(cell.width()) + 2;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_width_on_the_screen_and_a_few_long_cells_move_their_own_rows_alone() {
        let rows = |first: &[&str]| -> Vec<Vec<String>> {
            let rows = first.iter().map(|cell| [*cell, "x"]);
            rows.map(|row| row.map(str::to_owned).to_vec()).collect()
        };
        let few = rows(&["数", "a", "much-too-long", "b"]);
        assert_eq!(
            align(&few, |_| 8),
            "数  x\na   x\nmuch-too-long  x\nb   x\n"
        );
        let many = rows(&["a", "much-too-long"]);
        assert_eq!(align(&many, |_| 8), "a              x\nmuch-too-long  x\n");
    }
}
