//! The same network on every device.

use burn::tensor::Device;
use cnn::model::{Device as Choice, Model, Pass, Value};

use crate::goldens::{self, Array, assert_close};

const NETWORK: &str = r#"[
  { type = "conv", filters = 6, kernel_size = 5, padding = "same", activation = "tanh" },
  { type = "batch_norm" },
  { type = "pool", kind = "avg", size = 2 },
  { type = "conv", filters = 8, kernel_size = 3, stride = 2, groups = 2, activation = "relu" },
  { type = "pool", kind = "max", size = 2 },
  { type = "dropout", rate = 0.5 },
  { type = "flatten" },
  { type = "dense", units = 10 },
]"#;

/// Logits of one network for one batch, in training (dropout and batch statistics on).
fn logits(device: &Device) -> Array {
    let project = goldens::project(&[1, 28, 28], NETWORK);
    let model = Model::new(&project.plan, 5, device);
    let values = (0..4 * 28 * 28).map(|index| ((index * 37 % 256) as f32) / 128.0 - 1.0);
    let input = Value::of_inputs(values.collect(), &[1, 28, 28], device);
    Array::of(model.logits(input, Pass::Train { seed: 1, step: 2 }))
}

/// Makes the tests `on_cpu`, `on_ndarray` and `on_wgpu` of a check that takes a device.
macro_rules! on_every_device {
    ($check:path) => {
        #[test]
        fn on_cpu() {
            $check(&burn::tensor::Device::flex());
        }

        #[test]
        #[expect(deprecated, reason = "kept while burn has it")]
        fn on_ndarray() {
            $check(&burn::tensor::Device::ndarray());
        }

        #[test]
        #[cfg(feature = "wgpu-plain")]
        fn on_wgpu() {
            if let Some(device) = crate::devices::wgpu() {
                $check(&device);
            }
        }
    };
}

pub(crate) use on_every_device;

#[test]
fn cpu_and_ndarray_agree() {
    let cpu = logits(&Choice::Cpu.open().unwrap());
    let ndarray = logits(&Choice::NdArray.open().unwrap());
    assert_close("logits", &ndarray, &cpu, 1e-4);
}

/// Opens the first graphics adapter, or says that the test is left out.
#[cfg(feature = "wgpu-plain")]
pub fn wgpu() -> Option<Device> {
    match Choice::Wgpu(0).open() {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("skipped: {error}");
            assert!(std::env::var_os("CNN_REQUIRE_WGPU").is_none(), "{error}");
            None
        }
    }
}

#[test]
#[cfg(feature = "wgpu-plain")]
fn wgpu_agrees_with_cpu() {
    let Some(device) = wgpu() else { return };
    let cpu = logits(&Choice::Cpu.open().unwrap());
    assert_close("logits", &logits(&device), &cpu, 1e-4);
}

#[test]
#[cfg(feature = "wgpu-plain")]
fn an_adapter_that_is_not_there_is_an_error() {
    let error = Choice::Wgpu(99).open().unwrap_err();
    assert_eq!(error.kind.exit_code(), 2);
    assert!(error.to_string().contains("wgpu:99"), "{error}");
}
