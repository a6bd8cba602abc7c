//! Where the tensors of a training step lie: ranges of large regions, the lowest that is free first.
//!
//! A step takes the memory that the one before has left, whatever the sizes, so that nothing goes back to the system
//! to come anew page by page, and what is held is what lives at once, with few gaps.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::buffer::Line;

/// Lines of a region: one GiB of addresses. Memory is taken by what is written alone.
const REGION: usize = (1 << 30) / size_of::<Line>();

static REGIONS: Mutex<Vec<Region>> = Mutex::new(Vec::new());

fn regions() -> MutexGuard<'static, Vec<Region>> {
    REGIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines on loan, given back when dropped.
#[derive(Debug)]
pub(super) struct Loan {
    start: NonNull<Line>,
    lines: usize,
}

// SAFETY: a loan is the only way to its lines.
unsafe impl Send for Loan {}
// SAFETY: as above; lines are plain floats.
unsafe impl Sync for Loan {}

impl Loan {
    /// Lends lines whose values are of no meaning.
    pub(super) fn of(lines: usize) -> Self {
        // An empty tensor has a place too.
        let wanted = lines.max(1);
        let mut regions = regions();
        let found = regions.iter_mut().find_map(|region| region.take(wanted));
        let start = found.unwrap_or_else(|| {
            let (region, start) = Region::with(wanted);
            regions.push(region);
            start
        });
        Self { start, lines }
    }

    pub(super) fn lines(&self) -> &[Line] {
        // SAFETY: the lines are this loan's alone, and initialized: zeros at first, floats since.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.lines) }
    }

    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.lines) }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut regions = regions();
        let Some(at) = regions.iter().position(|region| region.holds(self.start)) else {
            return;
        };
        regions[at].give(self.start, self.lines.max(1));
        // One region is kept for the next step, but none that was made for a single tensor.
        let region = &regions[at];
        if region.is_idle() && (regions.len() > 1 || region.lines > REGION) {
            regions.swap_remove(at);
        }
    }
}

/// Memory from the system.
#[derive(Debug)]
struct Region {
    memory: NonNull<u8>,
    layout: Layout,
    start: NonNull<Line>,
    lines: usize,
    /// Free lines: where they begin, and how many.
    free: BTreeMap<usize, usize>,
}

// SAFETY: a region is the owner of its memory.
unsafe impl Send for Region {}

impl Region {
    /// Asks the system for a region and takes its first lines.
    fn with(lines: usize) -> (Self, NonNull<Line>) {
        // Where addresses are scarce, just what is wanted.
        let region = Self::new(lines.max(REGION)).or_else(|| Self::new(lines));
        let taken = region.and_then(|mut region| {
            let start = region.take(lines)?;
            Some((region, start))
        });
        taken.unwrap_or_else(|| {
            handle_alloc_error(Layout::array::<Line>(lines).unwrap_or(Layout::new::<Line>()))
        })
    }

    fn new(lines: usize) -> Option<Self> {
        // With an alignment of its own the system would be asked for pages and each of them cleared, which takes
        // them all; what it has to clear by itself it clears when it is first used.
        let bytes = lines.checked_add(1)?.checked_mul(size_of::<Line>())?;
        let layout = Layout::from_size_align(bytes, align_of::<usize>()).ok()?;
        // SAFETY: there is at least one line.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let skipped = memory.align_offset(align_of::<Line>());
        // SAFETY: less than a line is skipped, and there is one more than asked for.
        let start = unsafe { memory.add(skipped) }.cast();
        Some(Self {
            memory,
            layout,
            start,
            lines,
            free: BTreeMap::from([(0, lines)]),
        })
    }

    /// Takes the first free lines that are enough.
    fn take(&mut self, lines: usize) -> Option<NonNull<Line>> {
        let (&at, &free) = self.free.iter().find(|&(_, &free)| free >= lines)?;
        self.free.remove(&at);
        if free > lines {
            self.free.insert(at + lines, free - lines);
        }
        // SAFETY: free lines lie within the region.
        Some(unsafe { self.start.add(at) })
    }

    /// Takes lines back, and joins them with the free ones beside.
    fn give(&mut self, start: NonNull<Line>, lines: usize) {
        let at = self.offset(start);
        let (mut first, mut free) = (at, lines);
        if let Some((&before, &length)) = self.free.range(..at).next_back()
            && before + length == at
        {
            self.free.remove(&before);
            (first, free) = (before, length + free);
        }
        free += self.free.remove(&(at + lines)).unwrap_or(0);
        self.free.insert(first, free);
    }

    fn holds(&self, start: NonNull<Line>) -> bool {
        start >= self.start && self.offset(start) < self.lines
    }

    fn offset(&self, start: NonNull<Line>) -> usize {
        (start.addr().get() - self.start.addr().get()) / size_of::<Line>()
    }

    fn is_idle(&self) -> bool {
        self.free.get(&0) == Some(&self.lines)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it came from the allocator with this layout, and no line is on loan.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Random};

    #[test]
    fn no_two_loans_share_lines() {
        let mut region = Region::new(1000).unwrap();
        let mut random = Random::new(Purpose::MadeUp, &[7]);
        let mut loans: Vec<(NonNull<Line>, usize)> = Vec::new();
        let mut refused = 0;
        for _ in 0..2000 {
            if random.below(2) == 0 && !loans.is_empty() {
                let at = random.below(loans.len() as u64) as usize;
                let (start, lines) = loans.swap_remove(at);
                region.give(start, lines);
            } else {
                let lines = 1 + random.below(60) as usize;
                match region.take(lines) {
                    Some(start) => loans.push((start, lines)),
                    None => refused += 1,
                }
            }
            let mut taken: Vec<_> = loans
                .iter()
                .map(|&(start, lines)| (region.offset(start), lines))
                .chain(region.free.iter().map(|(&at, &lines)| (at, lines)))
                .collect();
            taken.sort_unstable();
            let end = taken.into_iter().fold(0, |end, (at, lines)| {
                assert_eq!(at, end, "neither a gap nor an overlap");
                at + lines
            });
            assert_eq!(end, 1000);
        }
        assert!(refused > 0, "the region was full at times");
        for (start, lines) in loans {
            region.give(start, lines);
        }
        assert!(region.is_idle());
    }

    #[test]
    fn a_loan_beyond_a_region_has_one_of_its_own() {
        let mut large = Loan::of(REGION + 1);
        assert_eq!(large.lines().len(), REGION + 1);
        large.lines_mut()[REGION] = Line([1.0; 16]);
        assert!(large.lines()[REGION].0.iter().all(|value| *value > 0.5));
        let place = large.start;
        drop(large);
        assert!(
            !regions()
                .iter()
                .any(|region| region.holds(place) && region.lines > REGION)
        );
        assert_eq!(Loan::of(0).lines().len(), 0);
    }
}
