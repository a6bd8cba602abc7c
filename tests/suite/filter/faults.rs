//! What `cnn filter` refuses, with place and edit.

use super::{lab, levels};
use crate::support::{Golden, outcome, repository};

#[test]
fn faults_are_told_with_their_place_and_an_edit() {
    let lab = lab();
    lab.write("ragged.csv", "1,2,3\n4,5\n");
    lab.write("broken.png", "no picture");
    let mut golden = Golden::new();
    for (name, code, arguments) in [
        (
            "filter_unknown_kernel",
            2,
            vec!["zero.png", "--kernel", "sobl_x"],
        ),
        (
            "filter_no_such_kernel",
            2,
            vec!["zero.png", "--kernel", "magic"],
        ),
        (
            "filter_kernel_file_missing",
            2,
            vec!["zero.png", "--kernel", "gone.csv"],
        ),
        (
            "filter_ragged_file",
            2,
            vec!["zero.png", "--kernel", "ragged.csv"],
        ),
        (
            "filter_several_faults",
            2,
            vec![
                "zero.png", "--kernel", "1 2; 3", "--kernel", "1 2x", "--kernel", "[[1, 2]",
            ],
        ),
        (
            "filter_kernel_too_large",
            2,
            vec![
                "zero.png",
                "--kernel",
                "line_vertical",
                "--padding",
                "valid",
            ],
        ),
        (
            "filter_channels",
            2,
            vec!["zero.png", "--kernel", "[[[1]],[[2]],[[3]]]"],
        ),
        (
            "filter_pool_too_large",
            2,
            vec!["zero.png", "--kernel", "sobel", "--pool", "max:6"],
        ),
        (
            "filter_beyond_numbers",
            2,
            vec![
                "zero.png",
                "--kernel",
                "1e308 1e308 1e308 1e308 1e308",
                "--kernel",
                "1e308",
                "--chain",
            ],
        ),
        (
            "filter_result_too_large",
            2,
            vec!["zero.png", "--kernel", "1", "--padding", "16384"],
        ),
        (
            "filter_crop",
            2,
            vec!["zero.png", "--kernel", "sobel", "--crop", "6"],
        ),
        (
            "filter_over_the_picture",
            2,
            vec!["zero.png", "--kernel", "sobel", "--out", "./zero.png"],
        ),
        (
            "filter_out_jpeg",
            2,
            vec!["zero.png", "--kernel", "sobel", "--out", "a.jpg"],
        ),
        (
            "filter_raw_text",
            2,
            vec!["zero.png", "--kernel", "sobel", "--raw", "a.txt"],
        ),
        (
            "filter_pool_word",
            2,
            vec!["zero.png", "--kernel", "sobel", "--pool", "mean:2"],
        ),
        (
            "filter_activation_word",
            2,
            vec!["zero.png", "--kernel", "sobel", "--activation", "rellu"],
        ),
        (
            "filter_activation_of_all",
            2,
            vec!["zero.png", "--kernel", "sobel", "--activation", "softmax"],
        ),
        ("filter_no_kernel", 2, vec!["zero.png"]),
        (
            "filter_picture_broken",
            3,
            vec!["broken.png", "--kernel", "sobel"],
        ),
        (
            "filter_picture_missing",
            3,
            vec!["gone.png", "--kernel", "sobel"],
        ),
        (
            "filter_out_nowhere",
            5,
            vec!["zero.png", "--kernel", "sobel", "--out", "gone/a.png"],
        ),
    ] {
        let arguments = [&["filter"], &arguments[..]].concat();
        let told = outcome(&mut lab.command(&arguments)).code(code);
        let shown: Vec<String> = arguments
            .iter()
            .map(|word| {
                if word.contains([' ', '[']) {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        let path = repository("tests/errors/commands").join(format!("{name}.txt"));
        golden.check(
            &path,
            &format!("$ cnn {}\n{}exit {code}\n", shown.join(" "), told.stderr),
        );
    }
    golden.finish();
    assert_eq!(
        levels(&lab, "zero.png").len(),
        25,
        "the picture is as it was"
    );
}
