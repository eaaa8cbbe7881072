//! Numbers and tables for people.

use comfy_table::{CellAlignment, Table, presets};

pub(super) use carrylane::task::people::{at_least, duration, percent, plural, rate};
pub(super) use carrylane::task::whole::count;

/// A column of a table: its title, after a `<` if it stands to the left, and what a row has there.
pub(super) type Column<'a, T> = (&'a str, fn(&T) -> String);

/// Rows as a table without lines, and without blanks at the ends of lines.
pub(super) fn rows<'a, T: 'a>(columns: &[Column<T>], rows: impl IntoIterator<Item = &'a T>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|(title, _)| title.trim_start_matches('<')));
    for (place, column) in table.column_iter_mut().enumerate() {
        let left = columns[place].0.starts_with('<');
        column.set_cell_alignment(if left { CellAlignment::Left } else { CellAlignment::Right });
        column.set_padding((if place == 0 { 2 } else { 1 }, 1));
    }
    table.add_rows(rows.into_iter().map(|row| columns.iter().map(|(_, cell)| cell(row)).collect::<Vec<_>>()));
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
