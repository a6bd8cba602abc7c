//! Files that connections take: a process may have so many.

/// Files beside connections: streams, the runtime's own, a report that is read.
const OTHERS: u64 = 64;

/// Raises the bound on files as far as the system lets it; returns how many connections there is room for, up to `wanted`.
#[cfg(unix)]
pub(crate) fn room_for(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = wanted as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let reachable = limit.maximum.map_or(needed, |most| most.min(needed));
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < reachable {
        let raised = Rlimit {
            current: Some(reachable),
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            current = reachable;
        }
    }
    let room = usize::try_from(current.saturating_sub(OTHERS)).unwrap_or(usize::MAX);
    room.clamp(1, wanted)
}

/// Returns how many connections there is room for, up to `wanted`.
#[cfg(not(unix))]
pub fn room_for(wanted: usize) -> usize {
    wanted
}
