//! Until somebody has heard it: wire messages, the outbox on disk, delivery over MQTT.

pub mod settings;
