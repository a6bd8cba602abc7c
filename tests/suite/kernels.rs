//! Our own kernels, on every set of instructions that the processor has.

use std::process::Command;

use cnn::kernels::ISA_NAMES;

/// Runs tests of this binary in a process of their own, with kernels for every batch.
fn run(isa: &str, tests: &[&str]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(tests).arg("--exact").env("CNN_ISA", isa);
    let output = command.env("CNN_LEAST_BATCH", "1").output().unwrap();
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
    let mut ran = 0;
    for (name, isa) in ISA_NAMES {
        if !isa.is_here() {
            eprintln!("this processor has no {name}: not tested");
            continue;
        }
        run(
            name,
            &[
                "golden_layers::on_cpu",
                "golden_layers::the_whole_language_on_cpu",
                "numeric_gradients::on_cpu",
            ],
        );
        ran += 1;
    }
    assert!(ran > 0, "the portable set is everywhere");
}
