//! `cnn filter`: what it shows, writes and refuses.

mod faults;

use serde_json::json;

use crate::support::{Golden, Lab, keys, png, repository};

/// A 0 whose sides lean: white on black, 5x5.
const ZERO: [&str; 5] = ["..#..", ".#.#.", "#...#", ".#.#.", "..#.."];

/// Returns a drawing as a PNG, `#` white and `.` black.
fn drawn(rows: &[&str]) -> Vec<u8> {
    let pixels: Vec<u8> = rows
        .concat()
        .bytes()
        .map(|sign| if sign == b'#' { 255 } else { 0 })
        .collect();
    png(rows[0].len(), rows.len(), &pixels)
}

/// Returns a picture in colours as a PNG, from red, green and blue of each pixel.
fn coloured(width: u32, height: u32, pixels: Vec<u8>) -> Vec<u8> {
    let picture = image::RgbImage::from_raw(width, height, pixels).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("zero.png", drawn(&ZERO));
    lab
}

/// Returns the grey levels of a picture in the lab.
fn levels(lab: &Lab, name: &str) -> Vec<u8> {
    let picture = image::load_from_memory(&lab.read(name)).unwrap();
    match picture {
        image::DynamicImage::ImageLuma8(grey) => grey.into_raw(),
        other => other.into_rgb8().into_raw(),
    }
}

#[test]
fn the_digit_of_the_lecture_is_encoded_as_3_2_2_3() {
    let lab = Lab::new();
    let picture = std::fs::read(repository("examples/zero.png")).unwrap();
    lab.write("examples/zero.png", picture);
    lab.write("drawn.png", drawn(&ZERO));
    assert_eq!(levels(&lab, "examples/zero.png"), levels(&lab, "drawn.png"));
    let command = "filter examples/zero.png --kernel oblique --padding valid --pool max:2:1";
    let arguments: Vec<&str> = command.split(' ').collect();
    let report = [&arguments[..], &["--json"]].concat();
    let report = lab.cnn(&report).ok().json();
    assert_eq!(report["results"][0]["kernels"][0]["weights"], 9);
    let stages = &report["results"][0]["stages"];
    let map = json!([[[3.0, 0.0, 1.0], [0.0, 2.0, 0.0], [1.0, 0.0, 3.0]]]);
    assert_eq!(stages[0]["values"], map);
    assert_eq!(stages[1]["values"], json!([[[3.0, 2.0], [2.0, 3.0]]]));
    assert_eq!(levels(&lab, "zero-oblique.png"), [255, 0, 0, 255]);

    let text = lab.cnn(&arguments).ok();
    assert_eq!(text.stderr, "wrote zero-oblique.png\n");
    let transcript = format!("$ cnn {command}\n{}", text.stdout);
    let mut golden = Golden::new();
    golden.check(&repository("tests/snapshots/filter-zero.txt"), &transcript);
    golden.finish();
    let readme = std::fs::read_to_string(repository("docs/filters.md")).unwrap();
    assert!(
        readme.contains(&transcript),
        "docs/filters.md shows {transcript}"
    );
}

#[test]
fn every_kernel_is_listed_with_its_weights() {
    let lab = Lab::new();
    let mut golden = Golden::new();
    let text = lab.cnn(&["filter", "--list"]).ok();
    golden.check(&repository("tests/snapshots/filter-list.txt"), &text.stdout);
    golden.finish();
    let list = lab.cnn(&["filter", "--list", "--json"]).ok().json();
    let kernels = list["kernels"].as_array().unwrap();
    assert!(kernels.len() >= 24);
    assert_eq!(keys(&kernels[0]), ["about", "matrices", "name", "weights"]);
    lab.write("zero.png", drawn(&ZERO));
    for kernel in kernels {
        let name = kernel["name"].as_str().unwrap();
        lab.cnn(&["filter", "zero.png", "--kernel", name]).ok();
        let result = levels(&lab, &format!("zero-{name}.png"));
        assert_eq!(result.len(), 25, "{name}: same by default");
    }
}

#[test]
fn the_lines_of_the_textbook_answer_to_lines() {
    // As large as the sample pictures of the textbook: a white column and a white row.
    let (height, width) = (427, 640);
    let mut pixels = vec![0; height * width];
    for (place, pixel) in pixels.iter_mut().enumerate() {
        if place / width == 213 || place % width == 320 {
            *pixel = 255;
        }
    }
    let lab = Lab::new();
    lab.write("cross.png", png(width, height, &pixels));
    let report = lab
        .cnn(&[
            "filter",
            "cross.png",
            "--kernel",
            "line_vertical",
            "--kernel",
            "line_horizontal",
            "--crop",
            "70,120",
            "--padding",
            "valid",
            "--activation",
            "relu",
            "--pool",
            "max:2",
            "--stages",
            "--json",
        ])
        .ok()
        .json();
    assert_eq!(report["input"]["shape"], json!([1, 70, 120]));
    for result in report["results"].as_array().unwrap() {
        let shapes: Vec<_> = result["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["shape"].clone())
            .collect();
        assert_eq!(
            shapes,
            [json!([1, 64, 114]), json!([1, 64, 114]), json!([1, 32, 57])]
        );
        assert_eq!(result["stages"][0]["max"], 7.0);
        assert!(result["stages"][0].get("values").is_none());
    }
    let mut expected = vec!["cross.png".to_owned()];
    for kernel in ["line_horizontal", "line_vertical"] {
        for stage in ["-1-conv", "-2-act", "-3-pool", ""] {
            expected.push(format!("cross-{kernel}{stage}.png"));
        }
    }
    expected.sort();
    assert_eq!(lab.names(""), expected);
    // The column stands out, the row comes through as a single pixel of seven.
    let upright = levels(&lab, "cross-line_vertical-1-conv.png");
    assert_eq!(upright[57], 255);
    assert_eq!((upright[0], upright[32 * 114]), (0, 36));
}

#[test]
fn a_matrix_may_be_typed_or_lie_in_a_file() {
    let lab = lab();
    lab.write("mine.csv", "0,0,1\n0,1,0\n1,0,0\n");
    lab.write(
        "mine.toml",
        "# by hand\nkernel = [\n  [0, 0, 1],\n  [0, 1, 0],\n  [1, 0, 0],\n]\n",
    );
    lab.cnn(&[
        "filter",
        "zero.png",
        "--kernel",
        "oblique",
        "--raw",
        "expected.csv",
    ])
    .ok();
    for kernel in [
        "mine.csv",
        "./mine.toml",
        "0 0 1; 0 1 0; 1 0 0",
        "[[0,0,1],[0,1,0],[1,0,0]]",
    ] {
        lab.cnn(&["filter", "zero.png", "--kernel", kernel, "--raw", "raw.csv"])
            .ok();
        assert_eq!(lab.read("raw.csv"), lab.read("expected.csv"), "{kernel}");
    }
    let names = lab.names("");
    assert!(
        names.contains(&"zero-mine.png".to_owned())
            && names.contains(&"zero-matrix.png".to_owned())
    );
    // A sign at the front is no option; two of a name do not go to one file.
    let twice = [
        "filter", "zero.png", "--kernel", "-1 1", "--kernel", "-1; 1", "--out", "edge.png",
    ];
    lab.cnn(&twice).ok();
    assert_eq!(levels(&lab, "edge-matrix.png").len(), 25);
    assert_eq!(levels(&lab, "edge-matrix-2.png").len(), 25);
}

#[test]
fn colours_are_added_kept_apart_or_multiplied() {
    let lab = Lab::new();
    // One pixel: red 51, green 102, blue 255.
    lab.write("a.png", coloured(1, 1, vec![51, 102, 255]));
    let of = |options: &[&str]| {
        let arguments = [&["filter", "a.png", "--kernel", "1", "--json"], options].concat();
        let report = lab.cnn(&arguments).ok().json();
        report["results"][0]["stages"][0]["values"].clone()
    };
    let near = |value: &serde_json::Value, expected: f64| {
        let found = value.as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    };
    near(&of(&[])[0][0][0], 1.6);
    near(&of(&["--channels", "product"])[0][0][0], 0.08);
    near(&of(&["--channels", "sum", "--bias", "-1"])[0][0][0], 0.6);
    near(
        &of(&["--grey"])[0][0][0],
        f64::from((51 * 19_595 + 102 * 38_470 + 255 * 7_471 + 0x8000) >> 16) / 255.0,
    );
    let apart = of(&["--channels", "each", "--scale", "clip"]);
    assert_eq!(apart, json!([[[0.2]], [[0.4]], [[1.0]]]));
    assert_eq!(levels(&lab, "a-matrix.png"), [51, 102, 255]);
    let own = lab
        .cnn(&[
            "filter",
            "a.png",
            "--kernel",
            "[[[1]],[[2]],[[3]]]",
            "--json",
        ])
        .ok()
        .json();
    near(&own["results"][0]["stages"][0]["values"][0][0][0], 4.0);
}

#[test]
fn numbers_are_written_for_other_programs() {
    let lab = lab();
    let arguments = [
        "filter",
        "zero.png",
        "--kernel",
        "box_blur",
        "--padding",
        "valid",
        "--raw",
    ];
    lab.cnn(&[&arguments[..], &["a.csv"]].concat()).ok();
    let text = lab.text("a.csv");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .map(|row| row.split(',').map(|x| x.parse().unwrap()).collect())
        .collect();
    assert_eq!((rows.len(), rows[0].len()), (3, 3));
    assert!((rows[0][0] - 3.0 / 9.0).abs() < 1e-12);
    lab.cnn(&[&arguments[..], &["a.npy"]].concat()).ok();
    let bytes = lab.read("a.npy");
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let values: Vec<f64> = bytes[bytes.len() - 72..]
        .chunks(8)
        .map(|eight| f64::from_le_bytes(eight.try_into().unwrap()))
        .collect();
    assert_eq!(values, rows.concat());
}

#[test]
fn a_chain_is_one_result_and_standard_input_is_a_picture() {
    let lab = lab();
    let arguments = [
        "filter",
        "-",
        "--kernel",
        "gaussian_blur",
        "--kernel",
        "laplacian",
        "--chain",
        "--json",
        "--quiet",
    ];
    let report = lab.cnn_with_input(&arguments, &drawn(&ZERO)).ok();
    assert_eq!(report.stderr, "");
    let report = report.json();
    assert_eq!(report["results"].as_array().unwrap().len(), 1);
    assert_eq!(report["results"][0]["stages"].as_array().unwrap().len(), 2);
    assert_eq!(
        report["results"][0]["out"],
        "picture-gaussian_blur-laplacian.png"
    );
    assert_eq!(
        lab.names(""),
        ["picture-gaussian_blur-laplacian.png", "zero.png"]
    );
}
