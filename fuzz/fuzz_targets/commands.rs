//! What anybody whom the broker lets may write to `…/set/<word>`.

#![no_main]

use bearwatch::control::command::{labels, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let words = ["arm", "disarm", "shadow", "test", "snapshot", "threshold", "log", "ack", "reboot"];
    let Some((&first, payload)) = data.split_first() else { return };
    let word = words[usize::from(first) % words.len()];
    let labels = labels(payload);
    match read(word, payload) {
        // What is accepted was read to the end, and says of itself what its labels say.
        Ok(command) => assert_eq!((command.id, command.by), (labels.id, labels.by)),
        Err(reason) => assert!(!reason.is_empty() && reason.len() < 1000, "{reason}"),
    }
});
