//! A broker that says what a test tells it to, for what Mosquitto never says: reason codes of every kind. It reads MQTT v5 as far as a camera
//! speaks it, and keeps what it read.

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A message as a camera sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// As it stood in the packet: empty where an alias stands for it.
    pub topic: String,
    pub alias: Option<u16>,
    pub expiry_s: Option<u32>,
    pub content_type: String,
    /// Names of its user properties.
    pub properties: Vec<String>,
    /// 0 for QoS 0.
    pub packet: u16,
    pub payload: Vec<u8>,
}

/// What the broker does on a packet.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Acknowledges with this reason code.
    Acknowledges(u8),
    /// Says nothing.
    Keeps,
    /// Ends the connection with this reason code, and may name another server.
    Disconnects(u8, Option<String>),
}

/// The running broker; its threads end with the test program.
pub struct Scripted {
    pub url: String,
    published: Arc<Mutex<Vec<Published>>>,
    connections: Arc<Mutex<usize>>,
}

impl Scripted {
    /// Lets everybody in with these properties of CONNACK.
    pub fn start(
        properties: &[u8],
        react: impl Fn(&Published) -> Reaction + Send + Sync + 'static,
    ) -> Scripted {
        Scripted::answering(0, properties, react)
    }

    /// Lets nobody in, for this reason.
    pub fn refusing(code: u8) -> Scripted {
        Scripted::answering(code, &[], |_| Reaction::Keeps)
    }

    fn answering(
        code: u8,
        properties: &[u8],
        react: impl Fn(&Published) -> Reaction + Send + Sync + 'static,
    ) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let scripted = Scripted { url, published: Arc::default(), connections: Arc::default() };
        let (published, connections) = (scripted.published.clone(), scripted.connections.clone());
        let welcome = packet(0x20, &[&[0, code, properties.len() as u8], properties].concat());
        let react = Arc::new(react);
        std::thread::spawn(move || {
            for (connection, socket) in listener.incoming().enumerate() {
                let (published, react, welcome) = (published.clone(), react.clone(), welcome.clone());
                *connections.lock().unwrap() += 1;
                std::thread::spawn(move || serve(socket.unwrap(), connection, &welcome, &published, &*react));
            }
        });
        scripted
    }

    /// What it was sent so far.
    pub fn published(&self) -> Vec<Published> {
        self.published.lock().unwrap().clone()
    }

    /// The last levels of the topics that it was sent, alias or not, on one connection.
    pub fn kinds(&self, connection: usize) -> Vec<String> {
        let mut names = std::collections::HashMap::new();
        let mut kinds = Vec::new();
        for message in self.published().into_iter().filter(|message| message.connection == connection) {
            let topic = match message.alias {
                Some(alias) if message.topic.is_empty() => names[&alias],
                Some(alias) => {
                    let topic: &'static str = message.topic.leak();
                    names.insert(alias, topic);
                    topic
                }
                None => &*message.topic.leak(),
            };
            kinds.push(topic.rsplit('/').next().unwrap().to_owned());
        }
        kinds
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(
    mut socket: TcpStream,
    connection: usize,
    welcome: &[u8],
    published: &Mutex<Vec<Published>>,
    react: &(dyn Fn(&Published) -> Reaction + Send + Sync),
) {
    while let Some((kind, body)) = read_packet(&mut socket) {
        let answer = match kind >> 4 {
            1 => welcome.to_vec(),
            8 => packet(0x90, &[body[0], body[1], 0, 1]),
            12 => packet(0xD0, &[]),
            14 => return,
            3 => {
                let message = read_publish(kind, &body, connection);
                published.lock().unwrap().push(message.clone());
                match react(&message) {
                    Reaction::Acknowledges(_) if message.packet == 0 => Vec::new(),
                    Reaction::Acknowledges(code) => {
                        let [high, low] = message.packet.to_be_bytes();
                        packet(0x40, &[high, low, code])
                    }
                    Reaction::Keeps => Vec::new(),
                    Reaction::Disconnects(code, server) => {
                        let reference = server.map_or(Vec::new(), |server| {
                            [&[0x1C, 0, server.len() as u8], server.as_bytes()].concat()
                        });
                        let body = [&[code, reference.len() as u8], &reference[..]].concat();
                        let _ = socket.write_all(&packet(0xE0, &body));
                        return;
                    }
                }
            }
            _ => Vec::new(),
        };
        if socket.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Short ones alone: below 128 bytes.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128);
    [&[kind, body.len() as u8], body].concat()
}

fn read_packet(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut byte = [0];
    socket.read_exact(&mut byte).ok()?;
    let kind = byte[0];
    let (mut length, mut shift) = (0, 0);
    loop {
        socket.read_exact(&mut byte).ok()?;
        length |= usize::from(byte[0] & 0x7F) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).ok()?;
    Some((kind, body))
}

/// The rest of a packet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, bytes: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let length = self.short().into();
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    fn varying(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
}

fn read_publish(kind: u8, body: &[u8], connection: usize) -> Published {
    let mut rest = Rest(body);
    let topic = rest.text();
    let packet = if kind & 0x06 == 0 { 0 } else { rest.short() };
    let length = rest.varying();
    let mut properties = Rest(rest.take(length));
    let (alias, expiry_s, content_type) = (None, None, String::new());
    let mut message = Published {
        connection,
        topic,
        alias,
        expiry_s,
        content_type,
        properties: Vec::new(),
        packet,
        payload: Vec::new(),
    };
    while !properties.0.is_empty() {
        match properties.take(1)[0] {
            0x01 => drop(properties.take(1).to_vec()),
            0x02 => message.expiry_s = Some(properties.long()),
            0x03 => message.content_type = properties.text(),
            0x08 | 0x09 => drop(properties.text()),
            0x23 => message.alias = Some(properties.short()),
            0x26 => {
                message.properties.push(properties.text());
                properties.text();
            }
            other => panic!("property {other:#x} is not expected of a camera"),
        }
    }
    message.payload = rest.0.to_vec();
    message
}
