//! What a model must show, written down before it is looked at. PURE.

use serde::{Deserialize, Serialize};

/// Longest time that anything is watched, days.
const MOST_DAYS: f64 = 120.0;

/// A share with two limits: what lies surely below the one passes, what lies surely above the other stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Passes below.
    pub pass: f64,
    /// Stops above.
    pub stop: f64,
}

/// What a rollout asks for, in each ring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Criteria {
    /// Days at least; before that it is not passed, however good it looks.
    pub days: f64,
    /// Days at most: what has not passed by then has not shown what it must, and is stopped.
    pub most_days: f64,
    /// Looks of both models at least.
    pub looks: u64,
    /// Of what the running model sees of bears in an hour, the part that the challenger sees less, on average of such hours.
    pub missed: Limits,
    /// Share of all watched hours in which the challenger alone sees a bear that nobody confirms.
    pub invented: Limits,
    /// Hours with disagreements that people must have judged, at least, or all of them where there are fewer.
    pub judged: u32,
    /// Of disagreements that people have judged, the share in which the running model was right: more stops.
    pub wrong: f64,
    /// How many times as long as the running model's the challenger's slow looks (95 %) may take on the same board.
    pub slower: f64,
    /// Whether the next ring begins by itself where what is watched has passed; else a person says so.
    pub by_itself: bool,
}

impl Default for Criteria {
    fn default() -> Criteria {
        Criteria {
            days: 5.0,
            most_days: 63.0,
            looks: 20_000,
            missed: Limits { pass: 0.2, stop: 0.3 },
            invented: Limits { pass: 0.02, stop: 0.06 },
            judged: 10,
            wrong: 0.65,
            slower: 1.25,
            by_itself: false,
        }
    }
}

impl Criteria {
    /// What is wrong with them.
    pub fn objection(&self) -> Option<String> {
        let share = |limits: &Limits| 0.0 < limits.pass && limits.pass <= limits.stop && limits.stop < 1.0;
        let days = self.days >= 0.0 && self.days <= self.most_days && self.most_days <= MOST_DAYS;
        [
            (!days, format!("days: from 0, no more than most_days, and these no more than {MOST_DAYS}")),
            (!share(&self.missed), "missed: two shares between 0 and 1, pass no larger than stop".into()),
            (!share(&self.invented), "invented: two shares between 0 and 1, pass no larger than stop".into()),
            (
                !(0.5..1.0).contains(&self.wrong),
                "wrong: from 0.5, at which both are as good, to below 1".into(),
            ),
            (!(1.0..=10.0).contains(&self.slower), "slower: from 1 to 10 times".into()),
        ]
        .into_iter()
        .find_map(|(is_wrong, reason)| is_wrong.then_some(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_read_to_the_last_field_and_make_sense() {
        let read = |text: &str| serde_json::from_str::<Criteria>(text);
        assert_eq!(read("{}").unwrap(), Criteria::default());
        assert_eq!(Criteria::default().objection(), None);
        assert!(read(r#"{"lokks":1}"#).is_err() && read(r#"{"missed":{"pass":0.1}}"#).is_err());
        for text in [
            r#"{"days":9,"most_days":8}"#,
            r#"{"most_days":1000}"#,
            r#"{"missed":{"pass":0.4,"stop":0.3}}"#,
            r#"{"invented":{"pass":0,"stop":0.3}}"#,
            r#"{"wrong":0.4}"#,
            r#"{"slower":0.5}"#,
        ] {
            let named = read(text).unwrap().objection().unwrap();
            assert!(text.contains(named.split(':').next().unwrap()), "{text}: {named}");
        }
    }
}
