//! Connections that cannot be made, or break: what that means for people.

use std::io::ErrorKind;

use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::{ConnectionError, StateError, TlsError};

use super::CONNECT_TIMEOUT_S;
use super::reasons::{self, Trouble};
use crate::publish::address::Address;
use crate::publish::handshake;

/// What an error of the connection means, and what to do.
pub fn trouble(address: &Address, error: &ConnectionError) -> Trouble {
    let passing = |text: String| Trouble::passing(text);
    let trouble = match error {
        ConnectionError::ConnectionRefused(code) => reasons::refused(*code),
        ConnectionError::Tls(TlsError::Io(e)) if e.get_ref().is_some() => {
            Trouble::refusal(of_rustls(e).map_or_else(
                || format!("TLS failed: {e}; check the address, and whether the broker speaks TLS there"),
                handshake::words,
            ))
        }
        ConnectionError::Tls(e) => passing(format!("TLS failed: {e}")),
        ConnectionError::Io(e) => {
            passing(format!("cannot connect: {e}; check the address, the network and the broker"))
        }
        ConnectionError::Timeout(_) => {
            passing(format!("no answer within {CONNECT_TIMEOUT_S} s; is it an MQTT broker?"))
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            passing("the connection was closed by the broker".into())
        }
        ConnectionError::MqttState(StateError::Io(e)) => broken(e),
        ConnectionError::MqttState(StateError::Deserialization(Error::Io(e)))
            if e.kind() != ErrorKind::Other =>
        {
            broken(e)
        }
        ConnectionError::MqttState(StateError::Deserialization(e)) => {
            passing(format!("what it answers is not understood ({e}); is it an MQTT v5 broker?"))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            passing("the broker no longer answers".into())
        }
        other => passing(other.to_string()),
    };
    let silence =
        matches!(error, ConnectionError::MqttState(StateError::AwaitPingResp) | ConnectionError::Timeout(_));
    Trouble {
        text: format!("broker {address}: {}", trouble.text),
        innocent: trouble.innocent || silence,
        ..trouble
    }
}

/// A connection that broke. Over TLS 1.3 a broker that does not like our certificate says so only after it has let us in.
fn broken(error: &std::io::Error) -> Trouble {
    match of_rustls(error) {
        Some(alert @ rustls::Error::AlertReceived(_)) => Trouble::refusal(handshake::words(alert)),
        _ => Trouble::passing(format!("the connection broke: {error}")),
    }
}

fn of_rustls(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
