//! Files of samples: decoded into memory where they fit there, else when they are asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Request;
use super::faults::{MOST_TOLD, fail_with, shortened};
use super::picture::Fault;
use super::preprocess::Preprocessing;
use super::samples::{Samples, Store, Targets, Values};
use super::stream::{Location, Streamed};
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

/// Makes samples of the files of all splits. Those that are decoded now and cannot be are told together, or left
/// out with a warning where that is asked for.
pub(super) fn load_all<const N: usize>(
    splits: [Option<Files>; N],
    request: &Request,
) -> Result<([Option<Samples>; N], Vec<Diagnostic>)> {
    let count: usize = splits
        .iter()
        .flatten()
        .map(|files| files.locations.len())
        .sum();
    let in_memory = fits(count, request);
    let mut faults = Vec::new();
    let samples = splits.map(|files| {
        let files = files?;
        Some(if in_memory {
            decode(files, request, &mut faults)
        } else {
            stream(files, request)
        })
    });
    if request.on_bad_image == OnBadImage::Skip {
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
fn fits(count: usize, request: &Request) -> bool {
    let bytes_of_value = if request.preprocessing.picture_shape().is_some() {
        1
    } else {
        4
    };
    let shape = request.preprocessing.shape.iter();
    let bytes: u128 = shape.map(|extent| *extent as u128).product();
    bytes * count as u128 * bytes_of_value <= u128::from(request.cache_bytes)
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
    }
}

/// Decodes the files of one split, in parallel and in their order; leaves out those that cannot be.
fn decode(files: Files, request: &Request, faults: &mut Vec<Bad>) -> Samples {
    let preprocessing = &request.preprocessing;
    let decoded = |location: &Location| location.decode(preprocessing).ok();
    let first = files.locations.iter().find_map(decoded);
    let (store, bad) = match first {
        Some(Values::Floats(_)) => {
            let (floats, bad) = decode_as(&files, preprocessing, |values| match values {
                Values::Floats(floats) => Ok(floats.into_owned()),
                Values::Bytes(_) => Err("it holds bytes, the first file floats"),
            });
            (Store::Floats(floats), bad)
        }
        Some(Values::Bytes(_)) | None => {
            let (bytes, bad) = decode_as(&files, preprocessing, |values| match values {
                Values::Bytes(bytes) => Ok(bytes.into_owned()),
                Values::Floats(_) => Err("it holds floats, the first file bytes"),
            });
            (Store::Bytes(bytes), bad)
        }
    };
    let mut is_bad = vec![false; files.locations.len()];
    for (index, ..) in &bad {
        is_bad[*index] = true;
    }
    faults.extend(bad);
    let paths = files.locations.iter().map(Location::path).collect();
    let mut samples = Samples {
        shape: preprocessing.shape.clone(),
        store,
        targets: files.targets,
        paths: Some(paths),
    };
    if is_bad.contains(&true) {
        samples.take(&is_bad);
    }
    samples
}

/// Decodes all files into values of one type; those that cannot be are left as zeros.
fn decode_as<T: Copy + Default + Send>(
    files: &Files,
    preprocessing: &Preprocessing,
    typed: impl Fn(Values<'static>) -> std::result::Result<Vec<T>, &'static str> + Sync,
) -> (Vec<T>, Vec<Bad>) {
    let size = preprocessing.shape.iter().product::<usize>().max(1);
    let mut all = vec![T::default(); files.locations.len() * size];
    let jobs = files.locations.iter().zip(all.chunks_exact_mut(size));
    let jobs = Mutex::new(jobs.enumerate());
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let job = lock(&jobs).next();
            let Some((number, (location, target))) = job else {
                break;
            };
            let decoded = location.decode(preprocessing).and_then(|values| {
                typed(values).map_err(|reason| Fault::Unreadable(reason.to_owned()))
            });
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
    let helpers = thread::available_parallelism().map_or(1, usize::from) - 1;
    thread::scope(|scope| {
        for _ in 0..helpers.min(files.locations.len()) {
            // This thread works too, so that it is no fault if no other can be started.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(number, ..)| *number);
    (all, found)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
