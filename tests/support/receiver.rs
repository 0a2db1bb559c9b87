//! Services that are told of bears, as they are on the internet: one that takes HTTP or HTTPS, and can fail, hang, refuse; and a mail server (aiosmtpd).

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::support::daemon::SOON;
use super::support::{free_port, park, wait_for};

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Takes what is sent, and says nothing until it is another.
    Hangs,
    /// Hangs up.
    Closes,
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// The service.
pub struct Receiver {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    manner: Arc<Mutex<Manner>>,
}

/// A certificate for the loopback, with its authority.
pub struct Proof {
    folder: tempfile::TempDir,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether it is signed with this key, as Standard Webhooks has it.
    pub fn is_signed(&self, key: &str) -> bool {
        let (id, at) = (&self.headers["webhook-id"], &self.headers["webhook-timestamp"]);
        let signed = [id.as_bytes(), b".", at.as_bytes(), b".", &self.body].concat();
        let shown = STANDARD.decode(self.headers["webhook-signature"].strip_prefix("v1,").unwrap()).unwrap();
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &signed, &shown).is_ok()
    }

    fn read(stream: impl Read) -> Option<Request> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Request { line: line.trim_end().to_owned(), headers, body })
    }
}

impl Receiver {
    pub fn start(manner: Manner) -> Receiver {
        Receiver::with(manner, None)
    }

    /// Over TLS.
    pub fn with(manner: Manner, proof: Option<&Proof>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let tls = proof.map(Proof::server);
        let (requests, manner) = (receiver.requests.clone(), receiver.manner.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (requests, manner, tls) = (requests.clone(), manner.clone(), tls.clone());
                let socket = socket.unwrap();
                std::thread::spawn(move || match tls {
                    Some(tls) => serve(
                        StreamOwned::new(ServerConnection::new(tls).unwrap(), socket),
                        &requests,
                        &manner,
                    ),
                    None => serve(socket, &requests, &manner),
                });
            }
        });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn is(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The first request that is so; waits for it.
    pub fn gets(&self, what: &str, is: impl Fn(&Request) -> bool) -> Request {
        let find = || self.requests().into_iter().find(&is);
        assert!(wait_for(SOON, || find().is_some()), "never came: {what}: {:#?}", self.lines());
        find().unwrap()
    }

    fn lines(&self) -> Vec<(String, String)> {
        let shown = |one: &Request| {
            (one.line.clone(), String::from_utf8_lossy(&one.body).chars().take(500).collect())
        };
        self.requests().iter().map(shown).collect()
    }
}

fn serve(mut stream: impl Read + Write, requests: &Mutex<Vec<Request>>, manner: &Mutex<Manner>) {
    let Some(request) = Request::read(&mut stream) else { return };
    let line = request.line.clone();
    requests.lock().unwrap().push(request);
    let status = loop {
        match *manner.lock().unwrap() {
            Manner::Answers(status) => break status,
            Manner::Closes => return,
            Manner::Hangs => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let body = if line.contains("/v2/events/") { r#"[{"object_id":"event-1"}]"# } else { r#"{"id":"abc"}"# };
    let head =
        format!("HTTP/1.1 {status} So\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.flush());
}

impl Proof {
    pub fn new() -> Proof {
        let folder = tempfile::tempdir().unwrap();
        let made = park::script("keys.sh")
            .args(["broker", "127.0.0.1", "localhost"])
            .env("KEYS", folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Proof { folder }
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("broker-ca.pem")
    }

    fn file(&self, end: &str) -> PathBuf {
        self.folder.path().join(format!("broker.{end}"))
    }

    fn server(&self) -> Arc<ServerConfig> {
        let chain =
            CertificateDer::pem_file_iter(self.file("pem")).unwrap().collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

/// A mail server with TLS from the beginning on one port and STARTTLS on another, that lets in who has the password.
pub struct MailServer {
    child: Child,
    folder: tempfile::TempDir,
    pub smtps: u16,
    pub smtp: u16,
}

/// What the mail server lets in.
pub const MAIL_PASSWORD: &str = "bears-at-night";

impl MailServer {
    pub fn start(proof: &Proof) -> MailServer {
        let (smtps, smtp, folder) = (free_port(), free_port(), tempfile::tempdir().unwrap());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/station/mail.py");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args([smtps.to_string(), smtp.to_string(), MAIL_PASSWORD.into()]);
        command
            .arg(proof.file("pem"))
            .arg(proof.file("key"))
            .arg(folder.path())
            .stderr(log)
            .stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let server = MailServer { child, folder, smtps, smtp };
        assert!(wait_for(SOON, || server.folder.path().join("ready").exists()), "{}", server.log());
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Every message, in the order in which they came, as they were sent.
    pub fn mails(&self) -> Vec<String> {
        let mut names: Vec<PathBuf> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect();
        names.sort();
        names.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// The first that is so; waits for it.
    pub fn gets(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let find = || self.mails().into_iter().find(|mail| is(mail));
        assert!(
            wait_for(SOON, || find().is_some()),
            "never came: {what}: {:#?} {}",
            self.mails(),
            self.log()
        );
        find().unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
