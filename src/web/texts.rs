//! Pages and their words, one file of words a language, and the page with them in it.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use sha2::{Digest, Sha256};

use super::html::Escaped;

/// A page in one language.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// By its code (BCP 47).
    pub language: &'static str,
    /// The whole document.
    pub html: String,
    /// Names this very text.
    pub tag: String,
}

/// Words by their keys.
pub type Words = BTreeMap<String, String>;

/// Reads a file of words.
pub fn words(text: &str) -> Words {
    serde_json::from_str(text).unwrap_or_default()
}

/// A page in every language: `{{key}}` in it is a word, `{{*}}` those that its scripts name, `{{lang}}` the language.
pub fn rendered(page: &str, scripts: &[&str], languages: &[(&'static str, &str)]) -> Vec<Rendered> {
    languages.iter().map(|(language, text)| render(page, scripts, language, &words(text))).collect()
}

fn render(page: &str, scripts: &[&str], language: &'static str, words: &Words) -> Rendered {
    let filled = words.iter().fold(page.to_owned(), |page, (key, text)| {
        page.replace(&format!("{{{{{key}}}}}"), &Escaped(text).to_string())
    });
    // Inside a script element nothing but its end tag means anything.
    let spoken: BTreeMap<_, _> = words.iter().filter(|(key, _)| is_spoken(key, scripts)).collect();
    let json = serde_json::to_string(&spoken).unwrap_or_default().replace('<', "\\u003c");
    let html = filled.replace("{{*}}", &json).replace("{{lang}}", language);
    let tag = tag(html.as_bytes());
    Rendered { language, html, tag }
}

/// Whether a script has this key, or what a key begins with up to a dot, between quotes: what only the page itself or the program says goes over a slow
/// link once, or not at all.
fn is_spoken(key: &str, scripts: &[&str]) -> bool {
    let beginnings = key.match_indices('.').map(|(at, _)| &key[..=at]);
    let named = |part: &str| scripts.iter().any(|script| script.contains(&format!("\"{part}\"")));
    named(key) || beginnings.into_iter().any(named)
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
pub mod checks {
    //! What holds for the words of every page.

    use std::collections::BTreeSet;

    use super::*;

    /// Every piece of a text between two marks.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
        text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(piece, _)| piece).collect()
    }

    /// Keys that page and scripts use; those that end in a dot are followed by a word of the program's.
    fn used<'a>(page: &'a str, scripts: &[&'a str]) -> BTreeSet<&'a str> {
        // The function is called t; those whose names merely end so are others.
        let calls = ["(t(\"", " t(\"", "{t(\"", "[t(\"", "&t(\""];
        let called =
            scripts.iter().flat_map(|script| calls.iter().flat_map(|start| between(script, start, "\"")));
        let named = between(page, "{{", "}}").into_iter().filter(|key| !["*", "lang"].contains(key));
        let made = scripts.iter().flat_map(|script| between(script, "t(&format!(\"", "{"));
        named.chain(called).chain(made).collect()
    }

    /// Every language has every word that is used, none that nobody shows, and the same places to fill in each.
    pub fn every_language_has_every_word_and_no_other(
        page: &str,
        scripts: &[&str],
        languages: &[(&str, &str)],
    ) {
        let used = used(page, scripts);
        assert!(used.len() > 60, "{}", used.len());
        let first = words(languages[0].1);
        for (language, text) in languages {
            let words = words(text);
            let is = |key: &str, known: &str| known == key || (key.ends_with('.') && known.starts_with(key));
            let missing = used.iter().filter(|key| !words.keys().any(|known| is(key, known)));
            assert_eq!(missing.collect::<Vec<_>>(), [&""; 0], "{language}: no text");
            let idle = words.keys().filter(|known| !used.iter().any(|key| is(key, known)));
            assert_eq!(idle.collect::<Vec<_>>(), [""; 0], "{language}: texts that nobody shows");
            assert_eq!(words.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>(), "{language}");
            let places =
                |text: &str| BTreeSet::from_iter(between(text, "{", "}").into_iter().map(str::to_owned));
            words
                .iter()
                .for_each(|(key, text)| assert_eq!(places(text), places(&first[key]), "{language}: {key}"));
        }
    }

    /// Whatever scripts name is handed to them.
    pub fn every_word_of_a_script_is_handed_over(scripts: &[&str], languages: &[(&str, &str)]) {
        let handed = words(languages[0].1).into_keys().filter(|key| is_spoken(key, scripts));
        let handed: Vec<String> = handed.collect();
        let used = used("", scripts);
        let is = |key: &str, known: &String| known == key || (key.ends_with('.') && known.starts_with(key));
        let missing = used.iter().filter(|key| !handed.iter().any(|known| is(key, known)));
        assert_eq!(missing.collect::<Vec<_>>(), [&""; 0]);
    }

    /// No page has a hole, and each is so large at most with what belongs to it, bytes.
    pub fn is_whole_and_small(pages: &[Rendered], assets: &[&str], most: usize) {
        let beside: usize = assets.iter().map(|asset| asset.len()).sum();
        for Rendered { language, html, .. } in pages {
            assert!(!html.contains("{{") && html.contains(&format!("<html lang=\"{language}\"")));
            assert!(html.len() + beside <= most, "{language}: {} bytes", html.len() + beside);
        }
    }
}
