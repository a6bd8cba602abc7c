//! What lies in a run folder or in a folder of classes, and is no file or no text.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::{Lab, bar_png, wait_until};

#[test]
fn what_never_ends_in_a_run_folder_is_not_read() {
    for (file, command) in [
        ("run.json", "runs show run"),
        // Told as a warning, and the rest is shown.
        ("metrics.csv", "runs show run"),
        ("metrics.csv", "train --resume run --epochs 5"),
        ("config.toml", "train --resume run --epochs 5"),
        ("model.safetensors", "eval run"),
        (
            "checkpoints/step-00000009/state.json",
            "train --resume run --epochs 5",
        ),
    ] {
        for kind in ["device", "pipe", "large"] {
            let lab = Lab::trained();
            let path = lab.path("runs/run").join(file);
            fs::remove_file(&path).unwrap();
            match kind {
                "device" => symlink("/dev/zero", &path).unwrap(),
                "pipe" => assert!(
                    Command::new("mkfifo")
                        .arg(&path)
                        .status()
                        .unwrap()
                        .success()
                ),
                // It takes no room on the disk.
                _ => fs::File::create(&path).unwrap().set_len(1 << 40).unwrap(),
            }
            // Weights may be of any size, and a config may come from a pipe.
            if [("large", "model.safetensors"), ("pipe", "config.toml")].contains(&(kind, file)) {
                continue;
            }
            let mut child = lab.start(&command.split(' ').collect::<Vec<_>>());
            wait_until(&format!("{command} with a {kind} as {file}"), || {
                child.try_wait().unwrap().is_some()
            });
            let code = child.wait().unwrap().code();
            assert!(
                matches!(code, Some(0 | 2 | 4 | 5)),
                "{command} with a {kind} as {file}: {code:?}"
            );
        }
    }
}

/// Names that are no UTF-8 used to become the same one, and the figures of one class those of two.
#[test]
fn classes_that_differ_in_bytes_alone_stay_apart() {
    let lab = Lab::with_bars();
    for split in ["train", "test"] {
        for (number, name) in [&b"k\xfe"[..], b"k\xff"].into_iter().enumerate() {
            let folder = lab.path("odd").join(split).join(OsStr::from_bytes(name));
            fs::create_dir_all(&folder).unwrap();
            for picture in 0..4 {
                fs::write(
                    folder.join(format!("{picture}.png")),
                    bar_png(number, picture),
                )
                .unwrap();
            }
        }
    }
    let train = [
        "train",
        "bars.toml",
        "--data",
        "odd",
        "--run",
        "odd",
        "--epochs",
        "1",
        "--quiet",
        "--set",
        "model.layers.3.units=2",
    ];
    lab.cnn(&train).ok();
    let report = lab
        .cnn(&["eval", "odd", "--split", "test", "--json"])
        .ok()
        .json();
    let classes = report["classes"].as_array().unwrap();
    let names: Vec<_> = classes
        .iter()
        .map(|class| class["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["k\\xfe", "k\\xff"]);
    assert!(
        classes.iter().all(|class| class["support"] == 4),
        "{classes:?}"
    );
}
