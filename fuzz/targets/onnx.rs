//! Whatever bytes an ONNX file holds, making a network of it, or reading its weights, ends with them or a reason.
#![no_main]

use cnn::Device;
use libfuzzer_sys::fuzz_target;

#[path = "file.rs"]
mod file;

fuzz_target!(|bytes: &[u8]| {
    let device = Device::Cpu.open().expect("the processor");
    drop(cnn::import::read_back(bytes.to_vec(), &device));
    file::with(bytes, "fuzzed.onnx", |path| drop(cnn::import::try_read(path)));
});
