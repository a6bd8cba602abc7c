//! Fetching as it goes: a bar a file on a terminal, a line a file elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::number::{bytes, duration};
use super::{plain, tell};
use crate::fetch::{Event, Fetched, Set};

/// Shows events to a person, on standard error.
#[derive(Debug)]
pub struct Progress {
    quiet: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts with nothing shown.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self { quiet, bar: None }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::Start { name, bytes: all } => {
                self.say(&format!("fetching {name}, {}\n", bytes(*all)));
            }
            Event::File {
                name,
                bytes: all,
                have,
            } => self.file(name, *all, *have),
            Event::Bytes { have } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*have);
                }
            }
            Event::Again { reason, wait } => {
                let wait = duration(wait.as_secs_f64());
                self.say(&format!("{}; again in {wait}\n", plain(reason)));
            }
            Event::MirrorFailed { reason } => self.say(&format!("{}\n", plain(reason))),
            Event::Unpack { name } => {
                self.end();
                self.say(&format!("unpacking {name}\n"));
            }
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn file(&mut self, name: &str, all: u64, have: u64) {
        self.end();
        if have > 0 && have < all {
            let (have, all) = (bytes(have), bytes(all));
            self.say(&format!("{name}: going on after {have} of {all}\n"));
        } else {
            self.say(&format!("{name}: {}\n", bytes(all)));
        }
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(all);
            let style = ProgressStyle::with_template(
                "{bar:30} {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  ETA {eta}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar.set_position(have);
            bar.reset_eta();
            self.bar = Some(bar);
        }
    }

    /// Writes above the bar.
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(text)),
            None => tell(text),
        }
    }
}

/// Writes what came of it.
#[must_use]
pub fn render(set: &Set, fetched: &Fetched) -> String {
    let folder = plain(&fetched.folder.display().to_string());
    let name = set.name;
    if fetched.already {
        format!("{name} is there and whole: {folder}\n")
    } else {
        format!("{name} is whole: {folder}\n")
    }
}

/// Describes what came of it.
#[must_use]
pub fn json(set: &Set, fetched: &Fetched) -> Value {
    json!({
        "name": set.name,
        "folder": fetched.folder.display().to_string(),
        "already_there": fetched.already,
    })
}
