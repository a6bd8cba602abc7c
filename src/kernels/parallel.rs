//! Work shared out among threads, in parts that do not depend on their number.

use std::cell::Cell;

use rayon::prelude::*;

thread_local! {
    /// Whether this thread has work of its own and shares none of it.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs work whose parts are not shared out.
pub(super) fn alone<T>(work: impl FnOnce() -> T) -> T {
    let was = ALONE.replace(true);
    let result = work();
    ALONE.set(was);
    result
}

/// Returns whether parts are not shared out.
pub(super) fn is_alone() -> bool {
    ALONE.get()
}

/// Returns the threads among which parts are shared out.
pub(super) fn threads() -> usize {
    rayon::current_num_threads()
}

/// Runs `work` on each item, each on a thread of its own as far as there are threads.
pub(super) fn on_threads<T: Send>(
    items: impl IndexedParallelIterator<Item = T>,
    work: impl Fn(T) + Sync + Send,
) {
    items.with_max_len(1).for_each(work);
}

/// Does work that computes with many kernels on one of the threads, so that each kernel need not wake
/// one.
pub fn together<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// Runs `work` on each of `count` items in ranges of about `size`.
pub(super) fn ranges(count: usize, size: usize, work: impl Fn(usize, usize) + Sync + Send) {
    let size = size.max(1);
    let parts = count.div_ceil(size);
    if parts <= 1 || is_alone() {
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
    if parts <= 1 {
        return if count > 0 {
            vec![work(0, count)]
        } else {
            Vec::new()
        };
    }
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
    #[inline(always)]
    pub(super) fn at(self) -> *mut f32 {
        self.0
    }
}
