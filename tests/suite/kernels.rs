//! Our own kernels, on every set of instructions that the processor has.

mod bounds;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use cnn::kernels::{ISA_NAMES, Isa};
use cnn::load::Project;
use cnn::model::{Engine, Model, Pass};
use cnn::optimizer::Gradients;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed, TestRunner};

use crate::golden_layers;
use crate::goldens::{self, Array};
use crate::numeric_gradients::Numbers;
use crate::support::{BARS, Lab, outcome};

/// Runs tests of this binary in a process of their own.
fn run(isa: &str, tests: &[&str]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(tests).arg("--exact").env("CNN_ISA", isa);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{isa}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let ran = format!("{} passed", tests.len());
    assert!(said.contains(&ran), "{isa}: not {ran}: {said}");
}

#[test]
fn every_layer_is_as_in_pytorch_and_its_gradients_as_by_differences() {
    for (name, isa) in ISA_NAMES {
        if !isa.is_here() {
            eprintln!("this processor has no {name}: not tested");
            continue;
        }
        // With the set in use they run by themselves.
        if isa == Isa::current() {
            continue;
        }
        run(
            name,
            &[
                "golden_layers::on_cpu",
                "golden_layers::the_whole_language::on_cpu",
                "numeric_gradients::on_cpu",
                "golden_training::everywhere::on_cpu",
                "kernels::random_networks_are_as_with_stock_operations",
                "kernels::bounds::networks_of_many_channels_are_as_with_stock_operations",
                "kernels_in_training::losses_are_as_with_stock_operations",
                "kernels_in_training::steps_are_as_with_stock_operations",
            ],
        );
    }
}

/// Returns layers that the kernels compute, of one rank, with odd sizes.
fn layers(rank: usize) -> impl Strategy<Value = String> {
    let sizes = move |least: usize, most: usize| prop::collection::vec(least..=most, rank);
    let conv = (
        (
            1..=3_usize,
            1..=11_usize,
            sizes(1, 4),
            sizes(1, 3),
            sizes(1, 2),
        ),
        prop::sample::select(&["\"same\"", "\"valid\"", "1", "2"][..]),
        prop::sample::select(&["relu", "linear", "tanh", "sigmoid", "leaky_relu", "silu"][..]),
        any::<bool>(),
    );
    let conv = conv.prop_map(|((groups, filters, kernel, stride, dilation), padding, function, bias)| {
        let filters = groups * filters;
        format!(
            "{{ type = \"conv\", filters = {filters}, kernel_size = {kernel:?}, stride = {stride:?}, dilation = {dilation:?}, \
             padding = {padding}, groups = {groups}, activation = \"{function}\", bias = {bias} }}"
        )
    });
    let pool = (
        prop::sample::select(&["max", "avg", "min", "sum"][..]),
        sizes(1, 3),
        sizes(1, 3),
        any::<bool>(),
        0..=1_usize,
    );
    let pool = pool.prop_map(|(kind, size, stride, ceil, padding)| {
        let padding = padding.min(size.iter().min().copied().unwrap_or(1) - 1);
        format!(
            "{{ type = \"pool\", kind = \"{kind}\", size = {size:?}, stride = {stride:?}, ceil = {ceil}, padding = {padding} }}"
        )
    });
    let keeping = prop::sample::select(
        &[
            "{ type = \"batch_norm\" }",
            "{ type = \"batch_norm\" }, { type = \"activation\", fn = \"relu\" }",
            "{ type = \"batch_norm\" }, { type = \"activation\", fn = \"relu6\" }",
            "{ type = \"batch_norm\" }, { type = \"activation\", fn = \"leaky_relu\" }",
            "{ type = \"residual\", activation = \"relu\", layers = [{ type = \"batch_norm\" }] }",
            "{ type = \"residual\", layers = [{ type = \"batch_norm\" }], shortcut = [{ type = \"batch_norm\" }] }",
            "{ type = \"depthwise_conv\", kernel_size = 3, padding = \"same\", activation = \"relu6\" }",
            "{ type = \"dropout\", rate = 0.3 }",
            "{ type = \"activation\", fn = \"gelu\" }",
        ][..],
    );
    let layer = prop_oneof![4 => conv, 2 => pool, 2 => keeping.prop_map(str::to_owned)];
    let ending = prop::sample::select(
        &[
            "",
            ", { type = \"flatten\" }, { type = \"dense\", units = 13, activation = \"tanh\" }, { type = \"dense\", units = 3 }",
            ", { type = \"global_pool\", kind = \"avg\" }, { type = \"dense\", units = 9 }",
            ", { type = \"global_pool\", kind = \"max\" }",
        ][..],
    );
    (prop::collection::vec(layer, 1..4), ending)
        .prop_map(|(layers, ending)| layers.join(", ") + ending)
}

/// What a network makes of a batch, and all gradients.
fn results(
    project: &Project,
    input: &Array,
    toward: &[f32],
    device: &Device,
) -> BTreeMap<String, Array> {
    let training = device.clone().autodiff();
    // Biases that are not 0: functions have no slope at their corners.
    let mut weights = goldens::weights(&Model::new(&project.plan, 5, device));
    let mut numbers = Numbers(3);
    for (name, array) in &mut weights {
        if name.ends_with("bias") {
            *array = numbers.array(&array.shape);
        }
    }
    let fresh = goldens::model(project, &weights, &training);
    let mut results = BTreeMap::new();
    let plain = goldens::model(project, &weights, device);
    let layers = plain.forward(input.to_value(device), Pass::Evaluate);
    results.insert("answer".to_owned(), goldens::array_of(layers.clone()));
    let compiled = Engine::new(&plain, &project.plan.input, device).unwrap();
    let compiled = Array {
        shape: layers.shape(),
        values: compiled.logits(&input.values).unwrap(),
    };
    results.insert("compiled answer".to_owned(), compiled);
    let value = golden_layers::require_grad(input.to_value(&training));
    let output = fresh.forward(value.clone(), Pass::Train { seed: 3, step: 1 });
    let shape = output.shape();
    results.insert("output".to_owned(), goldens::array_of(output.clone()));
    let values = toward.iter().copied().cycle().take(shape.iter().product());
    let weights = Array {
        shape,
        values: values.collect(),
    };
    let mut gradients = golden_layers::weighted_sum(output, &weights, &training).backward();
    let of_input = golden_layers::take_gradient(&value, &mut gradients);
    results.insert("gradient of the input".to_owned(), of_input);
    let gradients = Gradients::take(gradients, &fresh);
    results.extend(goldens::gradients(&fresh, &gradients));
    let statistics = goldens::weights(&fresh).into_iter();
    results.extend(statistics.filter(|(name, _)| name.contains("running")));
    results
}

/// Two correct implementations differ by what sums of many numbers lose, whatever the single result.
fn assert_alike(text: &str, what: &str, ours: &Array, stock: &Array) {
    assert_eq!(ours.shape, stock.shape, "{what} of {text}");
    let largest = stock
        .values
        .iter()
        .fold(1.0_f32, |most, value| most.max(value.abs()));
    for (index, (ours, stock)) in ours.values.iter().zip(&stock.values).enumerate() {
        assert!(
            (ours - stock).abs() <= 2e-4 * largest,
            "{what}[{index}] is {ours}, the stock operations have {stock}: {text}"
        );
    }
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn random_networks_are_as_with_stock_operations() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 40,
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cases = (1..=3_usize).prop_flat_map(|rank| {
        let extents = prop::collection::vec(1..=[24_usize, 9, 5][rank - 1], rank);
        let batch = prop::sample::select(&[1_usize, 5, 16, 21, 33][..]);
        (1..=3_usize, 1..=7_usize, extents, layers(rank), batch)
    });
    let built = Cell::new(0);
    let property =
        |(groups, channels, extents, layers, batch): (usize, usize, Vec<usize>, String, usize)| {
            let input = [vec![groups * channels], extents].concat();
            let text = format!("[model]\ninput = {input:?}\nlayers = [{layers}]");
            // Many do not fit; what is asked is that those that do are right.
            let Ok(project) = Project::check("random.toml", &text, &[]) else {
                return Ok(());
            };
            built.set(built.get() + 1);
            let mut numbers = Numbers(batch as u64 + 7);
            let samples = numbers.array(&[&[batch], input.as_slice()].concat());
            let toward = numbers.array(&[997]).values;
            let ours = results(&project, &samples, &toward, &Device::flex());
            let stock = results(&project, &samples, &toward, &Device::ndarray());
            assert_eq!(ours.len(), stock.len());
            for (what, stock) in &stock {
                assert_alike(&text, what, &ours[what], stock);
            }
            Ok(())
        };
    runner.run(&cases, property).unwrap();
    assert!(built.get() > 15, "only {} networks were built", built.get());
}

/// A network of all that has kernels; batches of 27 are two blocks of images.
fn mixed() -> String {
    let layers = r#"layers = [
  { type = "conv", filters = 16, kernel_size = 3, padding = "same", bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "residual", activation = "relu", layers = [
    { type = "depthwise_conv", kernel_size = 3, padding = "same" },
    { type = "batch_norm" },
    { type = "conv", filters = 16, kernel_size = 1 },
  ] },
  { type = "pool", kind = "max", size = 2 },
  { type = "conv", filters = 33, kernel_size = 3, stride = 2, activation = "tanh" },
  { type = "dropout", rate = 0.2 },
  { type = "flatten" },
  { type = "dense", units = 3 },
]"#;
    let (head, rest) = BARS.split_once("layers = [").unwrap();
    let (_, tail) = rest.split_once("]\n\n").unwrap();
    let text = format!("{head}{layers}\n\n{tail}");
    text.replace("batch_size = 9", "batch_size = 27")
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let lab = Lab::with_bars();
    lab.write("mixed.toml", mixed());
    for (name, isa) in ISA_NAMES {
        if !isa.is_here() {
            continue;
        }
        let weights = |threads: &str| {
            let run = format!("{name}-{threads}");
            let arguments = [
                "train",
                "mixed.toml",
                "--run",
                &run,
                "--threads",
                threads,
                "--quiet",
            ];
            outcome(lab.command(&arguments).env("CNN_ISA", name)).ok();
            lab.read(Path::new("runs").join(&run).join("model.safetensors"))
        };
        let alone = weights("1");
        assert_eq!(alone, weights("2"), "{name}");
        assert_eq!(alone, weights("4"), "{name}");
    }
}

#[test]
fn an_unknown_set_of_instructions_is_refused() {
    let lab = Lab::with_bars();
    let said = outcome(lab.command(&["train", "bars.toml"]).env("CNN_ISA", "mmx"));
    assert_eq!(said.code, 2);
    assert!(
        said.stderr
            .contains("`CNN_ISA` asks for `mmx`, which is no set of instructions known here"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("`portable`"), "{}", said.stderr);
}
