use super::*;
use crate::random::Purpose;

fn axis(values: &str) -> Result<Axis, Diagnostic> {
    Axis::parse(&Override {
        option: "--set".to_owned(),
        key: "train.x".to_owned(),
        value: values.to_owned(),
    })
}

#[track_caller]
fn check_list(values: &str, expected: &[&str]) {
    match axis(values).map(|axis| axis.values) {
        Ok(Values::List(values)) => assert_eq!(values, expected),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_points(values: &str, points: usize, expected: &[&str]) {
    let axis = axis(values).unwrap();
    assert_eq!(axis.points(Some(points)).unwrap(), expected);
}

#[test]
fn lists_are_split_at_outer_commas() {
    check_list("32,64", &["32", "64"]);
    check_list(" 32 , 64 ", &["32", "64"]);
    check_list("cosine,constant", &["cosine", "constant"]);
    check_list("[3, 5],[5, 5]", &["[3, 5]", "[5, 5]"]);
    check_list(
        "{ type = \"sgd\", learning_rate = 0.1 },{ type = \"adam\" }",
        &[
            "{ type = \"sgd\", learning_rate = 0.1 }",
            "{ type = \"adam\" }",
        ],
    );
    check_list("\"a,b\",c", &["\"a,b\"", "c"]);
    check_list("../a,../b", &["../a", "../b"]);
    check_list("true", &["true"]);
}

#[test]
fn steps_count_from_the_beginning() {
    check_list("16..64:16", &["16", "32", "48", "64"]);
    check_list("0.1..0.5:0.1", &["0.1", "0.2", "0.3", "0.4", "0.5"]);
    check_list("1..10:4", &["1", "5", "9"]);
    check_list("1..2:0.5", &["1.0", "1.5", "2.0"]);
}

#[test]
fn points_lie_evenly_with_both_ends() {
    check_points("0.0..1.0", 5, &["0.0", "0.25", "0.5", "0.75", "1.0"]);
    check_points("1e-4..1e-1:log", 4, &["0.0001", "0.001", "0.01", "0.1"]);
    check_points("1..4", 7, &["1", "2", "3", "4"]);
    check_points("16..256:log", 5, &["16", "32", "64", "128", "256"]);
    check_points("1..4", 1, &["1"]);
}

#[test]
fn draws_stay_within_and_reach_everywhere() {
    let draws = |values: &str| -> Vec<f64> {
        let axis = axis(values).unwrap();
        let mut random = Random::new(Purpose::Trial, &[1]);
        (0..2000)
            .map(|_| axis.draw(&mut random).parse().unwrap())
            .collect()
    };
    let uniform = draws("0.2..0.4");
    assert!(uniform.iter().all(|number| (0.2..=0.4).contains(number)));
    let below = uniform.iter().filter(|number| **number < 0.25).count();
    assert!((400..600).contains(&below), "a quarter of 2000: {below}");
    let magnitudes = draws("1e-4..1:log");
    let below = magnitudes.iter().filter(|number| **number < 1e-3).count();
    assert!((400..600).contains(&below), "one of four decades: {below}");
    let whole = draws("3..5");
    for number in [3, 4, 5] {
        let count = whole.iter().filter(|drawn| **drawn as i32 == number);
        let count = count.count();
        assert!((550..780).contains(&count), "{number}: {count}");
    }
    let axis = axis("16,32").unwrap();
    let mut random = Random::new(Purpose::Trial, &[2]);
    let drawn: Vec<String> = (0..20).map(|_| axis.draw(&mut random)).collect();
    assert!(drawn.contains(&"16".to_owned()) && drawn.contains(&"32".to_owned()));
}

#[test]
fn whole_ends_make_whole_values() {
    let axis = axis("1..100:log").unwrap();
    let mut random = Random::new(Purpose::Trial, &[3]);
    for _ in 0..100 {
        let drawn: i64 = axis.draw(&mut random).parse().unwrap();
        assert!((1..=100).contains(&drawn));
    }
}

#[track_caller]
fn check_error(values: &str, message: &str, pointed_at: &str) {
    let diagnostic = axis(values).unwrap_err();
    assert_eq!(diagnostic.message, message);
    let label = diagnostic.label.unwrap();
    assert_eq!(&label.span.source.text[label.span.range], pointed_at);
    assert!(!diagnostic.helps.is_empty());
}

#[test]
fn faults_are_pointed_at() {
    check_error("", "no value to try", "");
    check_error("32,,64", "a value is missing in the list", ",,");
    check_error("32,", "a value is missing in the list", ",");
    check_error("32,32", "`32` stands twice in the list", "32");
    check_error("[3,5", "`[3,5` is not a value of TOML", "[3,5");
    let message = "a range goes from the smaller number to the larger";
    check_error("2..1", message, "2..1");
    check_error("1..1", message, "1..1");
    check_error("1..x", "a range ends with a number, received `x`", "x");
    check_error(
        "1..nan",
        "a range ends with a number, received `nan`",
        "nan",
    );
    check_error("1..", "a range ends with a number, received ``", "");
    let message = "a range by magnitudes begins above 0";
    check_error("0..1:log", message, "0..1:log");
    let message = "a range has `:log` or a step after it, received `:lgo`";
    check_error("1..2:lgo", message, "lgo");
    check_error("1..2:0", "a step is above 0", "0");
    check_error("1..2:1e-9", "1000000001 steps are too many", "1e-9");
}
