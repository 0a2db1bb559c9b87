//! Numbers on the command line.

/// A parser of numbers from `low` to `high`; `unit` is what people read in its error.
pub fn within(low: f64, high: f64, unit: &'static str) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| {
        let value = text.parse().ok().filter(|value| (low..=high).contains(value));
        value.ok_or_else(|| format!("must be {low} to {high} {unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_or_out_of_range_is_refused_in_words() {
        let parse = within(0.1, 5.0, "metres");
        assert_eq!((parse("0.1"), parse("5")), (Ok(0.1), Ok(5.0)));
        for wrong in ["nan", "inf", "-1", "5.1", "", "1 m"] {
            assert_eq!(parse(wrong), Err("must be 0.1 to 5 metres".into()), "{wrong}");
        }
    }
}
