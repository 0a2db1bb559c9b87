//! The page with its words.

use super::SCRIPTS;
use crate::station::texts::LANGUAGES;
use crate::web::texts::{self, Rendered};

const PAGE: &str = include_str!("assets/station.html");

/// The page in every language.
pub fn rendered() -> Vec<Rendered> {
    texts::rendered(PAGE, &SCRIPTS.map(|(_, script)| script), &LANGUAGES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::page::{REPORT_STYLE, STYLE};
    use crate::web::texts::{checks, words};

    #[test]
    fn every_language_has_every_word_and_no_other() {
        // What Rust says may stand on a line of its own.
        let spoken = [
            include_str!("../notify/text.rs"),
            include_str!("../report/html.rs"),
            include_str!("../report/html/words.rs"),
            include_str!("../report/html/charts.rs"),
            include_str!("../trial/finding.rs"),
            include_str!("../trial/sheet.rs"),
        ]
        .map(|source| source.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "("));
        let spoken = spoken.each_ref().map(String::as_str);
        let scripts = [&SCRIPTS.map(|(_, script)| script)[..], &spoken].concat();
        checks::every_language_has_every_word_and_no_other(PAGE, &scripts, &LANGUAGES);
        checks::every_word_of_a_script_is_handed_over(&SCRIPTS.map(|(_, script)| script), &LANGUAGES);
    }

    #[test]
    fn no_key_stands_there_twice() {
        for (language, text) in LANGUAGES {
            assert_eq!(
                text.matches("\n  \"").count(),
                words(text).len(),
                "{language}: the later one would win"
            );
        }
    }

    #[test]
    fn words_of_the_station_have_a_text_each() {
        let words = words(LANGUAGES[0].1);
        let groups: [(&str, &[&str]); 13] = [
            (
                "need",
                &[
                    "silent",
                    "offline",
                    "drill-failed",
                    "degraded",
                    "not-armed",
                    "lost",
                    "slow",
                    "shifted",
                    "strained",
                    "clock-unset",
                    "certificate",
                ],
            ),
            ("presence", &["silent", "offline", "degraded", "unknown", "online"]),
            ("mode", &["armed", "disarmed", "shadow", "assist"]),
            // What a rollout tells cameras.
            ("did.model", &["shadow", "promote", "revert", "stop"]),
            ("class", &["bear", "person", "animal"]),
            ("state", &["opened", "updated", "closed"]),
            ("verdict", &["bear", "not-bear", "unsure"]),
            ("fate", &["waits", "heard", "refused", "given-up"]),
            ("regime", &["day", "dusk", "infrared"]),
            ("seen", &["bear", "person", "animal", "nothing", "cannot-tell"]),
            (
                "why",
                &[
                    "random",
                    "suspected",
                    "second",
                    "doubt",
                    "uncertain",
                    "false-alarm",
                    "assist",
                    "alert",
                    "near-miss",
                    "challenger",
                    "asked",
                ],
            ),
            ("trials.phase", &["written", "running", "ended", "stopped", "withdrawn"]),
            ("trials.part", &["in", "waits", "elsewhere", "out", "leaves"]),
        ];
        let keys =
            groups.iter().flat_map(|(group, names)| names.iter().map(move |name| format!("{group}.{name}")));
        assert_eq!(keys.filter(|key| !words.contains_key(key)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn the_page_is_whole_and_small() {
        let assets = [&SCRIPTS.map(|(_, script)| script)[..], &[STYLE, REPORT_STYLE]].concat();
        checks::is_whole_and_small(&rendered(), &assets, 170_000);
    }
}
