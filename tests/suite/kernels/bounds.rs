//! Networks at the bounds of the kernels, and values that are not finite.

use burn::tensor::Device;
use cnn::load::Project;

use super::{assert_alike, results};
use crate::goldens::Array;
use crate::numeric_gradients::Numbers;

/// Networks and batches at the bounds of what the kernels do in one piece.
const BOUNDS: &[(usize, &[usize], &str)] = &[
    // Maps of 32 and more channels have one that is not used.
    (
        17,
        &[2, 4, 4],
        r#"{ type = "conv", filters = 32, kernel_size = 3, padding = "same", activation = "relu" },
           { type = "batch_norm" }, { type = "activation", fn = "tanh" }, { type = "pool", kind = "max", size = 2 },
           { type = "spatial_dropout", rate = 0.3 }, { type = "conv", filters = 32, kernel_size = 1, groups = 2 }"#,
    ),
    // Slopes from the input of a normalization.
    (
        18,
        &[3, 5, 4],
        r#"{ type = "conv", filters = 5, kernel_size = 3 }, { type = "batch_norm" }, { type = "activation", fn = "relu6" },
           { type = "conv", filters = 4, kernel_size = 2 }, { type = "batch_norm" }, { type = "activation", fn = "leaky_relu" }"#,
    ),
    // What follows `flatten` looks at single values, not at the maps of the convolution before.
    (
        3,
        &[2, 5, 4],
        r#"{ type = "conv", filters = 4, kernel_size = 3 }, { type = "flatten" },
           { type = "batch_norm" }, { type = "dense", units = 3 }"#,
    ),
    // Pools that a convolution takes in, of sizes that do not divide the maps.
    (
        3,
        &[2, 15, 14],
        r#"{ type = "conv", filters = 20, kernel_size = 3, activation = "tanh" }, { type = "pool", kind = "max", size = 2 },
           { type = "conv", filters = 5, kernel_size = 1, activation = "relu" }, { type = "pool", kind = "avg", size = [4, 1] },
           { type = "conv", filters = 6, kernel_size = 1 }, { type = "pool", kind = "l2", size = [1, 4] }"#,
    ),
    (
        17,
        &[2, 4, 4],
        r#"{ type = "conv", filters = 32, kernel_size = 3, activation = "sigmoid" },
           { type = "conv", filters = 48, kernel_size = 1, activation = "prelu" }"#,
    ),
    // Ten blocks of images in eight parts that are not even.
    (
        145,
        &[2, 3, 4],
        r#"{ type = "conv", filters = 5, kernel_size = 3, padding = "same" }, { type = "batch_norm" },
           { type = "depthwise_conv", kernel_size = 2 }"#,
    ),
    // More weights than each thread keeps a gradient of.
    (
        17,
        &[260, 1],
        r#"{ type = "conv", filters = 256, kernel_size = 1, activation = "relu" }"#,
    ),
    (
        33,
        &[5, 6],
        r#"{ type = "flatten" }, { type = "batch_norm" }, { type = "dense", units = 4, activation = "relu" }"#,
    ),
    (
        18,
        &[4, 3, 3],
        r#"{ type = "conv", filters = 4, kernel_size = 1 }, { type = "flatten" },
           { type = "residual", layers = [{ type = "dense", units = 36 }, { type = "batch_norm" }] },
           { type = "activation", fn = "softsign" }"#,
    ),
    (
        18,
        &[4, 6, 6],
        r#"{ type = "conv", filters = 6, kernel_size = 3, trainable = false },
           { type = "pad", amount = [[1, 2], [0, 1], [2, 0]] }, { type = "conv", filters = 3, kernel_size = 2 }"#,
    ),
    // Windows at one position: over the whole map, over its edge, and more units than a row of registers.
    (
        33,
        &[3, 5, 4],
        r#"{ type = "conv", filters = 19, kernel_size = [5, 4], activation = "tanh" }, { type = "flatten" },
           { type = "dense", units = 50 }, { type = "dense", units = 1 }"#,
    ),
    (
        17,
        &[2, 3, 3],
        r#"{ type = "conv", filters = 7, kernel_size = 5, padding = 1 },
           { type = "conv", filters = 4, kernel_size = 3, padding = 1 }"#,
    ),
    // A last block of one image: the other lanes must not grow beyond all numbers.
    (
        17,
        &[3, 1, 1],
        r#"{ type = "batch_norm" }, { type = "conv", filters = 3, kernel_size = 1 }, { type = "batch_norm" },
           { type = "conv", filters = 3, kernel_size = 1 }, { type = "batch_norm" }, { type = "flatten" }, { type = "dense", units = 2 }"#,
    ),
];

/// Enough channels for Winograd's algorithm, which has tests of its own for sizes, paddings and instructions.
const MANY: &[(usize, &[usize], &str)] = &[
    (
        5,
        &[32, 12, 12],
        r#"{ type = "conv", filters = 32, kernel_size = 3, padding = "same", activation = "tanh" },
           { type = "global_pool", kind = "avg" }"#,
    ),
    // Tiles that reach over the edge, a shortcut, a pool whose windows lie across tiles.
    (
        17,
        &[32, 12, 11],
        r#"{ type = "residual", activation = "relu", layers = [
             { type = "conv", filters = 32, kernel_size = 3, padding = 1, bias = false },
             { type = "batch_norm" },
           ] },
           { type = "conv", filters = 6, kernel_size = 1, activation = "leaky_relu" },
           { type = "pool", kind = "max", size = 3 },
           { type = "flatten" }, { type = "dense", units = 5 }"#,
    ),
    // Enough tiles for the gradient of the kernels too.
    (
        3,
        &[64, 16, 16],
        r#"{ type = "conv", filters = 64, kernel_size = 3, padding = 1, activation = "relu" },
           { type = "global_pool", kind = "avg" }"#,
    ),
];

#[test]
fn networks_of_many_channels_are_as_with_stock_operations() {
    assert_all_alike(MANY);
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn what_is_not_finite_goes_where_it_goes_with_stock_operations() {
    let cases = [(32, 12), (64, 16)].map(|case| [f32::NAN, f32::INFINITY].map(|lost| (case, lost)));
    for ((channels, size), lost) in cases.into_iter().flatten() {
        let layer = format!(
            r#"{{ type = "conv", filters = {channels}, kernel_size = 3, padding = 1, activation = "relu" }}"#
        );
        let text = format!("[model]\ninput = [{channels}, {size}, {size}]\nlayers = [{layer}]");
        let project = Project::check("lost.toml", &text, &[]).unwrap();
        let mut samples = Numbers(9).array(&[3, channels, size, size]);
        samples.values[(channels + 17) * size * size + 27] = lost;
        let toward = Numbers(8).array(&[997]).values;
        let ours = results(&project, &samples, &toward, &Device::flex());
        let stock = results(&project, &samples, &toward, &Device::ndarray());
        for what in [
            "answer",
            "compiled answer",
            "output",
            "gradient of the input",
            "0.weight",
        ] {
            let kind = |array: &Array| -> Vec<(bool, bool)> {
                let values = array.values.iter();
                values.map(|x| (x.is_nan(), x.is_infinite())).collect()
            };
            assert_eq!(kind(&ours[what]), kind(&stock[what]), "{what} with {lost}");
        }
        let answer = &ours["answer"].values;
        let not_finite = answer.iter().filter(|x| !x.is_finite()).count();
        let relu_lets_pass = if lost.is_nan() { 9 * channels } else { 1 };
        assert!(
            (relu_lets_pass..=9 * channels).contains(&not_finite),
            "{not_finite} with {lost}"
        );
    }
}

#[test]
fn networks_at_the_bounds_are_as_with_stock_operations() {
    assert_all_alike(BOUNDS);
}

#[expect(deprecated, reason = "kept while burn has it")]
fn assert_all_alike(cases: &[(usize, &[usize], &str)]) {
    for (batch, input, layers) in cases {
        let text = format!("[model]\ninput = {input:?}\nlayers = [{layers}]");
        let project = Project::check("bounds.toml", &text, &[]).unwrap_or_else(|error| {
            panic!("{error}: {text}");
        });
        let mut numbers = Numbers(*batch as u64);
        let samples = numbers.array(&[&[*batch], *input].concat());
        let toward = numbers.array(&[997]).values;
        let ours = results(&project, &samples, &toward, &Device::flex());
        let again = results(&project, &samples, &toward, &Device::flex());
        let stock = results(&project, &samples, &toward, &Device::ndarray());
        for (what, stock) in &stock {
            assert_alike(&text, what, &ours[what], stock);
            // Memory that held other values before changes nothing.
            assert_eq!(ours[what].values, again[what].values, "{what} of {text}");
        }
    }
}
