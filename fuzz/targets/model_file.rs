//! Whatever bytes a model file holds, loading it ends with a network that answers or a reason.
#![no_main]

use cnn::{Device, Predictor};
use libfuzzer_sys::fuzz_target;

#[path = "file.rs"]
mod file;

fuzz_target!(|bytes: &[u8]| {
    file::with(bytes, "fuzzed.safetensors", |path| {
        drop(Predictor::load(path, Device::Cpu));
    });
});
