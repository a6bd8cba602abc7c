//! Requests that come together are answered together: one thread computes, and takes whatever waits when it is free.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Answer, Picture, Prediction};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Pictures that are answered together, at most.
const TOGETHER: usize = 64;

/// Whoever waits for answers.
pub(crate) trait Asker: Send {
    /// Returns whether it still does: nothing is computed for those who have left.
    fn waits(&self) -> bool;

    /// Takes the answers to its pictures, or why there are none.
    fn hear(self: Box<Self>, answers: Result<Vec<Prediction>>);
}

/// Pictures that wait for their answers.
struct Job {
    pictures: Vec<Picture>,
    top: usize,
    asker: Box<dyn Asker>,
}

/// What was computed so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Pictures that were looked at, those that could not be read too.
    pub pictures: AtomicU64,
    /// Batches that they came in.
    pub batches: AtomicU64,
}

/// More pictures wait than are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

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

/// Requests in the order in which they came. Dropped, it ends its thread after the batch under way; those who wait still are
/// not answered.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    most: usize,
    thread: Option<JoinHandle<()>>,
}

impl Queue {
    /// Starts a thread that answers pictures with so many classes each; `most` pictures may wait.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        predict: impl Fn(&[Picture], usize) -> Result<Vec<Prediction>> + Send + 'static,
        most: usize,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        let builder = thread::Builder::new().name("answers".to_owned());
        let thread = builder.spawn(move || {
            while let Some(jobs) = next(&work) {
                answer(&predict, jobs, &work.tally);
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

    /// Hands in pictures; whoever asks hears the answers on the thread that computes.
    ///
    /// # Errors
    /// [`Full`] when too many wait; a request larger than that is taken where none waits.
    pub(crate) fn ask(
        &self,
        pictures: Vec<Picture>,
        top: usize,
        asker: Box<dyn Asker>,
    ) -> std::result::Result<(), Full> {
        let mut waiting = self.shared.waiting();
        if waiting.pictures > 0 && waiting.pictures + pictures.len() > self.most {
            return Err(Full);
        }
        waiting.pictures += pictures.len();
        waiting.jobs.push_back(Job {
            pictures,
            top,
            asker,
        });
        drop(waiting);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Returns what was computed so far.
    pub(crate) fn tally(&self) -> &Tally {
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
        let mut waiting = self.shared.waiting();
        waiting.is_closed = true;
        let unheard = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(unheard);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its panics are caught within.
            let _ = thread.join();
        }
    }
}

/// Waits for requests and takes as many as go together, without those whose askers have left; nothing when there will be
/// none any more.
fn next(shared: &Shared) -> Option<Vec<Job>> {
    let mut waiting = shared.waiting();
    loop {
        let mut taken: Vec<Job> = Vec::new();
        let mut pictures = 0;
        while let Some(job) = waiting.jobs.front() {
            let count = job.pictures.len();
            let waits = job.asker.waits();
            if waits && !taken.is_empty() && pictures + count > TOGETHER {
                break;
            }
            let job = waiting.jobs.pop_front();
            waiting.pictures -= count;
            if waits {
                pictures += count;
                taken.extend(job);
            }
        }
        if !taken.is_empty() {
            return Some(taken);
        }
        if waiting.is_closed {
            return None;
        }
        waiting = (shared.changed.wait(waiting)).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Answers requests together, each with as many classes as it asked for.
fn answer(
    predict: impl Fn(&[Picture], usize) -> Result<Vec<Prediction>>,
    jobs: Vec<Job>,
    tally: &Tally,
) {
    let top = jobs.iter().map(|job| job.top).max().unwrap_or(0);
    let mut asked = Vec::with_capacity(jobs.len());
    let mut pictures = Vec::new();
    for job in jobs {
        asked.push((job.pictures.len(), job.top, job.asker));
        pictures.extend(job.pictures);
    }
    let mut outcome = Ok(Vec::with_capacity(pictures.len()));
    for pictures in pictures.chunks(TOGETHER) {
        let Ok(answers) = &mut outcome else {
            break;
        };
        // A large request takes several batches.
        if !asked.iter().any(|(_, _, asker)| asker.waits()) {
            return;
        }
        tally.batches.fetch_add(1, Ordering::Relaxed);
        let count = pictures.len() as u64;
        tally.pictures.fetch_add(count, Ordering::Relaxed);
        // A fault of ours must not end the service.
        let found = panic::catch_unwind(AssertUnwindSafe(|| predict(pictures, top)));
        let found = found.unwrap_or_else(|_| {
            let message = "the computation gave up: a fault of cnn's";
            Err(Error::model(Diagnostic::error(message)))
        });
        match found {
            Ok(more) => answers.extend(more),
            Err(error) => outcome = Err(error),
        }
    }
    let mut outcome = outcome.map(Vec::into_iter);
    for (count, top, asker) in asked {
        let own = match &mut outcome {
            Ok(answers) => Ok(answers
                .by_ref()
                .take(count)
                .map(|one| cut(one, top))
                .collect()),
            Err(error) => Err(error.clone()),
        };
        asker.hear(own);
    }
}

/// Leaves the most probable classes.
fn cut(mut prediction: Prediction, top: usize) -> Prediction {
    if let Ok(Answer::Guesses(guesses)) = &mut prediction.answer {
        guesses.truncate(top);
    }
    prediction
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::predict::Guess;

    /// What an asker heard: names and numbers of classes, or the reason.
    type Heard = std::result::Result<Vec<(String, usize)>, String>;

    struct Listener {
        waits: bool,
        heard: Sender<Heard>,
    }

    impl Asker for Listener {
        fn waits(&self) -> bool {
            self.waits
        }

        fn hear(self: Box<Self>, answers: Result<Vec<Prediction>>) {
            let named = |one: Prediction| match one.answer {
                Ok(Answer::Guesses(guesses)) => (one.name, guesses.len()),
                _ => (one.name, 0),
            };
            let heard = answers.map(|all| all.into_iter().map(named).collect());
            let _ = self.heard.send(heard.map_err(|error| error.to_string()));
        }
    }

    fn pictures(names: std::ops::Range<usize>) -> Vec<Picture> {
        let picture = |name: usize| Picture {
            name: name.to_string(),
            content: Ok(Vec::new()),
        };
        names.map(picture).collect()
    }

    fn ask(
        queue: &Queue,
        names: std::ops::Range<usize>,
        top: usize,
        waits: bool,
    ) -> std::result::Result<Receiver<Heard>, Full> {
        let (heard, hears) = channel();
        let asker = Box::new(Listener { waits, heard });
        queue.ask(pictures(names), top, asker).map(|()| hears)
    }

    /// A queue whose first batch waits until it is let go, and what tells the sizes of batches.
    fn queue(most: usize) -> (Queue, Sender<()>, Receiver<usize>) {
        let (go, gone) = channel::<()>();
        let (began, begins) = channel();
        let predict = move |pictures: &[Picture], top: usize| {
            began.send(pictures.len()).unwrap();
            let _ = gone.recv();
            assert!(pictures[0].name != "13", "an unlucky picture");
            let guess = Guess {
                class: String::new(),
                index: 0,
                probability: 1.0,
                logit: 0.0,
            };
            let answer = |picture: &Picture| Prediction {
                name: picture.name.clone(),
                answer: Ok(Answer::Guesses(vec![guess.clone(); top])),
            };
            Ok(pictures.iter().map(answer).collect())
        };
        (Queue::start(predict, most).unwrap(), go, begins)
    }

    #[test]
    fn what_waits_is_answered_together() {
        let (queue, go, begins) = queue(1_000);
        let first = ask(&queue, 0..1, 1, true).unwrap();
        assert_eq!(begins.recv(), Ok(1));
        // These come while the first is computed.
        let some = ask(&queue, 1..3, 2, true).unwrap();
        let left = ask(&queue, 3..5, 9, false).unwrap();
        let others = ask(&queue, 5..8, 1, true).unwrap();
        let many = ask(&queue, 100..170, 3, true).unwrap();
        drop(go);
        assert_eq!(first.recv().unwrap(), Ok(vec![("0".to_owned(), 1)]));
        let named = |names: std::ops::Range<usize>, top| {
            Ok(names
                .map(|name| (name.to_string(), top))
                .collect::<Vec<_>>())
        };
        assert_eq!(some.recv().unwrap(), named(1..3, 2));
        assert_eq!(others.recv().unwrap(), named(5..8, 1));
        assert_eq!(many.recv().unwrap(), named(100..170, 3));
        assert!(left.recv().is_err(), "nothing is computed for who has left");
        assert_eq!(begins.try_iter().collect::<Vec<_>>(), [5, 64, 6]);
        assert_eq!(queue.tally().batches.load(Ordering::Relaxed), 4);
        assert_eq!(queue.tally().pictures.load(Ordering::Relaxed), 76);
    }

    #[test]
    fn no_more_wait_than_may() {
        let (queue, go, begins) = queue(3);
        let _first = ask(&queue, 0..1, 1, true).unwrap();
        begins.recv().unwrap();
        let large = ask(&queue, 0..9, 1, true).unwrap();
        assert!(
            ask(&queue, 9..10, 1, true).is_err(),
            "nine wait, where three may"
        );
        drop(go);
        assert_eq!(large.recv().unwrap().unwrap().len(), 9);
        assert!(ask(&queue, 9..10, 1, true).is_ok());
    }

    #[test]
    fn a_fault_is_told_and_the_next_is_answered() {
        let (queue, go, _begins) = queue(100);
        drop(go);
        let fault = ask(&queue, 13..14, 1, true).unwrap().recv().unwrap();
        assert_eq!(
            fault,
            Err("the computation gave up: a fault of cnn's".to_owned())
        );
        assert!(ask(&queue, 1..2, 1, true).unwrap().recv().unwrap().is_ok());
    }

    #[test]
    fn who_waits_when_it_ends_is_not_answered() {
        let (queue, go, begins) = queue(100);
        let first = ask(&queue, 0..1, 1, true).unwrap();
        begins.recv().unwrap();
        let second = ask(&queue, 1..2, 1, true).unwrap();
        let end = thread::spawn(move || drop(queue));
        assert!(second.recv().is_err());
        drop(go);
        end.join().unwrap();
        assert!(first.recv().unwrap().is_ok());
    }
}
