#![allow(
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    reason = "small numbers, and the same or not"
)]

use super::draw::{Change, changes_colours, resamples};
use super::*;
use crate::config::{Augment, Elastic, Erase, Flip, RandomCrop};
use crate::dataset::picture::tests::preprocessing;

/// A change that changes nothing.
pub(super) fn still() -> Change {
    Change::draw(&Augment::default(), [1, 2, 3], [17, 22])
}

#[test]
fn grey_pictures_have_brightness_and_contrast() {
    let mut change = still();
    change.colours = [0.5, 2.0, 3.0];
    let mut values = vec![100.0, 200.0, 60.0, 40.0];
    change_colours(&mut values, 1, &change);
    // Halved, then twice as far from the mean of 50.
    assert_eq!(values, [50.0, 150.0, 10.0, 0.0]);
    change_colours(&mut [], 3, &change);
}

fn classified(changes: &Augment) -> super::Augment {
    super::Augment {
        changes: changes.clone(),
        classes: 3,
    }
}

/// Changes one picture of 2 channels, 5 rows and 4 columns.
fn changed(augment: &Augment, preprocessing: &Preprocessing, sample: u64) -> Vec<f32> {
    let picture: Vec<u8> = (0..2 * 5 * 4).map(|at| (at * 37 % 251) as u8).collect();
    let canvas = Canvas::new(preprocessing);
    let mut out = vec![-1.0; canvas.len()];
    let augment = classified(augment);
    match Changer::new(&augment, preprocessing, [7, 1]) {
        Some(mut changer) => changer.apply(&picture, sample as usize, &mut out),
        None => canvas.normalize(&picture, &preprocessing.table(2), &mut out),
    }
    out
}

fn raw() -> Preprocessing {
    let mut raw = preprocessing(2, 5, 4);
    raw.rescale = 1.0;
    raw
}

fn all() -> Augment {
    Augment {
        flip: Some(Flip::Both),
        crop: Some(RandomCrop::Resized {
            scale: [0.3, 1.0],
            ratio: [0.75, 1.33],
        }),
        shift: [1, 1],
        rotate: 20.0,
        scale: [0.9, 1.1],
        squeeze: 1.2,
        shear: 10.0,
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
        erase: Some(ERASE),
        noise: 0.05,
        elastic: Some(Elastic {
            alpha: 8.0,
            sigma: 2.0,
        }),
        mixup: 0.2,
        cutmix: 1.0,
    }
}

const ERASE: Erase = Erase {
    probability: 0.5,
    area: [0.1, 0.4],
    ratio: [0.3, 3.3],
    fill: EraseFill::Random,
};

#[test]
fn nothing_drawn_is_the_identity_on_every_way() {
    let plain = changed(&Augment::default(), &raw(), 0);
    assert_eq!(plain[..3], [0.0, 37.0, 74.0]);
    let silent = [
        Augment {
            rotate: 1e-300,
            ..Augment::default()
        },
        Augment {
            brightness: 1e-300,
            ..Augment::default()
        },
        Augment {
            erase: Some(Erase {
                probability: 0.0,
                ..ERASE
            }),
            ..Augment::default()
        },
        Augment {
            noise: 1e-300,
            ..Augment::default()
        },
        Augment {
            elastic: Some(Elastic {
                alpha: 0.0,
                sigma: 1.0,
            }),
            ..Augment::default()
        },
        Augment {
            crop: Some(RandomCrop::Resized {
                scale: [1.0, 1.0],
                ratio: [0.8, 0.8],
            }),
            ..Augment::default()
        },
    ];
    for augment in silent {
        assert_eq!(changed(&augment, &raw(), 0), plain, "{augment:?}");
    }
}

#[test]
fn draws_depend_on_seed_epoch_and_sample_alone() {
    let mut preprocessing = raw();
    preprocessing.padding = vec![[1, 0], [2, 0]];
    let len = Canvas::new(&preprocessing).len();
    let augment = classified(&all());
    let pictures: Vec<Vec<u8>> = (0..20)
        .map(|index| (0..40).map(|at| (index * 11 + at * 5) as u8).collect())
        .collect();
    let of = |changer: &mut Changer<'_>, index: usize| {
        let mut values = vec![0.0; len];
        changer.apply(&pictures[index % 20], index, &mut values);
        values
    };
    let changer = |key| Changer::new(&augment, &preprocessing, key).unwrap();
    // One changer for all in any order, or one for each.
    let mut kept = changer([3, 4]);
    for index in (0..20).rev() {
        let alone = of(&mut changer([3, 4]), index);
        assert_eq!(of(&mut kept, index), alone);
        assert_ne!(of(&mut kept, index + 20), alone);
        assert_ne!(of(&mut changer([4, 4]), index), alone);
        assert_ne!(of(&mut changer([3, 5]), index), alone);
    }
}

#[test]
fn turning_one_change_off_leaves_the_others() {
    let with = Change::draw(&all(), [1, 2, 3], [9, 9]);
    let without = Augment {
        crop: None,
        flip: None,
        noise: 0.0,
        brightness: 0.0,
        ..all()
    };
    let without = Change::draw(&without, [1, 2, 3], [9, 9]);
    assert_eq!(with.shift, without.shift);
    assert_eq!(with.angle_radians, without.angle_radians);
    assert_eq!(
        [with.scale, [with.lean; 2]],
        [without.scale, [without.lean; 2]]
    );
    assert_eq!(with.colours[1..], without.colours[1..]);
}

/// The least and the largest of a figure over many samples.
fn extremes(augment: &Augment, figure: impl Fn(&Change) -> f64) -> [f64; 2] {
    let drawn = (0..2000).map(|sample| figure(&Change::draw(augment, [1, 2, sample], [20, 30])));
    drawn.fold(
        [f64::INFINITY, f64::NEG_INFINITY],
        |[least, largest], value| [least.min(value), largest.max(value)],
    )
}

#[track_caller]
fn check_range(augment: &Augment, expected: [f64; 2], figure: impl Fn(&Change) -> f64) {
    let [least, largest] = extremes(augment, figure);
    let slack = 0.01 * (expected[1] - expected[0]);
    let [low, high] = expected;
    assert!(
        least >= low - 1e-9 && largest <= high + 1e-9,
        "{least} {largest}"
    );
    assert!(
        least <= low + slack && largest >= high - slack,
        "{least} {largest}"
    );
}

#[test]
fn draws_reach_their_ranges_and_stay_in_them() {
    let augment = Augment {
        shift: [2, 1],
        crop: Some(RandomCrop::Padding(4)),
        ..all()
    };
    check_range(&augment, [-6.0, 6.0], |change| change.shift[0] as f64);
    check_range(&augment, [-5.0, 5.0], |change| change.shift[1] as f64);
    check_range(&augment, [-20.0, 20.0], |change| {
        change.angle_radians.to_degrees()
    });
    let product = |change: &Change| (change.scale[0] * change.scale[1]).sqrt();
    check_range(&augment, [0.9, 1.1], product);
    let quotient = |change: &Change| (change.scale[1] / change.scale[0]).sqrt();
    check_range(&augment, [1.0 / 1.2, 1.2], quotient);
    check_range(&augment, [-10.0, 10.0], |change| {
        change.lean.atan().to_degrees()
    });
    for colour in 0..3 {
        check_range(&augment, [0.6, 1.4], |change| change.colours[colour]);
    }
    let dark = Augment {
        brightness: 3.0,
        ..all()
    };
    check_range(&dark, [0.0, 4.0], |change| change.colours[0]);
    let flips = extremes(&augment, |change| f64::from(u8::from(change.flip[0])));
    assert_eq!(flips, [0.0, 1.0]);
    let sideways = Augment {
        flip: Some(Flip::Horizontal),
        ..all()
    };
    let draws = (0..2000).map(|sample| Change::draw(&sideways, [1, 2, sample], [20, 30]).flip);
    let flips: Vec<[bool; 2]> = draws.collect();
    assert!(flips.iter().all(|[vertical, _]| !vertical));
    let count = flips.iter().filter(|[_, horizontal]| *horizontal).count();
    assert!((900..1100).contains(&count), "{count}");
}

#[test]
fn windows_and_erased_parts_have_their_area_and_ratio() {
    let mut erased = 0;
    for sample in 0..2000 {
        let change = Change::draw(&all(), [5, 1, sample], [60, 80]);
        let window = change.window.unwrap();
        assert!(window.top + window.height <= 60 && window.left + window.width <= 80);
        let share = (window.height * window.width) as f64 / 4800.0;
        assert!((0.28..=1.0).contains(&share), "{share}");
        let ratio = window.width as f64 / window.height as f64;
        assert!((0.72..=1.4).contains(&ratio), "{ratio}");
        if let Some((part, ..)) = change.erased {
            erased += 1;
            assert!(part.top + part.height <= 60 && part.left + part.width <= 80);
            let share = (part.height * part.width) as f64 / 4800.0;
            assert!((0.09..=0.42).contains(&share), "{share}");
            let ratio = part.height as f64 / part.width as f64;
            assert!((0.27..=3.6).contains(&ratio), "{ratio}");
        }
    }
    assert!((900..1100).contains(&erased), "{erased}");
    // No window of this form fits: the largest of an allowed ratio, in the middle.
    let flat = Augment {
        crop: Some(RandomCrop::Resized {
            scale: [1.0, 1.0],
            ratio: [4.0, 4.0],
        }),
        ..Augment::default()
    };
    let window = Change::draw(&flat, [1, 1, 1], [60, 80]).window;
    assert_eq!(
        window,
        Some(Rectangle {
            top: 20,
            left: 0,
            height: 20,
            width: 80
        })
    );
}

#[test]
fn erasing_and_noise_leave_the_rest() {
    let plain = changed(&Augment::default(), &raw(), 0);
    let mut normalized = raw();
    normalized.mean = vec![100.0];
    let zero = Erase {
        probability: 1.0,
        fill: EraseFill::Zero,
        ..ERASE
    };
    let zero = Augment {
        erase: Some(zero),
        ..Augment::default()
    };
    let random = Erase {
        probability: 1.0,
        ..ERASE
    };
    let random = Augment {
        erase: Some(random),
        ..Augment::default()
    };
    let mut seen = Vec::new();
    for sample in 0..50 {
        let values = changed(&zero, &normalized, sample);
        let of = |values: &[f32]| {
            let pairs = plain
                .iter()
                .zip(values)
                .map(|(plain, value)| value - plain + 100.0);
            pairs
                .map(|difference| difference.abs() > 1e-3)
                .collect::<Vec<bool>>()
        };
        let erased = of(&values);
        assert!(erased.iter().any(|erased| *erased) && !erased.iter().all(|erased| *erased));
        assert!(
            values
                .iter()
                .zip(&erased)
                .all(|(value, erased)| !erased || *value == 0.0)
        );
        let other = changed(&random, &normalized, sample);
        // The same rectangle; a random value may be the old one.
        assert!(
            of(&other)
                .iter()
                .zip(&erased)
                .all(|(other, erased)| !other || *erased)
        );
        seen.extend(
            other
                .iter()
                .zip(erased)
                .filter(|(_, erased)| *erased)
                .map(|(value, _)| value + 100.0),
        );
    }
    assert!(seen.iter().all(|value| (0.0..=255.0).contains(value)));
    assert!(seen.iter().any(|value| *value < 30.0) && seen.iter().any(|value| *value > 225.0));
    let noise = Augment {
        noise: 0.1,
        ..Augment::default()
    };
    let noisy: Vec<f32> = (0..200)
        .flat_map(|sample| changed(&noise, &raw(), sample))
        .collect();
    assert!(noisy.iter().all(|value| (0.0..=255.0).contains(value)));
    // Far from the ends nothing is clipped.
    let differences = noisy.iter().zip(plain.iter().cycle());
    let differences = differences.filter(|(_, plain)| (110.0..145.0).contains(*plain));
    let differences: Vec<f32> = differences.map(|(value, plain)| value - plain).collect();
    let count = differences.len() as f32;
    let mean = differences.iter().sum::<f32>() / count;
    let deviation = (differences.iter().map(|value| value * value).sum::<f32>() / count).sqrt();
    assert!(
        mean.abs() < 2.0 && (deviation - 25.5).abs() < 1.5,
        "{mean} {deviation}"
    );
}

#[test]
fn whole_moves_take_the_padding_along_and_uncover_the_background() {
    let mut preprocessing = raw();
    preprocessing.padding = vec![[1, 1]; 2];
    preprocessing.border = 200.0;
    let plain = changed(&Augment::default(), &preprocessing, 0);
    let augment = Augment {
        shift: [2, 2],
        crop: Some(RandomCrop::Padding(1)),
        flip: Some(Flip::Both),
        ..Augment::default()
    };
    assert!(!resamples(&augment) && !changes_colours(&augment));
    // The same by resampling, with a turn too small to be one.
    let turned = Augment {
        rotate: 1e-300,
        ..augment.clone()
    };
    for sample in 0..40 {
        let moved = changed(&augment, &preprocessing, sample);
        let change = Change::draw(&augment, [7, 1, sample], [7, 6]);
        for (at, value) in moved.iter().enumerate() {
            let (channel, row, column) = (at / 42, at / 6 % 7, at % 6);
            let from = |place: usize, shift: i64, size: i64, flip: bool| {
                let place = place as i64 - shift;
                let place = if flip { size - 1 - place } else { place };
                (0..size).contains(&place).then_some(place as usize)
            };
            let row = from(row, change.shift[0], 7, change.flip[0]);
            let column = from(column, change.shift[1], 6, change.flip[1]);
            let source = row
                .zip(column)
                .map(|(row, column)| plain[channel * 42 + row * 6 + column]);
            assert_eq!(*value, source.unwrap_or(200.0), "{change:?}");
        }
        assert_eq!(moved, changed(&turned, &preprocessing, sample));
    }
}
