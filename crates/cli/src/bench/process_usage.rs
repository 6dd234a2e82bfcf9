//! What a process has used so far, as the kernel counts it. Known on Linux only.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// What a process has used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// Time of all its threads, in user space and in the kernel.
    pub(super) cpu_seconds: f64,
    /// Memory that is its own and in RAM now.
    pub(super) rss_bytes: u64,
    /// The most that it ever was.
    pub(super) rss_peak_bytes: u64,
}

/// What a process used over a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Used {
    /// Time of all its threads in between.
    pub(super) cpu_seconds: f64,
    /// Its memory at the end.
    pub(super) rss_bytes: u64,
    /// The most memory that it ever had.
    pub(super) rss_peak_bytes: u64,
}

impl Usage {
    /// Of the process with this number; nothing if the kernel does not say.
    pub(super) fn of(pid: u32) -> Option<Self> {
        Self::read(&Path::new("/proc").join(pid.to_string()))
    }

    /// Of this process.
    pub(super) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    fn read(directory: &Path) -> Option<Self> {
        let stat = fs::read_to_string(directory.join("stat")).ok()?;
        let status = fs::read_to_string(directory.join("status")).ok()?;
        Some(Self {
            cpu_seconds: cpu_ticks(&stat)? as f64 / ticks_per_second()?,
            rss_bytes: status_bytes(&status, "VmRSS:")?,
            rss_peak_bytes: status_bytes(&status, "VmHWM:")?,
        })
    }

    /// Nanoseconds that the threads which a process has now were on a CPU, as the scheduler counts them
    /// (`/proc/PID/task/TID/schedstat`, first field): exact where the ticks of [`Usage`] are too coarse.
    pub(super) fn cpu_nanoseconds(pid: u32) -> Option<u64> {
        let tasks = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).ok()?;
        let of_task = |task: std::io::Result<fs::DirEntry>| {
            let schedstat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            schedstat
                .split_ascii_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        };
        Some(tasks.filter_map(of_task).sum())
    }

    /// Bytes that a process has caused to be written to disks (`write_bytes` in `/proc/PID/io`, proc(5)).
    pub(super) fn disk_bytes_written(pid: u32) -> Option<u64> {
        let io = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("io")).ok()?;
        let line = io
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes:"))?;
        line.trim().parse().ok()
    }

    /// Of two processes together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            rss_bytes: self.rss_bytes + other.rss_bytes,
            rss_peak_bytes: self.rss_peak_bytes + other.rss_peak_bytes,
        }
    }

    /// What was used since `before`.
    pub(super) fn since(self, before: Self) -> Used {
        let cpu_seconds = self.cpu_seconds - before.cpu_seconds;
        Used {
            cpu_seconds: (cpu_seconds * 100.0).round() / 100.0,
            rss_bytes: self.rss_bytes,
            rss_peak_bytes: self.rss_peak_bytes,
        }
    }
}

/// How much of something was done for each second of a process's time.
pub(super) fn per_cpu_second(count: u64, used: Option<Used>) -> Option<f64> {
    let seconds = used?.cpu_seconds;
    (seconds > 0.0).then(|| (count as f64 / seconds).round())
}

/// Fields 14 and 15 of `/proc/PID/stat` (proc(5)): user and system time. The name before them, in
/// parentheses, may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// A line of `/proc/PID/status`, which the kernel writes in KiB.
fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems have nothing to give"
)]
fn ticks_per_second() -> Option<f64> {
    Some(rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(not(target_os = "linux"))]
fn ticks_per_second() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_does_not_shift_its_times() {
        let stat = "7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 5 0 99 1 2";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let status = "Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(status_bytes(status, "VmRSS:"), Some(1024 * 1024));
        assert_eq!(status_bytes(status, "VmHWM:"), Some(2 * 1024 * 1024));
        assert_eq!(status_bytes(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something() {
        let usage = Usage::own().unwrap();
        assert!(usage.rss_bytes > 0 && usage.rss_peak_bytes >= usage.rss_bytes);
    }
}
