//! Pictures of the commands that draw, as they were when they were looked at; those of `cnn show` are in `look.rs`, that of
//! a network is the README's (`readme.rs`).

use std::fs;

use crate::support::{Lab, check_drawing, check_svg, repository};

#[test]
fn a_filtered_picture() {
    let lab = Lab::new();
    lab.write(
        "zero.png",
        fs::read(repository("examples/zero.png")).unwrap(),
    );
    let words = [
        "filter",
        "zero.png",
        "--kernel",
        "sobel_x",
        "--out",
        "sobel.png",
    ];
    lab.cnn(&words).ok();
    check_drawing(&lab, "sobel.png");
    let words = [
        "filter",
        "zero.png",
        "--kernel",
        "emboss",
        "--pool",
        "max:2",
        "--out",
        "emboss.png",
    ];
    lab.cnn(&words).ok();
    check_drawing(&lab, "emboss.png");
}

#[test]
fn a_sheet_of_samples() {
    let lab = Lab::with_bars();
    let words = [
        "data",
        "show",
        "bars.toml",
        "--count",
        "12",
        "--out",
        "sheet.png",
    ];
    lab.cnn(&words).ok();
    check_drawing(&lab, "sheet.png");
}

/// Figures of three epochs, with validation or without.
const FIGURES: [&str; 2] = [
    "1,3,2.25,0.3,2.1,0.35,0.03,0.5,900\n2,6,1.2,0.6,1.3,0.55,0.02,0.5,900\n3,9,0.4,0.9,0.9,0.7,0.01,0.5,900\n",
    "1,3,1.9,0.4,,,0.03,0.5,900\n2,6,1.5,0.5,,,0.02,0.5,900\n3,9,0.8,0.75,,,0.01,0.5,900\n",
];

#[test]
fn the_curves_of_runs() {
    let lab = Lab::with_bars();
    for (number, figures) in FIGURES.iter().enumerate() {
        lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
        let path = format!("runs/bars-{}/metrics.csv", number + 1);
        let header = lab.text(&path).lines().next().unwrap().to_owned();
        lab.write(path, format!("{header}\n{figures}"));
    }
    lab.cnn(&[
        "runs",
        "compare",
        "bars-1",
        "bars-2",
        "--svg",
        "compared.svg",
    ])
    .ok();
    check_svg(&lab, "compared.svg");
    lab.cnn(&["runs", "report", "bars-1"]).ok();
    check_svg(&lab, "runs/bars-1/curves.svg");
}
