//! Work shared out among threads, in parts that do not depend on their number.

use rayon::prelude::*;

/// Runs `work` on each of `count` items in ranges of about `size`.
pub(super) fn ranges(count: usize, size: usize, work: impl Fn(usize, usize) + Sync + Send) {
    let size = size.max(1);
    let parts = count.div_ceil(size);
    if parts <= 1 {
        if count > 0 {
            work(0, count);
        }
        return;
    }
    (0..parts).into_par_iter().for_each(|part| {
        let begin = part * count / parts;
        work(begin, (part + 1) * count / parts);
    });
}

/// Computes something of each range of items, in their order.
pub(super) fn map_ranges<T: Send>(
    count: usize,
    size: usize,
    work: impl Fn(usize, usize) -> T + Sync + Send,
) -> Vec<T> {
    let parts = count.div_ceil(size.max(1));
    let part = |part: usize| work(part * count / parts, (part + 1) * count / parts);
    (0..parts).into_par_iter().map(part).collect()
}

/// Values that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub(super) *mut f32);

// SAFETY: whoever takes one apart writes no place that another writes.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(super) fn at(self) -> *mut f32 {
        self.0
    }
}
