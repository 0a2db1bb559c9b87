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
    use std::collections::BTreeSet;

    use super::*;
    use crate::station::page::{SCRIPTS, STYLE};
    use crate::web::texts::words;

    /// Every piece of a text between two marks.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
        text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(piece, _)| piece).collect()
    }

    /// Keys that page and scripts use; those that end in a dot are followed by a word of the station's.
    fn used() -> BTreeSet<&'static str> {
        let mut keys: BTreeSet<&str> =
            between(PAGE, "{{", "}}").into_iter().filter(|key| !["*", "lang"].contains(key)).collect();
        for (_, script) in SCRIPTS {
            // The function is called t; those whose names merely end so are others.
            keys.extend(
                [" t(\"", "(t(\"", "{t(\"", "[t(\""].iter().flat_map(|start| between(script, start, "\"")),
            );
        }
        keys
    }

    #[test]
    fn every_language_has_every_word_and_no_other() {
        let used = used();
        assert!(used.len() > 60, "{}", used.len());
        let first = words(LANGUAGES[0].1);
        for (language, text) in LANGUAGES {
            let words = words(text);
            let known = |key: &&&str| match key.ends_with('.') {
                true => words.keys().any(|known| known.starts_with(**key)),
                false => words.contains_key(**key),
            };
            assert_eq!(
                used.iter().filter(|key| !known(key)).collect::<Vec<_>>(),
                [&""; 0],
                "{language}: no texts"
            );
            let idle = |known: &&String| {
                !used.iter().any(|key| known == key || (key.ends_with('.') && known.starts_with(key)))
            };
            assert_eq!(
                words.keys().filter(idle).collect::<Vec<_>>(),
                [""; 0],
                "{language}: texts that nobody shows"
            );
            for (key, text) in &words {
                let places = |text: &str| {
                    between(text, "{", "}").into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
                };
                assert_eq!(places(text), places(&first[key]), "{language}: {key}");
            }
        }
    }

    #[test]
    fn words_of_the_station_have_a_text_each() {
        let words = words(LANGUAGES[0].1);
        let groups: [(&str, &[&str]); 8] = [
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
                    "strained",
                    "clock-unset",
                    "certificate",
                ],
            ),
            ("presence", &["silent", "offline", "degraded", "unknown", "online"]),
            ("mode", &["armed", "disarmed", "shadow"]),
            ("class", &["bear", "person", "animal"]),
            ("state", &["opened", "updated", "closed"]),
            ("verdict", &["bear", "not-bear", "unsure"]),
            ("fate", &["waits", "heard", "refused", "given-up"]),
            ("regime", &["day", "dusk", "infrared"]),
        ];
        let keys =
            groups.iter().flat_map(|(group, names)| names.iter().map(move |name| format!("{group}.{name}")));
        assert_eq!(keys.filter(|key| !words.contains_key(key)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn the_page_is_whole_and_small() {
        for page in rendered() {
            assert!(
                !page.html.contains("{{") && page.html.contains(&format!("<html lang=\"{}\"", page.language))
            );
            let all =
                page.html.len() + STYLE.len() + SCRIPTS.iter().map(|(_, script)| script.len()).sum::<usize>();
            assert!(all <= 150_000, "{}: {all} bytes", page.language);
        }
    }
}
