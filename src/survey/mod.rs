//! Looking at a data set before a network learns from it: faults, figures, a sheet of samples.

mod check;
mod counts;
mod sheet;
mod stats;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

pub(crate) use check::{Check, Repeated, Sample, check};
pub(crate) use counts::Count;
pub(crate) use sheet::{Sheet, sheet};
pub(crate) use stats::{Stats, Target, stats};

use crate::config::{OnBadImage, Override};
use crate::dataset::{self, BUILT_IN, Dataset, Request, Samples};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::load::Project;

/// Pictures of a folder that are looked at for the size to bring all to.
const LOOKED_AT: usize = 20;

/// What pictures are stretched to where none tells its size.
const ANY_SHAPE: [usize; 3] = [3, 32, 32];

/// The way out where a source alone does not tell the shape of its samples.
const WITH_CONFIG: &str = "a source alone is taken for pictures: signals, volumes and rows of numbers need a config \
                           that names it as `source` and their shape as `input`";

/// A data set as a config or the command line names it.
#[derive(Debug)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// The config; a plain one that stretches to the size of the first picture if there was none.
    project: Project,
    request: Request,
    /// Whether a config was given.
    pub has_config: bool,
    /// The data set.
    pub dataset: Dataset,
}

impl Subject {
    /// Tells whether a config gives the factor of the raw values.
    fn has_factor(&self) -> bool {
        self.project.config.data.rescale.is_some()
    }

    /// Loads the data of a config, or a source by its name or path. Files that cannot be read are passed over, and
    /// are told by [`check()`].
    ///
    /// # Errors
    /// When the config is faulty, or the source as a whole.
    pub fn load(name: &str) -> Result<Self> {
        let path = Path::new(name);
        let has_config = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        let shape = if has_config { None } else { stored_shape(name) };
        let project = if has_config {
            Project::read(path, &[])?
        } else {
            plain_project(name, shape.unwrap_or(ANY_SHAPE))?
        };
        let mut request = project.request()?.clone();
        if !has_config {
            name.clone_into(&mut request.source);
        }
        if request.source.is_empty() {
            let message = format!("the config `{name}` names no data");
            let help = "add `source = \"mnist-5k\"` to `[data]`, or give the data set itself";
            return Err(Error::config(Diagnostic::error(message).help(help)));
        }
        // One file at a time: memory stays the same however large the set, and each fault is told.
        request.on_bad_image = OnBadImage::Skip;
        request.cache_bytes = 0;
        let is_guessed = !has_config && shape.is_none() && path.exists();
        let dataset = dataset::load(&request).map_err(|mut error| {
            if let Some(last) = error.diagnostics.last_mut().filter(|_| is_guessed) {
                last.helps.push(WITH_CONFIG.to_owned());
            }
            error
        })?;
        if is_guessed && dataset.train.path(0).is_some_and(is_no_picture) {
            let message = format!("the samples of `{name}` are no pictures");
            return Err(Error::data(Diagnostic::error(message).help(WITH_CONFIG)));
        }
        Ok(Self {
            name: request.source.clone(),
            project,
            request,
            has_config,
            dataset,
        })
    }

    /// Returns the splits that there are, by name.
    pub fn splits(&self) -> impl Iterator<Item = (&'static str, &Samples)> {
        let splits = [
            ("train", Some(&self.dataset.train)),
            ("validation", self.dataset.validation.as_ref()),
            ("test", self.dataset.test.as_ref()),
        ];
        let there = |(name, samples): (_, Option<_>)| Some((name, samples?));
        splits.into_iter().filter_map(there)
    }

    /// Returns the split of a name.
    ///
    /// # Errors
    /// When there is none.
    fn split(&self, wanted: &str) -> Result<&Samples> {
        if let Some((_, samples)) = self.splits().find(|(name, _)| *name == wanted) {
            return Ok(samples);
        }
        let names = in_backticks(self.splits().map(|(name, _)| name));
        let message = format!("`{}` has no {wanted} split", self.name);
        let help = format!("there are: {names}");
        Err(Error::data(Diagnostic::error(message).help(help)))
    }

    /// Returns the samples that could not be read since this was last asked.
    fn take_unreadable(&self) -> Vec<Diagnostic> {
        self.splits()
            .flat_map(|(_, samples)| samples.take_warnings())
            .collect()
    }

    /// Returns what has been passed over since this was last asked.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.dataset.warnings.clone();
        warnings.extend(self.take_unreadable());
        warnings
    }
}

/// Tells by the head of a file whether it holds a sound or an array.
fn is_no_picture(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(6).read_to_end(&mut head));
    read.is_ok() && (head.starts_with(b"RIFF") || head == b"\x93NUMPY")
}

/// Makes a config for a source without one: the shape of the data as the input, and every picture stretched to it.
fn plain_project(source: &str, [channels, height, width]: [usize; 3]) -> Result<Project> {
    let text = format!(
        "[model]\ninput = [{channels}, {height}, {width}]\n\
         layers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 2 }}]\n\
         [data]\nresize = [{height}, {width}]\n"
    );
    let none: &[Override] = &[];
    Project::check(source, &text, none)
}

/// Returns channels, height and width of the first pictures, where there are any.
fn stored_shape(source: &str) -> Option<[usize; 3]> {
    if let Some(set) = BUILT_IN.iter().find(|set| set.name == source) {
        return Some(set.shape);
    }
    let path = Path::new(source);
    if let Some(shape) = idx_shape(path).or_else(|| dataset::array_shape(path)) {
        return Some(shape);
    }
    let pictures = dataset::pictures_below(path).unwrap_or_default();
    let pixels = |path| {
        let bytes = dataset::read_picture(path).ok()?;
        dataset::picture_pixels(&bytes, false).ok()
    };
    let step = pictures.len().div_ceil(LOOKED_AT).max(1);
    let mut shapes = pictures
        .iter()
        .step_by(step)
        .filter_map(|path| pixels(path).map(|pixels| pixels.shape));
    let [mut channels, height, width] = shapes.next()?;
    // Grey pictures among coloured ones are turned into colours, not the other way round.
    channels = shapes.fold(channels, |channels, [other, ..]| channels.max(other));
    Some([channels, height, width])
}

/// Returns the shape that the head of the training pictures of a folder of IDX files says.
fn idx_shape(folder: &Path) -> Option<[usize; 3]> {
    let path = dataset::idx_images(folder)?;
    let read_head = || -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let file = File::open(&path)?;
        if path.extension().is_some_and(|extension| extension == "gz") {
            MultiGzDecoder::new(file).take(20).read_to_end(&mut head)?;
        } else {
            file.take(20).read_to_end(&mut head)?;
        }
        Ok(head)
    };
    let head = read_head().ok()?;
    let size = |number: usize| {
        let bytes = head.get(4 * number..4 * number + 4)?;
        let size = u32::from_be_bytes(bytes.try_into().ok()?);
        usize::try_from(size).ok().filter(|size| *size > 0)
    };
    match head.get(..4)? {
        [0, 0, 8, 3] => Some([1, size(2)?, size(3)?]),
        [0, 0, 8, 4] => Some([size(2)?, size(3)?, size(4)?]),
        _ => None,
    }
}
