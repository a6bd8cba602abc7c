//! Numbers that are none, in weights, gradients and data: what was good before them stays.

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::support::Lab;

#[test]
fn a_gradient_that_is_no_number_spares_the_best_weights() {
    let lab = Lab::trained();
    let model = lab.read("runs/run/model.safetensors");
    let checkpoints = lab.names("runs/run/checkpoints");
    // The loss stays finite, the slope of both penalties together does not.
    let both = ["--set", "train.l1=3e38", "--set", "train.l2=3e38"];
    let steep = [&both[..], &["--epochs", "4"]].concat();
    let said = lab
        .cnn(&[&["train", "--resume", "run"], &steep[..]].concat())
        .code(6);
    let message = "error: the gradient of `0.weight` is not a finite number in epoch 4, step 10";
    assert!(said.stderr.contains(message), "{said:?}");
    assert!(said.stderr.contains("help: "), "{said:?}");
    assert!(lab.read("runs/run/model.safetensors") == model);
    assert_eq!(lab.names("runs/run/checkpoints"), checkpoints);
    assert_eq!(lab.json("runs/run/run.json")["status"], "failed");
    lab.cnn(&["eval", "run"]).ok();
    lab.cnn(&["train", "bars.toml", "--resume", "run", "--epochs", "4"])
        .ok();
}

#[test]
fn a_gradient_beyond_numbers_is_named_by_its_weight() {
    let lab = Lab::with_bars();
    // Inputs so large and weights so small that their products are plain numbers, and the slopes are not.
    lab.write(
        "steep.toml",
        r#"[model]
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 3, kernel_size = 3, initializer = { type = "constant", value = 1e-38 } },
  { type = "pool", kind = "sum", size = 6 },
  { type = "flatten" },
]
[data]
source = "bars"
normalize = { mean = [0.0], std = [1e-38] }
[train]
batch_size = 1
"#,
    );
    let said = lab.cnn(&["train", "steep.toml", "--run", "run"]).code(6);
    let message = "error: the gradient of `0.weight` is not a finite number in epoch 1, step ";
    assert!(said.stderr.contains(message), "{said:?}");
    assert!(!lab.path("runs/run/model.safetensors").exists());
}

#[test]
fn weights_that_are_no_numbers_are_not_begun_with() {
    let lab = Lab::trained();
    let bytes = lab.read("runs/run/model.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut values: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    let first = values.iter_mut().find(|(name, _, _)| name == "0.weight");
    let (_, _, data) = first.unwrap();
    data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let views = values.iter().map(|(name, shape, data)| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
        (name.clone(), view.unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    lab.write("weights.safetensors", file);
    let from = "train.from=\"weights.safetensors\"";
    let said = lab
        .cnn(&["train", "bars.toml", "--run", "second", "--set", from])
        .code(4);
    let message = "`0.weight` in `weights.safetensors` holds values that are not finite";
    assert!(said.stderr.contains(message), "{said:?}");
    assert!(!lab.path("runs/second").exists());
}

#[test]
fn wild_rates_are_refused_before_anything_is_read() {
    let lab = Lab::new();
    lab.write("bars.toml", crate::support::BARS);
    for rate in ["nan", "inf", "-inf", "-1", "0", "1e999"] {
        let rate = format!("train.optimizer.learning_rate={rate}");
        let said = lab.cnn(&["train", "bars.toml", "--set", &rate]).code(2);
        assert!(said.stderr.contains("--set:1:1"), "{said:?}");
    }
}
