//! A child process that is never left behind: its own process group, ended and reaped when this is dropped.
//!
//! Where the daemon itself is killed outright nothing can be done here; the child then ends at its next write (broken pipe), and under
//! systemd with the unit's control group. The parent-death signal would need `unsafe`.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

/// How long a wait for output lasts before the flag is looked at again.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a program may take to end after it was asked.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much of what the program said last is kept.
const MOST_SAID: usize = 2000;

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The program closed its output or ended.
    Closed,
    /// The flag is raised.
    Stopped,
}

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: UnixStream,
    stderr: UnixStream,
    said: Vec<u8>,
    /// Once reaped, its number may be another's.
    reaped: bool,
}

impl Program {
    /// Starts a program; no shell is involved. Its output goes through a socket instead of a pipe, because reading from a socket can
    /// be given a timeout. The one difference to the program is that it cannot open `/dev/stdout` by name.
    ///
    /// # Errors
    /// As the system gives them: not found, not executable, no memory.
    pub fn start(program: &str, arguments: &[String]) -> io::Result<Program> {
        let (stdout, its_stdout) = UnixStream::pair()?;
        let (stderr, its_stderr) = UnixStream::pair()?;
        stdout.set_read_timeout(Some(PATIENCE))?;
        stderr.set_nonblocking(true)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(OwnedFd::from(its_stdout))
            .stderr(OwnedFd::from(its_stderr))
            .process_group(0)
            .spawn()?;
        Ok(Program { child, stdout, stderr, said: Vec::new(), reaped: false })
    }

    /// Waits for output. Keeps what the program says on its standard error from filling up.
    ///
    /// # Errors
    /// As the system gives them.
    pub fn read(&mut self, buffer: &mut [u8], stop: &Stop) -> io::Result<Output> {
        loop {
            if stop.is_raised() {
                return Ok(Output::Stopped);
            }
            match self.stdout.read(buffer) {
                Ok(0) => return Ok(Output::Closed),
                Ok(bytes) => return Ok(Output::Bytes(bytes)),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.listen();
                    // Its own children may hold the output open for ever.
                    if self.has_ended() {
                        return Ok(Output::Closed);
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Takes in what the program said on its standard error; never waits.
    pub fn listen(&mut self) {
        let mut chunk = [0; 4096];
        while let Ok(bytes @ 1..) = self.stderr.read(&mut chunk) {
            self.said.extend_from_slice(&chunk[..bytes]);
            let excess = self.said.len().saturating_sub(MOST_SAID);
            self.said.drain(..excess);
        }
    }

    /// The last lines that it said, on one line; empty where it said nothing.
    pub fn last_words(&mut self) -> String {
        self.listen();
        let text = String::from_utf8_lossy(&self.said);
        let lines: Vec<&str> =
            text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }

    /// Waits for its end, ends it where that takes too long, and reaps it.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        if !self.ends_within(FAREWELL) {
            self.signal(Signal::TERM);
            self.ends_within(FAREWELL);
        }
        // Until the program is reaped its number, which is the group's, belongs to nobody else.
        self.signal(Signal::KILL);
        self.reaped = true;
        self.child.wait()
    }

    fn ends_within(&self, time: Duration) -> bool {
        let waited = Stopwatch::start();
        while !self.has_ended() {
            if waited.elapsed() > time {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Without reaping it.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(None))
    }

    /// To the program and whatever it started.
    fn signal(&self, signal: Signal) {
        // Fails only where nobody is left to hear it.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal(Signal::TERM);
            drop(self.end());
        }
    }
}
