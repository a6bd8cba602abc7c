//! Whatever bytes a `.safetensors` file holds, reading weights from it ends with weights or a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "file.rs"]
mod file;

fuzz_target!(|bytes: &[u8]| {
    file::with(bytes, "fuzzed.safetensors", |path| {
        drop(cnn::import::try_read(path));
    });
});
