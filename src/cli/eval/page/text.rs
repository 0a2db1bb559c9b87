//! Text for the page.

/// Three digits, or a dash where there is no figure.
pub fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |v| format!("{v:.3}"))
}

/// One digit after the point, as people say it.
fn percent(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// Fewer than these are counted, not given as a share: one more or less would change it by 3 % and more.
const FEW: usize = 30;

/// A share of so many things, or how many of them where they are few.
pub fn part(share: f64, of: usize) -> String {
    if of < FEW { format!("{:.0} of {of}", share * of as f64) } else { percent(share) }
}

/// "1 bear", "2 bears".
pub fn plural(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_and_many_are_a_share() {
        assert_eq!((part(2.0 / 9.0, 9), part(0.224, 250)), ("2 of 9".into(), "22.4 %".into()));
    }
}
