//! Describe a convolutional network in TOML; check, inspect, train, evaluate and use it.
//!
//! The layout in floors is in `ARCHITECTURE.md`: a module uses what stands below it.

pub mod bench;
mod canvas;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod crossval;
pub mod dataset;
pub mod diagnostic;
pub mod evaluate;
pub mod export;
pub mod fetch;
mod files;
pub mod filter;
pub mod group;
pub mod handmade;
pub mod import;
pub mod kernels;
pub mod load;
pub mod look;
pub mod loss;
pub mod measure;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod model_file;
mod onnx;
pub mod optimizer;
pub mod page;
pub mod plan;
pub mod predict;
mod random;
pub mod report;
pub mod run;
pub mod runs;
pub mod schedule;
#[cfg(feature = "serve")]
pub mod serve;
pub mod shape;
pub mod survey;
pub mod sweep;
pub mod template;
pub mod train;
