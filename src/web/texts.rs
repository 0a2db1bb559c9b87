//! Pages and their words, one file of words a language, and the page with them in it.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use sha2::{Digest, Sha256};

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

/// A page in every language: `{{key}}` in it is a word, `{{*}}` all of them for its scripts, `{{lang}}` the language.
pub fn rendered(page: &str, languages: &[(&'static str, &str)]) -> Vec<Rendered> {
    languages.iter().map(|(language, text)| render(page, language, &words(text))).collect()
}

fn render(page: &str, language: &'static str, words: &Words) -> Rendered {
    let filled = words
        .iter()
        .fold(page.to_owned(), |page, (key, text)| page.replace(&format!("{{{{{key}}}}}"), &escaped(text)));
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
