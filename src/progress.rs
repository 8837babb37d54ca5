//! What the operator sees while the server starts: a line on a terminal, nothing in a log.

use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;

/// A spinner with the step under way.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Drawn on standard error if that is a terminal.
    pub(crate) fn shown() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// Never drawn.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()))
    }

    /// The next step begins.
    pub(crate) fn step(&self, what: &'static str) {
        tracing::debug!(step = what, "starting");
        self.0.set_message(what);
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
