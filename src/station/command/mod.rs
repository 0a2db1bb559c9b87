//! What people tell cameras from here, and who may. PURE.
//!
//! Rangers may what ends by itself or harms nobody: mute for a time, drill, test, ask for a picture; and arm, for who may silence a camera must be able
//! to end that at once, whoever ordered it. Who may make a camera tell
//! more: that is harmless. Observe and assist mode and thresholds change what a camera is for: that is for administrators.

use serde::Deserialize;
use serde_json::{Value, json};

use super::people::Right;

mod dispatch;

pub use dispatch::Dispatch;

/// Longest that anything is ordered for, seconds; cameras may allow less.
const LONGEST_S: u64 = 7 * 86_400;

/// What a camera is told.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "word", rename_all = "lowercase", deny_unknown_fields)]
pub enum Wish {
    /// Tell of bears again.
    Arm,
    /// Tell nobody.
    Disarm {
        /// For so many seconds.
        for_s: u64,
    },
    /// Tell nobody, and keep what would have been told.
    Shadow {
        /// For so many seconds.
        for_s: u64,
    },
    /// Tell reviewers alone.
    Assist {
        /// For so many seconds.
        for_s: u64,
    },
    /// Tell everybody, whatever is usual there.
    Live {
        /// For so many seconds.
        for_s: u64,
    },
    /// Send what is kept for training and review.
    Send {
        /// For so many seconds.
        for_s: u64,
    },
    /// Send an exercise the whole way of an alert.
    Test,
    /// Draw a bear, which must come out as an alert.
    Drill,
    /// Send a picture.
    Snapshot,
    /// Count as bear what scores so much.
    Threshold {
        /// The usual where null; it must be said.
        #[serde(deserialize_with = "Option::deserialize")]
        bear: Option<f64>,
    },
}

impl Wish {
    /// Last level of the topic.
    pub fn word(&self) -> &'static str {
        match self {
            Wish::Arm => "arm",
            Wish::Disarm { .. } => "disarm",
            Wish::Shadow { .. } => "shadow",
            Wish::Assist { .. } => "assist",
            Wish::Live { .. } => "live",
            Wish::Send { .. } => "send",
            Wish::Test => "test",
            Wish::Drill => "drill",
            Wish::Snapshot => "snapshot",
            Wish::Threshold { .. } => "threshold",
        }
    }

    /// Its own fields.
    pub fn fields(&self) -> Value {
        match self {
            Wish::Threshold { bear } => json!({ "bear": bear }),
            _ => self.for_s().map_or_else(|| json!({}), |for_s| json!({ "for_s": for_s })),
        }
    }

    /// How long it lasts, where it ends by itself.
    fn for_s(&self) -> Option<u64> {
        match self {
            Wish::Disarm { for_s } | Wish::Shadow { for_s } | Wish::Assist { for_s } => Some(*for_s),
            Wish::Live { for_s } | Wish::Send { for_s } => Some(*for_s),
            _ => None,
        }
    }

    /// Who may.
    pub fn right(&self) -> Right {
        match self {
            Wish::Shadow { .. } | Wish::Assist { .. } | Wish::Threshold { .. } => Right::Administer,
            _ => Right::Order,
        }
    }

    /// What is wrong with it, whichever camera it is for.
    pub fn objection(&self) -> Option<String> {
        if self.for_s().is_some_and(|for_s| !(1..=LONGEST_S).contains(&for_s)) {
            let days = LONGEST_S / 86_400;
            return Some(format!("say for how long, up to {days} days: nothing is ordered for ever"));
        }
        match self {
            Wish::Threshold { bear: Some(bear) } if !(0.0..=1.0).contains(bear) => {
                Some("a threshold is a score from 0 to 1, or the usual one".into())
            }
            _ => None,
        }
    }
}

/// The word of a command that was kept, as its topic needs it.
fn known(word: &str) -> Option<&'static str> {
    [
        "arm",
        "disarm",
        "shadow",
        "assist",
        "live",
        "send",
        "trial",
        "end-trial",
        "test",
        "drill",
        "snapshot",
        "threshold",
    ]
    .into_iter()
    .find(|known| *known == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::people::Role;

    fn read(text: &str) -> Result<Wish, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wish_is_read_to_the_last_field() {
        let mute = read(r#"{"word":"disarm","for_s":3600}"#).unwrap();
        assert_eq!(
            (mute.word(), mute.fields(), mute.objection()),
            ("disarm", json!({ "for_s": 3600 }), None)
        );
        assert_eq!(read(r#"{"word":"threshold","bear":null}"#), Ok(Wish::Threshold { bear: None }));
        for text in [
            "{}",
            r#"{"word":"reboot"}"#,
            r#"{"word":"disarm"}"#,
            r#"{"word":"threshold"}"#,
            r#"{"word":"disarm","for_s":-1}"#,
            r#"{"word":"disarm","for_s":9,"x":1}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        for wish in
            [Wish::Disarm { for_s: 0 }, Wish::Shadow { for_s: u64::MAX }, Wish::Threshold { bear: Some(1.5) }]
        {
            assert!(wish.objection().is_some(), "{wish:?}");
        }
    }

    #[test]
    fn who_may_silence_a_camera_may_arm_it_and_judge_nothing() {
        let may = |role: Role, wish: Wish| role.may(wish.right());
        let all = [
            Wish::Arm,
            Wish::Disarm { for_s: 1 },
            Wish::Test,
            Wish::Drill,
            Wish::Snapshot,
            Wish::Live { for_s: 1 },
            Wish::Send { for_s: 1 },
            Wish::Shadow { for_s: 1 },
            Wish::Assist { for_s: 1 },
            Wish::Threshold { bear: None },
        ];
        let theirs = [true, true, true, true, true, true, true, false, false, false];
        assert_eq!(all.map(|wish| may(Role::Ranger, wish)), theirs);
        assert!(all.iter().all(|wish| may(Role::Administrator, *wish) && !may(Role::Viewer, *wish)));
        assert!(all.iter().all(|wish| !may(Role::Reviewer, *wish) && known(wish.word()).is_some()));
    }
}
