//! What the system tells of this machine.

use super::settings::MAX_THREADS;
use std::fs;
use std::num::NonZero;

/// Bytes this process may still take, where the system tells: the least of what is free, what its
/// control group allows, and what is left of its address space (`ulimit -v`).
pub fn available_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok();
    let free = meminfo.as_deref().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    let number = |name: &str| fs::read_to_string(name).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, taken)| most.saturating_sub(taken));
    let space = || {
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
        let most = line.split_whitespace().next()?.parse::<u64>().ok()?;
        // In pages of the smallest size there is; of larger ones it is a bound all the same.
        let taken = fs::read_to_string("/proc/self/statm").ok()?.split(' ').next()?.parse::<u64>().ok()?;
        Some(most.saturating_sub(taken.saturating_mul(4096)))
    };
    free.into_iter().chain(group).chain(space()).min()
}

/// Cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS)
}

/// The processor's name.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| format!("unnamed, {}", std::env::consts::ARCH), |(_, name)| name.trim().to_owned())
}

/// The machine's name in its network.
pub(crate) fn host() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    if host.trim().is_empty() { "unknown".to_owned() } else { host.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_what_is_available() {
        let bytes = available_memory().expect("/proc/meminfo has it");
        assert!((1 << 20..1 << 50).contains(&bytes), "{bytes} bytes");
    }
}
