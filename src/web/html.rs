//! Text in HTML.

use std::fmt::{self, Display, Formatter, Write};

/// Text that may hold anything, made harmless: as content and inside quoted attributes.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_become_markup() {
        let name = "a\"><script>alert('&')</script>.jpg";
        let escaped = Escaped(name).to_string();
        assert_eq!(escaped, "a&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;.jpg");
    }
}
