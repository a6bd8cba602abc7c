//! Hand-made filters on a picture: CONV → ACT → POOL with weights that a person chose.
//!
//! It computes in plain f64 without Burn, so that it can be held to figures of others; only `handmade.rs` is shared with the
//! `kernel` of a convolution.

mod activation;
mod correlate;
mod kernel;
mod matrix;
mod save;

pub(crate) use activation::pointwise;
pub(crate) use kernel::{Arrangement, Filter};
pub(crate) use matrix::Matrix;
pub(crate) use save::{Scale, png, raw_csv, raw_npy, write};

use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};

use crate::config::{Function, PaddingMode, PoolKind};
use crate::dataset::Pixels;
use crate::diagnostic::{Diagnostic, Error, Result, Span};
use correlate::Walk;

/// The most pixels that are worked on; one takes up to 24 bytes in each stage.
const MAX_PIXELS: usize = 1 << 25;

/// Values of one stage: `[channel, row, column]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Channels, rows and columns; none is 0.
    pub shape: [usize; 3],
    /// The values, channel by channel and row by row.
    pub values: Vec<f64>,
}

impl Planes {
    /// Returns the channels.
    pub fn planes(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks(self.size().iter().product())
    }

    /// Returns the number of rows and columns.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.shape[1], self.shape[2]]
    }

    /// Returns the smallest and the largest value and the mean.
    #[must_use]
    pub fn range(&self) -> [f64; 3] {
        let least = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self
            .values
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
        [least, most, mean]
    }
}

/// What becomes of the responses of several channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fusion {
    /// They are added.
    Sum,
    /// They stay apart.
    Each,
    /// They are multiplied.
    Product,
}

/// What stands around the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// Nothing: the result is smaller.
    Valid,
    /// As much as keeps the size; the odd row or column of an even kernel comes first, as in `SciPy`.
    Same,
    /// Rows and columns on each side.
    Around([usize; 2]),
}

/// A pool after the activation.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Where the user asked for it.
    pub place: Span,
}

/// How filters are applied.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What becomes of the channels.
    pub fusion: Fusion,
    /// What stands around the picture.
    pub padding: Padding,
    /// What the padding holds.
    pub padding_mode: PaddingMode,
    /// Rows and columns from one place of the kernel to the next.
    pub stride: [usize; 2],
    /// Rows and columns from one weight to the next.
    pub dilation: usize,
    /// Added to every response.
    pub bias: f64,
    /// A function of each value, one of [`pointwise`].
    pub activation: Option<Function>,
    /// A pool at the end.
    pub pool: Option<Pool>,
}

/// What came out of one step.
#[derive(Clone, Debug)]
pub struct Stage {
    /// `conv`, `activation` or `pool`.
    pub name: &'static str,
    /// The kernel, the function or the window.
    pub about: String,
    /// The values.
    pub planes: Planes,
}

/// Takes the pixels of a picture to values between 0 and 1, cropped about the middle.
///
/// # Errors
/// When the picture is smaller than the crop, or too large to work on.
pub(crate) fn prepare(pixels: &Pixels, crop: Option<[usize; 2]>) -> Result<Planes> {
    let [channels, height, width] = pixels.shape;
    let [rows, columns] = crop.unwrap_or([height, width]);
    if rows > height || columns > width {
        let message =
            format!("the picture of {height}x{width} cannot be cropped to {rows}x{columns}");
        let help = format!("choose a `--crop` of at most {height},{width} (height, width)");
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    if rows * columns > MAX_PIXELS {
        let message = format!(
            "the picture of {rows}x{columns} has {} pixels, expected at most {MAX_PIXELS}",
            rows * columns
        );
        let help = "cut a part out with `--crop 4096,4096`";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let (top, left) = ((height - rows) / 2, (width - columns) / 2);
    let mut values = Vec::with_capacity(channels * rows * columns);
    for channel in 0..channels {
        for row in top..top + rows {
            let begin = (channel * height + row) * width + left;
            let line = pixels.values.get(begin..begin + columns);
            let line = line.unwrap_or_default().iter();
            values.extend(line.map(|value| f64::from(*value) / 255.0));
        }
    }
    Ok(Planes {
        shape: [channels, rows, columns],
        values,
    })
}

/// Applies filters one after another, each with the activation and the pool behind it.
///
/// # Errors
/// A kernel or a window that does not fit, matrices that do not match the channels, or a result
/// that is no finite number.
pub(crate) fn apply(input: &Planes, chain: &[&Filter], settings: &Settings) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for filter in chain {
        let before = stages.last().map_or(input, |stage| &stage.planes);
        let mut planes = convolve(before, filter, settings)?;
        if planes.values.iter().any(|value| !value.is_finite()) {
            let message = format!("the responses to `{}` are not finite numbers", filter.name);
            let diagnostic = Diagnostic::error(message).at(&filter.place, "");
            return Err(Error::config(diagnostic.help("choose smaller weights")));
        }
        let stage = |name, about: &str, planes| Stage {
            name,
            about: about.to_owned(),
            planes,
        };
        if let Some(function) = settings.activation {
            let mut activated = planes.clone();
            let values = &mut activated.values;
            values
                .par_iter_mut()
                .for_each(|value| *value = activation::activate(function, *value));
            stages.push(stage("conv", &filter.name, planes));
            stages.push(stage("activation", function.word(), activated.clone()));
            planes = activated;
        } else {
            stages.push(stage("conv", &filter.name, planes.clone()));
        }
        if let Some(pool) = &settings.pool {
            let pooled = pool_planes(&planes, pool)?;
            stages.push(stage("pool", &pool.to_string(), pooled));
        }
    }
    Ok(stages)
}

fn convolve(input: &Planes, filter: &Filter, settings: &Settings) -> Result<Planes> {
    let walk = walk(input, filter, settings)?;
    let channels = input.shape[0];
    let at = |index: usize| filter.matrices.get(index).map(std::slice::from_ref);
    let mut fused = match filter.arrangement {
        Arrangement::PerChannel if filter.matrices.len() != channels => {
            let message = format!(
                "kernel `{}` has {} matrices, the map has {}",
                filter.name,
                filter.matrices.len(),
                counted(channels, "channel"),
            );
            let help = "give one matrix, or one for each channel";
            let diagnostic = Diagnostic::error(message).at(&filter.place, "").help(help);
            return Err(Error::config(diagnostic));
        }
        Arrangement::PerChannel | Arrangement::Shared => {
            fuse(input, &filter.matrices, &walk, settings.fusion)
        }
        Arrangement::Pair => {
            let of = |index| fuse(input, at(index).unwrap_or_default(), &walk, settings.fusion);
            let mut across = of(0);
            for (x, y) in across.iter_mut().zip(of(1)) {
                *x = x.hypot(y);
            }
            across
        }
    };
    for value in &mut fused {
        *value += settings.bias;
    }
    let [rows, columns] = walk.output;
    Ok(Planes {
        shape: [fused.len() / (rows * columns), rows, columns],
        values: fused,
    })
}

/// Correlates every channel with its matrix, the last of them if there are fewer.
fn fuse(input: &Planes, matrices: &[Matrix], walk: &Walk, fusion: Fusion) -> Vec<f64> {
    let mut result: Vec<f64> = Vec::new();
    let matrices = matrices.iter().chain(matrices.last().into_iter().cycle());
    for (plane, matrix) in input.planes().zip(matrices) {
        let response = correlate::correlate(plane, matrix, walk);
        if result.is_empty() {
            result = response;
            continue;
        }
        let pairs = result.iter_mut().zip(&response);
        match fusion {
            Fusion::Each => result.extend(response),
            Fusion::Sum => pairs.for_each(|(sum, value)| *sum += value),
            Fusion::Product => pairs.for_each(|(product, value)| *product *= value),
        }
    }
    result
}

fn walk(input: &Planes, filter: &Filter, settings: &Settings) -> Result<Walk> {
    let size = filter.size();
    let extent = size.map(|side| (side - 1) * settings.dilation + 1);
    let [before, after] = match settings.padding {
        Padding::Valid => [[0, 0]; 2],
        Padding::Same => [
            extent.map(|side| side / 2),
            extent.map(|side| (side - 1) / 2),
        ],
        Padding::Around(amount) => [amount; 2],
    };
    let padded = [0, 1].map(|side| input.size()[side] + before[side] + after[side]);
    if extent[0] > padded[0] || extent[1] > padded[1] {
        let [height, width] = padded;
        let message = format!(
            "kernel `{}` of {}x{} does not fit the {height}x{width} map",
            filter.name, size[0], size[1]
        );
        let label = format!("needs at least {}x{}", extent[0], extent[1]);
        let diagnostic = Diagnostic::error(message)
            .at(&filter.place, label)
            .help("set `--padding same`, or choose a smaller kernel");
        return Err(Error::config(diagnostic));
    }
    let output = [0, 1].map(|side| (padded[side] - extent[side]) / settings.stride[side] + 1);
    if output[0].saturating_mul(output[1]) > MAX_PIXELS {
        let [height, width] = output;
        let message = format!("a result of {height}x{width} has over {MAX_PIXELS} pixels");
        let help = "choose a smaller `--padding` or a larger `--stride`";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    Ok(Walk {
        input: input.size(),
        before,
        mode: settings.padding_mode,
        stride: settings.stride,
        dilation: settings.dilation,
        output,
    })
}

fn pool_planes(input: &Planes, pool: &Pool) -> Result<Planes> {
    let [height, width] = input.size();
    let [rows, columns] = pool.size;
    if rows > height || columns > width {
        let message = format!("a {rows}x{columns} window does not fit the {height}x{width} map");
        let diagnostic = Diagnostic::error(message)
            .at(&pool.place, "")
            .help(format!("choose a window of at most {height}x{width}"));
        return Err(Error::config(diagnostic));
    }
    let down = (height - rows) / pool.stride[0] + 1;
    let across = (width - columns) / pool.stride[1] + 1;
    let pooled = input.planes().flat_map(|plane| {
        correlate::pool(
            plane,
            pool.kind,
            pool.size,
            pool.stride,
            [width, down, across],
        )
    });
    Ok(Planes {
        values: pooled.collect(),
        shape: [input.shape[0], down, across],
    })
}

impl std::fmt::Display for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            PoolKind::Max => "max",
            PoolKind::Avg => "avg",
            PoolKind::Sum => "sum",
            PoolKind::Min => "min",
            PoolKind::L2 => "l2",
        };
        let ([rows, columns], [down, across]) = (self.size, self.stride);
        if down == across {
            write!(formatter, "{kind} {rows}x{columns}, stride {down}")
        } else {
            write!(formatter, "{kind} {rows}x{columns}, stride {down}x{across}")
        }
    }
}

/// Writes a number of things: `1 channel`, `3 channels`.
#[must_use]
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
