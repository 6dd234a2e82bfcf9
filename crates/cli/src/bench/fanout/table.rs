//! The result as a table in Markdown.

use std::fmt::Write;

use super::{FanOut, Measurement};
use crate::bench::report::grouped;

/// One row for each channel and way.
pub(super) fn of(cells: &[Measurement]) -> String {
    let mut table = String::from(
        "| members | online | fan-out on | server CPU a send, µs | disk bytes a send | ack p50, ms | ack p99, ms | pushed a socket | all look at once |\n\
         | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- | --- |",
    );
    for cell in cells {
        let number = |value: Option<f64>| value.map_or("?".to_owned(), |it| whole(it.round()));
        let (way, pushed) = match cell.fan_out {
            FanOut::Write => (
                "write",
                format!("{} events", a_socket(cell, cell.events_pushed)),
            ),
            FanOut::Read => (
                "read",
                format!("{} heads", a_socket(cell, cell.heads_pushed)),
            ),
        };
        let storm = cell.storm.as_ref().map_or(String::new(), |storm| {
            let took = storm.took_ms.round();
            format!("{took} ms, {} reads", storm.reads)
        });
        // Writing to a string does not fail.
        let _ = write!(
            table,
            "\n| {} | {} | {way} | {} | {} | {:.2} | {:.2} | {pushed} | {storm} |",
            whole(cell.members.into()),
            whole(cell.online as f64),
            number(cell.server_cpu_us_per_send),
            number(cell.disk_bytes_per_send),
            cell.ack.p50_ms,
            cell.ack.p99_ms,
        );
    }
    table
}

fn a_socket(cell: &Measurement, pushed: u64) -> u64 {
    pushed / (cell.online as u64).max(1)
}

/// A whole number with its thousands apart.
fn whole(number: f64) -> String {
    grouped(&format!("{number:.0}"))
}
