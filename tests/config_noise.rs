//! The configuration against arbitrary text: whatever is typed gives settings or mistakes that name a line, never a panic.

use bearwatch::config::Config;
use bearwatch::config::keys::{KEYS, Kind, split};
use bearwatch::config::mistake::{ConfigErrors, Origin};
use proptest::prelude::*;

const SAMPLE: &str = include_str!("../deploy/bearwatch.toml");
const SITE: &str = "[site]\nname = \"creek\"\ncamera = \"north\"\n";

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, "bearwatch.toml", &[])
}

fn lines_are_of_the_text(text: &str, errors: &ConfigErrors) {
    assert!(!errors.mistakes.is_empty());
    for mistake in &errors.mistakes {
        if let Origin::File { line: Some(line), .. } = &mistake.origin {
            assert!((1..=text.matches('\n').count() + 1).contains(line), "{mistake}");
        }
        assert!(!mistake.what.is_empty() && !mistake.remedy.is_empty());
    }
}

proptest! {
    #[test]
    fn arbitrary_text_gives_settings_or_mistakes(text in any::<String>()) {
        if let Err(errors) = parse(&text) {
            lines_are_of_the_text(&text, &errors);
        }
    }

    /// The sample with a piece taken out and another put in: much nearer to what people type than noise.
    #[test]
    fn a_damaged_sample_gives_settings_or_mistakes(
        from in 0..SAMPLE.len(), length in 0..200_usize, piece in "[\\[\\]=\"'#a-z0-9_.,{} \n-]{0,12}"
    ) {
        let boundary = |at: usize| (at..=SAMPLE.len()).find(|at| SAMPLE.is_char_boundary(*at)).unwrap_or(SAMPLE.len());
        let text = format!("{}{piece}{}", &SAMPLE[..boundary(from)], &SAMPLE[boundary((from + length).min(SAMPLE.len()))..]);
        if let Err(errors) = parse(&text) {
            lines_are_of_the_text(&text, &errors);
        }
    }

    #[test]
    fn any_value_of_any_key_gives_settings_or_mistakes(
        key in prop::sample::select(KEYS), kind in prop::sample::select(Kind::ALL.to_vec()), value in any::<String>()
    ) {
        let sets = [format!("capture.source={}", kind.name()), format!("{}={value}", key.name)];
        if let Err(errors) = Config::parse(SITE, "bearwatch.toml", &sets) {
            lines_are_of_the_text(SITE, &errors);
        }
        let (section, leaf) = split(key.name);
        let text = format!("{SITE}\n[{section}]\n{leaf} = {value}\n");
        if let Err(errors) = parse(&text) {
            lines_are_of_the_text(&text, &errors);
        }
    }
}
