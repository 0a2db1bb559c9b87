//! The administrator's file, and the overrides, which a power cut may have torn.

#![no_main]

use bearwatch::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Config::parse(text, "bearwatch.toml", &[]) {
        Ok(config) => assert!(!config.site.name.is_empty() && config.publish.keep_alive_s >= 5),
        Err(errors) => {
            assert!(!errors.mistakes.is_empty());
            errors.mistakes.iter().for_each(|mistake| assert!(!mistake.to_string().is_empty()));
        }
    }
});
