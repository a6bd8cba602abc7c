use super::*;

fn read(text: &str) -> Result<Vec<Matrix>> {
    parse(&Arc::new(Source {
        name: "--kernel".to_owned(),
        text: text.to_owned(),
    }))
}

#[track_caller]
fn check(text: &str, size: [usize; 2], weights: &[f64]) {
    let found = read(text).unwrap();
    assert_eq!(found.len(), 1, "{text}");
    assert_eq!(found[0].size(), size, "{text}");
    assert_eq!(found[0].weights, weights, "{text}");
}

#[track_caller]
fn check_fault(text: &str, message: &str, place: &str) {
    let error = read(text).unwrap_err();
    let diagnostic = &error.diagnostics[0];
    let label = diagnostic.label.as_ref().unwrap();
    assert_eq!(diagnostic.message, message);
    assert_eq!(&text[label.span.range.clone()], place, "{text}");
}

#[test]
fn rows_and_arrays_are_the_same_matrix() {
    let weights = [1.0, 0.0, -1.0, 2.0, 0.5, -2e-3];
    for text in [
        "1 0 -1; 2 .5 -2e-3",
        "1,0,-1\n2,0.5,-0.002\n",
        "1\t0  -1 ;; +2, 5e-1 , -2e-3;",
        "# by hand\r\n1 0 -1 # first\r\n2 0.5 -2e-3\r\n",
        "[[1, 0, -1], [2, 0.5, -2e-3]]",
        "[[1 0 -1]\n [2 0.5 -2e-3]]",
        "kernel = [ # Prewitt's, nearly\n [1, 0, -1,],\n [2, 1/2, -2e-3],\n]\n",
    ] {
        check(text, [2, 3], &weights);
    }
    check("1/4 3/4", [1, 2], &[0.25, 0.75]);
    check("[1, 2]", [1, 2], &[1.0, 2.0]);
    check("7", [1, 1], &[7.0]);
}

#[test]
fn an_array_three_deep_is_a_matrix_for_each_channel() {
    let found = read("[[[1, 2]], [[3, 4]], [[5, 6]]]").unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[2].weights, [5.0, 6.0]);
    assert_eq!(found[2].size(), [1, 2]);
}

#[test]
fn what_is_no_matrix_is_told_with_its_place() {
    check_fault("1 2; 3", "row 2 has 1 number, row 1 has 2", "3");
    check_fault("[[1, 2], [3]]", "row 2 has 1 number, row 1 has 2", "[3]");
    check_fault("1 x 2", "`x` is not a number", "x");
    check_fault("1 1/0", "`1/0` is not a number", "1/0");
    check_fault("1 nan", "`nan` is not a number", "nan");
    check_fault("1 1e999", "`1e999` is not a number", "1e999");
    check_fault("1 ] 2", "`]` where a number belongs", "]");
    check_fault("[1 ; 2]", "`;` where a number belongs", ";");
    check_fault("[[1, 2]", "this `[` has no `]`", "[");
    check_fault("[[1]] 2", "`2` after the end of the matrix", "2");
    check_fault("[1, [2]]", "numbers and rows side by side", "[1, [2]]");
    check_fault(
        "[[1, [2]], [[3]]]",
        "numbers and rows side by side",
        "[1, [2]]",
    );
    check_fault(
        "[[[[1]]]]",
        "a matrix is nested two deep, or three with one for each channel",
        "[",
    );
    check_fault(
        "[[[1, 2]], [[3]]]",
        "matrix 2 is 1x1, the first is 1x2",
        "[[3]]",
    );
    check_fault("# none\n", "a matrix without numbers", "# none\n");
    check_fault("[[], []]", "a matrix without numbers", "[[], []]");
}
