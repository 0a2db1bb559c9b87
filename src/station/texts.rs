//! The station's words, of the page and of all that leaves it. Another language is another file and a line in [`LANGUAGES`].

use std::fmt::Display;
use std::sync::OnceLock;

use crate::web::texts::{Words, words};

/// By the code of the language (BCP 47); the first where a browser asks for none of them, and for what leaves the station.
pub const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("page/assets/en.json"))];

/// The text of this key, with values in their places.
pub fn t(key: &str, values: &[(&str, &dyn Display)]) -> String {
    static FIRST: OnceLock<Words> = OnceLock::new();
    let text = FIRST.get_or_init(|| words(LANGUAGES[0].1)).get(key).map_or(key, String::as_str);
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.to_string()))
}
