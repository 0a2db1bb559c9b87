//! The only folder that names rumqttc: MQTT v5 over TCP or TLS, one connection at a time.
//!
//! Each connection gets a new event loop, so nothing survives from the one before: rumqttc would otherwise resend by itself, or
//! forget by itself when the broker lost the session. The outbox is the only memory of a message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, LastWill, LastWillProperties, Packet, Publish, PublishProperties, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{Outgoing, TlsConfiguration, Transport};

use super::address::{Address, Login};

mod reasons;
mod troubles;

pub use reasons::{Effect, Objection, Redirection, SOON, Trouble};
use troubles::trouble;

/// Packets that may wait between us and the event loop.
const CHANNEL: usize = 64;
/// Messages on their way at once, fewer where the broker's receive maximum says so.
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
    /// Messages to us that we have not acknowledged, at most, where we acknowledge them ourselves ([`Outgoings::acknowledge`]); `None` where each is
    /// acknowledged as it comes in.
    pub custody: Option<u16>,
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
    /// The broker forgets it when it has lain there for so long, seconds; never where `None`.
    pub expiry_s: Option<u32>,
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
    Connected {
        /// It remembers an earlier connection of ours.
        remembered: bool,
    },
    /// A packet with a message of ours went out; id 0 for QoS 0.
    Sent(u16),
    /// The broker acknowledged it.
    Acknowledged {
        /// Its packet id.
        packet: u16,
        /// `Err` is the broker's reason for not taking it.
        outcome: Result<(), Objection>,
    },
    /// The broker agreed to a subscription, or did not.
    Subscribed(Result<(), String>),
    /// A message came in.
    Received {
        /// The message.
        message: Message,
        /// Its packet id; 0 for QoS 0.
        packet: u16,
    },
    /// We said goodbye, and the packet is out.
    Left,
}

/// Hands messages to a connection.
pub struct Outgoings {
    client: AsyncClient,
    /// Numbers that stand for topics on this connection.
    aliases: HashMap<String, u16>,
    most_aliases: u16,
}

/// What the broker allows, as it said when it let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest packet, bytes.
    pub largest: Option<u32>,
    /// Messages on their way at once.
    pub window: usize,
    /// Topic aliases.
    pub aliases: u16,
}

impl Message {
    /// JSON that is acknowledged and not retained.
    pub fn json(topic: String, payload: Vec<u8>, properties: Vec<(String, String)>) -> Message {
        Message {
            topic,
            payload,
            acknowledged: true,
            retain: false,
            expiry_s: None,
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
    /// From now on topics are named by number once they were named in full, as many as the broker allows: a third of a short message is its
    /// topic.
    pub fn allow_aliases(&mut self, most: u16) {
        self.most_aliases = most;
    }

    /// Hands one over; `false` where the queue is full.
    pub fn publish(&mut self, message: Message) -> bool {
        let known = self.aliases.get(&message.topic).copied();
        let next = u16::try_from(self.aliases.len()).ok().map(|used| used + 1);
        let alias = known.or_else(|| next.filter(|&next| next <= self.most_aliases));
        let named = if known.is_some() { String::new() } else { message.topic.clone() };
        let properties = PublishProperties {
            topic_alias: alias,
            message_expiry_interval: message.expiry_s,
            payload_format_indicator: (message.content_type == "application/json").then_some(1),
            user_properties: message.properties,
            content_type: Some(message.content_type),
            response_topic: message.response_topic,
            correlation_data: message.correlation.map(Into::into),
            ..Default::default()
        };
        let qos = if message.acknowledged { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let handed_over = self
            .client
            .try_publish_with_properties(named, qos, message.retain, message.payload, properties)
            .is_ok();
        if let (true, None, Some(alias)) = (handed_over, known, alias) {
            self.aliases.insert(message.topic, alias);
        }
        handed_over
    }

    /// Asks for a topic filter at QoS 1; `false` where the queue is full.
    pub fn subscribe(&self, filter: &str) -> bool {
        self.client.try_subscribe(filter, QoS::AtLeastOnce).is_ok()
    }

    /// Takes a subscription back; `false` where the queue is full.
    pub fn unsubscribe(&self, filter: &str) -> bool {
        self.client.try_unsubscribe(filter).is_ok()
    }

    /// Tells the broker that a message is in our keeping; `false` where the queue is full.
    pub fn acknowledge(&self, packet: u16) -> bool {
        let publish = Publish { qos: QoS::AtLeastOnce, pkid: packet, ..Default::default() };
        self.client.try_ack(&publish).is_ok()
    }

    /// Says goodbye; `false` where the queue is full.
    pub fn disconnect(&self) -> bool {
        self.client.try_disconnect().is_ok()
    }
}

/// Drives a connection.
pub struct Connection {
    events: EventLoop,
    address: Address,
    broken: Option<Trouble>,
    limits: Limits,
}

/// Prepares a connection; it is made by the first [`Connection::next`].
pub fn connect(options: Options) -> (Outgoings, Connection) {
    let address = options.address.clone();
    let (client, events) = AsyncClient::new(mqtt_options(options), CHANNEL);
    let limits = Limits { largest: None, window: WINDOW, aliases: 0 };
    let outgoings = Outgoings { client, aliases: HashMap::new(), most_aliases: 0 };
    (outgoings, Connection { events, address, broken: None, limits })
}

fn mqtt_options(options: Options) -> MqttOptions {
    let Options { client_id, address, login, tls, keep_alive_s, will, memory_s, largest, custody } = options;
    let mut mqtt = MqttOptions::new(client_id, address.host, address.port);
    mqtt.set_keep_alive(Duration::from_secs(keep_alive_s.max(5).into()));
    mqtt.set_clean_start(memory_s == 0).set_session_expiry_interval(Some(memory_s));
    mqtt.set_max_packet_size(Some(largest));
    mqtt.set_manual_acks(custody.is_some()).set_receive_maximum(custody);
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
    /// What the broker allows, once it has let us in.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether more has happened that [`Connection::next`] hands out at once.
    pub fn has_more(&self) -> bool {
        !self.events.state.events.is_empty()
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
            match &event {
                Event::Incoming(Packet::ConnAck(ack)) => self.limits = limits(ack),
                Event::Incoming(Packet::Disconnect(packet)) => {
                    let trouble = reasons::disconnect(packet);
                    let text = format!("broker {}: {}", self.address, trouble.text);
                    self.broken = Some(Trouble { text, ..trouble });
                }
                _ => {}
            }
            if let Some(happening) = happening(event) {
                return Ok(happening);
            }
        }
    }
}

/// What is not said is the standard's default.
fn limits(ack: &ConnAck) -> Limits {
    let properties = ack.properties.as_ref();
    let receive_max = properties.and_then(|properties| properties.receive_max).unwrap_or(u16::MAX);
    Limits {
        largest: properties.and_then(|properties| properties.max_packet_size),
        window: WINDOW.min(usize::from(receive_max)).max(1),
        aliases: properties.and_then(|properties| properties.topic_alias_max).unwrap_or(0),
    }
}

/// Turns an event into our words; `None` for what is of no interest.
fn happening(event: Event) -> Option<Happening> {
    Some(match event {
        Event::Outgoing(Outgoing::Publish(packet)) => Happening::Sent(packet),
        Event::Outgoing(Outgoing::Disconnect) => Happening::Left,
        Event::Outgoing(_) => return None,
        Event::Incoming(Packet::ConnAck(ack)) => Happening::Connected { remembered: ack.session_present },
        Event::Incoming(Packet::PubAck(ack)) => {
            Happening::Acknowledged { packet: ack.pkid, outcome: reasons::acknowledgement(ack.reason) }
        }
        Event::Incoming(Packet::SubAck(ack)) => {
            let bad = ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            Happening::Subscribed(bad.map_or(Ok(()), |code| Err(format!("{code:?}"))))
        }
        Event::Incoming(Packet::Publish(publish)) => {
            let packet = publish.pkid;
            Happening::Received { message: message(publish), packet }
        }
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
        expiry_s: properties.message_expiry_interval,
        content_type: properties.content_type.unwrap_or_default(),
        properties: properties.user_properties,
        response_topic: properties.response_topic,
        correlation: properties.correlation_data.map(|data| data.to_vec()),
    }
}
