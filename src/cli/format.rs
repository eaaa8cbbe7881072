//! Numbers and tables for people.

pub(super) use carrylane::task::people::{at_least, duration, percent, plural, rate};
pub(super) use carrylane::task::whole::count;

/// A column of a table: its title, after a `<` if it stands to the left, and what a row has there.
pub(super) type Column<'a, T> = (&'a str, fn(&T) -> String);

/// Rows as a table without lines, and without blanks at the ends of lines.
pub(super) fn rows<'a, T: 'a>(columns: &[Column<T>], rows: impl IntoIterator<Item = &'a T>) -> String {
    let titles: Vec<_> = columns.iter().map(|&(title, _)| title).collect();
    let mut lines = vec![titles.iter().map(|title| title.trim_start_matches('<').to_owned()).collect()];
    for row in rows {
        lines.push(columns.iter().map(|(_, cell)| cell(row)).collect());
    }
    table(&titles, &lines)
}

/// Cells, each column as wide as its widest.
fn table(titles: &[&str], lines: &[Vec<String>]) -> String {
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..titles.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).zip(titles).map(|((cell, width), title)| match title.starts_with('<') {
            true => format!("  {cell:<width$}"),
            false => format!("  {cell:>width$}"),
        });
        cells.collect::<String>().trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}
