//! The daemon as its user runs it: the real program with a configuration file, and whoever hears it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::frame::Picture;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{Broker, bearwatch, contract, wait_for};

/// Longest that anything may take which should happen soon: machines that run tests are busy.
pub const SOON: Duration = Duration::from_secs(30);

/// A folder with the configuration, the store and the log of a daemon; several lives of it may follow each other.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Watches `source` (lines of `[capture]`) for the broker at `url`. Whatever is drawn there counts as a bear soon, for these
    /// tests are about its way to the rangers.
    pub fn new(url: &str, source: &str) -> Home {
        let home = Home { folder: tempfile::tempdir().unwrap() };
        let config = format!(
            "[site]\nname = \"yellow-creek\"\ncamera = \"north\"\n[capture]\n{source}\n\
             [perceive]\nregions = \"whole\"\nbear_threshold = 0.01\n\
             [alert]\nfalse_alarms_per_day = 1000\nmin_visible_s = 0\nupdate_s = 0.5\n\
             [publish]\nbroker = \"{url}\"\ntelemetry_s = 0.5\n[store]\npath = \"{}\"\n\
             [board]\nsysfs = \"{}\"\n",
            home.store().display(),
            home.sysfs().display()
        );
        std::fs::write(home.path("bearwatch.toml"), config).unwrap();
        home
    }

    /// Plays pictures of a drawn bear, five for each second.
    pub fn with_bear(url: &str, seconds: u32, repeat: bool) -> Home {
        let home =
            Home::new(url, &format!("source = \"files\"\npath = \"PICTURES\"\nfps = 5\nloop = {repeat}\n"));
        draw_bear(&home.pictures(), seconds);
        let config = std::fs::read_to_string(home.path("bearwatch.toml")).unwrap();
        let config = config.replace("PICTURES", &home.pictures().display().to_string());
        std::fs::write(home.path("bearwatch.toml"), config).unwrap();
        home
    }

    pub fn pictures(&self) -> PathBuf {
        self.path("pictures")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the kernel tells of the board: nothing, until a test writes it there.
    pub fn sysfs(&self) -> PathBuf {
        self.path("sys")
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Starts the daemon with further settings, `section.key=value`.
    pub fn start(&self, sets: &[&str]) -> Daemon {
        self.start_with(sets, |_| {})
    }

    pub fn start_with(&self, sets: &[&str], change: impl FnOnce(&mut Command)) -> Daemon {
        self.start_by(bearwatch(), sets, change)
    }

    /// Starts the daemon where the wall clock counts as synchronised: with a `/run` of its own that holds timesyncd's mark. Needs root.
    pub fn start_synchronised(&self, sets: &[&str]) -> Daemon {
        let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(bearwatch().get_program());
        self.start_by(command, sets, |_| {})
    }

    /// Starts the daemon by another program, whose last arguments are ours and their own.
    pub fn start_by(&self, mut command: Command, sets: &[&str], change: impl FnOnce(&mut Command)) -> Daemon {
        let log = self.path("log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.args(["run", "--config"]).arg(self.path("bearwatch.toml")).env("NO_COLOR", "1");
        for set in sets {
            command.args(["--set", set]);
        }
        change(&mut command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Daemon { child, log }
    }
}

/// A running daemon, killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// What it and the lives before it wrote to stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Its number among the processes.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until its log holds `text`.
    pub fn says(&self, text: &str) {
        assert!(wait_for(SOON, || self.log().contains(text)), "it never said {text:?}: {}", self.log());
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut: nothing is said and nothing is written any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; the exit code.
    pub fn ends_within(&mut self, limit: Duration) -> i32 {
        let ended = wait_for(limit, || self.child.try_wait().unwrap().is_some());
        assert!(ended, "it goes on after {limit:?}: {}", self.log());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        assert!(!self.log().contains("panicked"), "{}", self.log());
        code
    }

    /// Asks it to end and waits, as long as systemd's user would; the exit code.
    pub fn stop(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.ends_within(Duration::from_secs(8))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Whoever waited for it already gets an error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message as mosquitto_sub shows it.
#[derive(Clone, Debug)]
pub struct Post {
    pub topic: String,
    /// Last level of the topic.
    pub kind: String,
    pub retained: bool,
    pub properties: HashMap<String, String>,
    pub payload: Vec<u8>,
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|e| panic!("{} is no JSON: {e}", self.kind))
    }

    /// Every message that a test hears is what docs/asyncapi.json says of it.
    fn keep_to_the_contract(&self) {
        if let Some(fault) = contract::fault(&self.topic, &self.payload, &self.properties) {
            panic!("against the contract: {fault}; {}", summary(self));
        }
    }

    /// From mosquitto_sub's `%t\t%r\t%P\t%x`.
    pub fn read(line: &str) -> Post {
        let fields: Vec<&str> = line.split('\t').collect();
        let [topic, retained, properties, hex] = fields[..] else { panic!("{line}") };
        let kind = topic.strip_prefix("bearwatch/v1/yellow-creek/north/").unwrap_or(topic).to_owned();
        let pairs = properties.split(' ').filter_map(|pair| pair.split_once(':'));
        let properties = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let payload = (0..hex.len()).step_by(2).map(byte).collect();
        Post { topic: topic.to_owned(), kind, retained: retained == "1", properties, payload }
    }
}

/// A subscriber that is not ours: mosquitto_sub.
pub struct Listener {
    child: Child,
    incoming: Receiver<Post>,
    /// All that was heard so far.
    pub posts: Vec<Post>,
    /// Whether somebody other than a camera speaks here: nobody holds that to the contract.
    anything: bool,
}

impl Listener {
    pub fn start(broker: &Broker) -> Listener {
        Listener::with(broker, &[])
    }

    /// With further options: user, certificates.
    pub fn with(broker: &Broker, options: &[&str]) -> Listener {
        let id = format!("desk-{}", broker.log().len());
        let mut child = Command::new("mosquitto_sub")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-i", &id])
            .args(["-t", "bearwatch/v1/#", "-F", "%t\t%r\t%P\t%x"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub does not run: apt-get install mosquitto-clients");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, incoming) = sync_channel(10_000);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).all(|line| sender.send(Post::read(&line)).is_ok())
        });
        let agreed = format!("Sending SUBACK to {id}");
        assert!(wait_for(SOON, || broker.log().contains(&agreed)), "no subscription: {}", broker.log());
        Listener { child, incoming, posts: Vec::new(), anything: false }
    }

    /// For tests in which others speak than cameras: forgers, and numbers that stand for messages.
    pub fn taking_anything(mut self) -> Listener {
        self.anything = true;
        self
    }

    /// Listens until `enough` of what was heard, which must be soon.
    pub fn until(&mut self, what: &str, enough: impl Fn(&[Post]) -> bool) -> &[Post] {
        let posts = &mut self.posts;
        let (incoming, anything) = (&self.incoming, self.anything);
        let heard = wait_for(SOON, || {
            posts.extend(incoming.try_iter().inspect(|post| {
                if !anything {
                    post.keep_to_the_contract();
                }
            }));
            enough(posts)
        });
        assert!(heard, "not heard: {what}; but {:?}", posts.iter().map(summary).collect::<Vec<_>>());
        posts
    }

    /// Listens until a message of a kind fulfils `wanted`, and gives it.
    pub fn hears(&mut self, kind: &str, wanted: impl Fn(&Post) -> bool) -> Post {
        let fits = |post: &&Post| post.kind == kind && wanted(post);
        self.until(kind, |posts| posts.iter().any(|post| fits(&post))).iter().find(fits).unwrap().clone()
    }

    /// Listens until the status has this state and the reason holds `why`.
    pub fn hears_state(&mut self, state: &str, why: &str) -> Value {
        let wanted = |post: &Post| {
            let status = post.json();
            status["state"] == state && status["reason"].as_str().unwrap().contains(why)
        };
        self.hears("status", wanted).json()
    }

    /// What has come in since.
    pub fn drain(&self) -> Vec<Post> {
        self.incoming.try_iter().collect()
    }

    pub fn of(&self, kind: &str) -> Vec<&Post> {
        self.posts.iter().filter(|post| post.kind == kind).collect()
    }

    /// The alerts, as JSON.
    pub fn alerts(&self) -> Vec<Value> {
        self.of("alert").iter().map(|post| post.json()).collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn summary(post: &Post) -> String {
    match post.kind.as_str() {
        "snapshot" => format!("snapshot {:?}", post.properties),
        kind => format!("{kind} {}", String::from_utf8_lossy(&post.payload)),
    }
}

/// For tests that need root for a mount: says so where it is not there. CI runs as root.
pub fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        println!("not run: needs root");
    }
    root
}

/// Draws a bear that walks through the simulated campsite, five pictures for each second.
fn draw_bear(folder: &Path, seconds: u32) {
    std::fs::create_dir_all(folder).unwrap();
    let settings = SceneSettings {
        seed: 5,
        darkness_start: 0.0,
        darkness_end: 0.0,
        duration_s: 40.0,
        bears: 2,
        ..SceneSettings::default()
    };
    let (mut scene, mut picture) = (Scene::new(&settings), Picture::default());
    for i in 0..seconds * 5 {
        scene.draw(f64::from(i) / 5.0, &mut picture);
        let jpeg = encode_jpeg(&picture, 85, 640).unwrap();
        std::fs::write(folder.join(format!("{i:03}.jpg")), jpeg).unwrap();
    }
}
