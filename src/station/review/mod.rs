//! What people say is on a picture, and when another person is asked. PURE.
//!
//! A second person looks where the first cannot tell or contradicts the model, and at every tenth picture whatever was said of it: were only
//! contradictions looked at twice, mistakes that agree with the model would never be found (discrepant analysis: Hadgu 1996), and nobody would know
//! how far people agree. Where two contradict each other a third decides.

use serde::{Deserialize, Serialize};

use crate::perceive::model::Class;

/// One picture in so many is looked at twice in any case.
pub const TWICE: i64 = 10;
/// Things on one picture that are taken.
pub const MOST_THINGS: usize = 50;
/// Opinions after which nobody is asked any more.
const MOST_OPINIONS: usize = 3;

/// What is on a picture, in a word: the most important of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// A bear, and whatever else.
    Bear,
    /// A person and no bear.
    Person,
    /// Another animal alone.
    Animal,
    /// None of these.
    Nothing,
    /// The picture does not tell.
    CannotTell,
}

impl Seen {
    /// All of them.
    pub const ALL: [Seen; 5] = [Seen::Bear, Seen::Person, Seen::Animal, Seen::Nothing, Seen::CannotTell];

    /// The name in the database and on the page.
    pub fn name(self) -> &'static str {
        match self {
            Seen::Bear => "bear",
            Seen::Person => "person",
            Seen::Animal => "animal",
            Seen::Nothing => "nothing",
            Seen::CannotTell => "cannot-tell",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Seen> {
        Seen::ALL.into_iter().find(|seen| seen.name() == name)
    }

    /// Whether there is a bear, where that can be told.
    pub fn bear(self) -> Option<bool> {
        (self != Seen::CannotTell).then_some(self == Seen::Bear)
    }
}

impl From<Class> for Seen {
    fn from(class: Class) -> Seen {
        match class {
            Class::Bear => Seen::Bear,
            Class::Person => Seen::Person,
            Class::Animal => Seen::Animal,
        }
    }
}

/// Something on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// What it is.
    pub class: Class,
    /// `[x, y, w, h]` in fractions of the picture; `None` where nobody drew it.
    #[serde(default)]
    pub bbox: Option<[f64; 4]>,
}

/// What a person says of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its number here; 0 before it has one.
    pub id: i64,
    /// Who.
    pub by: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// In a word.
    pub seen: Seen,
    /// What is there.
    pub things: Vec<Thing>,
    /// Nothing of what the model said was to be seen.
    pub blind: bool,
}

/// What is on it, in a word.
///
/// # Errors
/// Why that cannot be.
pub fn seen(things: &[Thing], cannot_tell: bool) -> Result<Seen, String> {
    if things.len() > MOST_THINGS {
        return Err(format!("{} things are too many; {MOST_THINGS} are taken", things.len()));
    }
    if cannot_tell && !things.is_empty() {
        return Err("what cannot be told has no boxes".into());
    }
    let inside = |bbox: [f64; 4]| {
        let [x, y, w, h] = bbox;
        bbox.iter().all(|side| side.is_finite())
            && x >= 0.0
            && y >= 0.0
            && w > 0.0
            && h > 0.0
            && x + w <= 1.001
            && y + h <= 1.001
    };
    if let Some(bbox) = things.iter().filter_map(|thing| thing.bbox).find(|bbox| !inside(*bbox)) {
        return Err(format!("box {bbox:?} is no part of the picture; give fractions [x, y, width, height]"));
    }
    if cannot_tell {
        return Ok(Seen::CannotTell);
    }
    Ok(things.iter().map(|thing| Seen::from(thing.class)).min().unwrap_or(Seen::Nothing))
}

/// What the labels of a picture come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Another person is to look at it.
    pub another: bool,
    /// The number of the label that holds so far.
    pub holds: Option<i64>,
}

/// From the labels of a picture in the order in which they were given. `model`: whether it saw a bear, where that is known. `twice`: whether two are
/// asked in any case.
pub fn outcome(labels: &[Label], model: Option<bool>, twice: bool) -> Outcome {
    let opinions = newest(labels);
    let Some(last) = opinions.last() else { return Outcome { another: true, holds: None } };
    if let [only] = opinions[..] {
        let contradicts = only.seen.bear().zip(model).is_some_and(|(person, model)| person != model);
        let another = twice || contradicts || only.seen == Seen::CannotTell;
        return Outcome { another, holds: Some(only.id) };
    }
    let of = |bear: Option<bool>| opinions.iter().filter(|label| label.seen.bear() == bear).count();
    let (yes, no, unknown) = (of(Some(true)), of(Some(false)), of(None));
    let most = yes.max(no).max(unknown);
    let agreed = [(Some(true), yes), (Some(false), no), (None, unknown)]
        .into_iter()
        .find(|(_, count)| *count == most && most > 1);
    match agreed {
        Some((bear, _)) => {
            // Of those who agree the one who drew most, and of these the newest.
            let drawn = |label: &&&Label| label.things.iter().filter(|thing| thing.bbox.is_some()).count();
            let holds = opinions.iter().filter(|label| label.seen.bear() == bear).max_by_key(drawn);
            Outcome { another: false, holds: holds.map(|label| label.id) }
        }
        None => Outcome { another: opinions.len() < MOST_OPINIONS, holds: Some(last.id) },
    }
}

/// The newest word of each person, in the order in which these were given.
fn newest(labels: &[Label]) -> Vec<&Label> {
    let last = |at: usize, label: &Label| labels[at + 1..].iter().all(|later| later.by != label.by);
    labels.iter().enumerate().filter(|(at, label)| last(*at, label)).map(|(_, label)| label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(id: i64, by: &str, seen: Seen) -> Label {
        Label { id, by: by.into(), at_ms: id, seen, things: Vec::new(), blind: true }
    }

    fn told(labels: &[(&str, Seen)], model: Option<bool>) -> (bool, Option<i64>) {
        let labels: Vec<Label> = (1..).zip(labels).map(|(id, (by, seen))| label(id, by, *seen)).collect();
        let Outcome { another, holds } = outcome(&labels, model, false);
        (another, holds)
    }

    #[test]
    fn another_person_is_asked_where_it_matters() {
        assert_eq!(told(&[], None), (true, None));
        assert_eq!(told(&[("anna", Seen::Bear)], Some(true)), (false, Some(1)));
        assert_eq!(told(&[("anna", Seen::Bear)], Some(false)), (true, Some(1)));
        assert_eq!(told(&[("anna", Seen::Animal)], Some(false)), (false, Some(1)));
        assert_eq!(told(&[("anna", Seen::CannotTell)], None), (true, Some(1)));
        assert_eq!(told(&[("anna", Seen::Bear), ("ben", Seen::Bear)], Some(false)), (false, Some(2)));
        assert_eq!(told(&[("anna", Seen::Bear), ("ben", Seen::Nothing)], Some(false)), (true, Some(2)));
        let three = [("anna", Seen::Bear), ("ben", Seen::Nothing), ("carl", Seen::Bear)];
        assert_eq!(told(&three, Some(false)), (false, Some(3)));
        let all = [("anna", Seen::Bear), ("ben", Seen::Nothing), ("carl", Seen::CannotTell)];
        assert_eq!(told(&all, None), (false, Some(3)), "nobody is asked for ever");
        assert!(
            outcome(&[label(1, "anna", Seen::Nothing)], Some(false), true).another,
            "one in ten, in any case"
        );
    }

    #[test]
    fn who_changes_their_mind_is_one_person_all_the_same() {
        assert_eq!(told(&[("anna", Seen::Nothing), ("anna", Seen::Bear)], Some(true)), (false, Some(2)));
        assert_eq!(
            told(&[("anna", Seen::Bear), ("ben", Seen::Nothing), ("anna", Seen::Nothing)], None),
            (false, Some(3))
        );
    }

    #[test]
    fn the_label_that_holds_is_the_one_with_boxes() {
        let drawn = Label {
            things: vec![Thing { class: Class::Bear, bbox: Some([0.1, 0.1, 0.2, 0.2]) }],
            ..label(1, "anna", Seen::Bear)
        };
        let labels = [drawn, label(2, "ben", Seen::Bear)];
        assert_eq!(outcome(&labels, Some(false), false), Outcome { another: false, holds: Some(1) });
    }

    #[test]
    fn boxes_lie_within_the_picture_and_a_word_says_it_all() {
        let thing = |class, bbox| Thing { class, bbox };
        let both = [thing(Class::Person, None), thing(Class::Bear, Some([0.0, 0.0, 1.0, 1.0]))];
        assert_eq!(
            (seen(&both, false), seen(&[], false), seen(&[], true)),
            (Ok(Seen::Bear), Ok(Seen::Nothing), Ok(Seen::CannotTell))
        );
        assert!(seen(&both, true).is_err());
        for bbox in [[0.5, 0.5, 0.6, 0.1], [0.1, 0.1, 0.0, 0.1], [f64::NAN, 0.0, 0.1, 0.1]] {
            assert!(seen(&[thing(Class::Bear, Some(bbox))], false).is_err(), "{bbox:?}");
        }
    }
}
