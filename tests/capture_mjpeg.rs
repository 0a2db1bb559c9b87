//! The stream of an IP camera, on a loopback socket: whole, torn, refused, silent.

#![allow(clippy::unwrap_used, reason = "a test program")]

#[path = "support/stage.rs"]
mod stage;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bearwatch::capture::settings::{MjpegSettings, SourceSettings};
use stage::{Stage, jpeg};

/// What the camera does with one connection.
type Answer = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// An IP camera on a loopback socket: answers each connection in turn.
struct IpCamera {
    url: String,
    requests: Receiver<String>,
}

impl IpCamera {
    fn start(mut answers: Vec<Answer>) -> IpCamera {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/stream?key=1", listener.local_addr().unwrap());
        let (tell, requests) = sync_channel(16);
        std::thread::spawn(move || {
            for answer in answers.drain(..) {
                let (mut socket, _) = listener.accept().unwrap();
                let _ = tell.try_send(request(&mut socket));
                answer(&mut socket);
            }
        });
        IpCamera { url, requests }
    }

    fn settings(&self) -> MjpegSettings {
        MjpegSettings { url: self.url.clone(), user: None, password_file: None }
    }
}

/// The head of a request.
fn request(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn send(socket: &mut TcpStream, parts: &[&[u8]]) {
    for part in parts {
        // The other side may have left.
        let _ = socket.write_all(part);
    }
}

const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cam\r\n\r\n";

fn part(jpeg: &[u8]) -> Vec<u8> {
    let head = format!("--cam\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

#[test]
fn a_stream_is_read_with_the_credentials_of_the_file() {
    let camera = IpCamera::start(vec![Box::new(|socket| {
        send(socket, &[HEAD]);
        for _ in 0..50 {
            send(socket, &[&part(&jpeg(60))]);
            std::thread::sleep(Duration::from_millis(20));
        }
    })]);
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "salmon\n").unwrap();
    let settings = MjpegSettings {
        user: Some("ranger".to_owned()),
        password_file: Some(secret.path().to_owned()),
        ..camera.settings()
    };
    let mut stage = Stage::start(SourceSettings::Mjpeg(settings), 5.0);
    assert_eq!(stage.frame().data, jpeg(60));
    assert_eq!(stage.opened(), "MJPEG 64×48 over HTTP");
    let request = camera.requests.recv().unwrap().to_lowercase();
    assert!(
        request.starts_with("get /stream?key=1 ") && request.contains("authorization: basic"),
        "{request}"
    );
    stage.end();
}

#[test]
fn a_stream_that_stops_in_mid_frame_is_opened_anew() {
    let half = |socket: &mut TcpStream| {
        let whole = part(&jpeg(60));
        send(socket, &[HEAD, &whole, &whole[..whole.len() / 2]]);
    };
    let silent = move |socket: &mut TcpStream| {
        half(socket);
        std::thread::sleep(Duration::from_secs(3));
    };
    let camera = IpCamera::start(vec![Box::new(half), Box::new(silent), Box::new(half)]);
    let mut stage = Stage::start(SourceSettings::Mjpeg(camera.settings()), 0.5);
    stage.frame();
    stage.opened();
    let closed = stage.lost();
    assert!(closed.contains("closed the connection in the middle of a frame"), "{closed}");
    assert!(!closed.contains("key=1"), "{closed}");
    stage.frame();
    stage.opened();
    let silence = stage.lost();
    assert!(silence.contains("gave no frame for 0.5 s"), "{silence}");
    stage.frame();
    stage.end();
}

#[test]
fn parts_without_length_and_torn_ones_are_handled() {
    let camera = IpCamera::start(vec![Box::new(|socket| {
        let whole = jpeg(60);
        let without = |jpeg: &[u8]| [b"\r\n--cam\r\nContent-Type: image/jpeg\r\n\r\n", jpeg].concat();
        send(socket, &[HEAD, &without(&whole), &without(&whole[..99]), &without(&whole), b"\r\n--cam\r\n"]);
        std::thread::sleep(Duration::from_secs(2));
    })]);
    let mut stage = Stage::start(SourceSettings::Mjpeg(camera.settings()), 5.0);
    assert_eq!(stage.frame().data, jpeg(60));
    assert_eq!(stage.frame().data, jpeg(60));
    assert_eq!(stage.metrics.counters.frames_bad.load(Ordering::Relaxed), 1);
    stage.end();
}

#[test]
fn cameras_that_refuse_or_give_something_else_are_told_by_name_with_the_remedy() {
    let answer = |text: &'static str| -> Vec<Answer> {
        vec![Box::new(move |socket| send(socket, &[text.as_bytes()]))]
    };
    for (text, says) in [
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "capture.password_file"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "check the path in capture.url"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
            "instead of a multipart stream",
        ),
    ] {
        let camera = IpCamera::start(answer(text));
        let stage = Stage::start(SourceSettings::Mjpeg(camera.settings()), 5.0);
        let why = stage.lost();
        assert!(why.starts_with("camera http://127.0.0.1") && why.contains(says), "{why}");
        stage.end();
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/");
    let stage =
        Stage::start(SourceSettings::Mjpeg(MjpegSettings { url, user: None, password_file: None }), 5.0);
    assert!(stage.lost().contains("check the address"));
    stage.end();
}

#[test]
fn a_camera_that_accepts_and_says_nothing_does_not_hold_up_the_end() {
    let camera = IpCamera::start(vec![Box::new(|_| std::thread::sleep(Duration::from_secs(20)))]);
    let stage = Stage::start(SourceSettings::Mjpeg(camera.settings()), 5.0);
    camera.requests.recv().unwrap();
    stage.end();
}
