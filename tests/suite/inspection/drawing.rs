//! `cnn inspect --svg`: every config drawn, no text on another.

use super::at_root;
use crate::support::Lab;
use crate::zoo::configs;

/// A text of a drawing: its place and how many letters it has.
struct Text {
    x: f64,
    y: f64,
    letters: usize,
}

/// Reads a drawing, which must be well-formed; returns its size and its texts.
#[track_caller]
fn read_svg(svg: &str) -> ([f64; 2], Vec<Text>) {
    let mut open: Vec<&str> = Vec::new();
    let mut texts: Vec<Text> = Vec::new();
    let mut size = [0.0; 2];
    let mut rest = svg;
    while let Some(begin) = rest.find('<') {
        let content = &rest[..begin];
        assert!(!content.contains('>'), "{content}");
        for entity in content.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;"];
            assert!(
                known.iter().any(|name| entity.starts_with(name)),
                "{content}"
            );
        }
        if let (Some(text), true) = (texts.last_mut(), open.contains(&"text")) {
            text.letters += content.replace("&quot;", "\"").chars().count();
        }
        let end = begin + rest[begin..].find('>').unwrap();
        let tag = &rest[begin + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        let attribute = |name: &str| -> f64 {
            let value = tag.split(&format!(" {name}=\"")).nth(1).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        };
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        match name {
            "svg" => size = [attribute("width"), attribute("height")],
            "text" => texts.push(Text {
                x: attribute("x"),
                y: attribute("y"),
                letters: 0,
            }),
            _ => {}
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    (size, texts)
}

#[test]
fn every_config_is_drawn_and_no_text_lies_on_another() {
    let lab = Lab::new();
    for config in configs() {
        let path = config.display().to_string();
        let arguments = ["inspect", &path, "--svg", "network.svg"];
        lab.cnn(&arguments).ok();
        let (size, mut texts) = read_svg(&lab.text("network.svg"));
        texts.sort_by(|a, b| a.y.total_cmp(&b.y));
        for (index, text) in texts.iter().enumerate() {
            let right = |text: &Text| text.x + 6.6 * text.letters as f64;
            assert!(right(text) <= size[0] && text.y <= size[1], "{path}");
            let near = texts[index + 1..]
                .iter()
                .take_while(|other| other.y - text.y < 11.0);
            for other in near {
                let apart = right(text) <= other.x || right(other) <= text.x;
                assert!(apart, "{path}: texts at {}, {} meet", text.x, text.y);
            }
        }
        let layers = at_root(&["inspect", &path, "--json"]).json();
        // The input, the two lines above, and every layer.
        assert_eq!(
            texts.len(),
            layers["layers"].as_array().unwrap().len() + 3,
            "{path}"
        );
    }
}

#[test]
fn a_drawing_does_not_write_over_the_config_and_follows_a_link() {
    let lab = Lab::with_bars();
    let before = lab.read("bars.toml");
    let outcome = lab
        .cnn(&["inspect", "bars.toml", "--svg", "./bars.toml"])
        .code(2);
    assert!(
        outcome.stderr.contains("write over the config"),
        "{outcome:?}"
    );
    assert!(lab.read("bars.toml") == before);
    lab.write("real.svg", "old");
    std::os::unix::fs::symlink(lab.path("real.svg"), lab.path("link.svg")).unwrap();
    lab.cnn(&["inspect", "bars.toml", "--svg", "link.svg"]).ok();
    assert!(lab.text("real.svg").starts_with("<svg"));
    let link = std::fs::symlink_metadata(lab.path("link.svg")).unwrap();
    assert!(link.is_symlink());
}
