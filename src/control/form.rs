//! The form of each command, for those who write the other end: what [`super::command::read`] takes in, as types that give a JSON Schema.
//! A test holds the two against each other.

#![allow(dead_code, reason = "the types give their schemas and hold nothing")]

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::publish::message::VERSION;
use crate::publish::reply::Judgement;
use crate::system::log::Level;

/// What every command has.
#[derive(JsonSchema)]
struct Envelope {
    /// Version of the contract.
    #[schemars(extend("const" = VERSION))]
    v: u32,
    /// Comes back in the answer.
    id: Option<Line>,
    /// Who sends it, for the audit log of a camera that takes unsigned commands.
    by: Option<Line>,
    /// The life of the daemon that it is meant for: in another one it is refused.
    boot: Option<Line>,
    /// Of a signed command: what this key has not used before.
    nonce: Option<Line>,
    /// Of a signed command: when it is too late, at most an hour ahead by the camera's clock.
    #[schemars(extend("format" = "date-time"))]
    expires: Option<Line>,
}

/// 1 to 80 characters on one line.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Line(#[schemars(length(min = 1, max = 80), regex(pattern = r"^\P{Cc}*$"))] String);

/// Of those that need nothing more.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Plain {
    #[schemars(flatten)]
    envelope: Envelope,
}

/// Of those that end by themselves.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Timed {
    #[schemars(flatten)]
    envelope: Envelope,
    /// For so many seconds, at most `command.longest_s`.
    #[schemars(range(min = 1))]
    for_s: u64,
}

/// A trial to take part in.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Trial {
    #[schemars(flatten)]
    envelope: Envelope,
    /// Names it.
    trial: Line,
    /// What alerts are subject to in it: shadow, assist or armed.
    #[schemars(extend("enum" = ["shadow", "assist", "armed"]))]
    mode: String,
    /// For so many seconds, at most `command.longest_trial_days`.
    #[schemars(range(min = 1))]
    for_s: u64,
    /// And no longer than until then, for a camera whose clock is set.
    #[schemars(extend("format" = "date-time"))]
    until: Option<Line>,
}

/// A trial to take part in no more.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EndTrial {
    #[schemars(flatten)]
    envelope: Envelope,
    /// Names it.
    trial: Line,
}

/// Another operating point.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Threshold {
    #[schemars(flatten)]
    envelope: Envelope,
    /// The score from which a detection counts as a bear, within the limits of the camera's file; null for the usual one.
    bear: Score,
}

/// A score, or null.
#[derive(JsonSchema)]
#[schemars(inline, extend("type" = ["number", "null"]))]
struct Score(f32);

/// Another level of the log.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Log {
    #[schemars(flatten)]
    envelope: Envelope,
    /// How much is logged.
    level: Level,
    /// For so many seconds, at most `command.longest_s`.
    #[schemars(range(min = 1))]
    for_s: u64,
}

/// Somebody has seen an alert.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Ack {
    #[schemars(flatten)]
    envelope: Envelope,
    /// Id of the alert.
    alert: Line,
    /// What it was.
    verdict: Judgement,
    /// What else there is to say.
    note: Option<Line>,
}

/// A command and what it does.
pub struct Form {
    /// Last level of its topic.
    pub word: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The schema of its payload.
    pub schema: fn(SchemaGenerator) -> Schema,
}

/// Every command.
pub const FORMS: [Form; 14] = [
    form::<Plain>("arm", "What was ordered ends: alerts are told, or what is usual there."),
    form::<Timed>("disarm", "For so many seconds nobody is told of bears and nothing is kept."),
    form::<Timed>(
        "shadow",
        "For so many seconds nobody is told; what would have been is kept on the device.",
    ),
    form::<Timed>("assist", "For so many seconds reviewers alone are told of bears."),
    form::<Timed>("live", "For so many seconds everybody is told of bears, whatever is usual there."),
    form::<Trial>("trial", "The camera takes part in a trial: another mode, which ends by itself."),
    form::<EndTrial>("end-trial", "The camera takes part in this trial no more."),
    form::<Timed>("send", "For so many seconds what is kept for training and review is sent."),
    form::<Plain>(
        "test",
        "An alert marked as drill goes the whole way, with a picture; also while disarmed.",
    ),
    form::<Plain>(
        "drill",
        "A bear is drawn into the live picture, and must come out as an alert at the broker in time.",
    ),
    form::<Plain>("snapshot", "The picture of the last frame is sent."),
    form::<Threshold>("threshold", "Another score from which a detection counts as a bear."),
    form::<Log>("log", "For so many seconds the log says more, or less."),
    form::<Ack>("ack", "A ranger acknowledges an alert."),
];

const fn form<T: JsonSchema>(word: &'static str, summary: &'static str) -> Form {
    Form { word, summary, schema: SchemaGenerator::into_root_schema_for::<T> }
}

#[cfg(test)]
mod tests {
    use boon::{Compiler, Draft, SchemaIndex, Schemas};
    use proptest::prelude::*;
    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};

    use super::*;
    use crate::control::command::{self, KNOWN};

    fn compiled() -> (Schemas, Vec<SchemaIndex>) {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let indices = FORMS.iter().map(|form| {
            let schema = (form.schema)(SchemaSettings::draft2020_12().into_generator());
            let name = format!("{}.json", form.word);
            compiler.add_resource(&name, schema.to_value()).unwrap();
            compiler.compile(&name, &mut schemas).unwrap()
        });
        let indices = indices.collect();
        (schemas, indices)
    }

    #[test]
    fn every_command_has_a_form() {
        let words: Vec<&str> = FORMS.iter().map(|form| form.word).collect();
        let mut known: Vec<&str> = KNOWN.split(", ").collect();
        let mut sorted = words.clone();
        known.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(sorted, known, "a new command needs a line in FORMS");
    }

    /// A value that a field could have, near to what it should.
    fn value() -> impl Strategy<Value = Value> {
        let texts =
            ["assist", "anna", "", "a\nb", "bear", "not-bear", "debug", "2026-11-26T20:00:00Z", "tomorrow"];
        let long = prop::sample::select(vec![80, 81]).prop_map(|length| json!("ü".repeat(length)));
        let others =
            vec![json!(null), json!(0), json!(1), json!(2), json!(-1), json!(0.4), json!([]), json!(true)];
        prop_oneof![
            prop::sample::select(texts.to_vec()).prop_map(Value::from),
            long,
            prop::sample::select(others)
        ]
    }

    fn payload() -> impl Strategy<Value = Value> {
        let fields = "v id by boot nonce expires for_s bear level alert verdict note bera trial mode until"
            .split(' ')
            .map(str::to_owned);
        let fields =
            prop::collection::btree_map(prop::sample::select(fields.collect::<Vec<_>>()), value(), 0..5);
        // Most have what nearly all need: else hardly one would be right.
        (fields, prop::option::weighted(0.9, Just(json!(1)))).prop_map(|(mut fields, version)| {
            fields.extend(version.map(|version| ("v".to_owned(), version)));
            fields.into_iter().collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_read_has_the_form_and_what_has_the_form_is_read(which in 0..FORMS.len(), payload in payload()) {
            thread_local!(static COMPILED: (Schemas, Vec<SchemaIndex>) = compiled());
            let bytes = serde_json::to_vec(&payload).unwrap();
            let read = command::read(FORMS[which].word, &bytes);
            let fits = COMPILED.with(|(schemas, indices)| {
                schemas.validate(&payload, indices[which]).map_err(|error| format!("{error:#}"))
            });
            let told = format!("{} {payload}: {read:?} but {fits:?}", FORMS[which].word);
            prop_assert_eq!(read.is_ok(), fits.is_ok(), "{}", told);
        }
    }
}
