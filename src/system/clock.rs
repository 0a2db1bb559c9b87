//! The two clocks of a board: one that never jumps, and one that people read.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads time. Cheap to copy; all copies count from the same start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Time since [`Clock::start`], monotonic.
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    /// Milliseconds since [`Clock::start`], monotonic.
    pub fn uptime_ms(&self) -> u64 {
        self.uptime().as_millis() as u64
    }

    /// Milliseconds since 1970 of the wall clock; negative before.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    pub fn unix_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        }
    }

    /// Whether the wall clock can be trusted: systemd-timesyncd, or what provides its mark (chrony's and ntpsec's wait services do
    /// not), has set it since the start of the system.
    pub fn is_synchronised(&self) -> bool {
        std::path::Path::new("/run/systemd/timesync/synchronized").exists()
    }
}

/// Time since this process was made, to the kernel's hundredth of a second: what a person waits who starts it. `None` where the kernel does
/// not tell.
pub fn since_process_start() -> Option<Duration> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Field 22 (proc(5)), counted after the name in brackets, which may hold anything.
    let begun: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let age_s = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9 - begun / TICKS_A_SECOND;
    Duration::try_from_secs_f64(age_s).ok()
}

/// Measures one step.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Milliseconds since the start.
    pub fn elapsed_ms(&self) -> f64 {
        self.elapsed().as_secs_f64() * 1e3
    }
}

/// Measures what a step costs this thread, whoever else runs meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct ProcessorTime(Duration);

impl ProcessorTime {
    /// Starts measuring.
    pub fn start() -> ProcessorTime {
        ProcessorTime(ProcessorTime::used())
    }

    /// Milliseconds that this thread has worked since the start; ask on the thread that began.
    pub fn elapsed_ms(&self) -> f64 {
        ProcessorTime::used().saturating_sub(self.0).as_secs_f64() * 1e3
    }

    fn used() -> Duration {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(used.tv_sec.max(0).unsigned_abs(), used.tv_nsec as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_costs_nothing() {
        let watch = ProcessorTime::start();
        std::thread::sleep(Duration::from_millis(30));
        assert!(watch.elapsed_ms() < 20.0);
        let mut sum = 0u64;
        while watch.elapsed_ms() < 1.0 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
