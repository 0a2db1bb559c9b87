//! What may be ordered of the keeper, judged by what it tells of itself. PURE.

use crate::publish::ModelsDraft;
use crate::publish::models::{Course, Do, MOST_BUNDLE, ModelOrder};

/// Why an order cannot be carried out; `bear` while something may be one.
pub fn objection(order: &ModelOrder, models: &ModelsDraft, bear: bool) -> Option<String> {
    if let Some(fixed) = &models.fixed {
        return Some(fixed.clone());
    }
    match order.what {
        Do::Shadow => shadow(order, models),
        Do::Promote => promote(order, models, bear),
        Do::Wait => models.download.is_none().then(|| "no bundle is on its way".into()),
        Do::Revert => models.previous.is_none().then(|| "there is no model before the running one".into()),
        Do::Stop => {
            let nothing =
                models.challenger.is_none() && models.download.is_none() && models.trouble.is_none();
            nothing
                .then(|| "there is no challenger, no bundle on its way, and no trouble to put aside".into())
        }
    }
}

fn shadow(order: &ModelOrder, models: &ModelsDraft) -> Option<String> {
    let (Some(version), Some(bundle), Some(bytes)) = (order.version, &order.bundle, order.bytes) else {
        return Some("\"version\", \"bundle\" (its SHA-256) and \"bytes\" must say which bundle".into());
    };
    if bytes == 0 || bytes > MOST_BUNDLE {
        return Some(format!("a bundle has from 1 to {MOST_BUNDLE} bytes"));
    }
    if models.trial.is_some() {
        return Some("the running model is on trial still: wait until that is over, or revert".into());
    }
    let here = |one: &&crate::publish::models::ChallengerMessage| {
        one.bundle == *bundle && one.course != Course::Refused
    };
    if models.challenger.as_ref().filter(here).is_some() {
        return Some("it is here already".into());
    }
    old(version, models.newest)
}

/// A counter that only grows: who has an old bundle and its good signature cannot bring back a model that was left for a reason.
pub fn old(version: u64, newest: u64) -> Option<String> {
    (version <= newest).then(|| {
        format!("its version is {version}, and version {newest} has run here: pack it anew with a higher one (`revert` goes back to the model before)")
    })
}

fn promote(order: &ModelOrder, models: &ModelsDraft, bear: bool) -> Option<String> {
    let (Some(version), Some(bundle)) = (order.version, &order.bundle) else {
        return Some("\"version\" and \"bundle\" (its SHA-256) must say which challenger".into());
    };
    let challenger =
        models.challenger.as_ref().filter(|one| one.version == Some(version) && one.bundle == *bundle);
    match challenger.map(|one| one.course) {
        None => Some("that bundle is not the challenger; …/models says what is".into()),
        Some(Course::Refused) => Some(format!("it is refused: {}", challenger.map_or("", |one| &one.reason))),
        Some(Course::Checking) => Some("it is being checked; …/models says when that is done".into()),
        Some(Course::Shadow) if bear => Some(
            "something may be a bear just now, and nobody looks while the model is exchanged: try again"
                .into(),
        ),
        Some(Course::Shadow) => None,
    }
}

/// What is done, for the answer.
pub fn words(order: &ModelOrder) -> String {
    let version = order.version.map_or(String::new(), |version| format!("version {version}"));
    match order.what {
        Do::Shadow => format!(
            "{version} is fetched, checked, and then looks beside the running model; …/models tells how it goes"
        ),
        Do::Wait => "no more of the bundle is fetched until shadow is ordered again".into(),
        Do::Promote => format!("the daemon starts anew with {version}, on trial; …/models tells how it goes"),
        Do::Revert => "the daemon starts anew with the model before".into(),
        Do::Stop => "the challenger, or what was fetched of it, is forgotten".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::models::{ChallengerMessage, DownloadMessage, ModelStand};

    fn order(what: Do) -> ModelOrder {
        ModelOrder { what, version: Some(5), bundle: Some("ab".into()), bytes: Some(1000) }
    }

    fn models(course: Course) -> ModelsDraft {
        let challenger =
            ChallengerMessage { version: Some(5), bundle: "ab".into(), course, ..Default::default() };
        ModelsDraft { challenger: Some(challenger), newest: 4, ..ModelsDraft::default() }
    }

    fn told(order: &ModelOrder, models: &ModelsDraft) -> String {
        objection(order, models, false).unwrap_or_default()
    }

    #[test]
    fn only_a_challenger_in_shadow_is_promoted_and_not_while_a_bear_may_be_there() {
        let promote = order(Do::Promote);
        assert_eq!(objection(&promote, &models(Course::Shadow), false), None);
        assert!(objection(&promote, &models(Course::Shadow), true).unwrap().contains("may be a bear"));
        assert!(told(&promote, &models(Course::Checking)).contains("being checked"));
        assert!(told(&promote, &models(Course::Refused)).contains("refused"));
        assert!(told(&promote, &ModelsDraft::default()).contains("not the challenger"));
        let other = ModelOrder { bundle: Some("cd".into()), ..promote.clone() };
        assert!(told(&other, &models(Course::Shadow)).contains("not the challenger"));
        assert!(
            told(&ModelOrder { version: None, ..promote }, &models(Course::Shadow))
                .contains("must say which")
        );
    }

    #[test]
    fn an_old_version_a_bundle_that_is_here_and_one_of_no_size_are_not_fetched() {
        let shadow = order(Do::Shadow);
        assert_eq!(objection(&shadow, &ModelsDraft { newest: 4, ..ModelsDraft::default() }, true), None);
        assert!(
            told(&shadow, &ModelsDraft { newest: 5, ..ModelsDraft::default() })
                .contains("version 5 has run here")
        );
        assert!(told(&shadow, &models(Course::Shadow)).contains("here already"));
        assert_eq!(told(&shadow, &models(Course::Refused)), "");
        for bytes in [None, Some(0), Some(MOST_BUNDLE + 1)] {
            assert_ne!(told(&ModelOrder { bytes, ..shadow.clone() }, &ModelsDraft::default()), "");
        }
        let on_trial = ModelsDraft { trial: Some(Default::default()), ..ModelsDraft::default() };
        assert!(told(&shadow, &on_trial).contains("on trial"));
    }

    #[test]
    fn what_the_administrator_has_fixed_no_command_changes() {
        let fixed = ModelsDraft { fixed: Some("[model] path".into()), ..models(Course::Shadow) };
        for what in Do::ALL {
            assert_eq!(told(&order(what), &fixed), "[model] path");
        }
    }

    #[test]
    fn there_must_be_something_to_go_back_to_to_wait_for_or_to_stop() {
        let nothing = ModelsDraft::default();
        for what in [Do::Revert, Do::Wait, Do::Stop] {
            assert_ne!(told(&order(what), &nothing), "");
        }
        let all = ModelsDraft {
            previous: Some(ModelStand::default()),
            download: Some(DownloadMessage::default()),
            ..nothing
        };
        for what in [Do::Revert, Do::Wait, Do::Stop] {
            assert_eq!(told(&order(what), &all), "");
        }
    }
}
