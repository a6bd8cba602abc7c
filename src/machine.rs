//! What the machine gives this process: processors, memory, room on a disk. A container's share of it counts, which is
//! a limit of the control group that the process is in, and the limits of the process itself.
//!
//! Only Linux tells; elsewhere nothing is known, and nothing refused for it.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the threads to compute with where none are asked for: as many as processors may be used.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The memory there is.
#[expect(clippy::struct_field_names, reason = "their unit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What the machine has.
    pub total_bytes: u64,
    /// What this process may still take.
    pub free_bytes: u64,
    /// What the processes of this control group may take together, if less than all.
    pub limit_bytes: Option<u64>,
}

impl Memory {
    /// Returns the memory of this machine.
    pub(crate) fn here() -> Option<Self> {
        Self::below(Path::new("/"))
    }

    /// Reads the files of the system below a folder.
    fn below(root: &Path) -> Option<Self> {
        let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
        let bytes = |key: &str| number(&text, key)?.checked_mul(1024);
        let mut memory = Self {
            total_bytes: bytes("MemTotal:")?,
            free_bytes: bytes("MemAvailable:")?,
            limit_bytes: None,
        };
        for group in groups(root, "memory") {
            let Some((limit, used)) = limit_of_memory(&group) else {
                continue;
            };
            if limit < memory.total_bytes {
                let tightest = memory.limit_bytes.unwrap_or(limit).min(limit);
                memory.limit_bytes = Some(tightest);
                memory.free_bytes = memory.free_bytes.min(limit.saturating_sub(used));
            }
        }
        let own = limits_of_process(root).unwrap_or(u64::MAX);
        memory.free_bytes = memory.free_bytes.min(own);
        Some(memory)
    }
}

/// The processors there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Processors {
    /// Those that the machine has, if it tells.
    pub(crate) count: Option<usize>,
    /// How many of them the processes of this control group may keep busy, if not all.
    pub(crate) limit: Option<f64>,
}

impl Processors {
    /// Returns the processors of this machine.
    pub(crate) fn here() -> Self {
        Self::below(Path::new("/"))
    }

    fn below(root: &Path) -> Self {
        let online = fs::read_to_string(root.join("sys/devices/system/cpu/online"));
        let limits = groups(root, "cpu").filter_map(|group| limit_of_processors(&group));
        Self {
            count: online.ok().and_then(|list| length(list.trim())),
            limit: limits.reduce(f64::min),
        }
    }
}

/// Returns the bytes that a file below a folder may take.
#[cfg(unix)]
pub(crate) fn free_on_disk(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Returns nothing: this system is not asked.
#[cfg(not(unix))]
pub(crate) fn free_on_disk(_: &Path) -> Option<u64> {
    None
}

/// Returns the number behind a key that begins a line.
fn number(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    let mut line = lines.find(|line| line.clone().next() == Some(key))?;
    line.nth(1)?.parse().ok()
}

/// Returns how many numbers a list such as `0-3,8` has.
fn length(list: &str) -> Option<usize> {
    let mut count: usize = 0;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

/// Returns the folders of the control groups around this process, the narrowest first: of the second version, and of the
/// first, which has a tree for each kind of limit.
fn groups(root: &Path, kind: &str) -> impl Iterator<Item = PathBuf> {
    let text = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut folders = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kinds), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let tree = if kinds.is_empty() {
            root.join("sys/fs/cgroup")
        } else if kinds.split(',').any(|other| other == kind) {
            root.join("sys/fs/cgroup").join(kind)
        } else {
            continue;
        };
        // Within a container the path may be one of the machine around it; what counts lies at the root then.
        let group = tree.join(path.trim_start_matches('/'));
        let around = group
            .ancestors()
            .take_while(|folder| folder.starts_with(&tree));
        folders.extend(around.map(Path::to_owned));
    }
    folders.into_iter()
}

/// Returns the bytes that are left of the limits that `ulimit -v` and `ulimit -d` set to this process.
fn limits_of_process(root: &Path) -> Option<u64> {
    let read = |file: &str| fs::read_to_string(root.join("proc/self").join(file)).ok();
    let (limits, status) = (read("limits")?, read("status")?);
    let left = |limit: &str, taken: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let most: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(most.saturating_sub(number(&status, taken)?.checked_mul(1024)?))
    };
    // Threads set addresses aside, for memory that they take later: these are still to be had.
    let bytes = |key: &str| number(&status, key)?.checked_mul(1024);
    let set_aside = bytes("VmData:")
        .zip(bytes("RssAnon:"))
        .map_or(0, |(data, touched)| data.saturating_sub(touched));
    let limits = [
        ("Max address space", "VmSize:"),
        ("Max data size", "VmData:"),
    ];
    let left = limits
        .into_iter()
        .filter_map(|(limit, taken)| left(limit, taken));
    // A quarter is left for what they set aside from now on.
    left.map(|left| (left.saturating_add(set_aside)) / 4 * 3)
        .min()
}

/// Returns the bytes that a control group may take and those that it has, without what the system keeps of files and
/// would give back.
fn limit_of_memory(group: &Path) -> Option<(u64, u64)> {
    let read = |file: &str| fs::read_to_string(group.join(file)).ok();
    let bytes = |file: &str| read(file)?.trim().parse().ok();
    let limit = bytes("memory.max").or_else(|| bytes("memory.limit_in_bytes"))?;
    let used = bytes("memory.current").or_else(|| bytes("memory.usage_in_bytes"))?;
    let stat = read("memory.stat").unwrap_or_default();
    let kept = number(&stat, "total_inactive_file").or_else(|| number(&stat, "inactive_file"));
    Some((limit, used.saturating_sub(kept.unwrap_or(0))))
}

/// Returns the processors that a control group may keep busy.
fn limit_of_processors(group: &Path) -> Option<f64> {
    let read = |file: &str| fs::read_to_string(group.join(file)).ok();
    let (quota, period) = match read("cpu.max") {
        Some(text) => {
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.to_owned(), period.to_owned())
        }
        None => (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
    };
    // `max` and -1 stand for no limit.
    let quota: u64 = quota.trim().parse().ok()?;
    let period: u64 = period.trim().parse().ok()?;
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  6000 kB\n";

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn memory(files: &[(&str, &str)]) -> Option<Memory> {
        Memory::below(system(files).path())
    }

    #[test]
    fn without_limits_the_memory_is_that_of_the_machine() {
        let whole = Memory {
            total_bytes: 8000 * 1024,
            free_bytes: 6000 * 1024,
            limit_bytes: None,
        };
        assert_eq!(memory(&[("proc/meminfo", MEMINFO)]), Some(whole));
        let without_limit = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.current", "5\n"),
        ];
        assert_eq!(memory(&without_limit), Some(whole));
        assert_eq!(memory(&[]), None);
        assert_eq!(memory(&[("proc/meminfo", "MemTotal: x kB\n")]), None);
    }

    #[test]
    fn the_tightest_group_around_the_process_limits_its_memory() {
        let found = memory(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/memory.max", "4000000\n"),
            ("sys/fs/cgroup/outer/memory.current", "3500000\n"),
            (
                "sys/fs/cgroup/outer/memory.stat",
                "anon 1\ninactive_file 500000\n",
            ),
            ("sys/fs/cgroup/outer/inner/memory.max", "2000000\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "600000\n"),
        ]);
        let expected = Memory {
            total_bytes: 8000 * 1024,
            free_bytes: 1_000_000,
            limit_bytes: Some(2_000_000),
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn limits_of_the_process_count_what_it_has() {
        let free = |address: &str, data: &str| {
            let limits = format!(
                "Max data size             {data}            unlimited            bytes\n\
                 Max address space         {address}            unlimited            bytes\n"
            );
            let found = memory(&[
                ("proc/meminfo", MEMINFO),
                ("proc/self/limits", &limits),
                (
                    "proc/self/status",
                    "VmSize:\t    1000 kB\nVmData:\t     100 kB\nRssAnon:\t      40 kB\n",
                ),
            ]);
            found.unwrap().free_bytes
        };
        assert_eq!(free("unlimited", "unlimited"), 6000 * 1024);
        // Of 100 kB of data 40 are touched; the others are still to be had.
        let three_quarters = |left: u64| (left + 60 * 1024) / 4 * 3;
        let of_addresses = three_quarters(4_096_000 - 1_024_000);
        assert_eq!(free("4096000", "unlimited"), of_addresses);
        assert_eq!(free("4096000", "204800"), three_quarters(204_800 - 102_400));
        assert_eq!(free("5", "unlimited"), three_quarters(0));
    }

    #[test]
    fn groups_of_the_first_version_are_read_too() {
        let files = [
            ("proc/meminfo", MEMINFO),
            (
                "proc/self/cgroup",
                "5:cpu,cpuacct:/docker/c\n4:memory:/docker/c\n0::/\n",
            ),
            // As a container sees it: the files of its own group lie at the root.
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 7\ntotal_inactive_file 100000\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/devices/system/cpu/online", "0-2,5\n"),
        ];
        let found = memory(&files).unwrap();
        assert_eq!(
            (found.limit_bytes, found.free_bytes),
            (Some(3_000_000), 2_200_000)
        );
        let expected = Processors {
            count: Some(4),
            limit: Some(1.5),
        };
        assert_eq!(Processors::below(system(&files).path()), expected);
    }

    #[test]
    fn a_group_without_a_limit_leaves_all_processors() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cpu.max", "max 100000\n"),
            ("sys/devices/system/cpu/online", "0\n"),
        ];
        let expected = Processors {
            count: Some(1),
            limit: None,
        };
        assert_eq!(Processors::below(system(&files).path()), expected);
        assert_eq!(length("3-1"), None);
    }
}
