//! The page's words, one file a language, and the page with them in it. Another language is another file and a line in [`LANGUAGES`].

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use sha2::{Digest, Sha256};

/// By the code of the language (BCP 47); the first where a browser asks for none of them.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("assets/en.json"))];
const PAGE: &str = include_str!("assets/page.html");

/// The page in one language.
#[derive(Clone, Debug)]
pub struct Rendered {
    language: &'static str,
    /// The whole document.
    pub html: String,
    /// Names this very text.
    pub tag: String,
}

/// Words by their keys.
type Words = BTreeMap<String, String>;

fn words(text: &str) -> Words {
    serde_json::from_str(text).unwrap_or_default()
}

/// The page in every language.
pub fn rendered() -> Vec<Rendered> {
    LANGUAGES.iter().map(|(language, text)| render(language, &words(text))).collect()
}

fn render(language: &'static str, words: &Words) -> Rendered {
    let filled = words
        .iter()
        .fold(PAGE.to_owned(), |page, (key, text)| page.replace(&format!("{{{{{key}}}}}"), &escaped(text)));
    // Inside a script element nothing but its end tag means anything.
    let json = serde_json::to_string(words).unwrap_or_default().replace('<', "\\u003c");
    let html = filled.replace("{{*}}", &json).replace("{{lang}}", language);
    let tag = tag(html.as_bytes());
    Rendered { language, html, tag }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A strong entity tag.
pub fn tag(content: &[u8]) -> String {
    let hash: String = Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// The page in the language that the browser likes best of those that there are.
pub fn chosen<'a>(pages: &'a [Rendered], headers: &HeaderMap) -> Option<&'a Rendered> {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let languages = wanted.split(',').map(|one| one.split([';', '-']).next().unwrap_or_default().trim());
    let mut known = languages.filter_map(|wanted| pages.iter().find(|page| page.language == wanted));
    known.next().or(pages.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::model::Class;
    use crate::perceive::observation::Regime;

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
            let words = words(text);
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
            let first = super::words(LANGUAGES[0].1);
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
        let words = words(LANGUAGES[0].1);
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
