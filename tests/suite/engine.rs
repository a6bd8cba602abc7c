//! Networks compiled for answers.

use burn::tensor::Device;
use cnn::load::Project;
use cnn::model::{Engine, Model, Pass};

use crate::goldens::{self, Array};
use crate::numeric_gradients::Numbers;

fn project(input: &[usize], layers: &str) -> Project {
    let text = format!("[model]\ninput = {input:?}\nlayers = [{layers}]");
    Project::check("engine.toml", &text, &[]).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn engine(project: &Project) -> Engine {
    let device = Device::flex();
    let model = Model::new(&project.plan, 5, &device);
    Engine::new(&model, &project.plan.input, &device).unwrap()
}

/// Few and many channels, borders, a shortcut with a convolution, stages that Burn computes.
const MIXED: &str = r#"
  { type = "conv", filters = 20, kernel_size = 3, padding = "same", bias = false },
  { type = "batch_norm" }, { type = "activation", fn = "relu" },
  { type = "residual", activation = "relu", layers = [
    { type = "conv", filters = 70, kernel_size = 3, stride = 2, padding = 1 }, { type = "batch_norm" },
  ], shortcut = [{ type = "conv", filters = 70, kernel_size = 1, stride = 2 }] },
  { type = "depthwise_conv", kernel_size = 3, padding = "same", activation = "relu6" },
  { type = "activation", fn = "gelu" },
  { type = "pool", kind = "max", size = 2 },
  { type = "branches", branches = [[{ type = "conv", filters = 5, kernel_size = 1 }], []] },
  { type = "conv", filters = 130, kernel_size = 3, activation = "tanh" },
  { type = "flatten" }, { type = "dense", units = 7 }"#;

/// Convolutions by tiles.
const WIDE: &str = r#"
  { type = "conv", filters = 32, kernel_size = 3, padding = 1, activation = "relu" },
  { type = "residual", activation = "relu", layers = [
    { type = "conv", filters = 32, kernel_size = 3, padding = "same" },
  ] },
  { type = "pool", kind = "max", size = 2 },
  { type = "flatten" }, { type = "dense", units = 7 }"#;

/// Pools within convolutions, of sizes that do not divide the maps, and one beyond what is taken in.
const POOLED: &str = r#"
  { type = "conv", filters = 20, kernel_size = 5, activation = "tanh" },
  { type = "pool", kind = "max", size = 2 },
  { type = "conv", filters = 70, kernel_size = 1, activation = "leaky_relu" },
  { type = "pool", kind = "avg", size = [3, 2] },
  { type = "conv", filters = 7, kernel_size = 1 },
  { type = "pool", kind = "l2", size = [1, 2] },
  { type = "conv", filters = 7, kernel_size = 1, activation = "sigmoid" },
  { type = "global_pool", kind = "avg" }"#;

#[test]
fn an_answer_depends_neither_on_its_batch_nor_on_the_threads() {
    assert_alone(&project(&[3, 13, 15], MIXED));
    assert_alone(&project(&[32, 12, 12], WIDE));
    assert_alone(&project(&[3, 19, 18], POOLED));
}

#[test]
fn an_image_that_is_not_finite_changes_no_other() {
    let project = project(&[32, 12, 12], WIDE);
    let engine = engine(&project);
    let size = project.plan.input.iter().product();
    let mut images = Numbers(4).array(&[6, size]).values;
    let whole = engine.logits(&images).unwrap();
    images[3 * size + 50] = f32::NAN;
    let lost = engine.logits(&images).unwrap();
    for (image, answer) in lost.chunks(7).enumerate() {
        if image == 3 {
            assert!(answer.iter().all(|x| x.is_nan()), "{answer:?}");
        } else {
            assert_eq!(answer, &whole[image * 7..][..7], "image {image}");
        }
    }
}

fn assert_alone(project: &Project) {
    let engine = engine(project);
    let size = project.plan.input.iter().product();
    let images = Numbers(4).array(&[37, size]).values;
    let whole = engine.logits(&images).unwrap();
    assert_eq!(whole.len(), 37 * 7);
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let again = pool.build().unwrap().install(|| engine.logits(&images));
        assert_eq!(again.unwrap(), whole, "{threads} threads");
    }
    for (image, answer) in images.chunks(size).zip(whole.chunks(7)) {
        assert_eq!(engine.logits(image).unwrap(), answer);
    }
    for count in [2, 3, 5] {
        let some = engine.logits(&images[..count * size]).unwrap();
        assert_eq!(some, whole[..count * 7], "{count} images");
    }
}

/// What is not a number reaches the values whose windows hold it, and no others.
#[test]
fn what_is_not_a_number_reaches_what_reads_it() {
    // Layers, and which of the 16 values of the output a NaN at (1, 1) of 4x4 positions reaches.
    let cases: &[(&str, &[usize])] = &[
        (
            r#"{ type = "conv", filters = 1, kernel_size = 3, padding = 1, activation = "relu" }"#,
            &[0, 1, 2, 4, 5, 6, 8, 9, 10],
        ),
        (
            r#"{ type = "conv", filters = 1, kernel_size = 1, activation = "sigmoid" }"#,
            &[5],
        ),
        (
            r#"{ type = "batch_norm" }, { type = "activation", fn = "tanh" }"#,
            &[5],
        ),
        (
            r#"{ type = "depthwise_conv", kernel_size = [1, 3], padding = "same", activation = "relu6" }"#,
            &[4, 5, 6],
        ),
        (
            r#"{ type = "pool", kind = "max", size = 3, stride = 1, padding = 1 }"#,
            &[0, 1, 2, 4, 5, 6, 8, 9, 10],
        ),
        (
            r#"{ type = "pool", kind = "min", size = 3, stride = 1, padding = 1 }"#,
            &[0, 1, 2, 4, 5, 6, 8, 9, 10],
        ),
        (
            r#"{ type = "pool", kind = "avg", size = [2, 1], stride = 1, padding = [1, 0] }, { type = "crop", amount = [[0, 0], [0, 1], [0, 0]] }"#,
            &[5, 9],
        ),
        (
            r#"{ type = "residual", activation = "leaky_relu", layers = [{ type = "conv", filters = 1, kernel_size = 1 }] }"#,
            &[5],
        ),
    ];
    for (layers, reached) in cases {
        let project = project(&[1, 4, 4], layers);
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut images = Numbers(9).array(&[3, 16]).values;
            images[16 + 5] = value;
            let device = Device::flex();
            let model = Model::new(&project.plan, 5, &device);
            let array = Array {
                shape: vec![3, 1, 4, 4],
                values: images.clone(),
            };
            let output = model.forward(array.to_value(&device), Pass::Evaluate);
            let compiled = engine(&project).logits(&images).unwrap();
            for (way, values) in [
                ("layers", goldens::array_of(output).values),
                ("compiled", compiled),
            ] {
                for (at, x) in values.iter().enumerate() {
                    let is_reached = at.checked_sub(16).is_some_and(|at| reached.contains(&at));
                    if value.is_nan() {
                        assert_eq!(x.is_nan(), is_reached, "{at}: {x} of {layers}, {way}");
                    } else if !is_reached {
                        assert!(x.is_finite(), "{at}: {x} of {layers}, {way}");
                    }
                }
            }
        }
    }
}
