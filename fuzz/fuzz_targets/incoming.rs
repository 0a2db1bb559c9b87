//! What a desk takes in from cameras, acknowledgements among it, and what an outbox holds after a power cut.

#![no_main]

use bearwatch::publish::incoming::read;
use bearwatch::publish::record::Record;
use bearwatch::publish::{Kind, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, payload)) = data.split_first() else { return };
    if first == 255 {
        let _ = Record::decode(payload);
        return;
    }
    let kind = Kind::ALL[usize::from(first) % Kind::ALL.len()];
    let topic = match first / 128 {
        0 => format!("bearwatch/v1/yellow-creek/north/{}", kind.name()),
        _ => String::from_utf8_lossy(payload).chars().take(100).collect(),
    };
    let names = ["alert", "captured", "boot", "seq", "late"];
    let words = String::from_utf8_lossy(payload);
    let properties = names.iter().map(|name| name.to_string()).zip(words.split(' ').map(str::to_owned)).collect();
    let message = Message::json(topic, payload.to_vec(), properties);
    match read(message) {
        Ok(received) => assert!(received.site.name.len() <= 40 && received.site.camera.len() <= 40),
        Err(reason) => assert!(!reason.is_empty()),
    }
});
