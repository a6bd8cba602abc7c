//! Batches made ahead, in background threads.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::augment::Augment;
use super::batches::{Batch, assemble};
use super::preprocess::Preprocessing;
use super::samples::Samples;
use crate::diagnostic::Result;

/// Makes batches in background threads and yields them in the given order, whatever the number of threads.
///
/// At most `threads + 2` batches wait. Dropping it early stops the threads. A panic while a batch is made goes on
/// in the thread that asks for that batch.
#[derive(Debug)]
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    samples: Arc<Samples>,
    batches: Vec<Vec<usize>>,
    preprocessing: Arc<Preprocessing>,
    augment: Option<(Augment, u64, u64)>,
    most_ahead: usize,
    progress: Mutex<Progress>,
    /// A batch was taken, or all is over.
    taken: Condvar,
    /// A batch was made.
    made: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    next_to_make: usize,
    next_to_take: usize,
    waiting: BTreeMap<usize, thread::Result<Result<Batch>>>,
    is_over: bool,
}

impl Loader {
    /// Starts making the batches, each a list of sample numbers.
    ///
    /// With 0 threads, or where none can be started, each batch is made when it is asked for.
    pub fn new(
        samples: Arc<Samples>,
        batches: Vec<Vec<usize>>,
        preprocessing: Arc<Preprocessing>,
        augment: Option<(Augment, u64, u64)>,
        threads: usize,
    ) -> Self {
        let threads = threads.min(batches.len());
        let shared = Arc::new(Shared {
            samples,
            batches,
            preprocessing,
            augment,
            most_ahead: threads + 2,
            progress: Mutex::default(),
            taken: Condvar::new(),
            made: Condvar::new(),
        });
        let start = |number| {
            let shared = Arc::clone(&shared);
            let name = format!("loader-{number}");
            let builder = thread::Builder::new().name(name);
            builder.spawn(move || shared.work()).ok()
        };
        let workers = (0..threads).map_while(start).collect();
        Self { shared, workers }
    }
}

impl Shared {
    // No thread panics while it holds the lock, so that a poisoned one still holds a whole state.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, indices: &[usize]) -> Result<Batch> {
        let augment = self.augment.as_ref();
        let augment = augment.map(|(augment, seed, epoch)| (augment, *seed, *epoch));
        assemble(&self.samples, indices, &self.preprocessing, augment)
    }

    /// Claims the next batch; waits while too many are ahead.
    fn claim(&self) -> Option<(usize, &[usize])> {
        let mut progress = self.progress();
        loop {
            let number = progress.next_to_make;
            let indices = self.batches.get(number)?;
            if progress.is_over {
                return None;
            }
            if number < progress.next_to_take + self.most_ahead {
                progress.next_to_make += 1;
                return Some((number, indices));
            }
            progress = self
                .taken
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        while let Some((number, indices)) = self.claim() {
            let batch = panic::catch_unwind(AssertUnwindSafe(|| self.make(indices)));
            self.progress().waiting.insert(number, batch);
            self.made.notify_one();
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let mut progress = self.shared.progress();
        let number = progress.next_to_take;
        let indices = self.shared.batches.get(number)?;
        if self.workers.is_empty() {
            progress.next_to_take += 1;
            drop(progress);
            return Some(self.shared.make(indices));
        }
        let batch = loop {
            if let Some(batch) = progress.waiting.remove(&number) {
                break batch;
            }
            progress = self
                .shared
                .made
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        };
        progress.next_to_take += 1;
        drop(progress);
        // Room for one batch: a thread that found none would wake in vain, on a processor that computes.
        self.shared.taken.notify_one();
        Some(batch.unwrap_or_else(|panic| panic::resume_unwind(panic)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.shared.batches.len() - self.shared.progress().next_to_take;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Loader {}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.progress().is_over = true;
        self.shared.taken.notify_all();
        for worker in self.workers.drain(..) {
            // Its panics were caught and handed over with the batch.
            drop(worker.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::batches::{order, tests::samples};
    use crate::dataset::picture::tests::preprocessing;
    use std::time::Duration;

    fn loader(batches: &[Vec<usize>], threads: usize) -> Loader {
        let changes = crate::config::Augment {
            shift: [1, 1],
            rotate: 20.0,
            mixup: 0.5,
            ..crate::config::Augment::default()
        };
        let augment = Augment {
            changes,
            classes: 3,
        };
        Loader::new(
            Arc::new(samples(50)),
            batches.to_vec(),
            Arc::new(preprocessing(2, 4, 3)),
            Some((augment, 4, 2)),
            threads,
        )
    }

    fn batches(count: usize) -> Vec<Vec<usize>> {
        let order = order(4, 2, 50);
        (0..count)
            .map(|batch| (0..7).map(|at| order[(batch * 7 + at) % 50]).collect())
            .collect()
    }

    #[test]
    fn batches_are_the_same_with_any_number_of_threads() {
        let batches = batches(60);
        let made =
            |threads| -> Vec<Batch> { loader(&batches, threads).map(Result::unwrap).collect() };
        let none = made(0);
        assert!(none.iter().map(|batch| &batch.indices).eq(&batches));
        for threads in [1, 2, 4] {
            assert_eq!(made(threads), none);
        }
        assert_eq!(loader(&[], 2).next(), None);
    }

    #[test]
    fn few_batches_wait() {
        let batches = batches(60);
        let mut loader = loader(&batches, 2);
        assert_eq!(loader.len(), 60);
        assert!(loader.next().is_some());
        thread::sleep(Duration::from_millis(50));
        let made = loader.shared.progress().next_to_make;
        assert!(made <= 1 + 2 + 2, "{made}");
        assert_eq!(loader.by_ref().count(), 59);
        assert_eq!(loader.next(), None);
    }

    #[test]
    fn dropping_stops_the_threads() {
        let batches = batches(10_000);
        let mut loader = loader(&batches, 4);
        assert!(loader.next().is_some());
        let shared = Arc::downgrade(&loader.shared);
        drop(loader);
        assert!(shared.upgrade().is_none());
    }

    #[test]
    fn a_panic_surfaces() {
        for threads in [0, 1, 3] {
            let mut loader = loader(&[vec![1], vec![1_000_000], vec![2]], threads);
            assert!(loader.next().is_some());
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| loader.next()));
            assert!(outcome.is_err());
            assert_eq!(
                loader.next().map(|batch| batch.unwrap().indices),
                Some(vec![2])
            );
        }
    }
}
