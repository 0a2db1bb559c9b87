//! A real PostgreSQL in a temporary folder. It refuses to be root's: started by root it becomes Debian's user `postgres`.

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program: what cannot be set up is a failure, and says why"
)]

use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};

/// How long it may take until it accepts connections, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const USER: &str = "bears";
const PASSWORD: &str = "honey and salmon";
/// Begin of the folders' names; the process that made one follows.
const FOLDER: &str = "bearwatch-postgres-";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A server on a free port of the loopback.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    /// One of a test's own, to be killed.
    pub fn start() -> Postgres {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let mut initdb = program("initdb");
        initdb.args(["-U", USER, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]);
        // Of a language, so that nothing depends on the order of bytes unless it says so.
        initdb.args(["--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"]);
        initdb.arg("--pwfile").arg(folder.join("password")).arg("-D").arg(folder.join("data"));
        let made = initdb.current_dir(&folder).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut server = Postgres { folder, port: 0, child: None };
        server.start_again();
        server
    }

    /// The one that the tests of this process share; it ends with the process.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            sweep();
            // It ends when the thread ends that started it: tests' own threads are gone before it is.
            let (tell, told) = sync_channel(1);
            std::thread::spawn(move || {
                tell.send(Postgres::start()).unwrap();
                loop {
                    std::thread::park();
                }
            });
            told.recv().unwrap()
        })
    }

    /// On the same data, as after a power cut where it was killed.
    pub fn start_again(&mut self) {
        if self.port == 0 {
            self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        }
        // A process of the life before may still hold its memory: then it gives up, and is started again.
        let ready = eventually(|| {
            let runs = self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none());
            if !runs {
                self.child = Some(self.spawn());
            }
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        assert!(ready, "PostgreSQL does not start: {}", self.log());
    }

    fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.folder.join("data")).args(["-p", &self.port.to_string()]);
        // Processes die here, the machine does not: nothing of what they wrote is lost without fsync.
        command.args(["-F", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        command.args(["-c", "max_connections=300", "-c", "shared_buffers=32MB"]).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap()
    }

    /// Speaks TLS from now on, as `localhost`; the authority's certificate, for whoever is to trust it. Without TLS nobody is let in any more.
    pub fn encrypt(&mut self) -> PathBuf {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let openssl = |arguments: &[&str]| {
            let made = Command::new("openssl").args(arguments).output().expect("apt-get install openssl");
            assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        };
        let (authority, key) = (at("authority.pem"), at("authority.key"));
        let fresh = ["req", "-newkey", "rsa:2048", "-nodes", "-keyout"];
        openssl(&[&fresh[..], &[&key, "-x509", "-subj", "/CN=authority", "-out", &authority]].concat());
        let (request, name) = (at("request.pem"), at("name"));
        fs::write(&name, "subjectAltName=DNS:localhost\n").unwrap();
        openssl(
            &[&fresh[..], &[&at("data/server.key"), "-subj", "/CN=localhost", "-out", &request]].concat(),
        );
        let by = ["-CA", &authority, "-CAkey", &key, "-CAcreateserial", "-extfile", &name];
        let to = ["-in", &request, "-out", &at("data/server.crt")];
        openssl(&[&["x509", "-req"], &to[..], &by].concat());
        let data = self.folder.join("data");
        let owner = fs::metadata(&data).unwrap();
        for name in ["server.key", "server.crt"] {
            let file = data.join(name);
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        self.kill();
        let settings = File::options().append(true).open(data.join("postgresql.conf"));
        settings.unwrap().write_all(b"ssl = on\n").unwrap();
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n").unwrap();
        self.start_again();
        authority.into()
    }

    /// Every process of it at once, as a power cut would.
    pub fn kill(&mut self) {
        if self.child.is_none() {
            return;
        }
        self.signal(Signal::KILL);
        self.child.take().unwrap().wait().unwrap();
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
    }

    /// Stands still, as a machine that hangs, until [`Postgres::wake`].
    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// To all of its processes: each has a group of its own. The first one stands still meanwhile, so that it starts no other.
    fn signal(&self, signal: Signal) {
        let first = Pid::from_child(self.child.as_ref().unwrap());
        let _ = kill_process(first, Signal::STOP);
        let id = first.as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            let _ = Pid::from_raw(child).map(|child| kill_process(child, signal));
        }
        let _ = kill_process(first, signal);
    }

    /// A database of its own, as a station is given it.
    pub fn create(&self) -> String {
        let name = format!("park{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.address(&name)
    }

    pub fn address(&self, name: &str) -> String {
        let file = self.folder.join("password");
        format!("postgres://{USER}@127.0.0.1:{}/{name}?password-file={}", self.port, file.display())
    }

    /// All that stands in a database, by PostgreSQL's own means.
    pub fn dump(&self, address: &str) -> Vec<u8> {
        let url = address.split('?').next().unwrap();
        let output =
            Command::new(installed("pg_dump")).env("PGPASSWORD", PASSWORD).arg(url).output().unwrap();
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// By PostgreSQL's own client.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut said = String::new();
        let done = eventually(|| {
            let mut psql = Command::new("psql");
            psql.env("PGPASSWORD", PASSWORD).args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                USER,
            ]);
            let output = psql.args(["-v", "ON_ERROR_STOP=1", "-XAtc", sql, database]).output().unwrap();
            said = String::from_utf8_lossy(&output.stdout).into_owned();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            // It is up and not ready yet.
            let wait = words.contains("starting up") || words.contains("refused");
            assert!(output.status.success() || wait, "psql {database} {sql}: {words}");
            output.status.success()
        });
        assert!(done, "PostgreSQL is not ready: {}", self.log());
        said.trim().to_owned()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where it stands.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Started as an ordinary user, and ended with the thread that starts it.
fn program(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if getuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(installed(name));
    command
}

/// Debian keeps them where nobody's PATH looks, by version.
fn installed(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| panic!("{name} is not installed: apt-get install postgresql"))
}

/// Asks again and again until [`LIMIT`]; tells whether it was done.
fn eventually(mut done: impl FnMut() -> bool) -> bool {
    (0..LIMIT.as_millis() / PAUSE.as_millis()).any(|_| {
        std::thread::sleep(PAUSE);
        done()
    })
}

/// Folders of processes that are gone.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(FOLDER) else { continue };
        let process = rest.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
