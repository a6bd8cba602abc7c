//! The commands of the README, as a reader types them.

use std::fs;

use crate::support::{Golden, Lab, png, repository};

/// Returns what stands below a heading of the README, up to the next.
pub(crate) fn section(heading: &str) -> String {
    section_of("README.md", heading)
}

fn section_of(document: &str, heading: &str) -> String {
    let text = fs::read_to_string(repository(document)).unwrap();
    let start = format!("## {heading}\n");
    let (_, after) = text.split_once(&start).unwrap();
    after.split("\n## ").next().unwrap().to_owned()
}

/// Returns the blocks of a language in a text.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    let block = |part: &'a str| part.split("```").next().unwrap();
    text.split(&start).skip(1).map(block).collect()
}

/// A folder with what the README speaks of: pictures of three kinds of pets, in colour and of any size.
fn lab() -> Lab {
    let lab = Lab::new();
    for (class, pet) in ["cat", "dog", "hamster"].iter().enumerate() {
        for number in 0..8 {
            let (width, height) = (36 + number, 40 - number);
            let level = |at: usize| ((at / width + class * 60 + number * 7) % 200) as u8;
            let pixels: Vec<u8> = (0..width * height).map(level).collect();
            let path = format!("pets/{pet}/{number}.png");
            lab.write(path, png(width, height, &pixels));
        }
    }
    lab.write("new.jpg", lab.read("pets/cat/0.png"));
    let config = section("Your own pictures");
    let config = blocks(&config, "toml")[0];
    assert!(config.starts_with("# pets.toml\n"), "{config}");
    // Two epochs do for the commands.
    assert!(config.contains("epochs = 30"), "{config}");
    lab.write("pets.toml", config.replace("epochs = 30", "epochs = 2"));
    lab
}

/// Types each command of a text.
fn check_text(lab: &Lab, text: &str, heading: &str, expected: usize) {
    let lines = blocks(text, "sh").into_iter().flat_map(str::lines);
    let mut typed = 0;
    for line in lines {
        let command = line.split(" #").next().unwrap().trim();
        let Some(arguments) = command.strip_prefix("cnn ") else {
            panic!("`{command}` is no command of `cnn`");
        };
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let outcome = lab.cnn(&arguments);
        assert_eq!(outcome.code, 0, "{command}: {outcome:#?}");
        typed += 1;
    }
    assert_eq!(typed, expected, "commands below {heading}");
}

#[test]
fn the_drawing_is_what_the_command_below_it_draws() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let (_, after) = readme.split_once("\n![").unwrap();
    let (_, after) = after.split_once("](").unwrap();
    let (picture, after) = after.split_once(')').unwrap();
    let command = after.trim_start().strip_prefix("`cnn ").unwrap();
    let command: Vec<&str> = command.split('`').next().unwrap().split(' ').collect();
    let lab = Lab::new();
    let config = fs::read(repository("configs/lenet5.toml")).unwrap();
    lab.write("configs/lenet5.toml", config);
    lab.cnn(&command).ok();
    let mut golden = Golden::new();
    golden.check(&repository(picture), &lab.text(command.last().unwrap()));
    golden.finish();
}

#[test]
fn your_own_pictures_and_resume() {
    let lab = lab();
    let pictures = section("Your own pictures");
    check_text(&lab, &pictures, "Your own pictures", 6);
    let resume = section_of("docs/training.md", "Going on after a stop");
    check_text(&lab, &resume, "Going on after a stop", 3);
}

#[test]
fn looking_into_a_network() {
    let lab = Lab::new();
    for (class, number) in (0..10).flat_map(|class| (0..4).map(move |number| (class, number))) {
        let pixels: Vec<u8> = (0..28 * 28)
            .map(|at| ((at * (class + 1) + number) % 256) as u8)
            .collect();
        lab.write(format!("digits/{class}/{number}.png"), png(28, 28, &pixels));
    }
    lab.write("examples/seven.png", lab.read("digits/3/0.png"));
    let config = repository("configs/lenet5.toml");
    let config = config.to_str().unwrap();
    let sets = ["--set", "data.validation=0.25", "--epochs", "1", "--quiet"];
    lab.cnn(&[&["train", config, "--data", "digits"], &sets[..]].concat())
        .ok();
    let text = fs::read_to_string(repository("docs/look.md")).unwrap();
    check_text(&lab, &text, "docs/look.md", 5);
}
