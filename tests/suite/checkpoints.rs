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
