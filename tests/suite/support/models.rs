//! Model files: made with fresh weights, and read.

use std::collections::BTreeMap;

use cnn::config::Config;
use cnn::dataset::Preprocessing;
use cnn::model::{Device, Model};
use cnn::model_file::{self, Header};
use cnn::plan::Plan;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Lab;

/// Writes a network with fresh weights as a model file.
pub(crate) fn write_model(
    lab: &Lab,
    file: &str,
    config: &str,
    classes: &[&str],
    preprocessing: &Preprocessing,
) {
    let config = Config::parse("it", config, &[]).config.unwrap();
    let plan = Plan::new(&config.model).unwrap();
    let device = Device::Cpu.open().unwrap();
    let model = Model::new(&plan.up_to_logits(config.train.task()), 3, &device);
    let classes: Vec<String> = classes.iter().map(|&name| name.to_owned()).collect();
    let header = Header::new(&config, &classes, preprocessing);
    lab.write(file, model_file::to_bytes(&model, &header).unwrap());
}

/// Returns how the inputs of a shape are prepared.
pub(crate) fn prepared(shape: &[usize], change: impl Fn(&mut Preprocessing)) -> Preprocessing {
    let config = format!("[model]\ninput = {shape:?}\nlayers = [{{ type = \"flatten\" }}]\n");
    let config = Config::parse("it", &config, &[]).config.unwrap();
    let mut preprocessing = cnn::dataset::request(&config).unwrap().preprocessing;
    change(&mut preprocessing);
    preprocessing
}

/// Reads the tensors of a file: their numbers' type, their shapes, their bytes.
pub(crate) fn tensors_of(bytes: &[u8]) -> BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let owned = |tensor: TensorView<'_>| {
        let shape = tensor.shape().to_vec();
        (tensor.dtype(), shape, tensor.data().to_vec())
    };
    let tensors = file.tensors().into_iter();
    tensors
        .map(|(name, tensor)| (name, owned(tensor)))
        .collect()
}

/// Reads the numbers of 32 bits that bytes hold.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|own| f32::from_le_bytes(*own)).collect()
}

/// Reads the weights of a run.
pub(crate) fn weights(lab: &Lab, run: &str) -> BTreeMap<String, Vec<f32>> {
    let tensors = tensors_of(&lab.read(format!("runs/{run}/model.safetensors"))).into_iter();
    tensors
        .map(|(name, (_, _, bytes))| (name, floats(&bytes)))
        .collect()
}
