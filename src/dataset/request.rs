//! From `[data]` of a config to what is asked of a data set.

use super::{Augment, Invert, Preprocessing, Request, Samples};
use crate::config::{self, Config, Normalize, Padding, Size};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Works out the size of pictures and how they are prepared, without reading any; nothing where
/// the network's input is no picture.
///
/// # Errors
/// Every setting that does not fit the network's input.
pub fn request(config: &Config) -> Result<Option<Request>, Vec<Diagnostic>> {
    let data = &config.data;
    let mut problems = Vec::new();
    let [channels, input_height, input_width] = config.model.input.value[..] else {
        return Ok(None);
    };
    let padding = sides(&data.padding.value);
    let [top, bottom, left, right] = padding;
    let height = input_height.checked_sub(top.saturating_add(bottom));
    let width = input_width.checked_sub(left.saturating_add(right));
    let room = |size: Option<usize>| size.filter(|size| *size > 0);
    let size = room(height).zip(room(width));
    if size.is_none() {
        let message = format!(
            "`padding` leaves no room for a picture in an input of {}",
            shape::display(&config.model.input.value)
        );
        problems.push(Diagnostic::error(message).at(&data.padding.span, ""));
    }
    let (height, width) = size.unwrap_or((input_height, input_width));
    check_resize(config, [height, width], &mut problems);
    let (mean, std) = normalization(config, channels, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let source = data.source.as_ref();
    #[expect(clippy::cast_possible_truncation, reason = "inputs are 32-bit floats")]
    let rescale = data.rescale as f32;
    Ok(Some(Request {
        source: source.map_or_else(String::new, |source| source.value.clone()),
        preprocessing: Preprocessing {
            channels,
            height,
            width,
            resize: data.resize.is_some(),
            padding,
            rescale,
            mean,
            std,
            invert: match data.invert {
                config::Invert::Auto => Invert::Auto,
                config::Invert::Always => Invert::Always,
                config::Invert::Never => Invert::Never,
            },
            border: 0.0,
        },
        validation: data.validation,
        seed: config.train.seed,
    }))
}

/// Returns the changes to draw for training pictures, if any.
#[must_use]
pub fn augment(augment: &config::Augment) -> Option<Augment> {
    let augment = Augment {
        shift: augment.shift,
        rotate: augment.rotate as f32,
    };
    (augment != Augment::default()).then_some(augment)
}

/// Returns top, bottom, left and right.
fn sides(padding: &Padding) -> [usize; 4] {
    match padding {
        Padding::Both(Size::All(size)) => [*size; 4],
        Padding::Both(Size::Each(sizes)) => match sizes[..] {
            [rows, columns] => [rows, rows, columns, columns],
            _ => [0; 4],
        },
        Padding::Pairs(pairs) => match pairs[..] {
            [[top, bottom], [left, right]] => [top, bottom, left, right],
            _ => [0; 4],
        },
        Padding::Valid | Padding::Same | Padding::Causal => [0; 4],
    }
}

fn check_resize(config: &Config, fitting: [usize; 2], problems: &mut Vec<Diagnostic>) {
    let Some(resize) = &config.data.resize else {
        return;
    };
    let Some(size) = resize.value.resolve(2) else {
        return;
    };
    if size == fitting {
        return;
    }
    let message = format!(
        "pictures of {} do not fill the input of {}",
        shape::display(&size),
        shape::display(&config.model.input.value)
    );
    let [height, width] = fitting;
    let edit = if height == width {
        format!("set `resize = {height}`")
    } else {
        format!("set `resize = [{height}, {width}]`")
    };
    problems.push(
        Diagnostic::error(message)
            .at(
                &resize.span,
                format!("needs {}, padding apart", shape::display(&fitting)),
            )
            .help(edit),
    );
}

fn normalization(
    config: &Config,
    channels: usize,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<f32>, Vec<f32>) {
    let Normalize::Values { mean, std } = &config.data.normalize.value else {
        return (Vec::new(), Vec::new());
    };
    if mean.len() != 1 && mean.len() != channels {
        let message = format!(
            "`normalize` has {} means for an input of {channels} channels",
            mean.len()
        );
        let place = &config.data.normalize.span;
        problems.push(
            Diagnostic::error(message)
                .at(place, "")
                .help("give one per channel, or one for all"),
        );
    }
    (single(mean), single(std))
}

#[expect(clippy::cast_possible_truncation, reason = "inputs are 32-bit floats")]
fn single(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

/// Puts the training split's own mean and standard deviation into the preprocessing.
///
/// A channel of one value throughout gets the deviation 1.
pub fn normalize_by(samples: &Samples, preprocessing: &mut Preprocessing) {
    let channels = preprocessing.channels.max(1);
    let mut sums = vec![[0_u64; 256]; channels];
    let plane = (preprocessing.height * preprocessing.width).max(1);
    for (index, values) in samples.pixels.chunks(plane).enumerate() {
        if let Some(counts) = sums.get_mut(index % channels) {
            for value in values {
                counts[usize::from(*value)] += 1;
            }
        }
    }
    let rescale = f64::from(preprocessing.rescale);
    let moments = sums.iter().map(|counts| moments(counts, rescale));
    let (mean, std): (Vec<f64>, Vec<f64>) = moments.unzip();
    preprocessing.mean = single(&mean);
    preprocessing.std = single(&std);
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2⁵³")]
fn moments(counts: &[u64; 256], rescale: f64) -> (f64, f64) {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let weighted = |value: fn(f64) -> f64| {
        let values = counts.iter().enumerate();
        values
            .map(|(byte, count)| value(byte as f64) * *count as f64)
            .sum::<f64>()
            / total
    };
    let mean = weighted(|byte| byte);
    let variance = weighted(|byte| byte * byte) - mean * mean;
    let deviation = variance.max(0.0).sqrt() * rescale;
    (
        mean * rescale,
        if deviation > 0.0 { deviation } else { 1.0 },
    )
}
