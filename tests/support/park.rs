//! A park as `deploy/mosquitto` sets it up: its keys, its access rules and its broker, all made by what is shipped.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::daemon::{Listener, SOON};
use super::{Broker, free_port, wait_for};

/// What is shipped.
pub const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/mosquitto");
/// Where the shipped configuration looks for keys and rules.
const INSTALLED: &str = "/etc/mosquitto/bearwatch";

/// Keys, rules and the broker.
pub struct Park {
    folder: TempDir,
    pub broker: Broker,
    /// The cameras' entrance.
    pub cameras: u16,
    /// That of people.
    pub people: u16,
}

impl Park {
    /// Who is who: lines of the file `people`. There is always the chief maria.
    pub fn new(people: &str) -> Park {
        Park::with(people, "")
    }

    /// With further lines of mosquitto.conf, in which `KEYS` is the folder of the keys.
    pub fn with(people: &str, more: &str) -> Park {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("who"), format!("maria chief\n{people}")).unwrap();
        let rules = script("access.sh").arg(folder.path().join("who")).output().unwrap();
        assert!(rules.status.success(), "{}", String::from_utf8_lossy(&rules.stderr));
        std::fs::write(folder.path().join("acl"), rules.stdout).unwrap();
        keys(&folder, &["broker", "127.0.0.1", "localhost"], &[]);
        keys(&folder, &["person", "maria"], &[]);
        let (cameras, people) = (free_port(), free_port());
        let shipped = std::fs::read_to_string(format!("{SHIPPED}/bearwatch.conf")).unwrap();
        let here = folder.path().display().to_string();
        let config = format!("{shipped}\n{more}")
            .replace(INSTALLED, &here)
            .replace("KEYS", &here)
            .replace("listener 8883", &format!("listener {cameras} 127.0.0.1"))
            .replace("listener 8884", &format!("listener {people} 127.0.0.1"))
            .replace("persistence true", "persistence false");
        let park = Park { folder, broker: Broker::with_config(&config), cameras, people };
        park.says(" running\n");
        park
    }

    /// The broker reads keys, lists of what was revoked and rules anew.
    pub fn restart(&mut self) {
        let starts = |park: &Park| park.broker.log().matches(" running\n").count();
        let before = starts(self);
        self.broker.kill();
        self.broker.start_again();
        // Its entrances open one after the other.
        assert!(wait_for(SOON, || starts(self) > before));
    }

    /// Runs `keys.sh`, with variables of its environment.
    pub fn keys(&self, words: &[&str], environment: &[(&str, &str)]) {
        keys(&self.folder, words, environment);
    }

    /// As the cameras find it.
    pub fn url(&self) -> String {
        format!("mqtts://127.0.0.1:{}", self.cameras)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// The camera's key, made now, as settings of the daemon.
    pub fn camera(&self, camera: &str) -> [String; 3] {
        self.keys(&["camera", "yellow-creek", camera], &[]);
        let set = |key: &str, file: String| format!("publish.{key}={}", self.name(&file));
        [
            set("ca_file", "broker-ca.pem".into()),
            set("cert_file", format!("cameras/yellow-creek/{camera}.pem")),
            set("key_file", format!("cameras/yellow-creek/{camera}.key")),
        ]
    }

    /// Options of Mosquitto's programs for whoever holds a camera's key.
    pub fn as_camera(&self, camera: &str) -> Vec<String> {
        self.options(self.cameras, &format!("cameras/yellow-creek/{camera}"))
    }

    /// The same for a person, whose key is made where there is none.
    pub fn as_person(&self, name: &str) -> Vec<String> {
        let files = format!("people/{name}/{name}");
        if !self.file(&format!("{files}.pem")).exists() {
            self.keys(&["person", name], &[]);
        }
        self.options(self.people, &files)
    }

    fn options(&self, port: u16, key: &str) -> Vec<String> {
        let (cert, key) = (self.name(&format!("{key}.pem")), self.name(&format!("{key}.key")));
        let files = ["--cafile", &self.name("broker-ca.pem"), "--cert", &cert, "--key", &key];
        let place = ["-h", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned);
        place.into_iter().chain(files.map(str::to_owned)).collect()
    }

    /// Whoever may read everything.
    pub fn chief(&self) -> Listener {
        self.listener("maria")
    }

    pub fn listener(&self, name: &str) -> Listener {
        let options = self.as_person(name);
        Listener::with(&self.broker, &options.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `bearwatch command` of a person; exit code and stderr.
    pub fn command(&self, name: &str, words: &[&str]) -> (i32, String) {
        self.as_person(name);
        let file = |end: &str| self.name(&format!("people/{name}/{name}.{end}"));
        let output = super::bearwatch()
            .arg("command")
            .args(words)
            .args(["--broker", &format!("mqtts://127.0.0.1:{}", self.people), "--site", "yellow-creek"])
            .args(["--camera", "north", "--ca-file", &self.name("broker-ca.pem")])
            .args(["--cert-file", &file("pem"), "--key-file", &file("key")])
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Sends a word on a topic; what the sender is told.
    pub fn publish(&self, who: &[String], topic: &str, payload: &str, more: &[&str]) -> Output {
        Command::new("mosquitto_pub")
            .args(["-V", "5", "-q", "1", "-t", topic, "-m", payload])
            .args(who)
            .args(more)
            .output()
            .expect("mosquitto_pub does not run: apt-get install mosquitto-clients")
    }

    /// Listens under the id, and tells what it hears line by line: topics.
    pub fn eavesdrop(&self, who: &[String], id: &str, more: &[&str]) -> Eavesdropper {
        let file = tempfile::NamedTempFile::new().unwrap();
        let child = Command::new("mosquitto_sub")
            .args(["-V", "5", "-q", "1", "-i", id, "-F", "%t"])
            .args(who)
            .args(more)
            .stdout(file.reopen().unwrap())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub does not run: apt-get install mosquitto-clients");
        Eavesdropper { child, file }
    }

    /// Waits until the broker's log holds `text`.
    pub fn says(&self, text: &str) {
        let said = wait_for(SOON, || self.broker.log().contains(text));
        assert!(said, "the broker never said {text:?}: {}", self.broker.log());
    }
}

/// Somebody who listens to what he may not.
pub struct Eavesdropper {
    child: Child,
    file: tempfile::NamedTempFile,
}

impl Eavesdropper {
    pub fn heard(&self) -> Vec<String> {
        std::fs::read_to_string(self.file.path()).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn waits_for(&self, topic: &str) -> Vec<String> {
        let came = wait_for(SOON, || self.heard().iter().any(|heard| heard == topic));
        assert!(came, "{topic} never came; but {:?}", self.heard());
        self.heard()
    }

    /// As if its power was cut: the broker tells its last will.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Eavesdropper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn script(name: &str) -> Command {
    Command::new(format!("{SHIPPED}/{name}"))
}

fn keys(folder: &TempDir, words: &[&str], environment: &[(&str, &str)]) {
    let environment = environment.iter().copied();
    let made = script("keys.sh").args(words).env("KEYS", folder.path()).envs(environment).output().unwrap();
    assert!(made.status.success(), "{words:?}: {}", String::from_utf8_lossy(&made.stderr));
}
