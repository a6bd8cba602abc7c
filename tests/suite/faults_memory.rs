//! Networks and trainings that do not fit into the memory there is, or into that which a process may take.

use std::process::Command;

use crate::support::{BARS, Lab, Outcome, outcome};

/// Runs `cnn` with so many KiB of address space.
fn limited(lab: &Lab, kibibytes: u64, arguments: &str) -> Outcome {
    below(lab, &format!("ulimit -v {kibibytes}"), arguments)
}

/// Runs `cnn` below a limit.
fn below(lab: &Lab, limit: &str, arguments: &str) -> Outcome {
    let script = format!("{limit}; exec \"$0\" {arguments}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_cnn")])
        .current_dir(lab.path(""));
    outcome(&mut command)
}

/// Returns the number that follows some words.
#[track_caller]
fn number_after(text: &str, words: &str) -> usize {
    let (_, rest) = text
        .split_once(words)
        .unwrap_or_else(|| panic!("`{words}`: {text}"));
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().unwrap()
}

#[test]
fn the_largest_batch_that_fits_is_named_and_trains() {
    let lab = Lab::with_bars();
    let wide = BARS
        .replace("filters = 4", "filters = 6_000")
        .replace("batch_size = 9", "batch_size = 4096");
    lab.write("wide.toml", wide);
    // What a process takes before it has done anything depends on the machine. Of its data alone it does not depend on
    // the moment: addresses are set aside, 64 MB for a thread, as threads come to ask for memory.
    let data = |kibibytes| format!("ulimit -d {kibibytes}");
    let words = "the largest batch that fits is ";
    let refused = (60_000..2_000_000).step_by(12_000).find_map(|kibibytes| {
        let limit = data(kibibytes);
        let said = below(&lab, &limit, "train wide.toml --run run --threads 2");
        said.stderr.contains(words).then_some((kibibytes, said))
    });
    let (kibibytes, said) = refused.unwrap();
    let said = said.code(2);
    let message = "error: training with batches of ";
    assert!(said.stderr.contains(message), "{said:?}");
    assert!(!lab.path("runs").exists(), "before anything is written");
    let fitting = number_after(&said.stderr, words);
    assert!(fitting > 0, "{said:?}");
    let edit = format!("--batch-size {fitting}");
    assert!(said.stderr.contains(&format!("`{edit}`")), "{said:?}");
    let fits = format!("train wide.toml --run run --quiet --epochs 1 --threads 2 {edit}");
    below(&lab, &data(kibibytes + 8_000), &fits).ok();
}

#[test]
fn a_forward_pass_beyond_the_memory_is_refused() {
    let lab = Lab::with_bars();
    lab.write(
        "wide.toml",
        BARS.replace("filters = 4", "filters = 2_000_000"),
    );
    let arguments = "bench wide.toml --mode infer --batch 64 --seconds 0.1 --threads 2";
    let said = limited(&lab, 1_000_000, arguments).code(2);
    assert!(
        said.stderr.contains("error: a forward pass with batches"),
        "{said:?}"
    );
    assert!(said.stderr.contains("help: "), "{said:?}");
}

#[test]
fn windows_larger_than_any_table_of_them_are_refused() {
    let lab = Lab::with_bars();
    let vast = "kernel_size = 4_001, padding = 4_000";
    for (name, layer) in [
        ("conv.toml", BARS.replace("kernel_size = 3", vast)),
        (
            "pool.toml",
            BARS.replace(
                "{ type = \"flatten\" }",
                "{ type = \"pad\", amount = 4_000 }, { type = \"pool\", kind = \"max\", size = 4_001, stride = 1 }, { type = \"flatten\" }",
            ),
        ),
    ] {
        lab.write(name, layer);
        let said = lab.cnn(&["train", name, "--quiet"]).code(2);
        assert!(said.stderr.contains("error: training with batches of 9"), "{said:?}");
        let said = lab.cnn(&["bench", name, "--mode", "infer"]).code(2);
        assert!(said.stderr.contains("error: a forward pass"), "{said:?}");
    }
    assert!(!lab.path("runs").exists(), "before anything is written");
}

#[test]
fn a_model_file_that_lies_about_its_size_takes_no_memory() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "1", "--quiet"])
        .ok();
    let model = lab.read("runs/bars-1/model.safetensors");
    let length = u64::from_le_bytes(*model.first_chunk().unwrap()) as usize;
    let (header, values) = model[8..].split_at(length);
    let header = std::str::from_utf8(header).unwrap();
    let with = |header: &str| {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), values].concat()
    };
    // A weight that lies where another does, one of more values than can be counted, one that ends before it begins.
    let lists = |key: &str| -> Vec<&str> {
        let parts = header.split(key).skip(1);
        parts.filter_map(|part| part.split(']').next()).collect()
    };
    let all = lists("\"data_offsets\":[");
    assert!(all.len() > 2, "{header}");
    let turned: Vec<&str> = all[0].split(',').rev().collect();
    let shape = lists("\"shape\":[")[0];
    for (name, lie) in [
        ("overlapping", header.replace(all[1], all[0])),
        ("beyond", header.replace(all[1], "0,18446744073709551615")),
        ("turned", header.replace(all[0], &turned.join(","))),
        (
            "overflowing",
            header.replacen(
                &format!("\"shape\":[{shape}]"),
                "\"shape\":[4294967295,4294967295,4294967295]",
                1,
            ),
        ),
    ] {
        assert_ne!(lie, header, "{name}");
        lab.write(format!("{name}.safetensors"), with(&lie));
        for arguments in [
            format!("predict bars --threads 1 --model {name}.safetensors"),
            format!("eval {name}.safetensors --threads 1"),
            format!("export {name}.safetensors --format onnx"),
            format!("import {name}.safetensors --into bars.toml"),
        ] {
            let said = limited(&lab, 1_000_000, &arguments).code(4);
            let file = format!("{name}.safetensors");
            assert!(said.stderr.contains(&file), "{arguments}: {said:?}");
        }
    }
}
