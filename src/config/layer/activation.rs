//! `activation` as a config writes it, on its own or as a key of another layer.

use super::super::reader::Reader;
use super::super::value;

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// eˣ over the sum of eˣ along the channels or units.
    Softmax,
    /// x where positive, slope·x elsewhere.
    LeakyRelu {
        /// Slope left of zero.
        slope: f64,
    },
    /// x·Φ(x), the exact form.
    Gelu,
}

/// PyTorch's default slope of `LeakyReLU`.
const SLOPE: f64 = 0.01;

const FUNCTIONS: &[(&str, Function)] = &[
    ("relu", Function::Relu),
    ("tanh", Function::Tanh),
    ("sigmoid", Function::Sigmoid),
    ("softmax", Function::Softmax),
    ("leaky_relu", Function::LeakyRelu { slope: SLOPE }),
    ("gelu", Function::Gelu),
];

const LATER: &[&str] = &[
    "linear",
    "relu6",
    "prelu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "hard_swish",
    "scaled_tanh",
    "log_softmax",
];

impl Function {
    /// Returns the function a word stands for.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let found = FUNCTIONS.iter().find(|(name, _)| *name == word);
        found.map(|(_, function)| *function)
    }

    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softmax => "softmax",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Gelu => "gelu",
        }
    }

    pub(super) fn read_key(reader: &Reader<'_>, key: &'static str) -> Option<Self> {
        let function = reader.optional(key, value::word(FUNCTIONS, LATER))?;
        Some(function.value)
    }

    pub(super) fn setting(function: Option<Self>) -> Option<(&'static str, String)> {
        function.map(|function| ("activation", format!("\"{}\"", function.word())))
    }
}

/// An activation function as a layer of its own.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The function.
    pub function: Function,
}

impl Activation {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let function = reader.required("fn", "\"relu\"", value::word(FUNCTIONS, LATER));
        let slope = if matches!(
            function.as_ref().map(|function| function.value),
            Some(Function::LeakyRelu { .. })
        ) {
            reader.optional("slope", value::number("a number", |_| true))
        } else {
            None
        };
        let function = match (function?.value, slope) {
            (Function::LeakyRelu { .. }, Some(slope)) => Function::LeakyRelu { slope: slope.value },
            (function, _) => function,
        };
        Some(Self { function })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("fn", format!("\"{}\"", self.function.word()))];
        if let Function::LeakyRelu { slope } = self.function {
            settings.push(("slope", value::float(slope)));
        }
        settings
    }
}
