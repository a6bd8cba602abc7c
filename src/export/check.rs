//! Whether an ONNX file answers as the network that it was written of.

use std::sync::Arc;

use super::{Options, Precision};
use crate::config::Task;
use crate::dataset::{Invert, Samples, Values, assemble};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::import;
use crate::model::{Device, Engine};
use crate::model_file::Trained;

/// Samples that are compared at most.
const MOST_SAMPLES: usize = 64;
/// How far answers may be apart, in units of the largest.
const CLOSE: f32 = 1e-4;
/// The same where weights have 16 bits, 11 of them the value's.
const CLOSE_IN_HALF: f32 = 3e-2;

/// What a comparison on samples came to.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// How many samples were answered.
    pub samples: usize,
    /// The largest difference between outputs, in units of the largest output or of 1.
    pub difference: f32,
    /// Samples whose most probable class is the same; nothing where there are no classes.
    pub same: Option<usize>,
}

/// Reads an ONNX file back as one from elsewhere would be, and compares its answers to samples with the network's.
///
/// The file is computed by Burn's own operations on `ndarray`, which share nothing with the kernels that answer here.
///
/// # Errors
/// When the file cannot be read back, or answers otherwise.
pub(super) fn check(
    bytes: &[u8],
    trained: &Trained,
    samples: &Arc<Samples>,
    options: Options,
) -> Result<Check> {
    let preprocessing = &trained.header.preprocessing;
    // Files lie class by class: some of each.
    let step = samples.len().div_ceil(MOST_SAMPLES).max(1);
    let indices: Vec<usize> = (0..samples.len()).step_by(step).collect();
    let batch = assemble(samples, &indices, preprocessing, None)?;
    let device = Device::Cpu.open()?;
    let ours = Engine::new(&trained.model, &trained.plan.input, &device)?.logits(&batch.inputs)?;
    let inputs = if options.prepares {
        raw(samples, &batch.indices, preprocessing.invert)?
    } else {
        batch.inputs
    };
    let other = Device::NdArray.open()?;
    let (model, input) = import::read_back(bytes.to_vec(), &other)?;
    let theirs = Engine::new(&model, &input, &other)?.logits(&inputs)?;
    let count = batch.indices.len();
    let largest = ours
        .iter()
        .fold(1.0_f32, |largest, value| largest.max(value.abs()));
    let pairs = ours.iter().zip(&theirs);
    // A maximum that keeps what is no number.
    let apart = pairs.fold(0.0_f32, |apart, (a, b)| {
        let own = (a - b).abs();
        if own <= apart { apart } else { own }
    });
    let difference = if ours.len() == theirs.len() {
        apart / largest
    } else {
        f32::INFINITY
    };
    let most = match options.precision {
        Precision::F32 => CLOSE,
        Precision::F16 => CLOSE_IN_HALF,
    };
    // What is no number is never close.
    if difference.is_nan() || difference > most {
        let message = format!(
            "the ONNX graph answers otherwise: outputs are apart by {difference:.1e} of the largest"
        );
        let note = format!("{count} samples were compared; at most {most:.0e} is right");
        return Err(Error::model(Diagnostic::error(message).note(note)));
    }
    let outputs = trained.header.classes.len().max(1);
    let rows = ours.chunks(outputs).zip(theirs.chunks(outputs));
    let same = rows.filter(|(a, b)| best(a) == best(b)).count();
    let has_classes = trained.config.train.task() == Task::Classes;
    Ok(Check {
        samples: count,
        difference,
        same: has_classes.then_some(same),
    })
}

/// Returns samples as they are before they are prepared, as a graph that prepares them takes them.
fn raw(samples: &Samples, indices: &[usize], invert: Invert) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    for index in indices {
        match samples.values(*index)? {
            Some(Values::Floats(floats)) => all.extend_from_slice(&floats),
            // A data set's samples have light and dark exchanged already where that is asked for.
            Some(Values::Bytes(bytes)) => all.extend(bytes.iter().map(|byte| match invert {
                Invert::Always => f32::from(255 - *byte),
                _ => f32::from(*byte),
            })),
            None => {}
        }
    }
    Ok(all)
}

fn best(row: &[f32]) -> Option<usize> {
    let all = row.iter().enumerate();
    all.max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(index, _)| index)
}
