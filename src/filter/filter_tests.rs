use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;

type Plane = Vec<Vec<f64>>;
/// By mode or fusion, then by kernel.
type Results<T> = BTreeMap<String, BTreeMap<String, T>>;

/// What `tests/golden/filters.py` wrote.
#[derive(Deserialize)]
struct Goldens {
    grey: Plane,
    colours: Vec<Plane>,
    /// Kernels that have no name here.
    kernels: BTreeMap<String, Plane>,
    /// Of `grey`.
    results: Results<Plane>,
    /// Of `colours`.
    fused: Results<Vec<Plane>>,
    activations: BTreeMap<String, Vec<[f64; 2]>>,
}

fn goldens() -> Goldens {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/filters.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn planes(channels: &[Plane]) -> Planes {
    Planes {
        shape: [channels.len(), channels[0].len(), channels[0][0].len()],
        values: channels.concat().concat(),
    }
}

fn settings(padding: Padding) -> Settings {
    Settings {
        fusion: Fusion::Sum,
        padding,
        padding_mode: PaddingMode::Zeros,
        stride: [1, 1],
        dilation: 1,
        bias: 0.0,
        activation: None,
        pool: None,
    }
}

fn conv(input: &Planes, kernel: &str, settings: &Settings) -> Planes {
    let filter = Filter::read(kernel).unwrap();
    let mut stages = apply(input, &[&filter], settings).unwrap();
    stages.remove(0).planes
}

#[track_caller]
fn check(found: &Planes, expected: &[Plane], what: &str) {
    let expected = planes(expected);
    assert_eq!(found.shape, expected.shape, "{what}");
    for (found, expected) in found.values.iter().zip(&expected.values) {
        assert!(
            (found - expected).abs() < 1e-5,
            "{what}: {found} {expected}"
        );
    }
}

#[test]
fn every_kernel_answers_as_scipy_does_in_every_mode() {
    let goldens = goldens();
    let grey = planes(std::slice::from_ref(&goldens.grey));
    let modes = [
        ("valid", Padding::Valid, PaddingMode::Zeros),
        ("same", Padding::Same, PaddingMode::Zeros),
        ("mirror", Padding::Same, PaddingMode::Reflect),
        ("nearest", Padding::Same, PaddingMode::Replicate),
        ("wrap", Padding::Same, PaddingMode::Circular),
    ];
    assert_eq!(goldens.results.len(), modes.len());
    for (mode, padding, padding_mode) in modes {
        let settings = Settings {
            padding_mode,
            ..settings(padding)
        };
        let results = &goldens.results[mode];
        assert_eq!(results.len(), Filter::every().len() + 2, "{mode}");
        for (kernel, expected) in results {
            // Names for the matrices that have none here.
            let text = match goldens.kernels.get(kernel) {
                Some(rows) => format!("{rows:?}"),
                None => kernel.clone(),
            };
            let found = conv(&grey, &text, &settings);
            check(
                &found,
                std::slice::from_ref(expected),
                &format!("{kernel} {mode}"),
            );
        }
    }
}

#[test]
fn colours_are_fused_as_asked() {
    let goldens = goldens();
    let colours = planes(&goldens.colours);
    for (word, fusion) in [
        ("sum", Fusion::Sum),
        ("each", Fusion::Each),
        ("product", Fusion::Product),
    ] {
        let settings = Settings {
            fusion,
            ..settings(Padding::Same)
        };
        let results = &goldens.fused[word];
        assert_eq!(results.len(), Filter::every().len());
        for (kernel, expected) in results {
            let found = conv(&colours, kernel, &settings);
            check(&found, expected, &format!("{kernel} {word}"));
        }
    }
}

#[test]
fn activations_are_those_of_pytorch() {
    let goldens = goldens();
    let words = Function::words().into_iter();
    let known = words.filter(|word| pointwise(word).is_some());
    assert!(known.clone().count() >= 17);
    for word in known {
        for [x, expected] in &goldens.activations[word] {
            let found = activation::activate(pointwise(word).unwrap(), *x);
            assert!(
                (found - expected).abs() < 1e-9,
                "{word}({x}): {found} {expected}"
            );
        }
    }
}

#[test]
fn a_stride_keeps_every_so_many_of_the_results() {
    let grey = planes(std::slice::from_ref(&goldens().grey));
    for (kernel, padding) in [("sobel_x", Padding::Same), ("roberts_y", Padding::Valid)] {
        let whole = conv(&grey, kernel, &settings(padding));
        let stepped = Settings {
            stride: [2, 3],
            ..settings(padding)
        };
        let rows = whole.values.chunks(whole.shape[2]).step_by(2);
        let expected: Vec<f64> = rows
            .flat_map(|row| row.iter().copied().step_by(3))
            .collect();
        assert_eq!(conv(&grey, kernel, &stepped).values, expected);
    }
}

#[test]
fn a_dilation_is_a_matrix_with_zeros_between() {
    let grey = planes(std::slice::from_ref(&goldens().grey));
    let dilated = Settings {
        dilation: 2,
        ..settings(Padding::Same)
    };
    let found = conv(&grey, "1 2; 3 4", &dilated);
    let expected = conv(&grey, "1 0 2; 0 0 0; 3 0 4", &settings(Padding::Same));
    assert_eq!(found, expected);
}

#[test]
fn a_matrix_for_each_channel_and_a_bias() {
    let input = Planes {
        shape: [3, 1, 2],
        values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    };
    let biased = Settings {
        bias: 0.5,
        ..settings(Padding::Same)
    };
    let found = conv(&input, "[[[1]], [[10]], [[100]]]", &biased);
    assert_eq!(found.values, [531.5, 642.5]);
    let filter = Filter::read("[[[1]], [[10]]]").unwrap();
    let error = apply(&input, &[&filter], &biased).unwrap_err();
    let message = "kernel `matrix` has 2 matrices, the map has 3 channels";
    assert_eq!(error.diagnostics[0].message, message);
}

#[test]
fn a_chain_goes_from_stage_to_stage() {
    let input = Planes {
        shape: [1, 1, 6],
        values: vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
    };
    let source = std::sync::Arc::new(crate::diagnostic::Source {
        name: "--pool".to_owned(),
        text: "max:1x2".to_owned(),
    });
    let settings = Settings {
        activation: pointwise("relu"),
        pool: Some(Pool {
            kind: PoolKind::Max,
            size: [1, 2],
            stride: [1, 2],
            place: Span::new(&source, 0..7),
        }),
        ..settings(Padding::Same)
    };
    let edge = Filter::read("-1 1 0").unwrap();
    let twice = Filter::read("2").unwrap();
    let stages = apply(&input, &[&edge, &twice], &settings).unwrap();
    let values: Vec<(&str, &[f64])> = stages
        .iter()
        .map(|stage| (stage.name, stage.planes.values.as_slice()))
        .collect();
    assert_eq!(
        values,
        [
            ("conv", [0.0, 0.0, 1.0, 0.0, -1.0, 0.0].as_slice()),
            ("activation", &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
            ("pool", &[0.0, 1.0, 0.0]),
            ("conv", &[0.0, 2.0, 0.0]),
            ("activation", &[0.0, 2.0, 0.0]),
            ("pool", &[2.0]),
        ]
    );
}

#[test]
fn a_crop_is_about_the_middle() {
    let pixels = Pixels {
        shape: [1, 3, 4],
        values: vec![0, 0, 0, 0, 0, 51, 102, 0, 0, 0, 0, 0],
    };
    let cropped = prepare(&pixels, Some([1, 2])).unwrap();
    assert_eq!((cropped.shape, cropped.values), ([1, 1, 2], vec![0.2, 0.4]));
    assert!(prepare(&pixels, Some([4, 1])).is_err());
}
