//! `dense` as a config writes it.

use super::super::reader::{Reader, Spanned};
use super::super::value::{BOOLEAN, POSITIVE};
use super::super::weights::Weights;
use super::activation::Function;

/// Fully connected layer.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Number of outputs.
    pub units: Spanned<usize>,
    /// Whether a bias is added to each output.
    pub bias: bool,
    /// Activation applied to the output.
    pub activation: Option<Function>,
    /// First values, penalties and constraints.
    pub weights: Weights,
}

impl Dense {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let units = reader.required("units", "10", &POSITIVE);
        let bias = reader.or("bias", true, &BOOLEAN).value;
        let activation = Function::read_key(reader);
        let weights = Weights::read(reader);
        Some(Self {
            units: units?,
            bias,
            activation,
            weights,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("units", self.units.value.to_string()),
            ("bias", self.bias.to_string()),
        ];
        settings.extend(Function::setting(self.activation));
        settings.extend(self.weights.settings());
        settings
    }
}
