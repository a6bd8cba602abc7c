//! Losses, their gradients and schedules against PyTorch.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use cnn::config;
use cnn::dataset::Targets;
use cnn::loss::Loss;
use cnn::schedule::{Plateau, Schedule};

use super::train;
use crate::goldens::{Array, Goldens, assert_close};

#[test]
fn schedules_equal_pytorch() {
    let text = include_str!("../../golden/schedules.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let read = |table: &str| -> BTreeMap<String, Vec<f64>> {
        serde_json::from_value(file[table].clone()).unwrap()
    };
    let steps = read("steps");
    assert!(steps.len() > 10);
    for (schedule, expected) in steps {
        let settings = train(&format!("schedule = {schedule}")).schedule;
        let resolved = Schedule::new(&settings, 0.1, 4, 10);
        assert_eq!(expected.len(), 40);
        for (step, expected) in expected.iter().enumerate() {
            let rate = resolved.rate(step as u64);
            assert!(
                (rate - expected).abs() < 1e-9,
                "{schedule}, step {step}: {rate}, not {expected}"
            );
        }
    }
    let figures: Vec<f64> = serde_json::from_value(file["figures"].clone()).unwrap();
    for (schedule, expected) in read("plateaus") {
        let settings = train(&format!("schedule = {schedule}")).schedule;
        let rate = Schedule::new(&settings, 0.1, 20, 10).rate(0);
        let settings = settings.plateau().unwrap();
        let mut plateau = Plateau::default();
        for (figure, expected) in figures.iter().zip(expected) {
            plateau.watch(*figure, settings);
            let rate = plateau.rate(rate, settings);
            assert!(
                (rate - expected).abs() < 1e-9,
                "{schedule} after {figure}: {rate}, not {expected}"
            );
        }
    }
}

pub(super) fn losses_and_their_gradients_equal_pytorch(device: &Device) {
    let file = Goldens::read("losses.safetensors");
    let numbers = |name: &str| Targets::Values {
        width: 4,
        values: file.get(name).values.clone(),
    };
    let labels = file.get("labels").values.iter();
    let labels = Targets::Classes(labels.map(|label| *label as u32).collect());
    let weights = file.get("weights").values.clone();
    let smoothed = r#"{ type = "cross_entropy", label_smoothing = 0.1 }"#;
    let weighted = |weights: &Vec<f32>| Some(weights.clone());
    let half = r#"{ type = "focal", gamma = 0.5 }"#;
    let cases = [
        ("cross_entropy", r#""cross_entropy""#, None, &labels),
        ("cross_entropy_smoothed", smoothed, None, &labels),
        (
            "cross_entropy_weighted",
            r#""cross_entropy""#,
            weighted(&weights),
            &labels,
        ),
        ("cross_entropy_both", smoothed, weighted(&weights), &labels),
        (
            "cross_entropy_shares",
            r#""cross_entropy""#,
            None,
            &numbers("shares"),
        ),
        (
            "cross_entropy_shares_both",
            smoothed,
            weighted(&weights),
            &numbers("shares"),
        ),
        ("focal", r#""focal""#, None, &labels),
        ("focal_weighted", half, weighted(&weights), &labels),
        (
            "binary_cross_entropy",
            r#""binary_cross_entropy""#,
            None,
            &numbers("marks"),
        ),
        ("mse", r#""mse""#, None, &numbers("values")),
        ("mae", r#""mae""#, None, &numbers("values")),
        ("huber", r#""huber""#, None, &numbers("values")),
        (
            "huber_delta",
            r#"{ type = "huber", delta = 0.3 }"#,
            None,
            &numbers("values"),
        ),
    ];
    let outputs = file.get("outputs");
    for (name, settings, class_weights, targets) in cases {
        let settings = train(&format!("loss = {settings}")).loss;
        let loss = Loss::new(&settings, class_weights);
        let tensor: Tensor<2> = outputs.to_tensor(&device.clone().autodiff());
        let tensor = tensor.require_grad();
        let value = loss.of(tensor.clone(), targets);
        let expected = file.get(&format!("{name}/loss"));
        assert_close(name, &Array::of(value.clone()), expected, 1e-6);
        let gradient = tensor.grad(&value.backward()).unwrap();
        let expected_gradient = file.get(&format!("{name}/gradient"));
        assert_close(name, &Array::of(gradient), expected_gradient, 1e-6);
        let on_host = loss.sum(&outputs.values, 4, targets) / loss.weight(targets);
        let difference = on_host - f64::from(expected.values[0]);
        assert!(
            difference.abs() < 1e-5,
            "{name} on the host is off by {difference}"
        );
    }
}

/// At an output of exactly 0, where its parts have kinks, the slope is sigmoid(0) − target, as in PyTorch.
pub(super) fn the_slope_of_binary_cross_entropy_at_zero(device: &Device) {
    let outputs = Tensor::<2>::zeros([1, 2], &device.clone().autodiff()).require_grad();
    let targets = Targets::Values {
        width: 2,
        values: vec![0.0, 1.0],
    };
    let loss = Loss::new(&config::Loss::BinaryCrossEntropy, None);
    let gradients = loss.of(outputs.clone(), &targets).backward();
    let slope = outputs.grad(&gradients).unwrap().into_data();
    // A half of each, for the mean over both.
    assert_eq!(slope.try_to_vec::<f32>().unwrap(), [0.25, -0.25]);
}
