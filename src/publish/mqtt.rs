//! The only file that names rumqttc: MQTT v5 over TCP or TLS, one connection at a time.
//!
//! Each connection gets a new event loop, so nothing survives from the one before: rumqttc would otherwise resend by itself, or
//! forget by itself when the broker lost the session. The outbox is the only memory of a message.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, LastWill, LastWillProperties, Packet, PubAckReason, Publish, PublishProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError, TlsError};
use rumqttc::{Outgoing, TlsConfiguration, Transport};

use super::address::{Address, Login};

/// Packets that may wait between us and the event loop.
const CHANNEL: usize = 64;
/// Messages on their way at once, below every broker's receive maximum (Mosquitto: 20).
pub const WINDOW: usize = 16;
/// Packet ids that rumqttc keeps a place for. Its default of 65,535 takes 8.6 MB a connection; brokers allow fewer anyway.
const PLACES: u16 = 256;
/// Largest packet that a desk takes in: a generous snapshot. The broker keeps larger ones to itself.
pub const PICTURES: u32 = 8 * 1024 * 1024;
/// Largest packet that a camera takes in: a command many times over.
pub const COMMANDS: u32 = 64 * 1024;
/// A broker that accepts the connection and then says nothing is given up after this, seconds.
const CONNECT_TIMEOUT_S: u64 = 15;

/// All that a connection needs.
pub struct Options {
    /// Names us to the broker; two with the same name throw each other out.
    pub client_id: String,
    /// Where to.
    pub address: Address,
    /// Who we are.
    pub login: Option<Login>,
    /// Encryption, where the address asks for it.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Seconds; at least 5.
    pub keep_alive_s: u16,
    /// What the broker says when we are gone.
    pub will: Option<Message>,
    /// How long the broker keeps for us what we subscribed to and miss, seconds; 0 where it is to know nothing of earlier connections.
    pub memory_s: u32,
    /// Largest packet that we take in, bytes.
    pub largest: u32,
}

/// A message to or from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Acknowledged (QoS 1) or not (QoS 0).
    pub acknowledged: bool,
    /// Kept by the broker for those who come later; on receipt: was kept.
    pub retain: bool,
    /// MIME type of the payload.
    pub content_type: String,
    /// Names and values.
    pub properties: Vec<(String, String)>,
    /// Where an answer is wanted.
    pub response_topic: Option<String>,
    /// What the answer is to bear, so that who asked knows it again.
    pub correlation: Option<Vec<u8>>,
}

/// What happened on a connection.
#[derive(Debug)]
pub enum Happening {
    /// The broker let us in.
    Connected,
    /// A packet with a message of ours went out; id 0 for QoS 0.
    Sent(u16),
    /// The broker acknowledged it.
    Acknowledged {
        /// Its packet id.
        packet: u16,
        /// `Err` is the broker's reason for not taking it.
        outcome: Result<(), String>,
    },
    /// The broker agreed to a subscription, or did not.
    Subscribed(Result<(), String>),
    /// A message came in.
    Received(Message),
    /// We said goodbye, and the packet is out.
    Left,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For people: what happened and what to do.
    pub text: String,
    /// The broker or the certificates refused us: trying again soon is useless, somebody has to act.
    pub refused: bool,
}

/// Hands messages to a connection.
pub struct Outgoings(AsyncClient);

impl Message {
    /// JSON that is acknowledged and not retained.
    pub fn json(topic: String, payload: Vec<u8>, properties: Vec<(String, String)>) -> Message {
        Message {
            topic,
            payload,
            acknowledged: true,
            retain: false,
            content_type: "application/json".into(),
            properties,
            response_topic: None,
            correlation: None,
        }
    }

    /// The value of a user property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Bytes that its packet takes at most.
    pub fn packet_bytes(&self) -> usize {
        let properties = self.properties.iter().map(|(name, value)| name.len() + value.len() + 5);
        let reply = self.response_topic.as_ref().map_or(0, String::len)
            + self.correlation.as_ref().map_or(0, Vec::len);
        self.payload.len()
            + self.topic.len()
            + self.content_type.len()
            + properties.sum::<usize>()
            + reply
            + 48
    }
}

impl Outgoings {
    /// Hands one over; `false` where the queue is full.
    pub fn publish(&self, message: Message) -> bool {
        let properties = PublishProperties {
            payload_format_indicator: (message.content_type == "application/json").then_some(1),
            user_properties: message.properties,
            content_type: Some(message.content_type),
            response_topic: message.response_topic,
            correlation_data: message.correlation.map(Into::into),
            ..Default::default()
        };
        let qos = if message.acknowledged { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        self.0
            .try_publish_with_properties(message.topic, qos, message.retain, message.payload, properties)
            .is_ok()
    }

    /// Asks for a topic filter at QoS 1; `false` where the queue is full.
    pub fn subscribe(&self, filter: &str) -> bool {
        self.0.try_subscribe(filter, QoS::AtLeastOnce).is_ok()
    }

    /// Takes a subscription back; `false` where the queue is full.
    pub fn unsubscribe(&self, filter: &str) -> bool {
        self.0.try_unsubscribe(filter).is_ok()
    }

    /// Says goodbye; `false` where the queue is full.
    pub fn disconnect(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}

/// Drives a connection.
pub struct Connection {
    events: EventLoop,
    address: Address,
    broken: Option<Trouble>,
    largest: Option<u32>,
}

/// Prepares a connection; it is made by the first [`Connection::next`].
pub fn connect(options: Options) -> (Outgoings, Connection) {
    let address = options.address.clone();
    let (client, events) = AsyncClient::new(mqtt_options(options), CHANNEL);
    (Outgoings(client), Connection { events, address, broken: None, largest: None })
}

fn mqtt_options(options: Options) -> MqttOptions {
    let Options { client_id, address, login, tls, keep_alive_s, will, memory_s, largest } = options;
    let mut mqtt = MqttOptions::new(client_id, address.host, address.port);
    mqtt.set_keep_alive(Duration::from_secs(keep_alive_s.max(5).into()));
    mqtt.set_clean_start(memory_s == 0).set_session_expiry_interval(Some(memory_s));
    mqtt.set_max_packet_size(Some(largest));
    mqtt.set_outgoing_inflight_upper_limit(PLACES);
    mqtt.set_connection_timeout(CONNECT_TIMEOUT_S);
    if let Some(login) = login {
        mqtt.set_credentials(login.user, login.password);
    }
    if let Some(tls) = tls {
        mqtt.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    }
    if let Some(will) = will {
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: Some(1),
            message_expiry_interval: None,
            content_type: Some(will.content_type),
            response_topic: None,
            correlation_data: None,
            user_properties: will.properties,
        };
        mqtt.set_last_will(LastWill::new(
            will.topic,
            will.payload,
            QoS::AtLeastOnce,
            will.retain,
            Some(properties),
        ));
    }
    mqtt
}

impl Connection {
    /// Largest packet that the broker takes, bytes, once it has let us in and where it says so.
    pub fn largest(&self) -> Option<u32> {
        self.largest
    }

    /// The next thing that happens. Must not be dropped half-way (a packet could be lost): keep the future until it is done,
    /// or give up the connection. After an error the acknowledgements that came with it are still handed out, then the error again.
    pub async fn next(&mut self) -> Result<Happening, Trouble> {
        loop {
            let event = match &self.broken {
                None => match self.events.poll().await {
                    Ok(event) => event,
                    Err(error) => {
                        self.broken = Some(trouble(&self.address, &error));
                        continue;
                    }
                },
                Some(trouble) => self.events.state.events.pop_front().ok_or_else(|| trouble.clone())?,
            };
            if let Event::Incoming(Packet::ConnAck(ack)) = &event {
                self.largest = ack.properties.as_ref().and_then(|properties| properties.max_packet_size);
            }
            if let Some(happening) = happening(event) {
                return Ok(happening);
            }
        }
    }
}

/// Turns an event into our words; `None` for what is of no interest.
fn happening(event: Event) -> Option<Happening> {
    Some(match event {
        Event::Outgoing(Outgoing::Publish(packet)) => Happening::Sent(packet),
        Event::Outgoing(Outgoing::Disconnect) => Happening::Left,
        Event::Outgoing(_) => return None,
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::PubAck(ack)) => Happening::Acknowledged {
            packet: ack.pkid,
            outcome: match ack.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
                other => Err(format!("{other:?}")),
            },
        },
        Event::Incoming(Packet::SubAck(ack)) => {
            let bad = ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            Happening::Subscribed(bad.map_or(Ok(()), |code| Err(format!("{code:?}"))))
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Received(message(publish)),
        Event::Incoming(_) => return None,
    })
}

fn message(publish: Publish) -> Message {
    let properties = publish.properties.unwrap_or_default();
    Message {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload.to_vec(),
        acknowledged: publish.qos != QoS::AtMostOnce,
        retain: publish.retain,
        content_type: properties.content_type.unwrap_or_default(),
        properties: properties.user_properties,
        response_topic: properties.response_topic,
        correlation: properties.correlation_data.map(|data| data.to_vec()),
    }
}

fn trouble(address: &Address, error: &ConnectionError) -> Trouble {
    let (refused, what) = match error {
        ConnectionError::ConnectionRefused(code) => (!is_passing(*code), refusal(*code)),
        ConnectionError::Tls(TlsError::Io(e)) if e.get_ref().is_some() => (
            true,
            format!("TLS failed: {e}; check ca_file, cert_file, key_file, the host's name and the clock"),
        ),
        ConnectionError::Tls(e) => (false, format!("TLS failed: {e}")),
        ConnectionError::Io(e) => {
            (false, format!("cannot connect: {e}; check the address, the network and the broker"))
        }
        ConnectionError::Timeout(_) => {
            (false, format!("no answer within {CONNECT_TIMEOUT_S} s; is it an MQTT broker?"))
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            (false, "the connection was closed by the broker".into())
        }
        ConnectionError::MqttState(StateError::Io(e)) => broken(e),
        ConnectionError::MqttState(StateError::Deserialization(Error::Io(e)))
            if e.kind() != ErrorKind::Other =>
        {
            broken(e)
        }
        ConnectionError::MqttState(StateError::Deserialization(e)) => {
            (false, format!("what it answers is not understood ({e}); is it an MQTT v5 broker?"))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            (false, "the broker no longer answers".into())
        }
        other => (false, other.to_string()),
    };
    Trouble { text: format!("broker {address}: {what}"), refused }
}

/// A connection that broke. Over TLS 1.3 a broker that does not like our certificate says so only after it has let us in.
fn broken(error: &std::io::Error) -> (bool, String) {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::AlertReceived(alert)) => (
            true,
            format!(
                "TLS failed: the broker answers {alert:?}; check cert_file and key_file, and what it expects"
            ),
        ),
        _ => (false, format!("the connection broke: {error}")),
    }
}

/// The broker is overloaded or about to end: nobody has to act.
fn is_passing(code: ConnectReturnCode) -> bool {
    use ConnectReturnCode::{ConnectionRateExceeded, ServerBusy, ServerUnavailable, ServiceUnavailable};
    matches!(code, ServiceUnavailable | ServerUnavailable | ServerBusy | ConnectionRateExceeded)
}

fn refusal(code: ConnectReturnCode) -> String {
    let remedy = match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
            "check user and password_file, and the broker's list of users"
        }
        ConnectReturnCode::ClientIdentifierNotValid | ConnectReturnCode::BadClientId => {
            "the broker does not allow this client id"
        }
        ConnectReturnCode::UnsupportedProtocolVersion | ConnectReturnCode::RefusedProtocolVersion => {
            "the broker does not speak MQTT v5"
        }
        _ => "see the broker's log",
    };
    format!("refused us ({code:?}); {remedy}")
}
