//! Layers in files of Keras: `.weights.h5`, `.keras`, and `.h5` of older versions.

use super::hdf5::Group;
use super::links::Links;
use crate::model::NamedWeight;

/// The groups of what a model was trained with.
pub(super) const SKIPPED: [&str; 2] = ["optimizer", "optimizer_weights"];

/// What a layer with weights is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LayerType {
    /// Convolution.
    Conv,
    /// Convolution of each channel by itself.
    Depthwise,
    /// The first half of a separable convolution.
    OfChannels,
    /// Its second half.
    AcrossChannels,
    /// Transposed convolution.
    Transposed,
    /// Fully connected.
    Dense,
    /// Normalization by statistics of batches.
    BatchNorm,
    /// Normalization of a sample.
    LayerNorm,
    /// Normalization of groups of channels.
    GroupNorm,
    /// A learned slope.
    Prelu,
    /// None that there is here.
    Other,
}

impl LayerType {
    /// Returns the kind by the name that Keras gives its layers.
    fn named(stem: &str) -> Option<Self> {
        Some(match stem {
            "conv1d" | "conv2d" | "conv3d" => Self::Conv,
            "depthwise_conv1d" | "depthwise_conv2d" => Self::Depthwise,
            // Taken apart where it is read.
            "separable_conv1d" | "separable_conv2d" => Self::OfChannels,
            "conv1d_transpose" | "conv2d_transpose" | "conv3d_transpose" => Self::Transposed,
            "dense" => Self::Dense,
            "batch_normalization" => Self::BatchNorm,
            "layer_normalization" => Self::LayerNorm,
            "group_normalization" => Self::GroupNorm,
            "p_re_lu" => Self::Prelu,
            _ => return None,
        })
    }

    /// Returns whether a layer of a file can be this one here. Without a kind it can be any.
    pub(super) fn takes(self, theirs: Option<Self>) -> bool {
        match theirs {
            None => true,
            Some(Self::Depthwise) => self == Self::Conv,
            Some(kind) => self == kind,
        }
    }
}

/// A number among layers of the same sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    sort: String,
    pub(super) number: u64,
}

impl Numbered {
    /// Returns whether both are of one sort, so that their numbers say which comes first.
    pub(super) fn is_with(&self, other: &Self) -> bool {
        self.sort == other.sort
    }
}

/// What a file holds of a model.
#[derive(Debug)]
pub(super) struct Model {
    /// Its layers with arrays.
    pub(super) layers: Vec<Layer>,
    /// How they are connected, as far as it is said.
    pub(super) links: Links,
    /// Whether a layer is said to have channels first.
    pub(super) has_channels_first: bool,
}

/// A layer of a file.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Its place in the file.
    pub(super) name: String,
    /// What the user or Keras called it.
    pub(super) called: Option<String>,
    /// What it is; nothing where the file does not say.
    pub(super) kind: Option<LayerType>,
    /// What says where it stands among others, the most certain first.
    pub(super) numbers: Vec<Option<Numbered>>,
    /// Its arrays, whose names are places in the file.
    pub(super) arrays: Vec<NamedWeight>,
}

impl Layer {
    fn new(name: String, called: Option<String>, kind: Option<LayerType>) -> Self {
        Self {
            name,
            called,
            kind,
            numbers: Vec::new(),
            arrays: Vec::new(),
        }
    }

    /// Takes a separable convolution apart, which here is two.
    fn parts(self) -> Vec<Self> {
        let is_one = match (self.kind, &self.arrays[..]) {
            (Some(LayerType::OfChannels), [_, _, ..]) => true,
            (None, [first, second, ..]) => is_separable(&first.shape, &second.shape),
            _ => false,
        };
        if !is_one {
            return vec![self];
        }
        let half = |name: &str, kind, arrays: &[NamedWeight]| Self {
            name: format!("{}.{name}", self.name),
            kind: Some(kind),
            arrays: arrays.to_vec(),
            ..self.clone()
        };
        let (first, second) = self.arrays.split_at(1);
        vec![
            half("depthwise", LayerType::OfChannels, first),
            half("pointwise", LayerType::AcrossChannels, second),
        ]
    }

    /// Returns what an array is called here in a layer of a kind.
    pub(super) fn part(&self, position: usize, kind: LayerType) -> Option<&'static str> {
        const STATISTICS: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
        let own = self.arrays.get(position)?.name.rsplit('/').next()?;
        let own = own.split_once(':').map_or(own, |(own, _)| own);
        match own {
            "kernel" | "depthwise_kernel" | "pointwise_kernel" | "gamma" | "alpha" => {
                Some("weight")
            }
            "bias" | "beta" => Some("bias"),
            "moving_mean" => Some("running_mean"),
            "moving_variance" => Some("running_var"),
            _ => match (kind, self.arrays.len()) {
                (LayerType::BatchNorm, 4) => STATISTICS.get(position),
                (LayerType::BatchNorm, 2) => STATISTICS.get(position + 2),
                (LayerType::BatchNorm, _) => None,
                _ => STATISTICS.get(position).filter(|_| position < 2),
            }
            .copied(),
        }
    }
}

/// Tells a separable convolution by its kernels `[k…, channels, multiplier]` and `[1…, channels · multiplier, filters]`.
fn is_separable(first: &[usize], second: &[usize]) -> bool {
    match (first, second) {
        ([kernel @ .., channels, multiplier], [ones @ .., inputs, _]) => {
            !kernel.is_empty()
                && kernel.len() == ones.len()
                && ones.iter().all(|size| *size == 1)
                && channels.checked_mul(*multiplier) == Some(*inputs)
        }
        _ => false,
    }
}

/// Returns what a file holds; the description of an archive stands beside it.
pub(super) fn model(root: &Group, description: Option<&str>) -> Model {
    let older = root.group("model_weights").unwrap_or(root);
    let mut found = Vec::new();
    if let Some(names) = older.words("layer_names") {
        let is_below = older.name == "model_weights";
        let prefix = if is_below { "model_weights/" } else { "" };
        found = listed(older, &names, prefix);
    } else {
        collect(root, "", "", &mut found);
    }
    found.retain(|layer| !layer.arrays.is_empty());
    let within = root.words("model_config").unwrap_or_default();
    let description = description.or(within.first().copied());
    Model {
        layers: found.into_iter().flat_map(Layer::parts).collect(),
        links: description.map(Links::read).unwrap_or_default(),
        // No other setting has this word.
        has_channels_first: description.is_some_and(|text| text.contains("\"channels_first\"")),
    }
}

/// Takes a name apart into what stands before `_3` at its end and that number, 0 without one.
fn stem(name: &str) -> (&str, u64) {
    let end = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = end.strip_suffix('_').zip(name[end.len()..].parse().ok());
    number.unwrap_or((name, 0))
}

/// Gathers the layers below a group of a file of Keras 3, where each has a group `vars`.
fn collect(group: &Group, path: &str, holder: &str, found: &mut Vec<Layer>) {
    if let Some(own) = group.group("vars") {
        let (sort, number) = stem(&group.name);
        let called = own
            .words("name")
            .and_then(|words| words.first().map(ToString::to_string));
        let made = called.as_deref().map(stem);
        let made_kind = made.and_then(|(sort, _)| LayerType::named(sort));
        let kind = match LayerType::named(sort) {
            Some(kind) => Some(kind),
            // A list of a model names its layers by what they are; anywhere else the name is the user's.
            None if holder == "layers" => Some(LayerType::Other),
            None => made_kind,
        };
        let holder_path = path.strip_suffix(&group.name).unwrap_or(path);
        let in_holder = LayerType::named(sort).map(|_| Numbered {
            sort: format!("{holder_path}{sort}"),
            number,
        });
        let by_making = made.filter(|_| made_kind.is_some()).map(|(sort, number)| {
            let sort = sort.to_owned();
            Numbered { sort, number }
        });
        let mut layer = Layer::new(path.to_owned(), called, kind);
        layer.numbers = vec![in_holder, by_making];
        layer.arrays = own
            .arrays
            .iter()
            .map(|array| named(path, "vars/", array))
            .collect();
        layer
            .arrays
            .sort_by_cached_key(|array| super::read::natural(&array.name));
        found.push(layer);
    }
    for inner in &group.groups {
        if inner.name != "vars" {
            let below = if path.is_empty() {
                inner.name.clone()
            } else {
                format!("{path}/{}", inner.name)
            };
            collect(inner, &below, &group.name, found);
        }
    }
}

fn named(path: &str, within: &str, array: &NamedWeight) -> NamedWeight {
    NamedWeight {
        name: format!("{path}/{within}{}", array.name),
        ..array.clone()
    }
}

/// Gathers the layers of an older file, which lists them in their order.
fn listed(root: &Group, names: &[&str], prefix: &str) -> Vec<Layer> {
    let mut found: Vec<Layer> = Vec::new();
    for name in names {
        let Some(group) = root.group(name) else {
            continue;
        };
        // A model within the model lists the weights of all its layers.
        for weight in group.words("weight_names").unwrap_or_default() {
            let mut folders: Vec<&str> =
                weight.split('/').filter(|word| !word.is_empty()).collect();
            let own = folders.pop().unwrap_or_default();
            let holder = folders
                .iter()
                .try_fold(group, |group, word| group.group(word));
            let array =
                holder.and_then(|group| group.arrays.iter().find(|array| array.name == own));
            let Some(array) = array else {
                continue;
            };
            let called = folders.last().copied().unwrap_or(name);
            folders.insert(0, name);
            let path = format!("{prefix}{}", folders.join("/"));
            let at = found.iter().position(|layer| layer.name == path);
            let at = at.unwrap_or_else(|| {
                let kind = LayerType::named(stem(called).0);
                let mut layer = Layer::new(path.clone(), Some(called.to_owned()), kind);
                let (sort, number) = (String::new(), found.len() as u64);
                layer.numbers = vec![Some(Numbered { sort, number })];
                found.push(layer);
                found.len() - 1
            });
            let array = named(&path, "", array);
            // What is listed twice is the same.
            if let Some(layer) = found.get_mut(at)
                && layer.arrays.iter().all(|known| known.name != array.name)
            {
                layer.arrays.push(array);
            }
        }
    }
    found
}
