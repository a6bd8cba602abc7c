//! Readers of what comes from elsewhere, each with any bytes at all; `CNN_FUZZ` names the one that takes them.
#![no_main]

mod checkpoint;
mod data;
mod language;
mod requests;
mod scratch;
mod weights;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// What takes bytes.
type Target = fn(&[u8]);

/// All targets by their names, which are those of the folders in `corpus/`.
const TARGETS: [(&str, Target); 17] = [
    ("checkpoint", checkpoint::resume),
    ("cifar", data::cifar),
    ("csv", data::csv),
    ("http", requests::answer),
    ("idx", data::idx),
    ("keras", weights::keras),
    ("model_file", weights::model_file),
    ("npy", data::npy),
    ("npz", data::npz),
    ("onnx", weights::onnx),
    ("picture", data::picture),
    ("pytorch", weights::pytorch),
    ("safetensors", weights::safetensors),
    ("set", language::set),
    ("tar", data::tar),
    ("toml", language::toml),
    ("wav", data::wav),
];

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("CNN_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("CNN_FUZZ names a target").1
});

fuzz_target!(|bytes: &[u8]| CHOSEN(bytes));
