//! The page's words. Another language is another file and a line in [`LANGUAGES`].

use crate::web::texts::{self, Rendered};

/// By the code of the language (BCP 47); the first where a browser asks for none of them.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("assets/en.json"))];
const PAGE: &str = include_str!("assets/station.html");

/// The page in every language.
pub fn rendered() -> Vec<Rendered> {
    texts::rendered(PAGE, &LANGUAGES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::page::{REPORT_STYLE, SCRIPTS, STYLE};
    use crate::web::texts::{checks, words};

    #[test]
    fn every_language_has_every_word_and_no_other() {
        let scripts = SCRIPTS.map(|(_, script)| script);
        checks::every_language_has_every_word_and_no_other(PAGE, &scripts, &LANGUAGES);
    }

    #[test]
    fn words_of_the_station_have_a_text_each() {
        let words = words(LANGUAGES[0].1);
        let groups: [(&str, &[&str]); 12] = [
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
