//! Layers as they are found in a graph, before a config is written of them.

use super::nodes::Windows;
use super::setting::Setting;
use crate::config::{Function, Join, Task};
use crate::dataset::Preprocessing;

/// The most channels of a value: constants are written out for each.
const MAX_CHANNELS: usize = 1 << 20;
/// The most values of a sample.
const MAX_VALUES: u64 = 1 << 40;

/// A value in the graph, by number.
pub(super) type Id = usize;

/// A layer of the language, with its settings and its weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Its `type`.
    pub(super) kind: &'static str,
    pub(super) settings: Vec<(&'static str, Setting)>,
    pub(super) weights: Vec<Weight>,
    /// What the file calls it, if that can be its name here.
    pub(super) name: Option<String>,
}

/// A weight of a layer, in the layout that it has here.
#[derive(Clone, Debug)]
pub(super) struct Weight {
    /// The last part of its name, such as `weight`.
    pub(super) part: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// A layer, or what becomes one together with its neighbours.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Layer(Draft),
    Activation(Function),
    /// `scale · x + shift` per channel, or one of each for all.
    Scale {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    /// Padding for the channels and each dimension, and its `padding_mode`.
    Pad {
        amount: Vec<[usize; 2]>,
        mode: &'static str,
    },
    Pool(Pool),
    /// A pool to this size per dimension; 0 for one that stays as it is.
    Adaptive {
        is_max: bool,
        output: Vec<usize>,
    },
    Flatten,
    Reshape(Vec<usize>),
    /// Values of one dimension, by place.
    Places {
        dimension: usize,
        size: usize,
        places: Vec<i64>,
    },
    /// A factor for each place of one dimension.
    Shares {
        dimension: usize,
        factors: Vec<f32>,
    },
    Erf,
    Square,
    Power(f32),
    /// Several ways from one value to one value.
    Branches {
        lists: Vec<Vec<Entry>>,
        join: Joining,
        activation: Option<Function>,
    },
    /// A joint with earlier values.
    Merge {
        from: Vec<Id>,
        join: Join,
    },
}

/// A pool of windows.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) kind: &'static str,
    pub(super) windows: Windows,
    pub(super) ceil: bool,
    /// Whether a mean leaves the padding out.
    pub(super) skips_padding: bool,
}

impl Item {
    /// Returns how many numbers it holds, of values with so many channels.
    pub(super) fn numbers(&self, channels: usize) -> usize {
        match self {
            Self::Layer(layer) => layer.weights.iter().map(|weight| weight.values.len()).sum(),
            // One for all is written out for each.
            Self::Scale { scale, .. } => 2 * channels.max(scale.len()),
            Self::Places { places, .. } => places.len(),
            Self::Shares { factors, .. } => factors.len(),
            _ => 0,
        }
    }
}

impl Pool {
    pub(super) fn draft(&self) -> Draft {
        let layer = Draft::new("pool").word("kind", self.kind);
        let layer = self.windows.write(layer, "size");
        let layer = layer.set_unless(false, "ceil", self.ceil);
        layer.set_unless(true, "count_padding", !self.skips_padding)
    }

    /// Returns whether windows lie side by side and cover what they pool, without padding.
    pub(super) fn is_plain(&self) -> bool {
        let mut padding = self.windows.padding.iter().flatten();
        !self.ceil && padding.all(|side| *side == 0)
    }
}

/// How values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    Join(Join),
    /// The first over the second.
    Divide,
}

/// An item, the node that it comes from, and the value that it makes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) item: Item,
    pub(super) node: String,
    pub(super) output: Id,
}

/// What a file says of its pictures and classes.
#[derive(Clone, Debug, Default)]
pub(in crate::import) struct Facts {
    pub(in crate::import) classes: Option<Vec<String>>,
    pub(in crate::import) preprocessing: Option<Preprocessing>,
    /// What its outputs mean.
    pub(in crate::import) task: Option<Task>,
}

impl Draft {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    pub(super) fn set(mut self, key: &'static str, value: impl Into<Setting>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    /// Sets what is another value than the one without the key.
    pub(super) fn set_unless<T: Into<Setting> + PartialEq + Copy>(
        self,
        default: T,
        key: &'static str,
        value: T,
    ) -> Self {
        if value == default {
            self
        } else {
            self.set(key, value)
        }
    }

    pub(super) fn word(self, key: &'static str, word: &str) -> Self {
        self.set(key, Setting::Word(word.to_owned()))
    }

    pub(super) fn weight(mut self, part: &'static str, shape: &[usize], values: Vec<f32>) -> Self {
        self.weights.push(Weight {
            part,
            shape: shape.to_vec(),
            values,
        });
        self
    }

    pub(super) fn setting(&self, key: &str) -> Option<&Setting> {
        let found = self.settings.iter().find(|(own, _)| *own == key);
        found.map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.settings.retain(|(own, _)| *own != key);
    }
}

/// Refuses samples that nothing can hold.
pub(super) fn check_shape(shape: &[usize]) -> Result<(), String> {
    let channels = shape.first().copied().unwrap_or(0);
    let is_whole =
        crate::shape::elements(shape).is_some_and(|count| count > 0 && count <= MAX_VALUES);
    if channels <= MAX_CHANNELS && is_whole {
        return Ok(());
    }
    let shape = crate::shape::display(shape);
    Err(format!("samples of {shape} are too large, or empty"))
}
