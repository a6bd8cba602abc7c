//! Describe a convolutional network in TOML; check, inspect, train, evaluate and use it.
//!
//! The text of a config becomes a [`Config`], typed values that know their line; a config becomes a [`Plan`], every shape
//! and count, without a tensor; a plan becomes a [`Model`], a module of Burn with weights. [`train()`] takes both as a
//! [`Project`] and writes a run folder, and a [`Predictor`] answers from the one file in it.
//!
//! ```
//! use cnn::{Config, Plan};
//! use cnn::plan::Dtype;
//!
//! let config: Config = r#"
//!     [model]
//!     input  = [1, 28, 28]                # channels, height, width
//!     layers = [
//!       { type = "conv", filters = 8, kernel_size = 5, activation = "relu" },
//!       { type = "pool", kind = "max", size = 2 },
//!       { type = "flatten" },
//!       { type = "dense", units = 10 },
//!     ]
//! "#.parse()?;
//! let plan = Plan::of(&config)?;
//! for layer in &plan.layers {
//!     println!("{:8} {:?} {:?}", layer.type_name, layer.output, layer.field.size());
//! }
//! assert_eq!(plan.layers[1].output, [8, 12, 12]);
//! let totals = plan.totals(Dtype::F32, 1).expect("a small network");
//! assert_eq!(totals.parameters(), 8 * 26 + 8 * 12 * 12 * 10 + 10);
//! assert_eq!(totals.receptive_field, [6, 6]);
//! # Ok::<(), cnn::Error>(())
//! ```
//!
//! What is wrong with a config comes all at once, as values: a message, a line, and an edit that mends it.
//!
//! ```
//! use cnn::Config;
//!
//! let error = "
//! [model]
//! input  = [1, 28, 28]
//! layers = [{ type = 'conv', out_channels = 8, kernel_size = 5 }]
//! [train]
//! epocs = 3
//! ".parse::<Config>().unwrap_err();
//! for diagnostic in &error.diagnostics {
//!     println!("line {:?}: {} ({:?})", diagnostic.line(), diagnostic.message, diagnostic.helps);
//! }
//! let [first, second] = &error.diagnostics[..] else { panic!("{error}") };
//! assert_eq!((first.line(), first.message.as_str()), (Some(4), "unknown key `out_channels` in `conv`"));
//! assert_eq!((second.line(), second.helps[0].as_str()), (Some(6), "did you mean `epochs`?"));
//! ```
//!
//! The language of configs is in `docs/layers.md`, `docs/training.md` and `docs/data.md` of the repository, a page on this
//! library in `docs/library.md`, the layout of the code in `ARCHITECTURE.md`.
//!
//! Nothing here prints or ends the process. Faults of a config, of data, of files come as an [`Error`]; what is damaged
//! or hostile must not panic.

pub mod config;
pub mod diagnostic;
pub mod plan;
pub mod train;

#[doc(inline)]
pub use config::Config;
#[doc(inline)]
pub use diagnostic::{Diagnostic, Error, Result};
#[doc(inline)]
pub use load::Project;
#[doc(inline)]
pub use model::{Device, Model, NamedWeight};
#[doc(inline)]
pub use plan::Plan;
#[doc(inline)]
pub use predict::{Answer, Guess, Picture, Prediction, Predictor};
#[doc(inline)]
pub use train::train;

/// The version of Burn whose tensors a [`Model`] takes.
pub use burn;

// What the program and the tests need beside; nothing is promised of it.
mod bench;
mod canvas;
#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod cli;
mod crossval;
#[doc(hidden)]
pub mod dataset;
mod doctor;
#[doc(hidden)]
pub mod evaluate;
#[doc(hidden)]
pub mod export;
#[doc(hidden)]
pub mod fetch;
mod files;
mod filter;
mod float;
mod group;
mod handmade;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod kernels;
#[doc(hidden)]
pub mod load;
#[doc(hidden)]
pub mod look;
#[doc(hidden)]
pub mod loss;
mod machine;
mod measure;
mod memory;
mod metrics;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod model_file;
mod onnx;
#[doc(hidden)]
pub mod optimizer;
mod page;
mod predict;
mod random;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
mod runs;
#[doc(hidden)]
pub mod schedule;
#[cfg(feature = "serve")]
#[doc(hidden)]
pub mod serve;
mod shape;
mod survey;
mod sweep;
#[doc(hidden)]
pub mod template;

/// The page on the library, whose examples are run as those above.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct Page;
