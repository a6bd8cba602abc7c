//! One test binary: what a user sees of `cnn`, and what its parts must hold to.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::duration_suboptimal_units,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests read better so, and may fail where they stand"
)]

mod adding_a_layer;
mod architecture;
mod audit;
mod bench;
#[cfg(feature = "serve")]
mod browser;
mod checkpoints;
mod command_line;
#[cfg(target_os = "linux")]
mod command_line_properties;
mod container;
mod contributing;
#[cfg(target_os = "linux")]
mod described;
mod devices;
mod doctor;
mod documents;
mod drawn;
mod end_to_end;
mod engine;
mod error_index;
mod errors;
mod export;
mod faults_checkpoints;
mod faults_files;
#[cfg(target_os = "linux")]
mod faults_memory;
mod faults_names;
mod faults_numbers;
#[cfg(target_os = "linux")]
mod faults_runs;
#[cfg(feature = "serve")]
mod faults_serve;
#[cfg(target_os = "linux")]
mod faults_streams;
mod fetch;
mod filter;
mod glossary;
mod golden_layers;
mod golden_training;
mod goldens;
mod guide;
mod import;
mod import_keras;
mod inspection;
mod install;
mod kernels;
mod kernels_in_training;
mod language;
mod library;
mod look;
mod numeric_gradients;
mod onnx;
mod onnx_refused;
mod properties;
mod random_layers;
mod readme;
mod recipes;
mod reliability;
#[cfg(feature = "remote")]
mod remote;
mod resume;
mod runs;
mod search;
#[cfg(feature = "serve")]
mod serve;
mod shown;
mod source;
mod sources;
mod support;
mod survey;
mod transfer;
mod weight_rules;
mod zoo;
