//! From `[data]` of a config to what is asked of a data set.

use super::{Augment, Invert, Mode, Preprocessing, Request};
use crate::config::{self, Config, Normalize, Padding, ResizeMode, Size};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Works out the shape of samples and how they are prepared, without reading any.
///
/// # Errors
/// Every setting that does not fit the network's input.
pub fn request(config: &Config) -> Result<Request, Vec<Diagnostic>> {
    let data = &config.data;
    let mut problems = Vec::new();
    let input = &config.model.input.value;
    let is_picture = input.len() == 3;
    let padding = sides(config, &mut problems);
    let shape = without_padding(config, &padding, &mut problems);
    if is_picture {
        check_resize(config, &shape[1..], &mut problems);
    } else {
        refuse_picture_settings(config, &mut problems);
    }
    let channels = input.first().copied().unwrap_or(0);
    let (mean, std) = normalization(config, channels, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let source = data.source.as_ref();
    Ok(Request {
        source: source.map_or_else(String::new, |source| source.value.clone()),
        preprocessing: Preprocessing {
            shape,
            crop: data.crop.as_ref().and_then(|crop| sides_of(&crop.value)),
            resize: data.resize.is_some(),
            mode: match data.resize.as_ref().map(|resize| resize.value.mode) {
                None | Some(ResizeMode::Stretch) => Mode::Stretch,
                Some(ResizeMode::Letterbox) => Mode::Letterbox,
                Some(ResizeMode::Crop) => Mode::Crop,
            },
            padding,
            floats: false,
            rescale: data.rescale.unwrap_or(RESCALE_OF_BYTES) as f32,
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
        validation_source: data.validation_source.clone(),
        test_source: data.test.clone(),
        targets: data.target.clone(),
        outputs: None,
        seed: config.train.seed,
        task: config.train.task(),
        cache_bytes: data.cache,
        on_bad_image: data.on_bad_image,
    })
}

/// Returns height and width.
fn sides_of(size: &Size) -> Option<[usize; 2]> {
    size.resolve(2)?.try_into().ok()
}

/// Brings bytes to 0 … 1.
const RESCALE_OF_BYTES: f64 = 1.0 / 255.0;

/// Returns the changes to draw for training pictures of so many classes, if any.
#[must_use]
pub fn augment(changes: &config::Augment, classes: usize) -> Option<Augment> {
    let draws = *changes != config::Augment::default();
    draws.then(|| Augment {
        changes: changes.clone(),
        classes,
    })
}

/// Returns the zeros before and after the values along each dimension.
fn sides(config: &Config, problems: &mut Vec<Diagnostic>) -> Vec<[usize; 2]> {
    let rank = config.model.input.value.len().max(1) - 1;
    let padding = &config.data.padding;
    let sides = match &padding.value {
        Padding::Both(size) => size
            .resolve(rank)
            .map(|sizes| sizes.into_iter().map(|size| [size, size]).collect()),
        Padding::Pairs(pairs) => (pairs.len() == rank).then(|| pairs.clone()),
        Padding::Valid | Padding::Same | Padding::Causal => Some(vec![[0; 2]; rank]),
    };
    sides.unwrap_or_else(|| {
        let input = shape::display(&config.model.input.value);
        let message = format!("`padding` has other dimensions than the input of {input}");
        problems.push(
            Diagnostic::error(message)
                .at(&padding.span, "")
                .help(format!("give one number for all, or {rank}")),
        );
        vec![[0; 2]; rank]
    })
}

/// Returns the network's input without the padding around it.
fn without_padding(
    config: &Config,
    padding: &[[usize; 2]],
    problems: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let input = &config.model.input.value;
    let mut shape = input.clone();
    for (extent, [before, after]) in shape.iter_mut().skip(1).zip(padding) {
        *extent = extent.saturating_sub(before.saturating_add(*after));
    }
    if shape.contains(&0) {
        let message = format!(
            "`padding` leaves no room for a picture in an input of {}",
            shape::display(input)
        );
        problems.push(Diagnostic::error(message).at(&config.data.padding.span, ""));
        return input.clone();
    }
    shape
}

/// Refuses what only pictures can have.
fn refuse_picture_settings(config: &Config, problems: &mut Vec<Diagnostic>) {
    let input = shape::display(&config.model.input.value);
    let resize = config.data.resize.as_ref();
    let crop = config.data.crop.as_ref();
    let places = [
        ("resize", resize.map(|resize| &resize.span)),
        ("crop", crop.map(|crop| &crop.span)),
    ];
    for (key, place) in places {
        if let Some(place) = place {
            let message = format!("`{key}` is for pictures, the input is {input}");
            problems.push(
                Diagnostic::error(message)
                    .at(place, "")
                    .help("remove it: signals and volumes keep their size"),
            );
        }
    }
    if config.augment != config::Augment::default() {
        let message = format!("`[augment]` changes pictures, the input is {input}");
        problems.push(
            Diagnostic::error(message)
                .at(&config.model.input.span, "")
                .help("remove `[augment]`"),
        );
    }
}

/// Checks that what pictures are brought to, or where they keep their size cut to, fills the input.
fn check_resize(config: &Config, fitting: &[usize], problems: &mut Vec<Diagnostic>) {
    let data = &config.data;
    let resize = data.resize.as_ref();
    let crop = data.crop.as_ref();
    let (key, size, place) = match (resize, crop) {
        (Some(resize), _) => ("resize", &resize.value.size, &resize.span),
        (None, Some(crop)) => ("crop", &crop.value, &crop.span),
        (None, None) => return,
    };
    let Some(size) = size.resolve(2) else {
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
    let [height, width] = *fitting else {
        return;
    };
    let edit = if let [first, second, channels @ (1 | 3)] = config.model.input.value[..]
        && first > 3
    {
        format!("channels come first: `input = [{channels}, {first}, {second}]`")
    } else if height == width {
        format!("set `{key} = {height}`")
    } else {
        format!("set `{key} = [{height}, {width}]`")
    };
    problems.push(
        Diagnostic::error(message)
            .at(
                place,
                format!("needs {}, padding apart", shape::display(fitting)),
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
