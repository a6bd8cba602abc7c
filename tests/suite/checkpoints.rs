//! Damage of every kind to the newest checkpoint: it is found, and the one before is used.

use std::fs;
use std::path::{Path, PathBuf};

use cnn::checkpoint;

use crate::support::{Lab, names};

/// How many bits are turned, one at a time.
const FLIPS: usize = 1000;
/// Files are cut at every multiple of this.
const BLOCK: usize = 4096;

/// The files of the newest of two checkpoints, and the folder of both.
struct Pair {
    lab: Lab,
    newest: PathBuf,
    older: PathBuf,
    files: Vec<(String, Vec<u8>)>,
}

fn pair() -> Pair {
    let lab = Lab::with_bars();
    let arguments = [
        "train",
        "bars.toml",
        "--run",
        "run",
        "--epochs",
        "2",
        "--quiet",
    ];
    lab.cnn(&arguments).ok();
    let folder = lab.path("runs/run/checkpoints");
    let mut steps = names(&folder);
    steps.retain(|name| name.starts_with("step-"));
    let newest = folder.join(steps.pop().unwrap());
    let older = folder.join(steps.pop().unwrap());
    let read = |name: String| {
        let bytes = fs::read(newest.join(&name)).unwrap();
        (name, bytes)
    };
    let files = names(&newest).into_iter().map(read).collect();
    Pair {
        lab,
        newest,
        older,
        files,
    }
}

impl Pair {
    /// Puts `bytes` in the place of a file and asserts that the damage is found.
    #[track_caller]
    fn check(&self, name: &str, bytes: &[u8], damage: &str) {
        fs::create_dir_all(&self.newest).unwrap();
        for (file, whole) in &self.files {
            let bytes = if file == name { bytes } else { whole };
            fs::write(self.newest.join(file), bytes).unwrap();
        }
        let folder: &Path = &self.lab.path("runs/run/checkpoints");
        let (found, warnings) = checkpoint::read_newest(folder).unwrap();
        let found = found.unwrap();
        assert_eq!(found.path, self.older, "{name} {damage} is taken for whole");
        assert_eq!(warnings.len(), 1, "{name} {damage}: {warnings:?}");
        let message = &warnings[0].message;
        assert!(
            message.contains(&self.newest.display().to_string()),
            "{message}"
        );
    }
}

#[test]
fn any_bit_that_is_turned_is_noticed() {
    let pair = pair();
    let sizes: Vec<usize> = pair.files.iter().map(|(_, bytes)| bytes.len()).collect();
    let all: usize = sizes.iter().sum::<usize>() * 8;
    for flip in 0..FLIPS {
        // Spread over all files by the golden ratio.
        let mut bit = flip * 6_180_339_887 % all;
        let mut file = 0;
        while bit >= sizes[file] * 8 {
            bit -= sizes[file] * 8;
            file += 1;
        }
        let (name, whole) = &pair.files[file];
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        pair.check(name, &bytes, &format!("with bit {bit} turned"));
    }
}

#[test]
fn files_that_are_cut_anywhere_are_noticed() {
    let pair = pair();
    for (name, whole) in &pair.files {
        for length in (0..whole.len()).step_by(BLOCK) {
            pair.check(name, &whole[..length], &format!("cut at {length}"));
        }
        pair.check(name, &whole[..whole.len() - 1], "without its last byte");
    }
}

/// Changes one file of the only checkpoint, writes the checksum that belongs to it, and returns what going on says.
fn resumed_with(name: &str, change: impl Fn(&str) -> Option<Vec<u8>>) -> String {
    let lab = Lab::with_bars();
    let arguments = [
        "train",
        "bars.toml",
        "--run",
        "run",
        "--epochs",
        "1",
        "--quiet",
        "--set",
        "train.ema=0.9",
    ];
    lab.cnn(&arguments).ok();
    let folder = lab.path("runs/run/checkpoints");
    let newest = folder.join(names(&folder).pop().unwrap());
    let others = names(&newest);
    let mut hasher = blake3::Hasher::new();
    for file in ["model", "optimizer", "average", "state"] {
        let file = others.iter().find(|other| other.starts_with(file)).unwrap();
        let mut bytes = fs::read(newest.join(file)).unwrap();
        if file.starts_with(name) {
            bytes = change(&String::from_utf8_lossy(&bytes)).unwrap();
        }
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
        fs::write(newest.join(file), bytes).unwrap();
    }
    let checksum = hasher.finalize().to_hex();
    fs::write(newest.join("checksum"), checksum.as_bytes()).unwrap();
    let outcome = lab.cnn(&["train", "--resume", "run", "--epochs", "2"]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    outcome.stderr
}

/// One row of floats under a name, as a safetensors file.
fn row(name: &str, length: usize) -> Vec<u8> {
    let header = format!(
        r#"{{"{name}":{{"dtype":"F32","shape":[{length}],"data_offsets":[0,{}]}}}}"#,
        length * 4
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + length * 4, 0);
    file
}

#[test]
fn what_another_program_wrote_is_held_to_the_network() {
    let said = resumed_with("state", |text| {
        let old = text.lines().find(|line| line.starts_with("  \"step\":"))?;
        let most = format!("  \"step\": {},", u64::MAX);
        Some(text.replace(old, &most).into_bytes())
    });
    let expected = "is damaged: its state counts further than any training";
    assert!(said.contains(expected), "{said}");

    for (file, name) in [("optimizer", "0.bias.exp_avg"), ("average", "0.bias")] {
        let said = resumed_with(file, |_| Some(row(name, 5)));
        let expected = format!("is damaged: its `{name}` has 5 values, the weight has 4");
        assert!(said.contains(&expected), "{said}");
    }
}
