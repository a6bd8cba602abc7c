//! Whether a training fits into the memory of the machine, and the ways out if not.

use std::collections::HashSet;

use crate::config::{LayerKind, Model, Size};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::machine::Memory;
use crate::model::Device;
use crate::plan::{Dtype, Layer, Operation, Plan};
use crate::shape;

/// Refuses a training that would not fit into the memory that is free.
///
/// Where the system does not tell (only Linux does), nothing is refused; nor where other devices than the processor
/// compute, which have memory of their own.
///
/// # Errors
/// A diagnostic with the largest batch that fits and the other ways out.
pub(crate) fn check(devices: &[Device], model: &Model, plan: &Plan, batch: usize) -> Result<()> {
    if !devices.iter().any(|device| device.is_processor()) {
        return Ok(());
    }
    let error = Diagnostic::error;
    match free_bytes().and_then(|free| shortage(model, plan, batch, free, error)) {
        Some(diagnostic) => Err(Error::config(diagnostic)),
        None => Ok(()),
    }
}

/// Refuses a forward pass that would not fit into the memory that is free, where the machine tells
/// it.
///
/// # Errors
/// A diagnostic with the largest batch that fits.
pub(crate) fn check_inference(plan: &Plan, batch: usize) -> Result<()> {
    match free_bytes().and_then(|free| inference_shortage(plan, batch, free)) {
        Some(diagnostic) => Err(Error::config(diagnostic)),
        None => Ok(()),
    }
}

/// Warns of a batch whose training would not fit into the memory that is free.
#[must_use]
pub(crate) fn warning(model: &Model, plan: &Plan, batch: usize) -> Option<Diagnostic> {
    shortage(model, plan, batch, free_bytes()?, Diagnostic::warning)
}

/// The bytes that training with a batch takes; the most there can be when they are beyond counting.
fn needed(plan: &Plan, batch: usize, dtype: Dtype) -> u64 {
    let bytes = || {
        let totals = plan.totals(dtype, batch)?;
        let tables = window_tables(plan, u64::checked_add)?;
        totals.predicted_training_rss_bytes.checked_add(tables)
    };
    bytes().unwrap_or(u64::MAX)
}

/// The bytes that a forward pass with a batch takes: its input, the fullest moment between layers,
/// the weights, and the same as a compiled network has them, transformed ones too.
fn needed_to_infer(plan: &Plan, batch: usize) -> u64 {
    let bytes = || {
        let totals = plan.totals(Dtype::F32, batch)?;
        let input = shape::elements(&plan.input)?.checked_mul(4 * batch as u64)?;
        let outputs = totals.inference_bytes.checked_add(input)?;
        let weights = totals.weight_bytes.checked_mul(2)?;
        let transformed = transformed_values(&plan.layers)?.checked_mul(4)?;
        let tables = window_tables(plan, |_, output| Some(output))?;
        let laid_out = transformed.checked_add(tables)?;
        outputs.checked_add(weights)?.checked_add(laid_out)
    };
    bytes().unwrap_or(u64::MAX)
}

/// Returns the bytes of what the kernels look up windows by: a position for each tap of a window, at each of the places
/// that `places` makes of the positions of input and output. Little, unless a window is larger than what it moves over.
fn window_tables(plan: &Plan, places: fn(u64, u64) -> Option<u64>) -> Option<u64> {
    let mut known = HashSet::new();
    let mut bytes: u64 = 0;
    for layer in plan.every() {
        let windows = match &layer.operation {
            Operation::Conv(conv) => &conv.windows,
            Operation::SeparableConv(conv) => &conv.depthwise.windows,
            Operation::TransposedConv(transposed) => &transposed.conv.windows,
            Operation::Pool(pool) => &pool.windows,
            _ => continue,
        };
        let [input, output] = [&layer.input, &layer.output].map(|shape| &shape[1..]);
        let sizes: Vec<usize> = windows.iter().map(|window| window.size).collect();
        let places = places(shape::elements(input)?, shape::elements(output)?)?;
        // Layers of the same windows share them.
        if known.insert((sizes.clone(), input, output)) {
            let own = shape::elements(&sizes)?
                .checked_mul(places)?
                .checked_mul(4)?;
            bytes = bytes.checked_add(own)?;
        }
    }
    Some(bytes)
}

/// Returns the values of kernels that Winograd's algorithm may want transformed: 36 for each of 3x3.
fn transformed_values(layers: &[Layer]) -> Option<u64> {
    let mut values: u64 = 0;
    for layer in layers {
        // No other layer has kernels that are transformed; one that holds layers tells so by its lists.
        if let Operation::Conv(conv) = &layer.operation
            && conv.fits_winograd()
        {
            let kernels = shape::elements(&[conv.filters, conv.channels])?;
            values = values.checked_add(kernels.checked_mul(36)?)?;
        }
        for list in layer.operation.lists() {
            values = values.checked_add(transformed_values(list)?)?;
        }
    }
    Some(values)
}

fn inference_shortage(plan: &Plan, batch: usize, free: u64) -> Option<Diagnostic> {
    let whole = needed_to_infer(plan, batch);
    if whole <= free {
        return None;
    }
    let message = format!(
        "a forward pass with batches of {batch} takes about {}, {} are free",
        amount(whole),
        amount(free)
    );
    let diagnostic = Diagnostic::error(message);
    let fitting = largest_batch(batch, |batch| needed_to_infer(plan, batch) <= free);
    Some(match fitting {
        Some(fitting) => diagnostic.help(format!(
            "the largest batch that fits is {fitting}: `--batch {fitting}`"
        )),
        None => diagnostic.help("not even one picture at a time fits: choose smaller layers"),
    })
}

fn shortage(
    model: &Model,
    plan: &Plan,
    batch: usize,
    free: u64,
    diagnostic: fn(String) -> Diagnostic,
) -> Option<Diagnostic> {
    let whole = needed(plan, batch, Dtype::F32);
    if whole <= free {
        return None;
    }
    let message = format!(
        "training with batches of {batch} takes about {}, {} are free",
        amount(whole),
        amount(free)
    );
    let mut diagnostic = diagnostic(message);
    let outputs = |plan: &Plan, dtype| Some(plan.totals(dtype, batch)?.training_bytes);
    let kept = outputs(plan, Dtype::F32);
    if let Some(kept) = kept {
        let note = format!("the outputs of all layers alone are {}", amount(kept));
        diagnostic = diagnostic.note(note);
    }
    let fits = |batch: usize| needed(plan, batch, Dtype::F32) <= free;
    diagnostic = match largest_batch(batch, fits) {
        Some(fitting) => diagnostic.help(format!(
            "the largest batch that fits is {fitting}: `--batch-size {fitting}`"
        )),
        None => diagnostic.help("not even one picture at a time fits: choose smaller layers"),
    };
    if let Some((strided, stride)) = with_longer_stride(model)
        && let Some(less) = outputs(&strided, Dtype::F32)
    {
        diagnostic = diagnostic.help(format!(
            "with {stride} the outputs are {}, the process about {}",
            amount(less),
            amount(needed(&strided, batch, Dtype::F32))
        ));
    }
    if let Some(half) = outputs(plan, Dtype::F16) {
        diagnostic = diagnostic.note(format!(
            "in 16-bit floats, which this version does not train in, the outputs would be {}",
            amount(half)
        ));
    }
    Some(diagnostic)
}

/// Returns the largest batch below `batch` that fits, exactly, if one does.
fn largest_batch(batch: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if !fits(1) {
        return None;
    }
    // `fitting` fits, `beyond` does not.
    let (mut fitting, mut beyond) = (1, batch);
    while beyond - fitting > 1 {
        let middle = fitting + (beyond - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    Some(fitting)
}

/// Returns the network with twice the stride in its first convolution, and how to write that; nothing
/// where it has none, or where the maps become too small for the layers after it.
fn with_longer_stride(model: &Model) -> Option<(Plan, String)> {
    let rank = model.input.value.len() - 1;
    let mut model = model.clone();
    let mut layers = model.layers.iter_mut();
    let (conv, name) = layers.find_map(|layer| match &mut layer.kind {
        LayerKind::Conv(conv) => Some((conv, layer.name.as_ref())),
        _ => None,
    })?;
    let strides = conv.stride.value.resolve(rank)?;
    let strides: Vec<usize> = strides.iter().map(|stride| stride * 2).collect();
    let place = name.map_or_else(
        || "the first convolution".to_owned(),
        |name| format!("the first convolution, `{}`,", name.value),
    );
    let same = strides.iter().all(|stride| *stride == strides[0]);
    let value = if same {
        strides[0].to_string()
    } else {
        format!("{strides:?}")
    };
    conv.stride.value = Size::Each(strides);
    let plan = Plan::new(&model).ok()?;
    Some((plan, format!("`stride = {value}` in {place}")))
}

/// Writes bytes in the unit that fits.
fn amount(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1.0 {
        format!("{:.1} kB", megabytes * 1e3)
    } else if megabytes < 1e3 {
        format!("{megabytes:.0} MB")
    } else if megabytes < 1e6 {
        format!("{:.1} GB", megabytes / 1e3)
    } else {
        format!("{:.0} TB", megabytes / 1e6)
    }
}

/// Returns the bytes that a process may still take.
fn free_bytes() -> Option<u64> {
    Memory::here().map(|memory| memory.free_bytes)
}

/// Returns the largest resident memory of this process so far, where the system tells it.
#[must_use]
pub(crate) fn peak_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Makes [`peak_bytes`] begin anew, where the system can.
pub(crate) fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn model(layers: &str) -> (Model, Plan) {
        let text = format!("[model]\ninput = [1, 8, 8]\nlayers = [{layers}]\n");
        let model = Config::parse("test.toml", &text, &[]).config.unwrap().model;
        let plan = Plan::new(&model).unwrap();
        (model, plan)
    }

    #[test]
    fn the_largest_batch_that_fits_is_named_exactly() {
        let (model, plan) = model("{ type = \"flatten\" }");
        for fitting in [1_usize, 2, 999, 1000, 3984] {
            // Sixteen pictures are computed at a time, so the rest of them come for nothing.
            let named = fitting.next_multiple_of(16);
            let free = needed(&plan, fitting, Dtype::F32);
            let error = |batch| shortage(&model, &plan, batch, free, Diagnostic::error);
            assert!(error(fitting).is_none());
            let help = &error(4000).unwrap().helps[0];
            let expected =
                format!("the largest batch that fits is {named}: `--batch-size {named}`");
            assert_eq!(*help, expected);
        }
        let none = shortage(&model, &plan, 4000, 0, Diagnostic::error).unwrap();
        assert!(none.helps[0].starts_with("not even one"));
    }

    #[test]
    fn the_largest_batch_of_a_forward_pass_is_named_exactly() {
        let (_, plan) = model("{ type = \"flatten\" }");
        for fitting in [1, 2, 999, 3999] {
            let free = needed_to_infer(&plan, fitting);
            assert!(inference_shortage(&plan, fitting, free).is_none());
            let help = &inference_shortage(&plan, 4000, free).unwrap().helps[0];
            let expected = format!("the largest batch that fits is {fitting}: `--batch {fitting}`");
            assert_eq!(*help, expected);
        }
        let beyond = inference_shortage(&plan, usize::MAX, 1 << 40).unwrap();
        assert!(beyond.message.contains("a forward pass"), "{beyond:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn devices_with_memory_of_their_own_are_not_held_to_this_machines() {
        let (model, plan) = model("{ type = \"flatten\" }");
        let is_refused = |devices: &[Device]| check(devices, &model, &plan, 1 << 50).is_err();
        let remote = Device::Remote("127.0.0.1:7000");
        assert!(!is_refused(&[remote]) && !is_refused(&[Device::Wgpu(0), remote]));
        assert!(is_refused(&[Device::Cpu]) && is_refused(&[remote, Device::NdArray]));
    }

    #[test]
    fn a_longer_stride_leaves_a_quarter() {
        let layers = "{ type = \"conv\", name = \"C1\", filters = 4, kernel_size = 3, \
                      padding = \"same\" }, { type = \"activation\", fn = \"relu\" }";
        let (model, plan) = model(layers);
        let all = plan.totals(Dtype::F32, 10).unwrap().training_bytes;
        let error = shortage(&model, &plan, 10, 0, Diagnostic::error).unwrap();
        let quarter = amount(all / 4);
        assert!(
            error.helps[1].contains("`stride = 2` in the first convolution, `C1`,")
                && error.helps[1].contains(&quarter),
            "{error:?}"
        );
        assert!(error.notes[1].contains(&amount(all / 2)), "{error:?}");
    }
}
