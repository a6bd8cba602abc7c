//! What holds for every network: random ones, drawn from a fixed seed.

use std::cell::Cell;
use std::collections::BTreeMap;

use burn::tensor::Device;
use cnn::load::Project;
use cnn::model::{Model, Pass, Value};
use cnn::model_file::{self, Header};
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed, TestRunner};

use crate::goldens::array_of;

/// One of several words.
fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

/// One of several settings, or the key left out.
fn maybe(key: &'static str, value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        1 => value.prop_map(move |value| format!(", {key} = {value}")),
    ]
}

fn number(least: usize, most: usize) -> impl Strategy<Value = String> {
    (least..=most).prop_map(|number| number.to_string())
}

/// A size for all dimensions, or one for each.
fn size(rank: usize, least: usize, most: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        number(least, most),
        prop::collection::vec(least..=most, rank).prop_map(|sizes| format!("{sizes:?}")),
    ]
}

fn padding(rank: usize, most: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        word(&["\"valid\"", "\"same\"", "\"causal\""]),
        size(rank, 0, most),
        prop::collection::vec([0..=most, 0..=most], rank).prop_map(|pairs| format!("{pairs:?}")),
    ]
}

fn amount(rank: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        size(rank, 0, 2),
        prop::collection::vec([0..=2_usize, 0..=2], rank..=rank + 1)
            .prop_map(|pairs| format!("{pairs:?}")),
    ]
}

fn function() -> impl Strategy<Value = String> {
    prop::sample::select(cnn::config::Function::words()).prop_map(|word| format!("\"{word}\""))
}

fn mode() -> impl Strategy<Value = String> {
    word(&["\"zeros\"", "\"reflect\"", "\"replicate\"", "\"circular\""])
}

fn initializer() -> impl Strategy<Value = String> {
    word(&[
        "\"ones\"",
        "\"he_normal\"",
        "\"lecun_uniform\"",
        "\"orthogonal\"",
        "{ type = \"truncated_normal\", std = 0.1 }",
    ])
}

/// The keys that convolutions share.
fn sliding(rank: usize) -> impl Strategy<Value = String> {
    (
        size(rank, 1, 4),
        maybe("stride", size(rank, 1, 3)),
        maybe("dilation", size(rank, 1, 2)),
        maybe("padding", padding(rank, 3)),
        maybe("bias", Just("false".to_owned())),
        maybe("activation", function()),
        maybe("initializer", initializer()),
        maybe("trainable", Just("false".to_owned())),
    )
        .prop_map(|(size, a, b, c, d, e, f, g)| {
            format!("kernel_size = {size}{a}{b}{c}{d}{e}{f}{g}")
        })
}

/// A layer that keeps the shape of maps.
fn keeping() -> impl Strategy<Value = String> {
    prop_oneof![
        function().prop_map(|word| format!("{{ type = \"activation\", fn = {word} }}")),
        word(&[
            "{ type = \"batch_norm\" }",
            "{ type = \"layer_norm\" }",
            "{ type = \"group_norm\", groups = 1 }",
            "{ type = \"instance_norm\", affine = false }",
            "{ type = \"local_response_norm\", size = 3 }",
            "{ type = \"dropout\", rate = 0.5 }",
            "{ type = \"spatial_dropout\", rate = 0.5 }",
            "{ type = \"noise\", std = 0.1 }",
            "{ type = \"scale\", bias = true }",
        ]),
        (1..=3_usize, mode()).prop_map(|(size, mode)| format!(
            "{{ type = \"depthwise_conv\", kernel_size = {size}, padding = \"same\", padding_mode = {mode} }}"
        )),
    ]
}

/// A layer that changes the shape.
fn changing(rank: usize) -> BoxedStrategy<String> {
    let filters = || prop_oneof![number(1, 6), Just("4".to_owned())];
    let kind = || word(&["\"max\"", "\"avg\"", "\"sum\"", "\"min\"", "\"l2\""]);
    prop_oneof![
        3 => (filters(), sliding(rank), maybe("groups", number(1, 3)), maybe("padding_mode", mode()))
            .prop_map(|(filters, keys, a, b)| {
                format!("{{ type = \"conv\", filters = {filters}, {keys}{a}{b} }}")
            }),
        1 => (sliding(rank), maybe("multiplier", number(1, 3)))
            .prop_map(|(keys, a)| format!("{{ type = \"depthwise_conv\", {keys}{a} }}")),
        1 => (filters(), sliding(rank), maybe("multiplier", number(1, 3))).prop_map(
            |(filters, keys, a)| format!("{{ type = \"separable_conv\", filters = {filters}, {keys}{a} }}")
        ),
        1 => (filters(), sliding(rank), maybe("output_padding", size(rank, 0, 1))).prop_map(
            |(filters, keys, a)| format!("{{ type = \"conv_transpose\", filters = {filters}, {keys}{a} }}")
        ),
        3 => (
            kind(),
            size(rank, 1, 3),
            maybe("stride", size(rank, 1, 3)),
            maybe("padding", padding(rank, 1)),
            maybe("ceil", Just("true".to_owned())),
        )
            .prop_map(|(kind, size, a, b, c)| {
                format!("{{ type = \"pool\", kind = {kind}, size = {size}{a}{b}{c} }}")
            }),
        1 => size(rank, 1, 4).prop_map(|size| format!("{{ type = \"adaptive_pool\", output = {size} }}")),
        1 => (amount(rank), mode()).prop_map(|(amount, mode)| {
            format!("{{ type = \"pad\", amount = {amount}, mode = {mode} }}")
        }),
        1 => amount(rank).prop_map(|amount| format!("{{ type = \"crop\", amount = {amount} }}")),
        1 => (size(rank, 1, 2), word(&["\"nearest\"", "\"linear\""])).prop_map(|(scale, mode)| {
            format!("{{ type = \"upsample\", scale = {scale}, mode = {mode} }}")
        }),
        1 => number(1, 2).prop_map(|scale| format!("{{ type = \"pixel_shuffle\", scale = {scale} }}")),
        1 => Just("{ type = \"conv\", filters = 2, kernel_size = 1, connections = [[0], [0, 1]] }".to_owned()),
    ]
    .boxed()
}

/// A layer of maps, with lists of layers within it.
fn layer(rank: usize) -> impl Strategy<Value = String> {
    let single = prop_oneof![2 => keeping(), 2 => changing(rank)];
    single.prop_recursive(3, 12, 3, move |inner| {
        let list = |each: BoxedStrategy<String>| {
            prop::collection::vec(each, 0..3).prop_map(|layers| format!("[{}]", layers.join(", ")))
        };
        let kept = || prop_oneof![4 => keeping().boxed(), 1 => inner.clone()].boxed();
        let join = || word(&["\"concat\"", "\"add\"", "\"multiply\""]);
        prop_oneof![
            (list(kept()), maybe("activation", function())).prop_map(|(layers, activation)| {
                format!("{{ type = \"residual\", layers = {layers}{activation} }}")
            }),
            (list(kept()), list(kept()), join()).prop_map(|(a, b, join)| {
                format!("{{ type = \"branches\", branches = [{a}, {b}], merge = {join} }}")
            }),
            Just(
                "{ type = \"branches\", branches = [[], [{ type = \"global_pool\" }]], merge = \"multiply\" }"
                    .to_owned()
            ),
        ]
    })
}

/// What may stand behind the maps.
fn ending() -> impl Strategy<Value = String> {
    word(&[
        "",
        ", { type = \"flatten\" }",
        ", { type = \"flatten\" }, { type = \"dense\", units = 3, activation = \"prelu\" }",
        ", { type = \"global_pool\", kind = \"max\" }, { type = \"dense\", units = 2 }",
        ", { type = \"reshape\", shape = [1, -1] }",
        ", { type = \"flatten\" }, { type = \"batch_norm\" }, { type = \"softmax\" }",
        ", { type = \"merge\", from = \"first\", with = \"concat\" }",
        ", { type = \"dense\", units = 3 }",
    ])
}

/// A whole config of rank 1, 2 or 3.
fn config() -> impl Strategy<Value = String> {
    (1..=3_usize).prop_flat_map(|rank| {
        let input = (1..=4_usize, prop::collection::vec(1..=9_usize, rank));
        let layers = prop::collection::vec(layer(rank), 0..4);
        (input, layers, ending()).prop_map(|((channels, map), layers, ending)| {
            let input = [vec![channels], map].concat();
            let first = "{ type = \"activation\", fn = \"tanh\", name = \"first\" }".to_owned();
            let layers = [vec![first], layers].concat().join(",\n  ");
            format!("[model]\ninput = {input:?}\nlayers = [\n  {layers}{ending}\n]\n")
        })
    })
}

/// Runs a property over random configs, the same on every run; returns how many were networks.
fn over_configs(cases: u32, property: impl Fn(&str, &Project)) -> u32 {
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let networks = Cell::new(0);
    let outcome = runner.run(&config(), |text| {
        if let Ok(project) = Project::check("random.toml", &text, &[]) {
            networks.set(networks.get() + 1);
            property(&text, &project);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    networks.get()
}

#[test]
fn predicted_shapes_and_counts_equal_the_built_network() {
    let device = Device::flex();
    let built = over_configs(10_000, |text, project| {
        let model = Model::new(&project.plan, 1, &device);
        let counted: u64 = crate::goldens::weights(&model)
            .values()
            .map(|array| array.values.len() as u64)
            .sum();
        let totals = project.plan.totals(cnn::plan::Dtype::F32, 1).unwrap();
        if !text.contains("connections") {
            assert_eq!(counted, totals.parameters() + totals.buffers);
        }
        let values = 2 * project.plan.input.iter().product::<usize>();
        let input = Value::of_inputs(vec![1.0; values], &project.plan.input, &device);
        let mut shapes = BTreeMap::new();
        let output = model.forward_observed(input, Pass::Evaluate, &mut |index, value| {
            shapes.insert(index, value.shape());
        });
        for layer in project.plan.every() {
            assert_eq!(shapes[&layer.index][1..], layer.output, "{}", layer.path);
        }
        let output = array_of(output);
        assert_eq!(output.shape[0], 2);
        assert_eq!(output.shape[1..], *project.plan.output());
    });
    assert!(built > 3_000, "only {built} of the random networks fit");
}

#[test]
fn a_random_config_resolves_to_itself() {
    over_configs(500, |_, project| {
        let resolved = project.config.to_toml();
        let again = Project::check("resolved.toml", &resolved, &[]).unwrap();
        assert_eq!(again.config.to_toml(), resolved);
        assert_eq!(again.plan.output(), project.plan.output());
    });
}

#[test]
fn save_load_save_gives_the_same_bytes() {
    let device = Device::flex();
    let text = r#"
        [model]
        input = [2, 9, 9]
        layers = [
          { type = "conv", name = "Conv1", filters = 3, kernel_size = 3 },
          { type = "batch_norm" },
          { type = "flatten" },
          { type = "dense", units = 4, activation = "softmax" },
        ]"#;
    let project = Project::check("test.toml", text, &[]).unwrap();
    let classes: Vec<String> = ["a", "b", "c", "d \"quoted\""].map(str::to_owned).to_vec();
    let header = Header::new(
        &project.config,
        &classes,
        &project.request().unwrap().preprocessing,
    );
    let model = Model::new(
        &project.plan.up_to_logits(cnn::config::Task::Classes),
        3,
        &device,
    );
    let bytes = model_file::to_bytes(&model, &header).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    let trained = model_file::load(&path, &device).unwrap();
    assert_eq!(trained.header, header);
    assert_eq!(
        model_file::to_bytes(&trained.model, &trained.header).unwrap(),
        bytes
    );
    let names: Vec<String> = crate::goldens::weights(&trained.model)
        .into_keys()
        .collect();
    assert!(names.contains(&"Conv1.weight".to_owned()), "{names:?}");
}
