//! The facts about the machine without which a figure says nothing.

use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;

/// The machine that a run was made on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    /// Cores that this process may use; the generator and the server share them.
    cores: Option<usize>,
    cpu: Option<String>,
    memory_bytes: Option<u64>,
    kernel: Option<String>,
    /// The kind of file system that the store was on; absent for a server elsewhere.
    filesystem: Option<String>,
    /// Processes that wanted a core in the minute before: above 0 the machine was not idle.
    load_before: Option<f64>,
    /// Whether the generator was compiled with optimisation; only then a figure means something.
    optimised: bool,
}

impl Machine {
    /// As it is now, before the run. `data` is where the store will be.
    pub(super) fn look(data: Option<&Path>) -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        Self {
            cores: thread::available_parallelism().ok().map(Into::into),
            cpu: read("/proc/cpuinfo").and_then(|text| value_of(&text, "model name", ':')),
            memory_bytes: read("/proc/meminfo").and_then(|text| memory_bytes(&text)),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            filesystem: data.and_then(filesystem_of),
            load_before: read("/proc/loadavg").and_then(|text| load(&text)),
            optimised: cfg!(not(debug_assertions)),
        }
    }
}

/// The kind of file system that `path` is on, as the kernel names it; nothing where it does not say.
pub(super) fn filesystem_of(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    filesystem_among(&mounts, &path).map(str::to_owned)
}

fn filesystem_among<'text>(mounts: &'text str, path: &Path) -> Option<&'text str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((Path::new(words.next()?), words.next()?))
    });
    // A later mount lies over an earlier one at the same place.
    mounts
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.components().count())
        .map(|(_, kind)| kind)
}

fn value_of(text: &str, name: &str, separator: char) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(separator)?;
    Some(value.trim().to_owned())
}

fn memory_bytes(meminfo: &str) -> Option<u64> {
    let total = value_of(meminfo, "MemTotal", ':')?;
    let kib: u64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn load(loadavg: &str) -> Option<f64> {
    loadavg.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_says_what_a_path_is_on() {
        let mounts = "disk / ext4 rw 0 0\nmem /run tmpfs rw 0 0\ndisk /run/data xfs rw 0 0\n";
        for (path, kind) in [
            ("/etc/a", "ext4"),
            ("/run/a", "tmpfs"),
            ("/run/data/b", "xfs"),
            ("/running", "ext4"),
        ] {
            assert_eq!(filesystem_among(mounts, Path::new(path)), Some(kind));
        }
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!(
            memory_bytes("MemTotal:       2048 kB\nMemFree: 1 kB\n"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(load("1.25 0.50 0.10 2/300 4000\n"), Some(1.25));
        assert_eq!(
            value_of("model name\t: Fast CPU\n", "model name", ':'),
            Some("Fast CPU".to_owned())
        );
    }
}
