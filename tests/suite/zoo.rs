//! The published networks of `configs/`, held to their published figures.

use std::fs;
use std::path::PathBuf;

use cnn::load::Project;
use cnn::plan::{Dtype, Totals};

use crate::support::{names, repository};

/// Every config there is.
pub(crate) fn configs() -> Vec<PathBuf> {
    let folder = repository("configs");
    let files = names(&folder).into_iter();
    let paths = files.map(|name| folder.join(name));
    let toml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    };
    paths.filter(toml).collect()
}

#[track_caller]
fn project(config: &str) -> Project {
    let path = repository("configs").join(format!("{config}.toml"));
    Project::read(&path, &[]).unwrap_or_else(|error| panic!("{config}: {error}"))
}

#[track_caller]
fn totals(project: &Project) -> Totals {
    project.plan.totals(Dtype::F32, 1).unwrap()
}

/// Trained weights, multiply-adds and receptive field; 0 where the literature is silent.
const FIGURES: &[(&str, u64, u64, u64)] = &[
    ("lenet5-1998", 60_000, 0, 0),
    ("lenet5", 61_706, 416_520, 32),
    ("lenet-caffe", 431_080, 2_293_000, 16),
    ("alexnet", 61_100_840, 714_188_480, 195),
    ("alexnet-2012", 60_965_224, 724_406_816, 195),
    ("vgg16", 138_357_544, 15_470_264_320, 212),
    ("resnet18", 11_689_512, 1_814_073_344, 435),
    ("resnet34", 21_797_672, 3_663_761_408, 899),
    ("resnet50", 25_557_032, 4_089_184_256, 427),
    ("resnet50-2015", 25_557_032, 3_857_973_248, 483),
    ("resnet101", 44_549_160, 7_801_405_440, 971),
    ("resnet152", 60_192_808, 11_513_626_624, 1451),
    ("googlenet", 6_998_552, 1_582_671_872, 715),
    ("mobilenet-v1", 4_231_976, 568_740_352, 315),
    ("mobilenet-v2", 3_504_872, 300_774_272, 491),
    ("inception-bn", 6_624_904, 1_498_376_192, 379),
    ("squeezenet1_0", 1_248_424, 818_924_576, 155),
    ("squeezenet1_1", 1_235_496, 349_151_936, 207),
    ("densenet121", 7_978_856, 2_834_161_664, 2071),
    ("resnet20-cifar", 269_722, 40_551_040, 81),
    ("resnet32-cifar", 464_154, 68_862_592, 137),
    ("resnet44-cifar", 658_586, 97_174_144, 193),
    ("resnet56-cifar", 853_018, 125_485_696, 249),
    ("resnet110-cifar", 1_727_962, 252_887_680, 501),
    ("all-cnn-c", 1_369_738, 270_798_336, 27),
    // No paper has these two: PyTorch counts the same weights in a network of the same layers.
    ("vgg11-cifar", 9_228_362, 152_769_536, 150),
    ("mobilenet-cifar", 811_850, 27_198_464, 63),
];

#[test]
fn published_networks_have_their_published_figures() {
    for (config, parameters, macs, field) in FIGURES {
        let totals = totals(&project(config));
        assert_eq!(totals.trainable, *parameters, "parameters of {config}");
        if *macs > 0 {
            assert_eq!(totals.macs, *macs, "MACs of {config}");
        }
        if *field > 0 {
            let expected = vec![*field; totals.receptive_field.len()];
            assert_eq!(totals.receptive_field, expected, "field of {config}");
        }
    }
}

/// The original networks that have no config of their own are `resnet50-2015` with more blocks.
#[test]
fn longer_networks_of_the_original_kind_have_their_published_figures() {
    let text = fs::read_to_string(repository("configs/resnet50-2015.toml")).unwrap();
    let longer = |second: &str, third: &str| {
        let text = text
            .replace(
                "filters = 512, repeat = 3",
                &format!("filters = 512, repeat = {second}"),
            )
            .replace(
                "filters = 1024, repeat = 5",
                &format!("filters = 1024, repeat = {third}"),
            );
        totals(&Project::check("longer.toml", &text, &[]).unwrap())
    };
    for (totals, parameters, macs, field) in [
        (longer("3", "22"), 44_549_160, 7_570_194_432, 1027),
        (longer("7", "35"), 60_192_808, 11_282_415_616, 1507),
    ] {
        assert_eq!(totals.trainable, parameters);
        assert_eq!(totals.macs, macs);
        assert_eq!(totals.receptive_field, [field; 2]);
    }
}

/// A layer by its name or path: what one of its outputs sees, the stride so far, and its map.
#[track_caller]
fn check_map(config: &str, layer: &str, field: u64, jump: f64, map: usize) {
    let project = project(config);
    let (layer, _) = project.plan.find(layer).unwrap();
    assert_eq!(layer.field.size(), [field; 2], "{config}");
    assert_eq!(layer.field.jump(), [jump; 2], "{config}");
    assert_eq!(layer.output[1..], [map; 2], "{config}");
}

#[test]
fn last_maps_see_what_was_published() {
    check_map("lenet5", "S4", 16, 4.0, 5);
    for (config, field, jump, map) in [
        ("lenet-caffe", 16, 4.0, 4),
        ("alexnet", 195, 32.0, 6),
        ("alexnet-2012", 195, 32.0, 6),
        ("vgg16", 212, 32.0, 7),
        ("resnet18", 435, 32.0, 7),
        ("resnet50", 427, 32.0, 7),
        ("squeezenet1_0", 155, 16.0, 13),
        ("squeezenet1_1", 207, 16.0, 13),
        ("all-cnn-c", 27, 4.0, 6),
    ] {
        let project = project(config);
        let mut layers = project.plan.layers.iter().rev();
        let last = layers.find(|layer| layer.output.len() == 3 && layer.operation.slides());
        let last = last.unwrap();
        check_map(config, &last.path, field, jump, map);
    }
}

#[test]
fn the_layers_of_lenet5_have_the_weights_of_1998() {
    let project = project("lenet5-1998");
    for (layer, weights) in [
        ("C1", 156),
        ("S2", 12),
        ("C3", 1_516),
        ("S4", 32),
        ("C5", 48_120),
        ("F6", 10_164),
    ] {
        let (layer, _) = project.plan.find(layer).unwrap();
        assert_eq!(layer.counts.trainable, weights, "{}", layer.path);
    }
}

#[test]
fn vgg16_keeps_61_megabytes_a_picture() {
    let project = project("vgg16");
    let kept = ["conv", "pool", "dense"];
    let layers = project.plan.layers.iter();
    let outputs = layers.filter(|layer| kept.contains(&layer.type_name));
    let values: usize = outputs
        .map(|layer| layer.output.iter().product::<usize>())
        .sum();
    let input: usize = project.plan.input.iter().product();
    assert_eq!(input + values, 15_237_608);
}

#[test]
fn configs_are_short() {
    for path in configs() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 80, "{} has {lines} lines", path.display());
    }
}
