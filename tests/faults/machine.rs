//! Faults below the daemon: packets, names, disks. They need root, for a network namespace and a disk of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::Plan;
use crate::camp::{Camp, Effect, Ground, Site};
use crate::networks::PATIENT;
use crate::support::daemon::SOON;
use crate::support::{ANONYMOUS, Broker, bearwatch, wait_for};

pub const PLAN: Plan = &[
    ("packets lost", 3, loss),
    ("TCP reset", 3, reset),
    ("slow network", 2, rate),
    ("name server gone", 2, names),
    ("disk full", 1, full),
];

pub fn camp() -> Camp {
    let namespace = Namespace::new();
    let name = namespace.name.clone();
    Camp::new(Site {
        broker: Broker::with_config(&format!("{ANONYMOUS}{PATIENT}")),
        encrypted: None,
        url: "mqtt://broker.park:PORT".into(),
        // Pictures of some size, so that a full disk and a slow network are felt.
        sets: vec!["publish.snapshot_px=640".into(), "publish.snapshot_quality=95".into()],
        start: Box::new(move |home, sets| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &name]).arg(bearwatch().get_program());
            home.start_by(command, sets, |_| {})
        }),
        ground: Ground { namespace: Some(namespace), wants_disk: true, ..Ground::default() },
    })
}

/// Runs a command of the system; what it says.
fn run(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|e| {
        panic!("{}: {e}: apt-get install iproute2 nftables", words[0]);
    });
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A network of its own for the daemon, with a cable to ours.
pub struct Namespace {
    name: String,
    /// The daemon's end.
    cable: String,
    hosts: PathBuf,
    address: String,
}

impl Namespace {
    fn new() -> Namespace {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() % 5_000 * 10 + MADE.fetch_add(1, Ordering::Relaxed) % 10;
        let (name, ours, cable) = (format!("bw{number}"), format!("bwo{number}"), format!("bwi{number}"));
        let net = format!("10.{}.{}", 64 + number / 250 % 128, number % 250);
        let folder = Path::new("/etc/netns").join(&name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
            .unwrap();
        for line in [
            format!("ip netns add {name}"),
            format!("ip link add {ours} type veth peer name {cable}"),
            format!("ip link set {cable} netns {name}"),
            format!("ip addr add {net}.1/30 dev {ours}"),
            format!("ip link set {ours} up"),
            format!("ip -n {name} addr add {net}.2/30 dev {cable}"),
            format!("ip -n {name} link set {cable} up"),
            format!("ip -n {name} link set lo up"),
            format!("ip netns exec {name} nft add table inet faults"),
        ] {
            run(&line);
        }
        let namespace = Namespace { name, cable, hosts: folder.join("hosts"), address: format!("{net}.1") };
        namespace.knows_broker(true);
        namespace
    }

    /// Whether the broker's name leads anywhere. In place: the daemon sees this very file.
    fn knows_broker(&self, known: bool) {
        let broker = format!("{} broker.park\n", self.address);
        let hosts = format!("127.0.0.1 localhost\n{}", if known { &broker } else { "" });
        fs::write(&self.hosts, hosts).unwrap();
    }

    fn inside(&self, line: &str) -> String {
        run(&format!("ip netns exec {} {line}", self.name))
    }

    /// A rule of nft for what the daemon sends to the broker and hears from it.
    fn rule(&self, rule: &str) {
        for hook in ["output", "input"] {
            let chain =
                format!("nft add chain inet faults {hook} {{ type filter hook {hook} priority 0 ; }}");
            self.inside(&chain);
            let address = if hook == "output" { "daddr" } else { "saddr" };
            self.inside(&format!("nft add rule inet faults {hook} ip {address} {} {rule}", self.address));
        }
    }

    /// Packets that the rules met.
    fn met(&self) -> u64 {
        let listed = self.inside("nft list table inet faults");
        let counts =
            listed.split("packets ").skip(1).filter_map(|text| text.split(' ').next()?.parse::<u64>().ok());
        counts.sum()
    }

    fn no_rules(&self) {
        self.inside("nft flush table inet faults");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = fs::remove_dir_all(self.hosts.parent().unwrap());
    }
}

fn namespace(camp: &Camp) -> &Namespace {
    camp.ground.namespace.as_ref().unwrap()
}

fn loss(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let percent = rng.random_range(15..60);
    namespace(camp).rule(&format!("numgen random mod 100 < {percent} counter drop"));
    let told = rng.random_range(2..5);
    camp.wait_told(told);
    let there = wait_for(SOON, || namespace(camp).met() > 0);
    let dropped = namespace(camp).met();
    namespace(camp).no_rules();
    Effect::new(there, format!("{dropped} packets dropped at {percent} %"))
}

fn reset(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    namespace(camp).rule("meta l4proto tcp counter reject with tcp reset");
    let told = rng.random_range(1..4);
    camp.wait_told(told);
    let there = wait_for(SOON, || namespace(camp).met() > 0);
    let met = namespace(camp).met();
    namespace(camp).no_rules();
    Effect::new(there, format!("{met} packets answered by a reset"))
}

fn rate(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let kbit = rng.random_range(8..64);
    let cable = namespace(camp).cable.clone();
    namespace(camp)
        .inside(&format!("tc qdisc add dev {cable} root tbf rate {kbit}kbit burst 1600 latency 4s"));
    let told = rng.random_range(2..6);
    camp.wait_told(told);
    let held = |camp: &Camp| {
        let shown = namespace(camp).inside(&format!("tc -s qdisc show dev {cable}"));
        let after = shown.split("overlimits ").nth(1).unwrap();
        after.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let there = wait_for(SOON, || held(camp) > 0);
    let packets = held(camp);
    namespace(camp).inside(&format!("tc qdisc del dev {cable} root"));
    Effect::new(there, format!("{packets} times a packet had to wait at {kbit} kbit/s"))
}

fn names(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let log = camp.daemon.log().len();
    namespace(camp).knows_broker(false);
    camp.wire.cut();
    let told = rng.random_range(1..4);
    camp.wait_told(told);
    let failed = |camp: &Camp| camp.daemon.log()[log..].contains("lookup address");
    let there = wait_for(SOON, || failed(camp));
    namespace(camp).knows_broker(true);
    Effect::new(there, "the broker's name led nowhere".into())
}

/// An ext4 of its own below the store.
pub struct LoopDisk(PathBuf);

impl LoopDisk {
    /// `image` becomes 16 MB large. What is kept for review stands on another disk, `kept`: it is the truth of these tests, and must not
    /// be lost with what they strike.
    pub fn mount(image: &Path, folder: &Path, kept: &Path) -> LoopDisk {
        fs::create_dir_all(folder).unwrap();
        fs::create_dir_all(kept).unwrap();
        let (image, at) = (image.display(), folder.display());
        run(&format!("truncate -s 16M {image}"));
        run(&format!("mke2fs -q -t ext4 -I 256 -m 0 {image}"));
        run(&format!("mount -o loop {image} {at}"));
        fs::create_dir(folder.join("review")).unwrap();
        run(&format!("mount --bind {} {at}/review", kept.display()));
        LoopDisk(folder.to_owned())
    }

    /// What the medium below it was given to write so far, the file system's own journal among it, bytes.
    pub fn device_bytes(&self) -> u64 {
        run(&format!("sync -f {}", self.0.display()));
        let found =
            Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(&self.0).output().unwrap().stdout;
        let device = String::from_utf8(found).unwrap().trim().replace("/dev/", "");
        let numbers = fs::read_to_string(format!("/sys/block/{device}/stat")).unwrap();
        512 * numbers.split_whitespace().nth(6).unwrap().parse::<u64>().unwrap()
    }

    /// Takes all room. Tells how much that was.
    fn fill(&self) -> u64 {
        let file = self.0.join("filling");
        // It ends with an error, as it should.
        let _ = Command::new("dd")
            .args(["if=/dev/zero", "bs=4096", "status=none"])
            .arg(format!("of={}", file.display()))
            .output();
        fs::metadata(file).unwrap().len()
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("filling")).unwrap();
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        for mounted in [self.0.join("review"), self.0.clone()] {
            let _ = Command::new("umount").arg("-l").arg(mounted).status();
        }
    }
}

/// The disk runs full while the network is away, so that messages have nowhere to go but memory; then the network comes back, then room.
fn full(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let log = camp.daemon.log().len();
    camp.wire.close();
    let filled = camp.ground.disk.as_ref().unwrap().fill();
    let told = || camp.daemon.log()[log..].contains("messages wait in memory");
    let there = wait_for(3 * SOON, told);
    std::thread::sleep(Duration::from_millis(rng.random_range(0..2_000)));
    camp.wire.open();
    let at = camp.desk.alerts.len();
    let heard = camp.desk.until(SOON, |desk| desk.alerts.len() > at);
    assert!(heard, "no alert passes a full disk: {}", camp.daemon.log());
    camp.ground.disk.as_ref().unwrap().clear();
    let back = wait_for(SOON, || camp.daemon.log()[log..].contains("works again"));
    assert!(back, "the disk does not come back: {}", camp.daemon.log());
    Effect::new(there, format!("{filled} bytes filled the disk; the outbox served from memory")).not_timed()
}
