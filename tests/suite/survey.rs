//! `cnn data list`, `check`, `stats` and `show`.

mod targets;

use std::fs;

use serde_json::{Value, json};

use crate::support::{CLASSES, Golden, Lab, PER_CLASS, bar_png, png, repository, write_idx};

/// Compares what a command says with `tests/snapshots/NAME.txt`.
#[track_caller]
fn snapshot(golden: &mut Golden, lab: &Lab, name: &str, code: i32, command: &str) {
    let arguments: Vec<&str> = command.split(' ').collect();
    let outcome = lab.cnn(&arguments).code(code);
    let folder = fs::canonicalize(lab.path("")).unwrap();
    let stdout = outcome.stdout;
    let stderr = outcome.stderr.replace(folder.to_str().unwrap(), "$DIR");
    let path = repository("tests/snapshots").join(format!("{name}.txt"));
    golden.check(&path, &format!("$ cnn {command}\n{stdout}{stderr}"));
}

/// A folder with train and test, in which much is wrong.
fn messy() -> Lab {
    let lab = Lab::new();
    for (class, name) in CLASSES.iter().enumerate() {
        for number in 0..PER_CLASS {
            lab.write(
                format!("mess/train/{name}/{number:02}.png"),
                bar_png(class, number),
            );
        }
    }
    for number in 0..12 {
        lab.write(
            format!("mess/train/across/bad{number:02}.png"),
            "no picture",
        );
    }
    // Another file with the same pixels, of another class; and a sample to train on among those to test with.
    lab.write("mess/train/slant/copy.png", bar_png(0, 3));
    lab.write("mess/test/down/same.png", bar_png(1, 4));
    lab.write("mess/test/across/own.png", png(8, 8, &[9; 64]));
    lab.write("mess/test/slant/cut.png", &bar_png(2, 2)[..40]);
    for number in 0..3 {
        lab.write(
            format!("mess/train/few/{number}.png"),
            png(8, 8, &[100 + number; 64]),
        );
    }
    lab
}

#[test]
fn a_check_tells_all_that_is_wrong() {
    let lab = messy();
    let outcome = lab.cnn(&["data", "check", "mess", "--json"]).code(3);
    let found = outcome.json();
    assert_eq!(outcome.stderr, "");
    let unreadable = found["unreadable"].as_array().unwrap();
    assert_eq!(unreadable.len(), 13, "{unreadable:#?}");
    let all = found["unreadable"].to_string();
    for number in 0..12 {
        assert!(all.contains(&format!("picture `mess/train/across/bad{number:02}.png`: ")));
    }
    assert!(all.contains("mess/test/slant/cut.png"));
    assert_eq!(found["few_samples"], json!(["few"]));
    assert_eq!(found["class_counts"]["train"], json!([12, 12, 3, 13]));
    assert_eq!(found["class_counts"]["test"], json!([1, 1, 0, 0]));
    let repeated = found["repeated"].as_array().unwrap();
    let pairs: Vec<(bool, bool, Vec<&str>)> = repeated
        .iter()
        .map(|same| {
            let paths = same["samples"].as_array().unwrap().iter();
            (
                same["across_splits"].as_bool().unwrap(),
                same["other_classes"].as_bool().unwrap(),
                paths
                    .map(|sample| sample["path"].as_str().unwrap())
                    .collect(),
            )
        })
        .collect();
    assert_eq!(
        pairs,
        [
            (
                false,
                true,
                vec!["mess/train/across/03.png", "mess/train/slant/copy.png"]
            ),
            (
                true,
                false,
                vec!["mess/train/down/04.png", "mess/test/down/same.png"]
            ),
        ]
    );
    assert_eq!(found["repeated_across_splits"], 1);
    assert_eq!(found["outputs"], Value::Null);
    let mut golden = Golden::new();
    snapshot(&mut golden, &lab, "data-check", 3, "data check mess");
    golden.finish();
}

#[test]
fn a_check_of_a_config_knows_its_network_and_its_splits() {
    let lab = Lab::with_bars();
    let found = lab
        .cnn(&["data", "check", "bars.toml", "--json"])
        .ok()
        .json();
    assert_eq!(found["class_counts"]["train"], json!([9, 9, 9]));
    assert_eq!(found["class_counts"]["validation"], json!([3, 3, 3]));
    assert_eq!(
        (&found["outputs"], &found["beyond_outputs"]),
        (&json!(3), &json!([]))
    );
    assert_eq!(found["unreadable"], json!([]));
    // What is no sample is told, and no fault.
    lab.write("bars/across/Thumbs.db", "x");
    let found = lab
        .cnn(&["data", "check", "bars.toml", "--json"])
        .ok()
        .json();
    assert_eq!(found["unreadable"], json!([]));
    let told = found["passed_over"][0].as_str().unwrap();
    assert!(
        told.ends_with("1 file of its class folders is passed over: db (1)"),
        "{told}"
    );
    lab.write("bars/weave/0.png", png(8, 8, &[3; 64]));
    lab.write("bars/weave/1.png", png(9, 8, &[3; 72]));
    let found = lab
        .cnn(&["data", "check", "bars.toml", "--json"])
        .code(3)
        .json();
    assert_eq!(found["beyond_outputs"], json!(["weave"]));
    // The config does not stretch, so a picture of another size cannot be used.
    let unreadable = found["unreadable"].to_string();
    assert!(
        unreadable.contains("bars/weave/1.png") && unreadable.contains("8x9"),
        "{unreadable}"
    );
    let found = lab.cnn(&["data", "check", "bars", "--json"]).ok().json();
    assert_eq!(
        found["unreadable"],
        json!([]),
        "a source alone has no size to keep"
    );
}

#[test]
fn figures_are_those_of_the_pixels() {
    let lab = Lab::new();
    // Red is 0 and 255 in halves, green 51 throughout, blue 102 and 204.
    let picture = |width: u32, height: u32, red: u8, blue: u8| {
        let picture = image::RgbImage::from_pixel(width, height, image::Rgb([red, 51, blue]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    };
    for number in 0..3 {
        lab.write(format!("set/a/{number}.png"), picture(4, 2, 0, 102));
        lab.write(format!("set/b/{number}.png"), picture(4, 2, 255, 204));
    }
    lab.write("set/a/large.png", picture(40, 20, 0, 102));
    lab.write("set/b/tall.png", picture(2, 4, 255, 204));
    let stats = lab.cnn(&["data", "stats", "set", "--json"]).ok().json();
    let close = |key: &str, expected: [f64; 3]| {
        for (value, expected) in stats[key].as_array().unwrap().iter().zip(expected) {
            assert!(
                (value.as_f64().unwrap() - expected).abs() < 1e-6,
                "{key}: {stats}"
            );
        }
    };
    close("mean", [0.5, 0.2, 0.6]);
    // A channel of one value throughout is divided by 1.
    close("std", [0.5, 1.0, 0.2]);
    assert_eq!(stats["samples"], json!({ "train": 8 }));
    assert_eq!(stats["shape"], json!([3, 2, 4]));
    assert_eq!(stats["class_counts"]["train"], json!([4, 4]));
    let size = |height: u32, width: u32, pictures: u32| json!({ "height": height, "width": width, "pictures": pictures });
    assert_eq!(
        stats["sizes"],
        json!([size(2, 4, 6), size(4, 2, 1), size(20, 40, 1)])
    );
    let mut golden = Golden::new();
    snapshot(&mut golden, &lab, "data-stats", 0, "data stats set");
    golden.finish();
    // Numbers of IDX files have no sizes of their own.
    write_idx(&lab.path("idx"));
    let stats = lab.cnn(&["data", "stats", "idx", "--json"]).ok().json();
    assert_eq!(
        (&stats["shape"], &stats["sizes"]),
        (&json!([1, 8, 8]), &json!([]))
    );
}

#[test]
fn a_sheet_shows_what_the_network_gets() {
    let lab = Lab::with_bars();
    let sheet = |arguments: &[&str]| -> (Value, image::RgbImage) {
        let mut all = vec!["data", "show"];
        all.extend(arguments);
        all.extend(["--json", "--out", "sheet.png"]);
        let said = lab.cnn(&all).ok().json();
        let picture = image::load_from_memory(&lab.read("sheet.png")).unwrap();
        (said, picture.into_rgb8())
    };
    let (said, plain) = sheet(&["bars.toml", "--count", "20"]);
    let cells = said["samples"].as_array().unwrap();
    assert_eq!((cells.len(), &said["columns"]), (20, &json!(14)));
    // A cell is a picture of 8 x 8, 8 times as large, and a word beneath it.
    assert_eq!(plain.dimensions(), (14 * 70 + 6, 2 * 86 + 6));
    for (number, cell) in cells.iter().enumerate() {
        let path = cell["path"].as_str().unwrap();
        let picture = image::load_from_memory(&lab.read(path))
            .unwrap()
            .into_luma8();
        let (left, top) = (6 + number as u32 % 14 * 70, 6 + number as u32 / 14 * 86);
        for (column, row, pixel) in picture.enumerate_pixels() {
            let drawn = plain.get_pixel(left + column * 8 + 3, top + row * 8 + 3);
            assert_eq!(drawn.0, [pixel.0[0]; 3], "{path}");
        }
        let word = (0..10 * 64)
            .filter(|at| plain.get_pixel(left + at % 64, top + 67 + at / 64).0 == [0; 3]);
        assert!(word.count() > 20, "no class beneath");
    }
    let (again, same) = sheet(&["bars.toml", "--count", "20"]);
    assert_eq!((again, same), (said, plain.clone()));
    let (_, other) = sheet(&["bars.toml", "--count", "20", "--split", "validation"]);
    assert_ne!(other, plain);
    let shifting = format!("{}\n[augment]\nshift = 2\n", crate::support::BARS);
    lab.write("shift.toml", shifting);
    let (_, still) = sheet(&["shift.toml", "--count", "20"]);
    let (_, moved) = sheet(&["shift.toml", "--count", "20", "--augment"]);
    assert_eq!(still, plain);
    assert_ne!(moved, plain);
    let (source, _) = sheet(&["bars", "--count", "1000"]);
    assert_eq!(source["samples"].as_array().unwrap().len(), 36);
}

#[test]
fn faults_read_as_they_should() {
    let lab = Lab::with_bars();
    lab.write("bars/across/bad.png", "no picture");
    let mut golden = Golden::new();
    for (name, code, command) in [
        (
            "data-error-augment",
            2,
            "data show bars --augment --out a.png",
        ),
        ("data-error-out", 2, "data show bars --out a.jpg"),
        (
            "data-error-split",
            3,
            "data show bars --split test --out a.png",
        ),
        (
            "data-error-nowhere",
            5,
            "data show bars --out nowhere/a.png",
        ),
        ("data-error-missing", 3, "data check photos"),
        ("data-error-config", 2, "data stats photos.toml"),
        ("data-error-fetch", 2, "data fetch mnits"),
        ("data-error-fetch-shipped", 2, "data fetch mnist-5k"),
        (
            "data-error-mirror",
            2,
            "data fetch mnist --mirror example.org",
        ),
    ] {
        snapshot(&mut golden, &lab, name, code, command);
    }
    golden.finish();
}

#[test]
fn the_list_tells_what_is_here() {
    let lab = Lab::new();
    let mut golden = Golden::new();
    snapshot(&mut golden, &lab, "data-list", 0, "data list");
    golden.finish();
    write_idx(&lab.path("here/kmnist"));
    let mut command = lab.command(&["data", "list", "--json"]);
    let outcome = crate::support::outcome(command.env("CNN_DATASETS", "here")).ok();
    let sets = outcome.json();
    let available = |name: &str| {
        let mut sets = sets["data_sets"].as_array().unwrap().iter();
        let set = sets.find(|set| set["name"] == name).unwrap();
        (set["available"].as_bool().unwrap(), set["folder"].clone())
    };
    assert_eq!(available("mnist-5k"), (true, Value::Null));
    assert_eq!(available("kmnist"), (true, json!("here/kmnist")));
    assert_eq!(available("mnist"), (false, Value::Null));
}

#[test]
fn a_fetched_set_goes_by_its_name() {
    let lab = Lab::with_bars();
    write_idx(&lab.path("datasets/mnist"));
    let fetched = [
        "train",
        "bars.toml",
        "--data",
        "mnist",
        "--epochs",
        "1",
        "--quiet",
    ];
    lab.cnn(&fetched).ok();
    fs::rename(lab.path("datasets"), lab.path("elsewhere")).unwrap();
    let said = lab.cnn(&fetched).code(3).stderr;
    assert!(said.contains("help: run `cnn data fetch mnist`"), "{said}");
    let mut command = lab.command(&fetched);
    crate::support::outcome(command.env("CNN_DATASETS", "elsewhere")).ok();
}
