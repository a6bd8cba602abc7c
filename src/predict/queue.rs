//! Requests that come together are answered together: one thread computes, and takes whatever waits when it is free.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Answer, Picture, Prediction, Predictor};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Pictures that are answered together, at most.
const TOGETHER: usize = 64;

/// What becomes of an answer.
type Reply = Box<dyn FnOnce(Result<Vec<Prediction>>) + Send>;

/// Pictures that wait for their answers.
struct Job {
    pictures: Vec<Picture>,
    top: usize,
    reply: Reply,
}

/// What was computed so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Pictures that were looked at, those that could not be read too.
    pub pictures: AtomicU64,
    /// Batches that they came in.
    pub batches: AtomicU64,
}

/// More pictures wait than are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    pictures: usize,
    is_closed: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    tally: Tally,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests in the order in which they came; ends its thread, after what waits, when it is dropped.
pub struct Queue {
    shared: Arc<Shared>,
    most: usize,
    thread: Option<JoinHandle<()>>,
}

impl Queue {
    /// Starts a thread that answers; `most` pictures may wait.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(predictor: Predictor, most: usize) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        let builder = thread::Builder::new().name("answers".to_owned());
        let thread = builder.spawn(move || {
            while let Some(jobs) = next(&work) {
                answer(&predictor, jobs, &work.tally);
            }
        });
        let thread = thread.map_err(|error| {
            let message = format!("failed to start a thread that answers: {error}");
            Error::config(Diagnostic::error(message))
        })?;
        Ok(Self {
            shared,
            most,
            thread: Some(thread),
        })
    }

    /// Hands in pictures; `reply` is called with their answers on the thread that computes.
    ///
    /// # Errors
    /// [`Full`] when too many wait; a request larger than that is taken where none waits.
    pub fn ask(
        &self,
        pictures: Vec<Picture>,
        top: usize,
        reply: impl FnOnce(Result<Vec<Prediction>>) + Send + 'static,
    ) -> std::result::Result<(), Full> {
        let mut waiting = self.shared.waiting();
        if waiting.pictures > 0 && waiting.pictures + pictures.len() > self.most {
            return Err(Full);
        }
        waiting.pictures += pictures.len();
        waiting.jobs.push_back(Job {
            pictures,
            top,
            reply: Box::new(reply),
        });
        drop(waiting);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Returns what was computed so far.
    pub fn tally(&self) -> &Tally {
        &self.shared.tally
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.waiting().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its panics are caught within.
            let _ = thread.join();
        }
    }
}

/// Waits for requests and takes as many as go together; nothing when there will be none any more.
fn next(shared: &Shared) -> Option<Vec<Job>> {
    let mut waiting = shared.waiting();
    while waiting.jobs.is_empty() {
        if waiting.is_closed {
            return None;
        }
        waiting = (shared.changed.wait(waiting)).unwrap_or_else(PoisonError::into_inner);
    }
    let mut taken = Vec::new();
    let mut pictures = 0;
    while let Some(job) = waiting.jobs.front() {
        if !taken.is_empty() && pictures + job.pictures.len() > TOGETHER {
            break;
        }
        pictures += job.pictures.len();
        taken.extend(waiting.jobs.pop_front());
    }
    waiting.pictures -= pictures;
    Some(taken)
}

/// Answers requests together, each with as many classes as it asked for.
fn answer(predictor: &Predictor, jobs: Vec<Job>, tally: &Tally) {
    let top = jobs.iter().map(|job| job.top).max().unwrap_or(0);
    let mut asked = Vec::with_capacity(jobs.len());
    let mut pictures = Vec::new();
    for job in jobs {
        asked.push((job.pictures.len(), job.top, job.reply));
        pictures.extend(job.pictures);
    }
    let (mut answers, mut failure) = (Vec::new(), None);
    for pictures in pictures.chunks(TOGETHER) {
        let count = pictures.len() as u64;
        tally.pictures.fetch_add(count, Ordering::Relaxed);
        tally.batches.fetch_add(1, Ordering::Relaxed);
        // A fault of ours must not end the service.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| predictor.predict(pictures, top)));
        let outcome = outcome.unwrap_or_else(|_| {
            let message = "the computation gave up: a fault of cnn's";
            Err(Error::model(Diagnostic::error(message)))
        });
        match outcome {
            Ok(more) => answers.extend(more),
            Err(error) => failure = Some(error),
        }
    }
    let mut answers = answers.into_iter();
    for (count, top, reply) in asked {
        let own = answers.by_ref().take(count).map(|mut prediction| {
            if let Ok(Answer::Guesses(guesses)) = &mut prediction.answer {
                guesses.truncate(top);
            }
            prediction
        });
        let own: Vec<Prediction> = own.collect();
        reply(match &failure {
            None => Ok(own),
            Some(error) => Err(error.clone()),
        });
    }
}
