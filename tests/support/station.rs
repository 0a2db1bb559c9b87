//! A station that runs: the real program, its database, and who asks it over HTTP as a browser does.

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{bearwatch, free_port, wait_for};
use crate::support_postgres::Postgres;

#[path = "database.rs"]
mod database;

pub use database::Database;

pub const TOKEN: &str = "correct-horse-battery";
/// How long anything may take in a test on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A station with its database; several lives of it may follow each other.
pub struct Station {
    pub port: u16,
    broker: String,
    folder: TempDir,
    more: Vec<String>,
    child: Option<Child>,
    /// A path, or postgres://….
    address: String,
}

/// Whether stations keep their data at a PostgreSQL: the same tests, run once more with BEARWATCH_STATION_ON=postgres.
pub fn on_postgres() -> bool {
    match std::env::var("BEARWATCH_STATION_ON").as_deref() {
        Ok("postgres") => true,
        Ok(other) => panic!("BEARWATCH_STATION_ON={other}: only postgres is known"),
        Err(_) => false,
    }
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.head))
    }
}

impl Station {
    /// Not started yet.
    pub fn new(broker: &str, more: &[&str]) -> Station {
        match on_postgres() {
            true => Station::on(&Postgres::shared().create(), broker, more),
            false => Station::on("", broker, more),
        }
    }

    /// The same on a database that is given; on a file of its own where the address is empty.
    pub fn on(address: &str, broker: &str, more: &[&str]) -> Station {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let more = more.iter().map(ToString::to_string).collect();
        let file = folder.path().join("data/station.db").display().to_string();
        let address = if address.is_empty() { file } else { address.into() };
        Station { port: free_port(), broker: broker.into(), folder, more, child: None, address }
    }

    /// As the program takes it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Started, and heard by the broker.
    pub fn at(broker: &str, more: &[&str]) -> Station {
        let mut station = Station::new(broker, more);
        station.start();
        station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
        station
    }

    /// Further options.
    pub fn with(&mut self, more: &[&str]) {
        self.more.extend(more.iter().map(ToString::to_string));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> PathBuf {
        self.path("data/station.db")
    }

    pub fn command(&self) -> Command {
        let mut command = bearwatch();
        command.args(["station", "--broker", &self.broker, "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.arg("--token-file").arg(self.path("token")).arg("--database").arg(&self.address);
        command.args(&self.more).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        self.child = Some(self.command().stderr(log).spawn().unwrap());
    }

    /// Whether it runs; one that gave up is started again, as systemd does.
    pub fn back(&mut self) -> bool {
        wait_for(LIMIT, || {
            let up = self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none());
            if !up {
                self.start();
            }
            up && self.desk().is_some()
        })
    }

    /// With a clock that a file sets, as faketime reads it.
    pub fn start_at_clock(&mut self, clock: &Path) {
        let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
        assert!(Path::new(&library).exists(), "{library} is missing: apt-get install libfaketime");
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command();
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", clock)
            .env("FAKETIME_CACHE_DURATION", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        self.child = Some(command.stderr(log).spawn().unwrap());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// As a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asked to end: its exit code.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(wait_for(LIMIT, || child.try_wait().unwrap().is_some()), "it does not end: {}", self.log());
        child.wait().unwrap().code().unwrap()
    }

    /// Exit code and words of one that must not start.
    pub fn refuses(&self) -> (i32, String) {
        let output = self.command().stderr(Stdio::piped()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let host = if headers.iter().any(|h| h.starts_with("Host: ")) { "" } else { "Host: 127.0.0.1\r\n" };
        let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(stream, "{request} HTTP/1.0\r\n{host}{lines}Content-Length: {}\r\n\r\n", body.len()).ok()?;
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let at = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
        let head = String::from_utf8(answer[..at].to_vec()).ok()?.to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head, body: answer[at + 4..].to_vec() })
    }

    pub fn get(&self, path: &str) -> Option<Answer> {
        self.send(&format!("GET {path}"), &[&format!("Authorization: Bearer {TOKEN}")], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [&*format!("Authorization: Bearer {TOKEN}"), "Content-Type: application/json"];
        self.send(&format!("POST {path}"), &headers, body.to_string().as_bytes()).unwrap()
    }

    /// What a program says of an alert.
    pub fn say(&self, alert: &str, verdict: &str) -> Answer {
        self.post(&format!("/api/alerts/{alert}/word"), &json!({ "verdict": verdict }))
    }

    /// `bearwatch station …` on this database, with what it reads: exit code, and what it says on stdout and stderr.
    pub fn tool(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let mut command = bearwatch();
        command.arg("station").args(arguments).arg("--database").arg(&self.address).env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// `bearwatch station …` without a database: exit code, and what it says on stdout and stderr.
    pub fn words(arguments: &[&str]) -> (i32, String, String) {
        let output = bearwatch().arg("station").args(arguments).env("NO_COLOR", "1").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Adds an account whose password is [`password`].
    pub fn account(&self, name: &str, role: &str) {
        let (code, _, words) =
            self.tool(&["account", "add", name, "--role", role], &format!("{}\n", password(name)));
        assert_eq!(code, 0, "{words}");
    }

    /// Somebody tries to sign in.
    pub fn knock(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "name": name, "password": password }).to_string();
        self.send("POST /api/login", &["Content-Type: application/json"], body.as_bytes()).unwrap()
    }

    /// Somebody who has an account signs in.
    pub fn sign_in(&self, name: &str) -> Session<'_> {
        let answer = self.knock(name, &password(name));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let cookie =
            answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().to_owned();
        Session { station: self, cookie, key: answer.json()["key"].as_str().unwrap().into() }
    }

    pub fn desk(&self) -> Option<Value> {
        self.get("/api/desk").filter(|answer| answer.status == 200).map(|answer| answer.json())
    }

    pub fn fleet(&self) -> Value {
        self.get("/api/fleet").unwrap().json()
    }

    /// Waits until the desk is so.
    pub fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        let came = wait_for(LIMIT, || {
            last = self.desk();
            last.as_ref().is_some_and(&is)
        });
        assert!(came, "never came: {what}: {last:#?}\n{}", self.log());
        last.unwrap()
    }

    /// Waits until an alert is so.
    pub fn alert(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        let find =
            |desk: &Value| desk["alerts"].as_array().unwrap().iter().find(|alert| alert["id"] == id).cloned();
        let desk = self.until(id, |desk| find(desk).is_some_and(|alert| is(&alert)));
        find(&desk).unwrap()
    }

    /// What it tells whoever looks is wrong with its database; waits for it.
    pub fn trouble(&self, of: &str) -> String {
        let why = |event: &Value| event["standing"]["trouble"]["why"].as_str().map(str::to_owned);
        // For each event the stream waits as long as anything may take.
        let told = self
            .events()
            .take(30)
            .find_map(|(name, event)| why(&event).filter(|why| name == "pulse" && why.contains(of)));
        told.unwrap_or_else(|| panic!("no trouble {of:?} is told: {}", self.log()))
    }

    /// Events as they come, until the connection ends.
    pub fn events(&self) -> impl Iterator<Item = (String, Value)> + use<> {
        self.events_of(&[format!("Authorization: Bearer {TOKEN}")])
    }

    pub fn events_of(&self, headers: &[String]) -> impl Iterator<Item = (String, Value)> + use<> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(stream, "GET /api/events HTTP/1.0\r\nHost: 127.0.0.1\r\n{}\r\n\r\n", headers.join("\r\n"))
            .unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        std::iter::from_fn(move || {
            let name = lines.by_ref().find_map(|line| line.strip_prefix("event: ").map(str::to_owned))?;
            let data = lines.next()?;
            Some((name, serde_json::from_str(data.strip_prefix("data: ")?).ok()?))
        })
    }

    /// All that stands in the database, as whoever steals a copy has it.
    pub fn dump(&self) -> Vec<u8> {
        if self.address.starts_with("postgres:") {
            return Postgres::shared().dump(&self.address);
        }
        let wal = std::fs::read(format!("{}-wal", self.address)).unwrap_or_default();
        [std::fs::read(&self.address).unwrap(), wal].concat()
    }

    /// The database beside the station, for reading or for getting in its way.
    pub fn open(&self) -> Database {
        Database::open(&self.address)
    }
}

/// The password of an account in a test.
pub fn password(name: &str) -> String {
    format!("correct horse of number {}", name.len())
}

/// Somebody who is signed in.
pub struct Session<'a> {
    station: &'a Station,
    /// As it was set, in small letters.
    pub cookie: String,
    pub key: String,
}

impl Session<'_> {
    pub fn headers(&self) -> [String; 2] {
        let cookie = self.cookie.split(';').next().unwrap();
        [format!("Cookie: {cookie}"), format!("Session-Key: {}", self.key)]
    }

    pub fn get(&self, path: &str) -> Answer {
        let [cookie, key] = self.headers();
        self.station.send(&format!("GET {path}"), &[&cookie, &key], b"").unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, "Accept: */*")
    }

    pub fn post_with(&self, path: &str, body: &Value, header: &str) -> Answer {
        let [cookie, key] = self.headers();
        let headers = [&*cookie, &*key, "Content-Type: application/json", header];
        self.station.send(&format!("POST {path}"), &headers, body.to_string().as_bytes()).unwrap()
    }

    /// Tells a camera of the creek or another one something.
    pub fn tell(&self, camera: &str, wish: &Value) -> Answer {
        self.post(&format!("/api/cameras/{camera}/command"), wish)
    }

    /// The newest command, when it is so.
    pub fn told(&self, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let came = wait_for(LIMIT, || {
            last = self.get("/api/fleet").json()["commands"][0].clone();
            is(&last)
        });
        assert!(came, "never came: {last:#}\n{}", self.station.log());
        last
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
