//! Samples that lie in files and are decoded when they are asked for.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::picture::{self, Fault, MAX_PICTURE_BYTES};
use super::preprocess::Preprocessing;
use super::sample;
use super::samples::{self, Origin, Values};
use super::tar::{Archive, Place};
use crate::config::OnBadImage;
use crate::diagnostic::{Diagnostic, Error, Result};

/// Where the content of a sample's file is.
#[derive(Clone, Debug)]
pub(super) enum Location {
    /// A file of its own.
    File(PathBuf),
    /// A file of an archive.
    Packed {
        /// What holds it.
        archive: Arc<Archive>,
        /// The archive's path with the file's own behind it.
        path: PathBuf,
        /// Where its bytes are.
        place: Place,
    },
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path() && self.size_bytes() == other.size_bytes()
    }
}

impl Location {
    /// Returns what the file is called.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) | Self::Packed { path, .. } => path.clone(),
        }
    }

    /// Returns the size of the file, 0 if it cannot be told.
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Packed { place, .. } => place.size_bytes,
        }
    }

    /// Reads the file.
    fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(path) => picture::read_picture(path),
            Self::Packed { archive, place, .. } => read_packed(archive, *place),
        }
    }

    /// Reads the file and decodes it.
    pub(super) fn decode(
        &self,
        preprocessing: &Preprocessing,
    ) -> std::result::Result<Values<'static>, Fault> {
        self.decode_hashed(preprocessing).1
    }

    /// Reads the file, and returns a hash of its content with what it decodes to.
    pub(super) fn decode_hashed(
        &self,
        preprocessing: &Preprocessing,
    ) -> (
        Option<blake3::Hash>,
        std::result::Result<Values<'static>, Fault>,
    ) {
        match self.read() {
            Ok(bytes) => (
                Some(blake3::hash(&bytes)),
                sample::decode(&bytes, preprocessing),
            ),
            Err(error) => (None, Err(Fault::Unreadable(error.to_string()))),
        }
    }
}

/// Reads all files once, on all processors, for what tells their content.
pub(super) fn origins(locations: &[Location]) -> Vec<Origin> {
    let origin = |location: &Location| Origin {
        content: location.read().ok().map(|bytes| blake3::hash(&bytes)),
        is_lost: false,
    };
    locations.par_iter().map(origin).collect()
}

fn read_packed(archive: &Archive, place: Place) -> io::Result<Vec<u8>> {
    if place.size_bytes > MAX_PICTURE_BYTES {
        let most = MAX_PICTURE_BYTES >> 20;
        return Err(io::Error::other(format!("it is over {most} MiB")));
    }
    // The index has held the size to that of the archive.
    let mut bytes = vec![0; usize::try_from(place.size_bytes).unwrap_or(0)];
    archive.reader(place).read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Files that are decoded when they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Streamed {
    locations: Vec<Location>,
    preprocessing: Arc<Preprocessing>,
    on_bad_image: OnBadImage,
    exchange: bool,
    skipped: Arc<Mutex<Skipped>>,
}

/// Files that could not be decoded and were passed over.
#[derive(Debug, Default)]
struct Skipped {
    /// All of them, so that each is told once.
    known: BTreeSet<PathBuf>,
    untold: Vec<Diagnostic>,
}

impl PartialEq for Streamed {
    fn eq(&self, other: &Self) -> bool {
        self.locations == other.locations
            && self.preprocessing == other.preprocessing
            && self.exchange == other.exchange
    }
}

impl Streamed {
    pub(super) fn new(
        locations: Vec<Location>,
        preprocessing: &Preprocessing,
        on_bad_image: OnBadImage,
    ) -> Self {
        Self {
            locations,
            preprocessing: Arc::new(preprocessing.clone()),
            on_bad_image,
            exchange: false,
            skipped: Arc::default(),
        }
    }

    /// Decodes a sample; nothing if that fails and is to be passed over.
    pub(super) fn values(&self, index: usize) -> Result<Option<Values<'static>>> {
        let location = &self.locations[index];
        match location.decode(&self.preprocessing) {
            Ok(mut values) => {
                if self.exchange {
                    values.exchange_light_and_dark();
                }
                Ok(Some(values))
            }
            Err(fault) => self.refuse(location, &fault),
        }
    }

    fn refuse(&self, location: &Location, fault: &Fault) -> Result<Option<Values<'static>>> {
        let path = location.path();
        let diagnostic = fault.diagnostic(&path).help(fault.help());
        if self.on_bad_image == OnBadImage::Error {
            return Err(Error::data(diagnostic));
        }
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        if skipped.known.insert(path.clone()) {
            let message = format!("skipped picture `{}`: {fault}", path.display());
            skipped.untold.push(Diagnostic::warning(message));
        }
        Ok(None)
    }

    pub(super) fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut skipped.untold)
    }

    /// Tells whether the first file that can be decoded holds bytes; true if none can.
    pub(super) fn are_bytes(&self) -> bool {
        let decoded = |location: &Location| location.decode(&self.preprocessing).ok();
        let first = self.locations.iter().find_map(decoded);
        !matches!(first, Some(Values::Floats(_)))
    }

    pub(super) fn exchange_light_and_dark(&mut self) {
        self.exchange = !self.exchange;
    }

    /// Takes the marked files out; the others close up.
    pub(super) fn take(&mut self, is_taken: &[bool]) -> Self {
        Self {
            locations: samples::take(&mut self.locations, is_taken),
            ..self.clone()
        }
    }
}
