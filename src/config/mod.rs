//! TOML text to typed values, each with its place, and every error of a file at once.

mod augment;
mod blocks;
mod budget;
mod checkpoint;
mod data;
mod defaults;
mod describe;
mod docs;
mod form;
mod layer;
mod loss;
mod model;
mod node;
mod optimizer;
mod reader;
mod resize;
mod schedule;
mod size;
mod tagged;
mod task;
mod train;
mod validation;
mod value;
mod weights;
mod words;

pub use augment::{Augment, Elastic, Erase, EraseFill, Flip, RandomCrop};
pub use budget::Budget;
pub use checkpoint::{Checkpoint, Every};
pub use data::{Data, Invert, Normalize, OnBadImage};
#[doc(hidden)]
pub use describe::{Language, LayerType, describe};
#[doc(hidden)]
pub use form::{Bounds, Fallback, Field, Form, Variant};
pub use layer::{
    Activation, AdaptivePool, Branches, Conv, ConvKind, Crop, Dense, Dropout, Function, GlobalPool,
    HandMade, Join, Layer, LayerKind, LocalResponseNorm, Merge, Noise, Norm, NormKind, Pad,
    PaddingMode, PixelShuffle, Pool, PoolKind, Reshape, Residual, Scale, Upsample, UpsampleMode,
};
pub use loss::{ClassWeights, Loss};
pub use model::Model;
#[doc(hidden)]
pub use model::{is_run_name, run_name_from};
pub use node::Override;
pub use optimizer::{Adaptive, Adjust, Moments, Optimizer, Rule};
pub use reader::Spanned;
pub use resize::{Resize, ResizeMode};
pub use schedule::{Plateau, Schedule, ScheduleKind};
pub use size::{Amount, Padding, Size};
pub use task::Task;
pub use train::{EarlyStopping, Metric, OnDivergence, Precision, RateFactor, Train};
pub use validation::Validation;
pub use weights::{Constraint, Fan, Initializer, Weights};
#[doc(hidden)]
pub use words::nearest;

use std::str::FromStr;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Error, Kind, Source, Span};
use node::{Node, Table, Value};
use reader::{Problems, Reader};

/// The largest config that is read, in bytes; the deepest published networks take a hundredth.
pub const MAX_CONFIG_BYTES: usize = 4 << 20;

/// A whole config file.
///
/// ```
/// use cnn::Config;
/// use cnn::config::Override;
///
/// let text = "
///     [model]
///     input  = [3, 32, 32]
///     layers = [
///       { type = 'conv', filters = 16, kernel_size = 3, padding = 'same' },
///       { type = 'global_pool' },
///       { type = 'dense', units = 5 },
///     ]
///     [train]
///     optimizer = { type = 'sgd', learning_rate = 0.1, momentum = 0.9 }
/// ";
/// let config: Config = text.parse()?;
/// assert_eq!(config.model.input.value, [3, 32, 32]);
/// assert_eq!(config.model.layers[0].span.line(), 5);
/// assert_eq!(config.train.batch_size, 64, "where nothing is said");
///
/// // With every default, which is what a run folder and a model file keep.
/// let written = config.to_toml();
/// assert!(written.contains("batch_size = 64"));
/// assert_eq!(written.parse::<Config>()?.to_toml(), written);
///
/// // Settings are put over a text, and checked as the text is.
/// let parsed = Config::parse("mine.toml", text, &[Override::new("train.epochs", "-1")]);
/// assert_eq!(parsed.problems[0].message, "`epochs` takes a whole number of 1 or more");
/// # Ok::<(), cnn::Error>(())
/// ```
///
/// Its values are for reading: what is put into them by hand is not checked before `cnn::train` checks it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network.
    pub model: Model,
    /// Where the pictures come from and how they are prepared.
    pub data: Data,
    /// Random changes of training pictures.
    pub augment: Augment,
    /// How the network is trained.
    pub train: Train,
    /// What the network may take.
    pub budget: Budget,
}

/// What could be read of a config, and everything that is wrong with it.
#[derive(Debug)]
pub struct Parsed {
    /// The config; nothing when it lacks what planning needs. With problems it holds what
    /// could be read, so that shapes are still checked.
    pub config: Option<Config>,
    /// Every error.
    pub problems: Vec<Diagnostic>,
}

impl Config {
    /// Reads a config, with overrides from the command line put over the file.
    #[must_use]
    pub fn parse(name: &str, text: &str, overrides: &[Override]) -> Parsed {
        if text.len() > MAX_CONFIG_BYTES {
            let message = format!(
                "`{name}` is {} bytes long; a config has {MAX_CONFIG_BYTES} at most",
                text.len()
            );
            return Parsed {
                config: None,
                problems: vec![Diagnostic::error(message)],
            };
        }
        let source = Arc::new(Source {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        let mut table = match node::parse(&source) {
            Ok(table) => table,
            Err(problems) => {
                return Parsed {
                    config: None,
                    problems,
                };
            }
        };
        let problems = Problems::default();
        for setting in overrides {
            if let Err(diagnostic) = node::apply(&mut table, setting) {
                problems.add(diagnostic);
            }
        }
        blocks::unfold(&mut table, &problems);
        let config = read(&table, &source, &problems);
        Parsed {
            config,
            problems: problems.into_diagnostics(),
        }
    }

    /// Writes the whole config with every default.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        self.model.write(&mut text);
        self.data.write(&mut text);
        self.augment.write(&mut text);
        self.train.write(&mut text);
        self.budget.write(&mut text);
        text
    }
}

impl FromStr for Config {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Parsed { config, problems } = Self::parse("config", text, &[]);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Error {
                kind: Kind::Config,
                diagnostics: problems,
            }),
        }
    }
}

fn read(table: &Table, source: &Arc<Source>, problems: &Problems) -> Option<Config> {
    let root = Span::new(source, 0..0);
    let reader = Reader::new("the config", table, &root, problems);
    let config = read_sections(&reader, source);
    reader.finish();
    config
}

fn read_sections(reader: &Reader<'_>, source: &Source) -> Option<Config> {
    let problems = reader.problems();
    let form = || Form::Table(reader::describe(Model::read));
    let model = if let Some((_, node)) = reader.take_expected("model", "{ … }", form) {
        section("[model]", node, problems, Model::read).flatten()
    } else {
        problems.add(
            Diagnostic::error(format!("`{}` has no `[model]`", source.name))
                .help("start with `[model]`, `input = [1, 28, 28]` and `layers = [ … ]`"),
        );
        None
    };
    let data = optional(reader, "data", "[data]", Data::read);
    let augment = optional(reader, "augment", "[augment]", Augment::read);
    let train = optional(reader, "train", "[train]", Train::read);
    let budget = optional(reader, "budget", "[budget]", Budget::read);
    Some(Config {
        model: model?,
        data: data.unwrap_or_default(),
        augment: augment.unwrap_or_default(),
        train: train.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
    })
}

fn optional<T>(
    reader: &Reader<'_>,
    name: &'static str,
    title: &str,
    read: impl Fn(&Reader<'_>) -> T,
) -> Option<T> {
    let (_, node) = reader.take(name, || Form::Table(reader::describe(&read)))?;
    section(title, node, reader.problems(), read)
}

fn section<T>(
    name: &str,
    node: &Node,
    problems: &Problems,
    read: impl Fn(&Reader<'_>) -> T,
) -> Option<T> {
    let Value::Table(table) = &node.value else {
        problems.add(
            Diagnostic::error(format!("`{name}` is a table, received {}", node.describe()))
                .at(&node.span, ""),
        );
        return None;
    };
    let reader = Reader::new(name, table, &node.span, problems);
    let section = read(&reader);
    reader.finish();
    Some(section)
}
