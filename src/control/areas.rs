//! Areas of the picture as people write them: in the configuration, in the overrides, on the page.

use serde::{Deserialize, Serialize};

use crate::perceive::settings::Settings as Perceive;
use crate::perceive::zone::Polygon;

/// All areas of a camera as texts, each as the configuration has it: `tents: 0,0.6 0.3,0.6 0.3,1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Areas {
    /// What is blackened.
    pub privacy: Vec<String>,
    /// What is looked at closely more often.
    pub watch: Vec<String>,
    /// Where people are.
    pub guard: Vec<String>,
}

/// The same, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// What is blackened.
    pub privacy: Vec<Polygon>,
    /// What is looked at closely more often.
    pub watch: Vec<Polygon>,
    /// Where people are.
    pub guard: Vec<Polygon>,
}

/// What is wrong with one area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AreaMistake {
    /// `privacy`, `watch` or `guard`.
    pub kind: &'static str,
    /// Which of that kind, from 0.
    pub index: usize,
    /// What is wrong, for people.
    pub what: String,
}

impl Areas {
    /// Those in force.
    pub fn of(settings: &Perceive) -> Areas {
        let texts = |areas: &[Polygon]| areas.iter().map(ToString::to_string).collect();
        Areas {
            privacy: texts(&settings.privacy),
            watch: texts(&settings.watch),
            guard: texts(&settings.guard),
        }
    }

    /// Checks each as the configuration's are checked; else everything that is wrong.
    pub fn check(&self) -> Result<Drawn, Vec<AreaMistake>> {
        let mut mistakes = Vec::new();
        let mut read = |kind, texts: &[String]| -> Vec<Polygon> {
            let read = texts
                .iter()
                .enumerate()
                .map(|(index, text)| Polygon::parse(text).map_err(|what| AreaMistake { kind, index, what }));
            read.filter_map(|read| read.map_err(|mistake| mistakes.push(mistake)).ok()).collect()
        };
        let drawn = Drawn {
            privacy: read("privacy", &self.privacy),
            watch: read("watch", &self.watch),
            guard: read("guard", &self.guard),
        };
        if mistakes.is_empty() { Ok(drawn) } else { Err(mistakes) }
    }
}

impl Drawn {
    /// What is drawn, in a sentence.
    pub fn words(&self) -> String {
        let counted = |areas: &[Polygon], done: &str| match areas.len() {
            1 => format!("1 area is {done}"),
            count => format!("{count} areas are {done}"),
        };
        let (black, watched, guarded) = (
            counted(&self.privacy, "blackened"),
            counted(&self.watch, "watched"),
            counted(&self.guard, "guarded"),
        );
        format!("{black}, {watched}, {guarded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let good = "tents: 0,0 0.3,0 0.3,1".to_owned();
        let areas = Areas {
            privacy: vec![good.clone(), "0,0 1,1 1,0 0,1".into()],
            watch: vec!["0,0 1,1".into()],
            guard: vec![good.clone()],
        };
        let mistakes = areas.check().unwrap_err();
        let places: Vec<(&str, usize)> = mistakes.iter().map(|m| (m.kind, m.index)).collect();
        assert_eq!(places, [("privacy", 1), ("watch", 0)]);
        assert!(mistakes[0].what.contains("crosses itself"), "{mistakes:?}");
        let drawn = Areas { guard: vec![good.clone(), good], ..Areas::default() }.check().unwrap();
        assert_eq!(drawn.words(), "0 areas are blackened, 0 areas are watched, 2 areas are guarded");
    }
}
