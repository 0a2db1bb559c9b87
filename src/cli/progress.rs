//! A progress bar on stderr for long work; nothing where stderr is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `count` steps; none for a single one.
pub fn bar(count: usize, what: &'static str) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}, {eta} left");
    ProgressBar::new(count as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}
