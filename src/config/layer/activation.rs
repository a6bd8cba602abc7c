//! `activation` as a config writes it, on its own or as a key of another layer.

use super::super::reader::Reader;
use super::super::value::{self, NUMBER};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// x.
    Linear,
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x where positive, slope·x elsewhere.
    LeakyRelu {
        /// Slope left of zero.
        slope: f64,
    },
    /// x where positive, slope·x elsewhere, with one learned slope.
    Prelu {
        /// First value of the slope.
        slope: f64,
    },
    /// x where positive, eˣ − 1 elsewhere.
    Elu,
    /// [`Function::Elu`] scaled so that mean 0 and variance 1 stay.
    Selu,
    /// max(0, x) + min(0, eˣ − 1).
    Celu,
    /// x·Φ(x), the exact form.
    Gelu,
    /// x·σ(x).
    Silu,
    /// x·tanh(ln(1 + eˣ)).
    Mish,
    /// ln(1 + eˣ).
    Softplus,
    /// x / (1 + |x|).
    Softsign,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x/6 + 1/2, cut to 0 … 1.
    HardSigmoid,
    /// x times [`Function::HardSigmoid`].
    HardSwish,
    /// Hyperbolic tangent.
    Tanh,
    /// 1.7159·tanh(2x/3): `LeCun` et al. 1998.
    ScaledTanh,
    /// eˣ over the sum of eˣ along the channels or units.
    Softmax,
    /// The logarithm of [`Function::Softmax`].
    LogSoftmax,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("linear", Function::Linear),
    ("relu", Function::Relu),
    ("relu6", Function::Relu6),
    // PyTorch's default slopes.
    ("leaky_relu", Function::LeakyRelu { slope: 0.01 }),
    ("prelu", Function::Prelu { slope: 0.25 }),
    ("elu", Function::Elu),
    ("selu", Function::Selu),
    ("celu", Function::Celu),
    ("gelu", Function::Gelu),
    ("silu", Function::Silu),
    ("mish", Function::Mish),
    ("softplus", Function::Softplus),
    ("softsign", Function::Softsign),
    ("sigmoid", Function::Sigmoid),
    ("hard_sigmoid", Function::HardSigmoid),
    ("hard_swish", Function::HardSwish),
    ("tanh", Function::Tanh),
    ("scaled_tanh", Function::ScaledTanh),
    ("softmax", Function::Softmax),
    ("log_softmax", Function::LogSoftmax),
];

impl Function {
    /// Returns the function a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let found = FUNCTIONS.iter().find(|(name, _)| *name == word);
        found.map(|(_, function)| *function)
    }

    /// Returns the words of all functions.
    #[must_use]
    pub fn words() -> Vec<&'static str> {
        FUNCTIONS.iter().map(|(name, _)| *name).collect()
    }

    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        let same = |other: &Self| std::mem::discriminant(&self) == std::mem::discriminant(other);
        let found = FUNCTIONS.iter().find(|(_, function)| same(function));
        found.map_or("", |(name, _)| name)
    }

    /// Returns how many weights the function learns.
    #[must_use]
    pub fn weights(self) -> u64 {
        u64::from(matches!(self, Self::Prelu { .. }))
    }

    /// Reads the key `activation`.
    pub(super) fn read_key(reader: &Reader<'_>) -> Option<Self> {
        let function = reader.optional("activation", &value::word(FUNCTIONS))?;
        Some(function.value)
    }

    pub(super) fn setting(function: Option<Self>) -> Option<(&'static str, String)> {
        function.map(|function| ("activation", format!("\"{}\"", function.word())))
    }
}

/// An activation function as a layer of its own.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// The function.
    pub function: Function,
}

impl Activation {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let function = reader.required("fn", "\"relu\"", &value::word(FUNCTIONS));
        let function = function.map(|function| function.value);
        let sloped = matches!(
            function,
            Some(Function::LeakyRelu { .. } | Function::Prelu { .. })
        );
        let slope = if sloped || reader.describes() {
            reader.optional("slope", &NUMBER).map(|slope| slope.value)
        } else {
            None
        };
        let function = match (function?, slope) {
            (Function::LeakyRelu { .. }, Some(slope)) => Function::LeakyRelu { slope },
            (Function::Prelu { .. }, Some(slope)) => Function::Prelu { slope },
            (function, _) => function,
        };
        Some(Self { function })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("fn", format!("\"{}\"", self.function.word()))];
        if let Function::LeakyRelu { slope } | Function::Prelu { slope } = self.function {
            settings.push(("slope", value::float(slope)));
        }
        settings
    }
}
