//! What a run prints: one JSON object, or the same as a table.

use serde::Serialize;

use super::frame::{Fields, unquote};
use super::machine::Machine;
use super::process_usage::Used;
use crate::failure::Failure;
use crate::output;

/// The result of a run. Names end in the unit: `_ms`, `_bytes`, `_seconds`, `_per_second`.
#[derive(Serialize)]
pub(super) struct Report<'run, Settings, Results> {
    pub(super) scenario: &'static str,
    pub(super) settings: &'run Settings,
    pub(super) machine: &'run Machine,
    pub(super) results: Results,
    /// What the server used while it was measured; absent where it cannot be known.
    pub(super) server: Option<Used>,
    /// What the generator, which is on the same machine, used meanwhile.
    pub(super) generator: Option<Used>,
}

impl<Settings: Serialize, Results: Serialize> Report<'_, Settings, Results> {
    /// Prints it to stdout.
    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        let text = serde_json::to_string(self)
            .map_err(|error| Failure::failed(format!("cannot write the result: {error}")))?;
        if json {
            output::line(text)
        } else {
            output::line(table(&text).join("\n"))
        }
    }
}

/// The lines of a table with the fields of a JSON object, in their order; those of an object inside it are
/// indented below its name.
fn table(json: &str) -> Vec<String> {
    let mut rows = Vec::new();
    collect_rows(json, 0, &mut rows);
    let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let values = rows.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, value)| {
            let line = if value.starts_with(|first: char| first.is_ascii_digit()) {
                format!("{name:names$}  {value:>values$}")
            } else {
                format!("{name:names$}  {value}")
            };
            line.trim_end().to_owned()
        })
        .collect()
}

fn collect_rows(json: &str, depth: usize, rows: &mut Vec<(String, String)>) {
    let fields = Fields::of(json).into_iter().flatten().flatten();
    for (key, value) in fields {
        let name = format!("{:1$}{key}", "", depth * 2).replace('_', " ");
        if value.starts_with('{') {
            rows.push((name, String::new()));
            collect_rows(value, depth + 1, rows);
        } else {
            rows.push((name, shown(value)));
        }
    }
}

fn shown(value: &str) -> String {
    match value {
        "null" => "unknown".to_owned(),
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        text if text.starts_with('"') => unquote(text).to_owned(),
        number => grouped(number),
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, "0")) => (whole, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_fields_in_their_order() {
        let json = r#"{"scenario":"sends","results":{"sends_per_second":31204.0,"p50_ms":0.27},"server":null}"#;
        assert_eq!(
            table(json),
            [
                "scenario            sends",
                "results",
                "  sends per second   31,204",
                "  p50 ms               0.27",
                "server              unknown",
            ]
        );
    }

    #[test]
    fn thousands_are_apart() {
        for (number, shown) in [
            ("7", "7"),
            ("999", "999"),
            ("1000", "1,000"),
            ("1234567.25", "1,234,567.25"),
            ("100.0", "100"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }
}
