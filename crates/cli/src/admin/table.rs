//! Lists, for people or for scripts.

use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// In columns.
    Text,
    /// One JSON object a line.
    Json,
}

/// What can stand in a list.
pub(crate) trait Row: Serialize {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// Prints a list. An empty one has no heads either.
pub(crate) fn print<R: Row>(rows: &[R], format: Format) -> Result<(), Failure> {
    let lines = match format {
        Format::Json => rows.iter().map(output::json).collect(),
        Format::Text if rows.is_empty() => Vec::new(),
        Format::Text => align(R::COLUMNS, &rows.iter().map(Row::cells).collect::<Vec<_>>()),
    };
    let mut stdout = output::Lines::new();
    for line in lines {
        stdout.line(line)?;
    }
    stdout.flush()
}

fn align(heads: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(heads)
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|it| plain(it)).collect()),
        )
        .collect();
    let width = |column: usize| {
        let widths = all.iter().filter_map(|row| row.get(column));
        widths.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let padded: Vec<String> = cells
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// Names come from anybody, and a terminal obeys control characters.
fn plain(cell: &str) -> String {
    let shown = |symbol: char| {
        if symbol.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            symbol
        }
    };
    cell.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [["ann", "Ann Ångström"], ["benedict", ""]].map(|row| row.map(String::from).to_vec());
        assert_eq!(
            align(&["ID", "NAME"], &rows),
            ["ID        NAME", "ann       Ann Ångström", "benedict"]
        );
    }

    #[test]
    fn a_name_does_not_command_the_terminal() {
        let rows = [vec!["\u{1b}[2Jann".to_owned()]];
        assert_eq!(align(&["ID"], &rows), ["ID", "\u{fffd}[2Jann"]);
    }
}
