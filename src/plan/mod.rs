//! Shapes, counts and receptive fields of every layer, worked out from the config alone.

mod activation;
mod budget;
mod context;
mod conv;
mod dense;
mod field;
mod find;
mod footprint;
mod freeze;
mod graph;
mod kernel;
mod memory;
mod network;
mod norm;
mod own;
mod pool;
mod rates;
mod reshape;
mod seen;
mod shuffle;
mod totals;
mod transposed;
mod window;
mod winograd;

pub use conv::{Conv, SeparableConv};
pub use dense::Dense;
pub use field::Field;
pub use graph::{Branches, Merge, Residual};
pub use memory::Part;
pub use norm::{Norm, Over};
pub use own::Named;
pub(crate) use pool::adaptive_window;
pub use pool::{AdaptivePool, Pool};
pub use reshape::{Pad, Scale, Upsample};
pub use totals::{Dtype, Totals};
pub use transposed::TransposedConv;
pub(crate) use winograd::WinogradCosts;

#[doc(inline)]
pub use crate::shape::Window;

use crate::config::{self, Config, Function, Task};
use crate::diagnostic::{Diagnostic, Error, Kind, Result, Span};
use crate::shape;
use network::{Arriving, Network};

/// A network in which every shape is known and every layer fits the one before: what `cnn inspect` shows.
///
/// ```
/// use cnn::plan::Dtype;
/// use cnn::{Config, Plan};
///
/// let config: Config = "
///     [model]
///     input  = [1, 32, 32]
///     layers = [
///       { type = 'conv', name = 'C1', filters = 6, kernel_size = 5, activation = 'tanh' },
///       { type = 'pool', name = 'S2', kind = 'avg', size = 2 },
///       { type = 'flatten' },
///       { type = 'dense', units = 10 },
///     ]
/// ".parse()?;
/// let plan = Plan::of(&config)?;
/// let pool = &plan.layers[1];
/// assert_eq!(pool.output, [6, 14, 14]);
/// assert_eq!(pool.field.size(), [6, 6], "pixels of the input that one output sees");
/// assert_eq!(plan.layers[0].counts.macs, 6 * 28 * 28 * 25);
///
/// // Of a batch of 32 in 32-bit floats; nothing where it is beyond counting.
/// let totals = plan.totals(Dtype::F32, 32).expect("a small network");
/// assert_eq!(totals.parameters(), 156 + 6 * 14 * 14 * 10 + 10);
/// assert_eq!(totals.weight_bytes, 4 * totals.parameters());
/// # Ok::<(), cnn::Error>(())
/// ```
///
/// A plan is made by [`Plan::of`] alone; another network is another config.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Shape of one input, `[channels, …]`.
    pub input: Vec<usize>,
    /// The layers in order.
    pub layers: Vec<Layer>,
}

/// A layer whose shapes are known.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its number among all layers, those that hold others before what they hold.
    pub index: usize,
    /// Its place: `3`, or `3.layers.0` within another.
    pub path: String,
    /// How many layers it stands within.
    pub depth: usize,
    /// The user's name, if any.
    pub name: Option<String>,
    /// Its `type` in the config.
    pub type_name: &'static str,
    /// Whether a later `merge` takes its output.
    pub is_kept: bool,
    /// Whether [`Plan::freeze`] keeps its weights as they are.
    pub is_frozen: bool,
    /// Factor on the learning rate of its weights, where [`Plan::set_rates`] gives it one.
    pub rate_factor: Option<f64>,
    /// What it computes.
    pub operation: Operation,
    /// Shape of one input.
    pub input: Vec<usize>,
    /// Shape of one output.
    pub output: Vec<usize>,
    /// Weights and work, of the layers it holds too.
    pub counts: Counts,
    /// What one output value sees of the picture.
    pub field: Field,
    /// Padding applied, `[before, after]` per dimension; empty where nothing slides.
    pub padding: Vec<[usize; 2]>,
    /// Rows and columns at the end that no window reaches.
    pub ignored: Vec<usize>,
    /// The layer's place in the config.
    pub span: Span,
}

/// What a layer computes, with every size resolved.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a network has thousands of layers at most"
)]
pub enum Operation {
    /// Convolution, depthwise or not.
    Conv(Conv),
    /// Depthwise, then 1x1.
    SeparableConv(SeparableConv),
    /// Transposed convolution.
    TransposedConv(TransposedConv),
    /// Pooling.
    Pool(Pool),
    /// Pooling of whole maps.
    GlobalPool(config::PoolKind),
    /// Pooling to a given size.
    AdaptivePool(AdaptivePool),
    /// Fully connected.
    Dense(Dense),
    /// An activation function.
    Activation(Function),
    /// Normalization by mean and variance.
    Norm(Norm),
    /// Normalization across neighbouring channels.
    LocalResponseNorm(config::LocalResponseNorm),
    /// Dropout.
    Dropout(config::Dropout),
    /// Noise.
    Noise(config::Noise),
    /// Maps to one row.
    Flatten,
    /// Another shape.
    Reshape(Vec<usize>),
    /// Values added at the ends.
    Pad(Pad),
    /// Values taken away, `[before, after]` for the channels and each dimension.
    Crop(Vec<[usize; 2]>),
    /// Larger maps.
    Upsample(Upsample),
    /// Channels laid out as maps so many times higher and wider.
    PixelShuffle(usize),
    /// A learned factor per channel.
    Scale(Scale),
    /// Layers and a way around them.
    Residual(Residual),
    /// Layers side by side.
    Branches(Branches),
    /// A joint with earlier layers.
    Merge(Merge),
}

impl Operation {
    /// Returns the lists of layers that it holds.
    #[must_use]
    pub fn lists(&self) -> Vec<&[Layer]> {
        match self {
            Self::Residual(residual) => vec![&residual.layers, &residual.shortcut],
            Self::Branches(branches) => branches.branches.iter().map(Vec::as_slice).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the same lists, each called as the names of its weights have it.
    #[must_use]
    pub(crate) fn named_lists(&self) -> Vec<(String, &[Layer])> {
        let names = match self {
            Self::Residual(_) => vec!["layers".to_owned(), "shortcut".to_owned()],
            Self::Branches(branches) => {
                let numbers = 0..branches.branches.len();
                numbers.map(|number| format!("branches.{number}")).collect()
            }
            _ => Vec::new(),
        };
        names.into_iter().zip(self.lists()).collect()
    }

    /// Returns whether its output are maps that windows made.
    #[must_use]
    pub fn slides(&self) -> bool {
        match self {
            Self::Conv(_)
            | Self::SeparableConv(_)
            | Self::TransposedConv(_)
            | Self::Pool(_)
            | Self::AdaptivePool(_)
            | Self::Upsample(_)
            | Self::PixelShuffle(_)
            | Self::Merge(_) => true,
            Self::Residual(_) | Self::Branches(_) => {
                let mut held = self.lists().into_iter().flatten();
                held.any(|layer| layer.operation.slides())
            }
            _ => false,
        }
    }
}

/// Weights and work of one layer for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Weights that training changes.
    pub trainable: u64,
    /// Weights that it does not.
    pub frozen: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-adds with a conv or dense weight.
    pub macs: u64,
    /// Weights that a dense layer from the same input to the same output would have.
    pub dense_equivalent: u64,
}

impl Counts {
    /// Counts weights alone.
    fn weights(number: u64, trainable: bool) -> Self {
        let (trainable, frozen) = if trainable { (number, 0) } else { (0, number) };
        Self {
            trainable,
            frozen,
            ..Self::default()
        }
    }

    /// Returns all weights, trained or not.
    #[must_use]
    pub fn parameters(&self) -> Option<u64> {
        self.trainable.checked_add(self.frozen)
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            trainable: self.trainable.checked_add(other.trainable)?,
            frozen: self.frozen.checked_add(other.frozen)?,
            buffers: self.buffers.checked_add(other.buffers)?,
            macs: self.macs.checked_add(other.macs)?,
            dense_equivalent: self.dense_equivalent.saturating_add(other.dense_equivalent),
        })
    }
}

impl Plan {
    /// Works out every layer of a config's network, and which of them training leaves as they are.
    ///
    /// # Errors
    /// Every diagnostic that the known shapes allow; a layer whose output is unknown ends it.
    pub fn of(config: &Config) -> Result<Self> {
        let failed = |diagnostics| Error {
            kind: Kind::Config,
            diagnostics,
        };
        let mut plan = Self::new(&config.model).map_err(failed)?;
        plan.freeze(&config.train.freeze).map_err(failed)?;
        Ok(plan)
    }

    /// Works out every layer.
    ///
    /// # Errors
    /// Every diagnostic that the known shapes allow; a layer whose output is unknown ends it.
    #[doc(hidden)]
    pub fn new(model: &config::Model) -> std::result::Result<Self, Vec<Diagnostic>> {
        let input = model.input.value.clone();
        if network::elements(&input).is_none() {
            let message = format!("an input of {} is too large", shape::display(&input));
            return Err(vec![Diagnostic::error(message).at(&model.input.span, "")]);
        }
        let mut network = Network::new(&model.layers);
        let arriving = Arriving {
            shape: &input,
            field: &Field::of_input(&input),
            prefix: String::new(),
            depth: 0,
        };
        let layers = network.list(&model.layers, &arriving);
        let (Some(layers), true) = (layers, network.problems.is_empty()) else {
            return Err(network.problems);
        };
        let plan = Self { input, layers };
        if plan.totals(Dtype::F32, 1).is_none() {
            let message = "the network is too large to count";
            return Err(vec![
                Diagnostic::error(message)
                    .at(&model.input.span, "")
                    .help("choose smaller sizes"),
            ]);
        }
        Ok(plan)
    }

    /// Returns every layer, those that hold others before what they hold.
    #[must_use]
    pub fn every(&self) -> Vec<&Layer> {
        fn collect<'a>(layers: &'a [Layer], every: &mut Vec<&'a Layer>) {
            for layer in layers {
                every.push(layer);
                for list in layer.operation.lists() {
                    collect(list, every);
                }
            }
        }
        let mut every = Vec::new();
        collect(&self.layers, &mut every);
        every
    }

    /// Returns the last `merge` that takes the output of a layer, both by [`Layer::index`].
    #[must_use]
    pub(crate) fn last_uses(&self) -> std::collections::HashMap<usize, usize> {
        memory::last_uses(self)
    }

    /// Returns the sums over all layers; nothing on overflow.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        let mut counts = self.layers.iter().map(|layer| &layer.counts);
        counts.try_fold(Counts::default(), |sum, counts| sum.plus(counts))
    }

    /// Returns the images that a batch must have for our own kernels to train with it, as they take sixteen
    /// at a time.
    #[must_use]
    pub(crate) fn least_batch(&self) -> usize {
        /// Multiply-adds of a network that is computed for a single image with fifteen lanes idle.
        const SMALL: u64 = 50_000_000;
        let macs = self.counts().map_or(u64::MAX, |counts| counts.macs);
        if macs <= SMALL { 1 } else { 4 }
    }

    /// Returns the plan without a softmax at its very end where classes are learnt, without a
    /// sigmoid where labels are: what the loss is computed from, and what probabilities are made
    /// of, whether the config writes it or not.
    #[must_use]
    pub fn up_to_logits(&self, task: Task) -> Self {
        let mut plan = self.clone();
        let function = match task {
            Task::Classes => Function::Softmax,
            Task::Labels => Function::Sigmoid,
            Task::Values => return plan,
        };
        let Some(last) = plan.layers.last_mut() else {
            return plan;
        };
        let activation = match &mut last.operation {
            Operation::Conv(conv) => &mut conv.activation,
            Operation::SeparableConv(conv) => &mut conv.activation,
            Operation::TransposedConv(transposed) => &mut transposed.conv.activation,
            Operation::Dense(dense) => &mut dense.activation,
            Operation::Residual(residual) => &mut residual.activation,
            Operation::Activation(own) if *own == function => {
                plan.layers.pop();
                return plan;
            }
            _ => return plan,
        };
        if *activation == Some(function) {
            *activation = None;
        }
        plan
    }

    /// Returns the shape of the network's answer.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        self.layers
            .last()
            .map_or(&self.input, |layer| &layer.output)
    }
}
