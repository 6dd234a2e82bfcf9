//! How far a run is, for the person who waits for it: only where stderr is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;

/// Shows bars. On anything but a terminal indicatif draws nothing.
pub(super) struct Progress {
    counting: ProgressStyle,
    running: ProgressStyle,
}

/// A bar that is gone when dropped.
pub(super) struct Bar(ProgressBar);

impl Progress {
    pub(super) fn new() -> Result<Self, Failure> {
        let style = |template| {
            ProgressStyle::with_template(template)
                .map_err(|error| Failure::failed(error.to_string()))
        };
        Ok(Self {
            counting: style("{msg} {wide_bar} {human_pos}/{human_len} {eta}")?,
            running: style("{spinner} {msg} {elapsed}")?,
        })
    }

    /// For work of a known size.
    pub(super) fn count(&self, what: &'static str, size: usize) -> Bar {
        let bar = ProgressBar::new(size as u64).with_style(self.counting.clone());
        bar.set_message(what);
        Bar(bar)
    }

    /// For what takes its time.
    pub(super) fn run(&self, what: &'static str) -> Bar {
        let bar = ProgressBar::new_spinner().with_style(self.running.clone());
        bar.set_message(what);
        Bar(bar)
    }
}

impl Bar {
    /// For work that is too short to be shown.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(super) fn inc(&self, by: u64) {
        self.0.inc(by);
    }

    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
        self.0.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
