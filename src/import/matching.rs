//! Which weight of a file belongs where in a network.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::leeway::Leeway;
use super::rules::Rules;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::NamedWeight;
use crate::shape::display;

/// Faults that are told one by one.
const MAX_FAULTS: usize = 40;

/// Tables that files keep their weights in, which say nothing of layers.
const WRAPPERS: [&str; 6] = [
    "state_dict.",
    "model_state_dict.",
    "model.",
    "module.",
    "net.",
    "backbone.",
];

/// How weights found their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By their own names.
    Names,
    /// By rules of this name.
    Rules(String),
    /// By the alphabet and their shapes.
    Shapes,
    /// By the nodes that the config was made of.
    Nodes,
    /// By what their layers are, by their shapes, and by the order of layers that are alike.
    Layers,
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names => formatter.write_str("by their names"),
            Self::Rules(name) if name.is_empty() => formatter.write_str("by the rules given"),
            Self::Rules(name) => write!(formatter, "by the names of {name}"),
            Self::Shapes => formatter.write_str("by the order of names and by shapes"),
            Self::Nodes => formatter.write_str("by the nodes that take them"),
            Self::Layers => formatter.write_str("by the order of layers of a kind and by shapes"),
        }
    }
}

/// A weight and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its name in the network.
    pub ours: String,
    /// Its name in the file.
    pub theirs: String,
    /// Its shape in the network.
    pub shape: Vec<usize>,
}

/// Weights in their places.
#[derive(Debug)]
pub(super) struct Matched {
    /// With our names and our order of values.
    pub(super) placed: Vec<NamedWeight>,
    /// Which went where.
    pub(super) matches: Vec<Match>,
    /// How that was found.
    pub(super) way: Way,
    /// Layers of the network that the file has nothing for.
    pub(super) fresh: Vec<String>,
    /// What is other in those, a sentence each.
    pub(super) differences: Vec<String>,
    /// What the user should know.
    pub(super) warnings: Vec<Diagnostic>,
}

/// The weights of one layer, by the last part of their names.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    pub(super) name: String,
    pub(super) weights: BTreeMap<&'a str, &'a NamedWeight>,
}

impl<'a> Layer<'a> {
    /// Gathers weights by layers, in their order, each without what wraps its name.
    pub(super) fn all(weights: &'a [NamedWeight], wrapper: &str) -> Vec<Self> {
        let mut layers: Vec<Self> = Vec::new();
        for weight in weights {
            let name = weight.name.strip_prefix(wrapper).unwrap_or(&weight.name);
            let (layer, own) = name.rsplit_once('.').unwrap_or(("", name));
            match layers.iter_mut().find(|known| known.name == layer) {
                Some(known) => {
                    known.weights.insert(own, weight);
                }
                None => layers.push(Self {
                    name: layer.to_owned(),
                    weights: BTreeMap::from([(own, weight)]),
                }),
            }
        }
        layers
    }

    /// Returns whether another has the same weights with the same shapes.
    pub(super) fn fits(&self, theirs: &Self) -> bool {
        self.weights.len() == theirs.weights.len()
            && self.weights.iter().all(|(own, weight)| {
                let other = theirs.weights.get(own);
                other.is_some_and(|other| other.shape == weight.shape)
            })
    }
}

/// Returns what stands before all names and is no part of a layer's.
fn wrapper(weights: &[NamedWeight]) -> String {
    let mut wrapper = String::new();
    loop {
        let next = WRAPPERS.iter().find(|word| {
            let longer = format!("{wrapper}{word}");
            weights
                .iter()
                .all(|weight| weight.name.starts_with(&longer))
        });
        match next {
            Some(word) => wrapper.push_str(word),
            None => return wrapper,
        }
    }
}

/// Finds a place for every weight, and a weight for every place, as far as there is no leeway.
///
/// # Errors
/// A diagnostic that lists what is missing, what is left over, and what has another shape.
pub(super) fn match_all(
    ours: &[NamedWeight],
    theirs: &[NamedWeight],
    own_rules: Option<&Rules>,
    leeway: &Leeway,
    file: &str,
) -> Result<Matched> {
    let wrapper = wrapper(theirs);
    let shipped = Rules::shipped()?;
    let candidates: Vec<&Rules> = own_rules.into_iter().chain(&shipped).collect();
    let is_dropped = |rules: &Rules, weight: &NamedWeight| {
        let name = weight.name.strip_prefix(&wrapper).unwrap_or(&weight.name);
        rules
            .drop
            .iter()
            .any(|begin| name.starts_with(begin.as_str()))
    };
    let here = Layer::all(ours, "");
    let every = Layer::all(theirs, &wrapper);
    let by_name: Vec<_> = (here.iter())
        .filter_map(|own| Some((own, every.iter().find(|layer| layer.name == own.name)?)))
        .collect();
    // Names that are ours say more than any rules but the user's.
    if own_rules.is_none() && leeway.takes(&here, &every, &by_name) {
        return finish(&here, &every, &by_name, Way::Names, leeway, file);
    }
    for rules in candidates {
        let kept: Vec<NamedWeight> = theirs
            .iter()
            .filter(|weight| !is_dropped(rules, weight))
            .cloned()
            .collect();
        let there = Layer::all(&kept, &wrapper);
        let names: Vec<&str> = there.iter().map(|layer| layer.name.as_str()).collect();
        let is_own = own_rules.is_some_and(|own| std::ptr::eq(own, rules));
        let Some(order) = ordered(rules, &here, &names) else {
            if is_own {
                return Err(unknown(rules, &names, file));
            }
            continue;
        };
        let pairs: Vec<_> = here
            .iter()
            .zip(order.iter().map(|at| &there[*at]))
            .collect();
        if is_own || leeway.takes(&here, &there, &pairs) {
            let way = Way::Rules(rules.name.clone());
            return finish(&here, &there, &pairs, way, leeway, file);
        }
    }
    if leeway.has_all(&here, &by_name) {
        return finish(&here, &every, &by_name, Way::Names, leeway, file);
    }
    let mut left: Vec<&Layer<'_>> = every.iter().collect();
    let mut by_shape = Vec::new();
    let mut alike = Vec::new();
    for own in &here {
        let fitting = left.iter().enumerate().filter(|(_, layer)| own.fits(layer));
        let fitting: Vec<usize> = fitting.map(|(at, _)| at).collect();
        if let Some(at) = fitting.first() {
            let other = left.remove(*at);
            if fitting.len() > 1 {
                alike.push(format!("`{}` is `{}`", own.name, other.name));
            }
            by_shape.push((own, other));
        }
    }
    let mut found = finish(&here, &every, &by_shape, Way::Shapes, leeway, file)?;
    found.warnings.extend(told_alike(&alike));
    Ok(found)
}

/// Says which layers were told apart by their names alone.
fn told_alike(alike: &[String]) -> Option<Diagnostic> {
    /// How many are named.
    const SHOWN: usize = 12;
    if alike.is_empty() {
        return None;
    }
    let message = "layers of equal shapes were taken in the order of their names, which need not be that of the network";
    let shown = alike
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = if alike.len() > SHOWN { ", …" } else { "" };
    let help = "if that is wrong, say by `--map RULES.toml` which layer is which";
    Some(
        Diagnostic::warning(message)
            .note(format!("{shown}{more}"))
            .help(help),
    )
}

/// Returns the places of their layers in the order of ours; nothing where the rules do not know them all.
pub(super) fn ordered(rules: &Rules, here: &[Layer<'_>], names: &[&str]) -> Option<Vec<usize>> {
    if !rules.names.is_empty() {
        let found = here.iter().map(|own| {
            let theirs = rules.names.iter().find(|(_, ours)| **ours == own.name)?.0;
            names.iter().position(|name| name == theirs)
        });
        return found.collect();
    }
    let places = rules.places(names)?;
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| places[*a].cmp(&places[*b]));
    Some(order)
}

/// Says which layers rules do not know.
pub(super) fn unknown(rules: &Rules, names: &[&str], file: &str) -> Error {
    let known =
        |name: &&&str| rules.places(&[**name]).is_none() && !rules.names.contains_key(**name);
    let unknown = crate::diagnostic::in_backticks(names.iter().filter(known).take(20));
    let message = format!("the rules do not know all layers of `{file}`");
    Error::model(Diagnostic::error(message).note(format!("of no pattern are {unknown}")))
}

/// Puts weights in their places, or says what does not fit.
pub(super) fn finish(
    here: &[Layer<'_>],
    there: &[Layer<'_>],
    pairs: &[(&Layer<'_>, &Layer<'_>)],
    way: Way,
    leeway: &Leeway,
    file: &str,
) -> Result<Matched> {
    let split = leeway.split(here, there, pairs);
    let mut found = Found::default();
    for (own, other) in &split.pairs {
        found.place(own, other);
    }
    let ours = split.pairs.iter().map(|(own, _)| own.name.as_str());
    let theirs = split.pairs.iter().map(|(_, other)| other.name.as_str());
    found.unpaired(&split.here, &ours.collect(), "is missing");
    found.unpaired(&split.there, &theirs.collect(), "is left over");
    if found.faults.is_empty() && !found.placed.is_empty() {
        return Ok(Matched {
            placed: found.placed,
            matches: found.matches,
            way,
            fresh: split.fresh,
            differences: split.differences,
            warnings: Vec::new(),
        });
    }
    found.faults.extend(split.differences);
    Err(unfit(found.faults, leeway, file))
}

/// Weights that have found their places, and what is wrong with the others.
#[derive(Default)]
struct Found {
    placed: Vec<NamedWeight>,
    matches: Vec<Match>,
    faults: Vec<String>,
}

impl Found {
    /// Gives a layer the weights of another.
    fn place(&mut self, own: &Layer<'_>, other: &Layer<'_>) {
        for (part, weight) in &own.weights {
            let Some(theirs) = other.weights.get(part) else {
                self.faults.push(format!(
                    "`{}` is missing: layer `{}` has none",
                    weight.name, other.name
                ));
                continue;
            };
            if theirs.shape != weight.shape {
                let [has, wanted] = [&theirs.shape, &weight.shape].map(|shape| display(shape));
                let (own, other) = (&weight.name, &theirs.name);
                let fault = format!("`{own}` is {wanted}, and `{other}` is {has}");
                self.faults.push(fault);
                continue;
            }
            self.placed.push(NamedWeight {
                name: weight.name.clone(),
                ..NamedWeight::clone(theirs)
            });
            self.matches.push(Match {
                ours: weight.name.clone(),
                theirs: theirs.name.clone(),
                shape: weight.shape.clone(),
            });
        }
        let weights = other.weights.iter();
        let unused = weights.filter(|(part, _)| !own.weights.contains_key(*part));
        self.faults.extend(
            unused.map(|(_, weight)| format!("`{}` is of no use in `{}`", weight.name, own.name)),
        );
    }

    /// Says what becomes of the layers that are not among the paired ones.
    fn unpaired(&mut self, layers: &[&Layer<'_>], paired: &HashSet<&str>, what: &str) {
        let alone = layers
            .iter()
            .filter(|layer| !paired.contains(layer.name.as_str()));
        for weight in alone.flat_map(|layer| layer.weights.values()) {
            let (name, shape) = (&weight.name, display(&weight.shape));
            self.faults.push(format!("`{name}`, {shape}, {what}"));
        }
    }
}

fn unfit(faults: Vec<String>, leeway: &Leeway, file: &str) -> Error {
    let more = faults.len().saturating_sub(MAX_FAULTS);
    let message = format!("the weights in `{file}` are not those of the network");
    let told = faults.into_iter().take(MAX_FAULTS);
    let mut diagnostic = told.fold(Diagnostic::error(message), Diagnostic::note);
    if more > 0 {
        diagnostic = diagnostic.note(format!("and {more} more"));
    }
    Error::model(diagnostic.help(leeway.help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(names: [&str; 3], sizes: [usize; 3]) -> Vec<NamedWeight> {
        let pairs = names.into_iter().zip(sizes);
        let weight = |(name, size): (&str, usize)| NamedWeight {
            name: format!("{name}.weight"),
            shape: vec![size, 1, 1],
            values: vec![0.0; size],
        };
        pairs.map(weight).collect()
    }

    #[test]
    fn layers_that_only_their_names_tell_apart_are_told() {
        let ours = weights(["0", "1", "2"], [2, 2, 3]);
        let found = |theirs: [&str; 3], sizes| {
            match_all(&ours, &weights(theirs, sizes), None, &Leeway::NONE, "it").unwrap()
        };
        let alike = found(["a", "b", "z"], [2, 2, 3]);
        let [warning] = &alike.warnings[..] else {
            panic!("{:?}", alike.warnings)
        };
        assert_eq!(warning.notes, ["`0` is `a`"]);
        assert!(found(["0", "1", "2"], [2, 2, 3]).warnings.is_empty());
    }
}
