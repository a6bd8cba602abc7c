//! Values that PyTorch wrote, and weights of our models by name.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use cnn::load::Project;
use cnn::model::{Model, Value};
use cnn::model_file;
use cnn::optimizer::Gradients;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A tensor on the host.
#[derive(Clone, Debug)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Array {
    pub fn to_tensor<const D: usize>(&self, device: &Device) -> Tensor<D> {
        Tensor::from_data(
            TensorData::new(self.values.clone(), self.shape.clone()),
            device,
        )
    }

    /// Makes a value of an array whose first dimension is the batch.
    pub fn to_value(&self, device: &Device) -> Value {
        Value::of_inputs(self.values.clone(), &self.shape[1..], device)
    }

    pub fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        Self {
            shape: tensor.dims().to_vec(),
            values: tensor.into_data().try_to_vec().unwrap(),
        }
    }
}

/// A file of golden values.
pub struct Goldens {
    pub arrays: BTreeMap<String, Array>,
    pub metadata: BTreeMap<String, String>,
}

impl Goldens {
    pub fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        Self::of(&std::fs::read(path).unwrap())
    }

    pub fn of(bytes: &[u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let metadata = header
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let file = SafeTensors::deserialize(bytes).unwrap();
        let arrays = file
            .tensors()
            .into_iter()
            .map(|(name, view)| (name, array(&view)));
        Self {
            arrays: arrays.collect(),
            metadata,
        }
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> &Array {
        self.arrays
            .get(name)
            .unwrap_or_else(|| panic!("no golden `{name}`"))
    }

    /// Returns the values whose names begin with `prefix`, without it.
    pub fn below(&self, prefix: &str) -> BTreeMap<String, Array> {
        let entries = self.arrays.iter();
        let entries = entries.filter_map(|(name, array)| Some((name.strip_prefix(prefix)?, array)));
        entries
            .map(|(name, array)| (name.to_owned(), array.clone()))
            .collect()
    }
}

fn array(view: &TensorView<'_>) -> Array {
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F32 => data
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect(),
        Dtype::I64 => data
            .chunks_exact(8)
            .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as f32)
            .collect(),
        dtype => panic!("{dtype:?} in the goldens"),
    };
    Array {
        shape: view.shape().to_vec(),
        values,
    }
}

/// Builds a network from layers in TOML and checks it as a config is checked.
#[track_caller]
pub fn project(input: &[usize], layers: &str) -> Project {
    let text = format!("[model]\ninput = {input:?}\nlayers = {layers}\n");
    match Project::check("test.toml", &text, &[]) {
        Ok(project) => project,
        Err(error) => panic!("{error}\n{text}"),
    }
}

/// Builds a network whose weights and running statistics are the given ones, all of them.
#[track_caller]
pub fn model(project: &Project, weights: &BTreeMap<String, Array>, device: &Device) -> Model {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .iter()
        .map(|(name, array)| {
            let bytes = array.values.iter().flat_map(|value| value.to_le_bytes());
            (name.clone(), array.shape.clone(), bytes.collect())
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    let file = safetensors::serialize(views, None).unwrap();
    let model = Model::new(&project.plan, 0, device);
    model_file::load_weights(model, file, "the goldens").unwrap()
}

/// Takes the output apart from its rank.
pub fn array_of(value: Value) -> Array {
    match value {
        Value::Row(tensor) => Array::of(tensor),
        Value::Signal(tensor) => Array::of(tensor),
        Value::Maps(tensor) => Array::of(tensor),
        Value::Volume(tensor) => Array::of(tensor),
        Value::Packed(_) => unreachable!("models answer in Burn's order"),
    }
}

/// Returns weights and running statistics by name.
pub fn weights(model: &Model) -> BTreeMap<String, Array> {
    let mut collector = Collector::default();
    model.visit(&mut collector);
    collector.arrays
}

/// Returns gradients by the names of their weights.
pub fn gradients(model: &Model, gradients: &Gradients) -> BTreeMap<String, Array> {
    let mut arrays = weights(model);
    let mut values = gradients.by_name(model);
    arrays.retain(|name, array| {
        let gradient = values.remove(name);
        gradient.is_some_and(|gradient| {
            array.values = gradient.into_data().try_to_vec().unwrap();
            true
        })
    });
    arrays
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    arrays: BTreeMap<String, Array>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.arrays
            .insert(self.path.join("."), Array::of(param.val()));
    }
}

/// Checks |difference| ≤ tolerance · (1 + |value|) everywhere.
#[track_caller]
pub fn assert_close(what: &str, actual: &Array, expected: &Array, tolerance: f32) {
    assert_eq!(actual.shape, expected.shape, "shape of {what}");
    let pairs = actual.values.iter().zip(&expected.values).enumerate();
    for (index, (actual, expected)) in pairs {
        let allowed = tolerance * (1.0 + expected.abs());
        assert!(
            (actual - expected).abs() <= allowed,
            "{what}[{index}] is {actual}, expected {expected}"
        );
    }
}
