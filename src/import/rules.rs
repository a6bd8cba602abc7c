//! In which order the layers of other programs' networks come, by their names.

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Error, Result};

/// How the layers of a network are called elsewhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// What they are rules for.
    pub name: String,
    /// Names of layers in their order: `{n}` stands for a number, the smallest first, `[a|b]` for one of several words in
    /// their order.
    pub order: Vec<String>,
    /// Layers by their names: theirs, then ours.
    pub names: std::collections::BTreeMap<String, String>,
    /// Weights that are passed over, by the beginning of their names.
    pub drop: Vec<String>,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Number,
    OneOf(Vec<String>),
}

/// A pattern of names.
#[derive(Clone, Debug)]
struct Pattern(Vec<Piece>);

impl Rules {
    /// Reads rules from TOML.
    ///
    /// # Errors
    /// When the text holds no rules, or a pattern does not close what it opens.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let failed = |reason: String| {
            let message = format!("the rules in `{name}` cannot be read: {reason}");
            let help = "they are `order = [\"conv1\", \"layer{n}.[conv1|bn1]\", …]`, `[names]`, and `drop = [\"head.\"]`";
            Error::config(Diagnostic::error(message).help(help))
        };
        let rules: Self =
            toml::from_str(text).map_err(|error| failed(error.message().replace('\n', " ")))?;
        for pattern in &rules.order {
            Pattern::parse(pattern)
                .ok_or_else(|| failed(format!("`{pattern}` has an open `[` or `{{`")))?;
        }
        Ok(rules)
    }

    /// Returns the rules that come with `cnn`.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn shipped() -> Result<Vec<Self>> {
        let files = [
            include_str!("rules/resnet.toml"),
            include_str!("rules/vgg.toml"),
            include_str!("rules/squeezenet.toml"),
            include_str!("rules/googlenet.toml"),
            include_str!("rules/mobilenet.toml"),
            include_str!("rules/mobilenet2.toml"),
            include_str!("rules/densenet.toml"),
        ];
        files.iter().map(|text| Self::parse(text, "cnn")).collect()
    }

    /// Returns where layers stand in the order, smallest first; nothing where a name is of no pattern.
    pub(super) fn places(&self, layers: &[&str]) -> Option<Vec<Vec<u64>>> {
        let patterns: Option<Vec<Pattern>> =
            self.order.iter().map(|text| Pattern::parse(text)).collect();
        let patterns = patterns?;
        let place = |layer: &&str| {
            patterns.iter().enumerate().find_map(|(number, pattern)| {
                let mut place = vec![number as u64];
                matches(&pattern.0, layer, &mut place).then_some(place)
            })
        };
        layers.iter().map(place).collect()
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['[', '{']) {
            let (before, after) = rest.split_at(open);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            rest = if let Some(after) = after.strip_prefix("{n}") {
                pieces.push(Piece::Number);
                after
            } else {
                let (words, after) = after.strip_prefix('[')?.split_once(']')?;
                pieces.push(Piece::OneOf(words.split('|').map(str::to_owned).collect()));
                after
            };
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Some(Self(pieces))
    }
}

/// Tells whether a name is what pieces say, to its end, and adds where it stands among such.
fn matches(pieces: &[Piece], name: &str, place: &mut Vec<u64>) -> bool {
    let Some((piece, others)) = pieces.split_first() else {
        return name.is_empty();
    };
    match piece {
        Piece::Text(text) => {
            let rest = name.strip_prefix(text.as_str());
            rest.is_some_and(|rest| matches(others, rest, place))
        }
        Piece::Number => {
            let end = name.find(|letter: char| !letter.is_ascii_digit());
            let (digits, rest) = name.split_at(end.unwrap_or(name.len()));
            let Ok(number) = digits.parse() else {
                return false;
            };
            place.push(number);
            matches(others, rest, place)
        }
        Piece::OneOf(words) => {
            let before = place.len();
            for (number, word) in words.iter().enumerate() {
                if let Some(rest) = name.strip_prefix(word.as_str()) {
                    place.push(number as u64);
                    if matches(others, rest, place) {
                        return true;
                    }
                    place.truncate(before);
                }
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(rules: &Rules, names: &[&str]) -> Vec<String> {
        let places = rules.places(names).unwrap();
        let mut both: Vec<_> = places.into_iter().zip(names).collect();
        both.sort();
        both.into_iter()
            .map(|(_, name)| (*name).to_owned())
            .collect()
    }

    #[test]
    fn layers_come_in_the_order_of_the_patterns() {
        let text = "order = [\"stem\", \"block{n}.[conv|bn][|_extra]\", \"head\"]";
        let rules = Rules::parse(text, "test").unwrap();
        let names = [
            "head",
            "block10.conv",
            "block2.bn",
            "block2.conv_extra",
            "block2.conv",
            "stem",
        ];
        let expected = [
            "stem",
            "block2.conv",
            "block2.conv_extra",
            "block2.bn",
            "block10.conv",
            "head",
        ];
        assert_eq!(order(&rules, &names), expected);
        assert!(rules.places(&["stem", "neck"]).is_none());
    }

    #[test]
    fn shipped_rules_know_their_networks() {
        let rules = Rules::shipped().unwrap();
        let known = |names: &[&str]| {
            let found = rules.iter().find(|rules| rules.places(names).is_some());
            found.map(|rules| rules.name.clone()).unwrap_or_default()
        };
        assert_eq!(
            known(&[
                "conv1",
                "bn1",
                "layer1.0.conv1",
                "layer4.1.downsample.0",
                "fc"
            ]),
            "ResNet"
        );
        assert_eq!(known(&["conv1", "layer3.8.bn2", "linear"]), "ResNet");
        assert_eq!(
            known(&["features.0", "features.28", "classifier.6"]),
            "VGG, AlexNet"
        );
        assert_eq!(
            known(&[
                "features.0",
                "features.3.squeeze",
                "features.12.expand3x3",
                "classifier.1"
            ]),
            "SqueezeNet"
        );
        assert_eq!(
            known(&["conv1.conv", "conv1.bn", "inception3a.branch2.0.conv", "fc"]),
            "GoogLeNet"
        );
        assert_eq!(
            known(&[
                "conv_stem",
                "bn1",
                "blocks.0.0.conv_dw",
                "blocks.0.0.bn2",
                "classifier"
            ]),
            "MobileNet"
        );
        let torchvision = [
            "features.0.0",
            "features.1.conv.0.1",
            "features.1.conv.1",
            "features.2.conv.1.1",
            "features.2.conv.3",
            "features.18.1",
            "classifier.1",
        ];
        assert_eq!(known(&torchvision), "MobileNetV2");
        let timm = [
            "conv_stem",
            "blocks.0.0.conv_dw",
            "blocks.1.0.conv_pwl",
            "conv_head",
            "bn2",
        ];
        assert_eq!(known(&timm), "MobileNetV2");
        for (norm, conv) in [("norm1", "conv2"), ("norm.1", "conv.2")] {
            let names = [
                "features.conv0".to_owned(),
                format!("features.denseblock1.denselayer1.{norm}"),
                format!("features.denseblock4.denselayer16.{conv}"),
                "features.transition3.norm".to_owned(),
                "features.norm5".to_owned(),
                "classifier".to_owned(),
            ];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(known(&names), "DenseNet");
        }
        assert_eq!(known(&["something"]), "");
    }

    #[test]
    fn rules_that_are_none_are_told() {
        let error = Rules::parse("order = [\"layer{x}\"]", "mine.toml").unwrap_err();
        assert!(
            error.to_string().contains("`layer{x}` has an open"),
            "{error}"
        );
        assert!(Rules::parse("ordr = []", "mine.toml").is_err());
    }
}
