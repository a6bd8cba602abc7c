//! The normalizations as a config writes them: `batch_norm`, `layer_norm`, `group_norm`,
//! `instance_norm`, `local_response_norm`.

use super::super::reader::{Reader, Spanned};
use super::super::value::{self, BOOLEAN, Number, POSITIVE};

/// Normalization to a mean of 0 and a variance of 1.
#[derive(Clone, Debug)]
pub struct Norm {
    /// What mean and variance are taken over.
    pub kind: NormKind,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether a factor and an offset are learned.
    pub affine: bool,
}

/// What a [`Norm`] takes its mean and variance over.
#[derive(Clone, Debug)]
pub enum NormKind {
    /// Each channel over the batch, with running statistics for evaluation.
    Batch {
        /// Weight of the newest batch in the running statistics (PyTorch's sense).
        momentum: f64,
    },
    /// The whole of each sample.
    Layer,
    /// Groups of channels of each sample.
    Group {
        /// Number of groups.
        groups: Spanned<usize>,
    },
    /// Each channel of each sample.
    Instance,
}

fn above_zero() -> Number {
    value::number("a number above 0", |number| number > 0.0)
}

impl Norm {
    fn with(reader: &Reader<'_>, kind: NormKind) -> Self {
        Self {
            kind,
            epsilon: reader.or("epsilon", 1e-5, &above_zero()).value,
            affine: reader.or("affine", true, &BOOLEAN).value,
        }
    }

    pub(super) fn read_batch(reader: &Reader<'_>) -> Self {
        let share = value::number("a number from 0 to 1", |momentum| {
            (0.0..=1.0).contains(&momentum)
        });
        let momentum = reader.or("momentum", 0.1, &share).value;
        Self::with(reader, NormKind::Batch { momentum })
    }

    pub(super) fn read_layer(reader: &Reader<'_>) -> Self {
        Self::with(reader, NormKind::Layer)
    }

    pub(super) fn read_group(reader: &Reader<'_>) -> Option<Self> {
        let groups = reader.required("groups", "8", &POSITIVE);
        // The other keys are read in any case.
        let norm = Self::with(reader, NormKind::Instance);
        let kind = NormKind::Group { groups: groups? };
        Some(Self { kind, ..norm })
    }

    pub(super) fn read_instance(reader: &Reader<'_>) -> Self {
        Self::with(reader, NormKind::Instance)
    }

    /// Returns the `type` of the layer.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            NormKind::Batch { .. } => "batch_norm",
            NormKind::Layer => "layer_norm",
            NormKind::Group { .. } => "group_norm",
            NormKind::Instance => "instance_norm",
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        match &self.kind {
            NormKind::Batch { momentum } => settings.push(("momentum", value::float(*momentum))),
            NormKind::Group { groups } => settings.push(("groups", groups.value.to_string())),
            NormKind::Layer | NormKind::Instance => {}
        }
        settings.push(("epsilon", value::float(self.epsilon)));
        settings.push(("affine", self.affine.to_string()));
        settings
    }
}

/// Local response normalization across neighbouring channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNorm {
    /// Channels that a sum reaches over.
    pub size: usize,
    /// Factor of the mean square, which is the sum over `size`.
    pub alpha: f64,
    /// Exponent of the whole.
    pub beta: f64,
    /// Added to the mean square.
    pub k: f64,
}

impl LocalResponseNorm {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let not_negative = value::number("a number of 0 or more", |number| number >= 0.0);
        Self {
            size: reader.or("size", 5, &POSITIVE).value,
            alpha: reader.or("alpha", 1e-4, &not_negative).value,
            beta: reader.or("beta", 0.75, &not_negative).value,
            k: reader.or("k", 1.0, &above_zero()).value,
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("size", self.size.to_string()),
            ("alpha", value::float(self.alpha)),
            ("beta", value::float(self.beta)),
            ("k", value::float(self.k)),
        ]
    }
}
