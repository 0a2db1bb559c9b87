//! A camera with an aiming page, and who asks it over HTTP as a browser does.

#![allow(dead_code, reason = "every test program uses a part")]

use std::io::{Read, Write};
use std::net::TcpStream;

use bearwatch::capture::pixels::to_picture;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat};
use serde_json::Value;

use crate::support::daemon::{Daemon, Home, SOON};
use crate::support::scrape::free_port;
use crate::support::wait_for;

pub const TOKEN: &str = "correct-horse-battery";

/// An answer, its body as it came.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.head))
    }

    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap().to_owned()
    }
}

/// A camera with a page.
pub struct Camera {
    pub home: Home,
    pub port: u16,
}

impl Camera {
    /// With a token, on a port of its own.
    pub fn at(home: Home) -> Camera {
        std::fs::write(home.path("token"), format!("{TOKEN}\n")).unwrap();
        Camera { home, port: free_port() }
    }

    pub fn new(url: &str, source: &str) -> Camera {
        let camera = Camera::at(Home::new(url, source));
        // With the threshold that a camera has in the field: else everything is a bear.
        let config = std::fs::read_to_string(camera.home.path("bearwatch.toml")).unwrap();
        std::fs::write(camera.home.path("bearwatch.toml"), config.replace("bear_threshold = 0.01\n", ""))
            .unwrap();
        camera
    }

    /// Waits until it has seen a frame.
    pub fn start(&self, sets: &[&str]) -> Daemon {
        let token = format!("page.token_file={}", self.home.path("token").display());
        let listen = format!("page.listen=127.0.0.1:{}", self.port);
        let daemon = self.home.start(&[&[&*listen, &*token], sets].concat());
        let sees =
            || self.ask("GET /api/state").is_some_and(|a| a.status == 200 && !a.json()["frame"].is_null());
        assert!(wait_for(SOON, sees), "{}", daemon.log());
        daemon
    }

    pub fn ask(&self, request: &str) -> Option<Answer> {
        self.send(request, &[&format!("Authorization: Bearer {TOKEN}")], b"")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}")).unwrap()
    }

    pub fn draw(&self, areas: &str) -> Answer {
        let token = format!("Authorization: Bearer {TOKEN}");
        self.send("PUT /api/areas", &[&token, "Content-Type: application/json"], areas.as_bytes()).unwrap()
    }

    /// To 127.0.0.1 unless a header says otherwise.
    pub fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let host = if headers.iter().any(|h| h.starts_with("Host: ")) { "" } else { "Host: 127.0.0.1\r\n" };
        let length = body.len();
        let lines: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(stream, "{request} HTTP/1.0\r\n{host}{lines}Content-Length: {length}\r\n\r\n").ok()?;
        // Who is refused early has the line cut.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let at = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
        let head = String::from_utf8(answer[..at].to_vec()).ok()?.to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head, body: answer[at + 4..].to_vec() })
    }

    pub fn picture(&self, side: u32) -> (Picture, Answer) {
        let answer = self.get(&format!("/api/picture?side={side}"));
        assert_eq!(answer.status, 200, "{}", answer.head);
        let frame = Frame { format: PixelFormat::Jpeg, data: answer.body.clone(), ..Frame::empty() };
        let mut picture = Picture::default();
        to_picture(&frame, &mut picture).unwrap();
        (picture, answer)
    }
}
