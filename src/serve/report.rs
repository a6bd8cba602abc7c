//! The page of the run, read once and shared by all who ask for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;

/// A page on disk, and what it was when it was read last.
#[derive(Debug)]
pub(super) struct Report {
    path: PathBuf,
    last: Mutex<Option<(SystemTime, Bytes)>>,
}

impl Report {
    /// Returns the page of the run that a model file belongs to; nothing where it belongs to none.
    pub(super) fn beside(model: &Path) -> Option<Self> {
        let is_run = model.with_file_name("run.json").is_file();
        is_run.then(|| Self {
            path: model.with_file_name("report.html"),
            last: Mutex::default(),
        })
    }

    /// Reads the page, unless it is as it was.
    pub(super) fn read(&self) -> io::Result<Bytes> {
        let changed = std::fs::metadata(&self.path)?.modified()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, page)) = last.as_ref()
            && *when == changed
        {
            return Ok(page.clone());
        }
        let page = Bytes::from(std::fs::read(&self.path)?);
        *last = Some((changed, page.clone()));
        Ok(page)
    }
}
