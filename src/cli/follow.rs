//! What commands that train do with what happens: show it, and keep the files that show it up to
//! date.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use crate::diagnostic::{Error, Result};
use crate::files;
use crate::load::Project;
use crate::page::Page;
use crate::report::curves;
use crate::report::html::{self, Parts};
use crate::report::inspection::Inspection;
use crate::report::tensorboard::Board;
use crate::report::training::Progress;
use crate::run;
use crate::train::{Back, End, Event, Row, Start};

/// How training is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ShowArguments {
    /// Draw loss and accuracy: on a terminal after each epoch, elsewhere at the end
    #[arg(long)]
    pub(super) plot: bool,
    /// Write event files for TensorBoard into the run folder's `tensorboard/`
    #[arg(long)]
    pub(super) tensorboard: bool,
}

/// Follows a training from its start to its end.
#[derive(Debug)]
pub(super) struct Follower {
    progress: Option<Progress>,
    with_board: bool,
    board: Option<Board>,
    run: PathBuf,
    rows: Vec<Row>,
    /// When the curves were drawn last, and how long that took.
    drawn: Option<(Instant, Duration)>,
    /// Whether there are epochs since.
    is_behind: bool,
    /// Training outlives whatever only shows it.
    failed: Option<Error>,
}

impl Follower {
    /// Makes one that shows nothing where `quiet`.
    pub(super) fn new(show: ShowArguments, quiet: bool) -> Self {
        Self {
            progress: (!quiet).then(|| Progress::new(show.plot)),
            with_board: show.tensorboard,
            board: None,
            run: PathBuf::new(),
            rows: Vec::new(),
            drawn: None,
            is_behind: false,
            failed: None,
        }
    }

    /// Takes an event to files and to standard error.
    pub(super) fn follow(&mut self, event: &Event) {
        self.record(event);
        if let Some(progress) = &mut self.progress {
            progress.show(event);
        }
    }

    /// Takes an event to files, and warnings to standard error.
    pub(super) fn follow_silently(&mut self, event: &Event) {
        self.record(event);
        if let (Event::Warning(_) | Event::Back(_), Some(progress)) = (event, &mut self.progress) {
            progress.show(event);
        }
    }

    fn record(&mut self, event: &Event) {
        let outcome = match event {
            Event::Start(start) => self.start(start),
            Event::Epoch(row) => self.epoch(row),
            Event::Back(back) => self.go_back(back),
            _ => Ok(()),
        };
        self.failed = self.failed.take().or(outcome.err());
    }

    fn start(&mut self, start: &Start) -> Result<()> {
        self.run.clone_from(&start.run);
        self.rows.clone_from(&start.rows);
        if self.with_board {
            self.board = Some(Board::open(&start.run, &start.rows)?);
        }
        Ok(())
    }

    /// Takes back what is shown of epochs that are trained again.
    fn go_back(&mut self, back: &Back) -> Result<()> {
        self.rows.clone_from(&back.rows);
        if self.board.is_some() {
            self.board = Some(Board::open(&self.run, &self.rows)?);
        }
        self.draw()
    }

    fn epoch(&mut self, row: &Row) -> Result<()> {
        self.rows.push(*row);
        if let Some(board) = &mut self.board {
            board.add(row)?;
        }
        // Of a great many short epochs not each is drawn: drawing is to take a fiftieth of the time at most.
        let is_due = |(at, took): (Instant, Duration)| at.elapsed() >= 50 * took;
        self.is_behind = true;
        if self.drawn.is_none_or(is_due) {
            self.draw()?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        let begin = Instant::now();
        let drawn = curves::render(&self.rows)?;
        files::write(&self.run.join("curves.svg"), drawn.as_bytes())?;
        self.drawn = Some((Instant::now(), begin.elapsed()));
        self.is_behind = false;
        Ok(())
    }

    /// Takes away what is shown of a training that failed, and draws its last epochs.
    pub(super) fn leave(&mut self) {
        if self.is_behind {
            // The failure itself is what the user hears of.
            let _ = self.draw();
        }
        if let Some(progress) = &mut self.progress {
            progress.leave();
        }
    }

    /// Returns the first thing that went wrong.
    pub(super) fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

/// Writes the curves and the page of a run into its folder; `missing` says what the page lacks, and why.
pub(super) fn write_report(
    project: &Project,
    end: &End,
    threads: usize,
    missing: Option<&str>,
) -> Result<()> {
    let name = project.config.model.name.clone().unwrap_or_default();
    let train = &project.config.train;
    let found = Page::of(&end.run, end.unseen.clone(), threads)?;
    let page = html::render(&Parts {
        end,
        record: &run::read_record(&end.run)?,
        network: Inspection::new(&name, &project.plan, train.batch_size, &train.optimizer),
        config: &project.config.to_toml(),
        page: found.as_ref(),
        missing,
    })?;
    let drawing = end.run.join("curves.svg");
    // Where the rows are lost, what was drawn of them is not.
    if !end.rows.is_empty() || !drawing.exists() {
        files::write(&drawing, curves::render(&end.rows)?.as_bytes())?;
    }
    files::write(&end.run.join("report.html"), page.as_bytes())
}
