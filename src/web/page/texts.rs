//! The page's words. Another language is another file and a line in [`LANGUAGES`].

use crate::web::texts::{self, Rendered};

/// By the code of the language (BCP 47); the first where a browser asks for none of them.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("assets/en.json"))];
const PAGE: &str = include_str!("assets/page.html");

/// The page in every language.
pub fn rendered() -> Vec<Rendered> {
    texts::rendered(PAGE, &LANGUAGES)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::ACCEPT_LANGUAGE;

    use super::*;
    use crate::perceive::model::Class;
    use crate::perceive::observation::Regime;
    use crate::web::texts::chosen;

    const SCRIPTS: [&str; 2] = [include_str!("assets/page.js"), include_str!("assets/areas.js")];

    /// Every piece of a text between two marks.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
        text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(piece, _)| piece).collect()
    }

    /// Keys that the page uses; those that end in a dot are followed by a word of the daemon's.
    fn used() -> Vec<&'static str> {
        let mut keys = between(PAGE, "{{", "}}");
        keys.retain(|key| !["*", "lang"].contains(key));
        // The function is called t; those whose names merely end so are others.
        let called = SCRIPTS
            .iter()
            .flat_map(|script| ["(t(\"", " t(\"", "{t(\""].map(|start| between(script, start, "\"")));
        keys.extend(called.flatten());
        keys
    }

    #[test]
    fn every_language_has_every_word_and_no_other() {
        let used = used();
        assert!(used.len() > 60, "{}", used.len());
        for (language, text) in LANGUAGES {
            let words = texts::words(text);
            for key in &used {
                let known = match key.ends_with('.') {
                    true => words.keys().any(|known| known.starts_with(key)),
                    false => words.contains_key(*key),
                };
                assert!(known, "{language}: no text for \"{key}\"");
            }
            let idle = |known: &&String| {
                !used.iter().any(|key| known == key || (key.ends_with('.') && known.starts_with(key)))
            };
            assert_eq!(
                words.keys().filter(idle).collect::<Vec<_>>(),
                [""; 0],
                "{language}: texts that nobody shows"
            );
            let first = texts::words(LANGUAGES[0].1);
            assert_eq!(words.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "{language}");
            for (key, text) in &words {
                let places = |text: &str| {
                    between(text, "{", "}")
                        .into_iter()
                        .map(str::to_owned)
                        .collect::<std::collections::BTreeSet<_>>()
                };
                assert_eq!(places(text), places(&first[key]), "{language}: {key}");
            }
        }
    }

    #[test]
    fn words_of_the_daemon_have_a_text_each() {
        let words = texts::words(LANGUAGES[0].1);
        let classes = Class::ALL.map(|class| format!("class.{}", class.name()));
        let lights =
            [Regime::Day, Regime::Dusk, Regime::Infrared].map(|light| format!("regime.{}", light.name()));
        let health = ["online", "degraded", "offline"].map(|state| format!("health.{state}"));
        let courses = ["running", "passed", "failed", "broken-off"].map(|course| format!("course.{course}"));
        let fates = ["waits", "heard", "kept", "dropped"].map(|fate| format!("fate.{fate}"));
        let states = ["opened", "updated", "closed"].map(|state| format!("state.{state}"));
        let verdicts = ["bear", "not-bear", "unsure"].map(|verdict| format!("verdict.{verdict}"));
        let kinds = ["privacy", "watch", "guard"].map(|kind| format!("kind.{kind}"));
        let all = [&classes[..], &lights, &health, &courses, &fates, &states, &verdicts, &kinds].concat();
        assert!(all.len() > 20);
        assert_eq!(all.iter().filter(|key| !words.contains_key(*key)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn the_page_is_whole_small_and_in_the_language_that_is_asked_for() {
        let pages = rendered();
        for page in &pages {
            assert!(
                !page.html.contains("{{") && page.html.contains(&format!("<html lang=\"{}\"", page.language))
            );
            let all = page.html.len()
                + include_str!("assets/page.css").len()
                + SCRIPTS.iter().map(|s| s.len()).sum::<usize>();
            assert!(all <= 40_000, "{}: {all} bytes", page.language);
        }
        let asked = |languages: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, languages.parse().unwrap())]);
            chosen(&pages, &headers).map(|page| page.language)
        };
        assert_eq!((asked("sk,en-GB;q=0.8"), asked("xx")), (Some("en"), Some("en")));
        assert_eq!(chosen(&pages, &HeaderMap::new()).map(|page| page.language), Some("en"));
    }
}
