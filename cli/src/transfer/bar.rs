//! How far it is, on stderr if that is a terminal. By indicatif, which redraws no more often than a terminal shows, and knows
//! its width.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redrawn so often at most, a second.
const RATE: u8 = 10;

/// A bar of so many bytes; of an unknown number if there is none.
pub(super) fn bytes(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{bar:32} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
        None => "{spinner} {bytes}  {bytes_per_sec}  {elapsed}",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(RATE));
    // A template that is wrong would be so in every test.
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
