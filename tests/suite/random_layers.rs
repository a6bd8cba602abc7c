//! Layers that draw in training, and names that blocks give.

use burn::tensor::Device;
use cnn::model::{Model, Pass, Value};

use crate::goldens::{self, Array, array_of};
use crate::support::{Lab, repository};

const TRAIN: Pass = Pass::Train { seed: 3, step: 1 };

/// Runs one layer over ones.
fn over_ones(layer: &str, pass: Pass) -> Array {
    let device = Device::flex();
    let project = goldens::project(&[50, 4, 5], &format!("[{layer}]"));
    let model = Model::new(&project.plan, 0, &device);
    let input = Value::of_inputs(vec![1.0; 20 * 50 * 20], &[50, 4, 5], &device);
    array_of(model.forward(input, pass))
}

#[test]
fn spatial_dropout_takes_whole_maps() {
    let layer = "{ type = \"spatial_dropout\", rate = 0.25 }";
    let output = over_ones(layer, TRAIN);
    let maps: Vec<&[f32]> = output.values.chunks(20).collect();
    assert!(
        maps.iter()
            .all(|map| map.iter().all(|value| *value == map[0]))
    );
    let dropped = maps.iter().filter(|map| map[0] == 0.0).count();
    assert!((200..300).contains(&dropped), "{dropped} of 1000");
    assert!(
        maps.iter()
            .all(|map| map[0] == 0.0 || (map[0] - 4.0 / 3.0).abs() < 1e-6)
    );
    let evaluated = over_ones(layer, Pass::Evaluate);
    assert!(evaluated.values.iter().all(|value| *value == 1.0));
}

#[test]
fn noise_has_its_deviation_in_training_alone() {
    let layer = "{ type = \"noise\", std = 0.5 }";
    let values = over_ones(layer, TRAIN).values;
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f32>();
    let deviation = (squares / values.len() as f32).sqrt();
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    assert!((deviation - 0.5).abs() < 0.02, "{deviation}");
    let evaluated = over_ones(layer, Pass::Evaluate);
    assert!(evaluated.values.iter().all(|value| *value == 1.0));
}

#[test]
fn blocks_give_names_that_a_merge_can_take() {
    let lab = Lab::new();
    lab.write(
        "named.toml",
        r#"
        [model]
        input = [2, 4, 4]
        layers = [
          { type = "block", use = "unit", name = "stage", repeat = 2 },
          { type = "activation", fn = "relu" },
          { type = "merge", from = "stage" },
        ]
        [blocks.unit]
        layers = [
          { type = "conv", name = "a", filters = 2, kernel_size = 1 },
          { type = "merge", from = "a", with = "add" },
        ]
        "#,
    );
    let json = lab.cnn(&["inspect", "named.toml", "--json"]).ok().json();
    let layers = json["layers"].as_array().unwrap();
    let names: Vec<&str> = layers
        .iter()
        .map(|layer| layer["name"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(names, ["stage-1-a", "", "stage-2-a", "stage", "", ""]);
    assert_eq!(layers[5]["output"], serde_json::json!([4, 4, 4]));
}

#[test]
fn a_measurement_shows_every_layer_as_predicted() {
    let lab = Lab::new();
    let config = repository("configs/lenet5.toml");
    let arguments = [
        "inspect",
        config.to_str().unwrap(),
        "--measure",
        "--batch",
        "2",
    ];
    let text = lab.cnn(&arguments).ok().stdout;
    let measured = text.split("measured with a batch of 2").nth(1).unwrap();
    for layer in ["37.6 kB", "9.4 kB", "12.8 kB", "3.2 kB", "672 B", "80 B"] {
        let line = measured.lines().find(|line| line.contains(layer)).unwrap();
        assert_eq!(line.matches(layer).count(), 2, "{line}");
    }
    assert!(measured.contains("training step"), "{measured}");
    assert!(measured.contains("predicted"), "{measured}");
}
