//! Bears by the hour of the day, as bars.

use std::fmt::{self, Write};

use crate::station::texts::t;
use crate::web::html::Escaped;

/// Pixels of one bar with its gap, and of the highest one.
const STEP: usize = 24;
const HIGH: f64 = 80.0;

/// Bars over the 24 hours, with their counts.
pub fn hours(page: &mut String, hours: &[u64; 24]) -> fmt::Result {
    let most = hours.iter().copied().max().unwrap_or(0).max(1) as f64;
    let told: Vec<String> = hours
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(hour, count)| t("paper.hour", &[("hour", &hour), ("n", count)]))
        .collect();
    let name = t("paper.by.hour", &[]);
    let drawn = t("paper.by.hour.drawn", &[("hours", &told.join(", "))]);
    write!(
        page,
        "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">\
         <svg class=\"bars\" viewBox=\"0 0 {} 124\" role=\"img\" aria-label=\"{}\">",
        Escaped(&name),
        24 * STEP,
        Escaped(&drawn)
    )?;
    for (hour, &count) in hours.iter().enumerate() {
        let (x, high) = (hour * STEP, HIGH * count as f64 / most);
        let middle = x + STEP / 2;
        write!(
            page,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{high:.1}\"/>",
            x + 3,
            100.0 - high,
            STEP - 6
        )?;
        if count > 0 {
            write!(page, "<text x=\"{middle}\" y=\"{:.1}\">{count}</text>", 96.0 - high)?;
        }
        if hour % 3 == 0 {
            write!(page, "<text x=\"{middle}\" y=\"116\">{hour}</text>")?;
        }
    }
    page.write_str("</svg></div>\n")
}
