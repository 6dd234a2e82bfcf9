//! Files, as messages show them, and how far those on their way are.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tidemark_core::UploadId;
use tidemark_core::upload::{Attachment, UploadState};

use super::blocks::signed;
use super::wrap;
use crate::chat::harmless;
use crate::chat::state::{State, Transfers};

const SIGN: &str = "📎";
/// What stands before a line of the timeline.
const GUTTER: usize = 2;
/// How many columns the bar has that shows how far a transfer is.
const BAR: usize = 12;
/// At least so much of a name is shown beside what is said of it.
const NAME_MIN: usize = 8;

/// One line for each file.
pub(super) fn lines(state: &State, attachments: &[Attachment], width: u16) -> Vec<Line<'static>> {
    let palette = state.looks.palette;
    let line = |it: &Attachment| {
        let style = match it.state {
            UploadState::Ready => Style::new(),
            UploadState::Refused | UploadState::Deleting => palette.error(),
            _ => palette.waiting(),
        };
        let room = usize::from(width).saturating_sub(GUTTER);
        let facts = format!(" · {}", facts(it));
        signed("  ", &named(&it.name, &facts, room), width, style)
    };
    attachments.iter().flat_map(line).collect()
}

/// One line for each file of a message that is not sent yet.
pub(super) fn unsent(
    state: &State,
    uploads: &[UploadId],
    width: u16,
    style: Style,
) -> Vec<Line<'static>> {
    let line = |upload: &UploadId| {
        let name = state.transfers.name_of(*upload).unwrap_or("a file");
        let room = usize::from(width).saturating_sub(GUTTER);
        signed("  ", &named(name, "", room), width, style)
    };
    uploads.iter().flat_map(line).collect()
}

/// What stands for a message without words, in one line.
pub(super) fn in_a_word(attachments: &[Attachment]) -> Option<String> {
    let first = attachments.first()?;
    let others = match attachments.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(format!("{SIGN} {}{others}", harmless::line(&first.name)))
}

/// A name and what is said of it, in so many columns: the name gives way first.
fn named(name: &str, facts: &str, room: usize) -> String {
    let beside = room.saturating_sub(wrap::columns(SIGN) + 1 + wrap::columns(facts));
    let name = wrap::cut(&harmless::line(name), beside.max(NAME_MIN));
    wrap::cut(&format!("{SIGN} {name}{facts}"), room)
}

fn facts(attachment: &Attachment) -> String {
    let known = &attachment.facts;
    let mut facts = vec![
        bytes(attachment.size),
        harmless::line(&attachment.content_type),
    ];
    if let (Some(width), Some(height)) = (known.width, known.height) {
        facts.push(format!("{width}×{height}"));
    }
    facts.extend(known.duration_ms.map(duration));
    let state = match attachment.state {
        UploadState::Ready => None,
        UploadState::Waiting => Some("on its way"),
        UploadState::Uploaded | UploadState::Scanning => Some("being looked at"),
        UploadState::Refused | UploadState::Deleting => Some("refused"),
    };
    facts.extend(state.map(str::to_owned));
    facts.join(" · ")
}

/// How far the transfer is that is under way.
pub(super) fn progress(transfers: &Transfers, width: usize, style: Style) -> Option<Line<'static>> {
    let transfer = transfers.under_way()?;
    let sign = if transfer.is_upload() { "↑" } else { "↓" };
    let far = match transfer.progress() {
        _ if transfer.is_stopping => "stopping…".to_owned(),
        None => "…".to_owned(),
        Some((done, None)) => bytes(done),
        Some((done, Some(size))) => {
            let filled = share(done, size, BAR);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
            let percent = share(done, size, 100);
            format!("{bar} {percent}% · {} of {}", bytes(done), bytes(size))
        }
    };
    let waiting = match transfers.waiting() {
        0 => String::new(),
        count => format!(" · {count} more"),
    };
    let name = transfer.name();
    let whole = format!("{sign} {name} {far}{waiting} (/cancel: no)");
    let line = if wrap::columns(&whole) <= width {
        whole
    } else {
        // How to stop it is on the help sheet, too.
        let beside = width.saturating_sub(3 + wrap::columns(&far) + wrap::columns(&waiting));
        let name = wrap::cut(&name, beside.max(NAME_MIN));
        wrap::cut(&format!("{sign} {name} {far}{waiting}"), width)
    };
    Some(Line::from(Span::styled(line, style)))
}

/// So much of a whole, and all of it not before it is.
fn share(done: u64, size: u64, whole: usize) -> usize {
    let share = (u128::from(done) * whole as u128).checked_div(u128::from(size));
    let share = share.and_then(|share| usize::try_from(share).ok());
    share.unwrap_or(whole).min(whole)
}

/// Bytes as people read them.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    match count {
        1 => return "1 byte".to_owned(),
        0..1_000 => return format!("{count} bytes"),
        _ => {}
    }
    let mut unit = 1_000_u64;
    for name in UNITS {
        let tenths = count / (unit / 10);
        match tenths {
            ..100 => return format!("{}.{} {name}", tenths / 10, tenths % 10),
            100..10_000 => return format!("{} {name}", tenths / 10),
            _ => unit = unit.saturating_mul(1_000),
        }
    }
    "very much".to_owned()
}

/// How long something plays, as clocks show it.
fn duration(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_told_as_people_read_them() {
        let sizes = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (2_345_678, "2.3 MB"),
            (256 * 1024 * 1024, "268 MB"),
            (3_000_000_000, "3.0 GB"),
            (u64::MAX, "very much"),
        ];
        for (count, words) in sizes {
            assert_eq!(bytes(count), words);
        }
        assert_eq!(duration(400), "0:01");
        assert_eq!(duration(65_000), "1:05");
        assert_eq!(duration(3_723_000), "1:02:03");
    }

    #[test]
    fn a_bar_is_full_when_all_is_there() {
        assert_eq!(share(0, 10, 12), 0);
        assert_eq!(share(5, 10, 12), 6);
        assert_eq!(share(u64::MAX - 1, u64::MAX, 100), 99);
        assert_eq!(share(10, 10, 12), 12);
        assert_eq!(share(0, 0, 12), 12);
    }

    #[test]
    fn a_name_gives_way_to_what_is_said_of_it() {
        assert_eq!(named("harbour.jpg", " · 2 MB", 40), "📎 harbour.jpg · 2 MB");
        assert_eq!(
            named("a-long-name-of.jpg", " · 2 MB", 20),
            "📎 a-long-na… · 2 MB"
        );
        assert_eq!(named("a-long-name-of.jpg", " · 2 MB", 9), "📎 a-lon…");
    }
}
