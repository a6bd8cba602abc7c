//! Files of samples: decoded into memory where they fit there, else when they are asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Request;
use super::faults::{MOST_TOLD, fail_with, shortened};
use super::picture::Fault;
use super::preprocess::Preprocessing;
use super::samples::{Origin, Samples, Store, Targets, Values};
use super::stream::{self, Location, Streamed};
use crate::config::OnBadImage;
use crate::diagnostic::{Diagnostic, Result};

/// Files of samples, with what is to be learnt of each.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) locations: Vec<Location>,
    pub(super) targets: Targets,
}

/// A file that cannot be decoded: its number, itself and why.
type Bad = (usize, Location, Fault);

/// Files that are looked at for whether samples are bytes or floats.
const LOOKED_AT: usize = 20;

/// Makes samples of the files of all splits. Those that are decoded now and cannot be are told together, or passed
/// over with a warning where that is asked for; they keep their places, so that the others are the same samples
/// whether all are kept in memory or not.
pub(super) fn load_all<const N: usize>(
    splits: [Option<Files>; N],
    request: &Request,
) -> Result<([Option<Samples>; N], Vec<Diagnostic>)> {
    let locations = splits.iter().flatten().flat_map(|files| &files.locations);
    let in_memory = fits(locations, request);
    let mut faults = Vec::new();
    let mut is_all_bad = false;
    let samples = splits.map(|files| {
        let files = files?;
        if !in_memory {
            return Some(stream(files, request));
        }
        let known = faults.len();
        let samples = decode(files, request, &mut faults);
        is_all_bad |= faults.len() - known == samples.len();
        Some(samples)
    });
    if request.on_bad_image == OnBadImage::Skip && !is_all_bad {
        return Ok((samples, skipped(&faults)));
    }
    let mut diagnostics: Vec<Diagnostic> = faults
        .iter()
        .map(|(_, location, fault)| fault.diagnostic(&location.path()))
        .collect();
    let mut helps = Vec::new();
    for (_, _, fault) in &faults {
        let help = fault.help();
        if !helps.contains(&help) {
            helps.push(help);
        }
    }
    // The mend is the same for all of a kind: said once, after the last that is told.
    if let Some(last) = diagnostics.iter_mut().take(MOST_TOLD).last() {
        last.helps = helps;
    }
    fail_with(diagnostics)?;
    Ok((samples, Vec::new()))
}

/// Tells whether samples fit into the memory that is set apart for them; floats take four bytes.
fn fits<'a>(locations: impl Iterator<Item = &'a Location> + Clone, request: &Request) -> bool {
    let preprocessing = &request.preprocessing;
    let shape = preprocessing.shape.iter();
    let values: u128 = shape.map(|extent| *extent as u128).product();
    let values = values.saturating_mul(locations.clone().count() as u128);
    let most = u128::from(request.cache_bytes);
    if values > most {
        return false;
    }
    let decoded = |location: &Location| location.decode(preprocessing).ok();
    let is_float = match locations.take(LOOKED_AT).find_map(decoded) {
        Some(first) => matches!(first, Values::Floats(_)),
        None => preprocessing.picture_shape().is_none(),
    };
    !is_float || values.saturating_mul(4) <= most
}

fn skipped(faults: &[Bad]) -> Vec<Diagnostic> {
    let warning = |(_, location, fault): &Bad| {
        let path = location.path();
        Diagnostic::warning(format!("skipped picture `{}`: {fault}", path.display()))
    };
    shortened(faults.iter().map(warning).collect())
}

fn stream(files: Files, request: &Request) -> Samples {
    let paths = files.locations.iter().map(Location::path).collect();
    let origins = stream::origins(&files.locations);
    let streamed = Streamed::new(
        files.locations,
        &request.preprocessing,
        request.on_bad_image,
    );
    Samples {
        shape: request.preprocessing.shape.clone(),
        store: Store::Streamed(streamed),
        targets: files.targets,
        paths: Some(paths),
        origins: Some(origins),
    }
}

/// Decodes the files of one split, in parallel and in their order.
fn decode(files: Files, request: &Request, faults: &mut Vec<Bad>) -> Samples {
    let preprocessing = &request.preprocessing;
    let decoded = |location: &Location| location.decode(preprocessing).ok();
    let first = files.locations.iter().find_map(decoded);
    let (store, origins, bad) = match first {
        Some(Values::Floats(_)) => {
            let (floats, origins, bad) = decode_as(&files, preprocessing, |values| match values {
                Values::Floats(floats) => Ok(floats.into_owned()),
                Values::Bytes(_) => Err("it holds bytes, the first file floats"),
            });
            (Store::Floats(floats), origins, bad)
        }
        Some(Values::Bytes(_)) | None => {
            let (bytes, origins, bad) = decode_as(&files, preprocessing, |values| match values {
                Values::Bytes(bytes) => Ok(bytes.into_owned()),
                Values::Floats(_) => Err("it holds floats, the first file bytes"),
            });
            (Store::Bytes(bytes), origins, bad)
        }
    };
    faults.extend(bad);
    let paths = files.locations.iter().map(Location::path).collect();
    Samples {
        shape: preprocessing.shape.clone(),
        store,
        targets: files.targets,
        paths: Some(paths),
        origins: Some(origins),
    }
}

/// Decodes all files into values of one type; those that cannot be are lost, and left as zeros.
fn decode_as<T: Copy + Default + Send>(
    files: &Files,
    preprocessing: &Preprocessing,
    typed: impl Fn(Values<'static>) -> std::result::Result<Vec<T>, &'static str> + Sync,
) -> (Vec<T>, Vec<Origin>, Vec<Bad>) {
    let size = preprocessing.shape.iter().product::<usize>().max(1);
    let mut all = vec![T::default(); files.locations.len() * size];
    let mut origins = vec![Origin::default(); files.locations.len()];
    let places = all.chunks_exact_mut(size).zip(&mut origins);
    let jobs = files.locations.iter().zip(places);
    let jobs = Mutex::new(jobs.enumerate());
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let job = lock(&jobs).next();
            let Some((number, (location, (target, origin)))) = job else {
                break;
            };
            let (content, decoded) = location.decode_hashed(preprocessing);
            let decoded = decoded.and_then(|values| {
                typed(values).map_err(|reason| Fault::Unreadable(reason.to_owned()))
            });
            *origin = Origin {
                content,
                is_lost: decoded.is_err(),
            };
            match decoded {
                Ok(values) => {
                    for (target, value) in target.iter_mut().zip(values) {
                        *target = value;
                    }
                }
                Err(fault) => lock(&found).push((number, location.clone(), fault)),
            }
        }
    };
    let helpers = rayon::current_num_threads().saturating_sub(1);
    thread::scope(|scope| {
        for _ in 0..helpers.min(files.locations.len()) {
            // This thread works too, so that it is no fault if no other can be started.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(number, ..)| *number);
    (all, origins, found)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
