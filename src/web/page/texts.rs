//! The page's words. Another language is another file and a line in [`LANGUAGES`].

use crate::web::texts::{self, Rendered};

/// By the code of the language (BCP 47); the first where a browser asks for none of them.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("assets/en.json"))];
const PAGE: &str = include_str!("assets/page.html");
const SCRIPTS: [&str; 2] = [include_str!("assets/page.js"), include_str!("assets/areas.js")];

/// The page in every language.
pub fn rendered() -> Vec<Rendered> {
    texts::rendered(PAGE, &SCRIPTS, &LANGUAGES)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::ACCEPT_LANGUAGE;

    use super::*;
    use crate::perceive::model::Class;
    use crate::perceive::observation::Regime;
    use crate::web::texts::{checks, chosen};

    #[test]
    fn every_language_has_every_word_and_no_other() {
        checks::every_language_has_every_word_and_no_other(PAGE, &SCRIPTS, &LANGUAGES);
        checks::every_word_of_a_script_is_handed_over(&SCRIPTS, &LANGUAGES);
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
        checks::is_whole_and_small(
            &pages,
            &[include_str!("assets/page.css"), SCRIPTS[0], SCRIPTS[1]],
            40_000,
        );
        let asked = |languages: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, languages.parse().unwrap())]);
            chosen(&pages, &headers).map(|page| page.language)
        };
        assert_eq!((asked("sk,en-GB;q=0.8"), asked("xx")), (Some("en"), Some("en")));
        assert_eq!(chosen(&pages, &HeaderMap::new()).map(|page| page.language), Some("en"));
    }
}
