//! Weights and networks: reading them ends with weights, or a network that answers, or a reason.

use std::sync::LazyLock;

use cnn::{Device, Predictor};

use crate::scratch::Scratch;

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| Scratch::new(&[]));

/// A `.safetensors` file, as `cnn import` reads it.
pub(crate) fn safetensors(bytes: &[u8]) {
    read(bytes, "fuzzed.safetensors");
}

/// A `.pth` file: new, legacy, or a bare pickle.
pub(crate) fn pytorch(bytes: &[u8]) {
    read(bytes, "fuzzed.pth");
}

/// An HDF5 file: weights of Keras, or a whole model.
pub(crate) fn keras(bytes: &[u8]) {
    read(bytes, "fuzzed.h5");
}

/// An ONNX file, made a network of (`--config`) and read for its weights (`--into`).
pub(crate) fn onnx(bytes: &[u8]) {
    let device = Device::Cpu.open().expect("the processor");
    drop(cnn::import::read_back(bytes.to_vec(), &device));
    read(bytes, "fuzzed.onnx");
}

/// A model file: header, config, weights, compiled network.
pub(crate) fn model_file(bytes: &[u8]) {
    let path = SCRATCH.write("model.safetensors", bytes);
    drop(Predictor::load(path, Device::Cpu));
}

fn read(bytes: &[u8], name: &str) {
    drop(cnn::import::try_read(&SCRATCH.write(name, bytes)));
}
