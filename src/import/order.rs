//! Which layers of a Keras file and of a network belong together, by what they are, their shapes and their order.

use std::collections::BTreeMap;

use super::arrange::Arrangement;
use super::keras::{self, LayerType};
use super::places::Place;
use super::rows::Own;
use crate::diagnostic::{Diagnostic, Error, in_backticks};

/// Layers of the network that are alike, and those of the file that fit them.
struct Group {
    ours: Vec<usize>,
    theirs: Vec<usize>,
}

/// Layers that can change places with each other.
pub(super) struct Doubt {
    ours: Vec<String>,
    theirs: Vec<String>,
}

impl Doubt {
    /// Says which they are.
    pub(super) fn told(&self, file: &str) -> Error {
        let message = format!("`{file}` does not say which of its layers is which");
        let ours = format!("{} are alike", in_backticks(self.ours.iter().take(8)));
        let theirs = format!("so are {}", in_backticks(self.theirs.iter().take(8)));
        let help = "give the whole model (`save(\"….keras\")`), which says more, or `--map RULES.toml` with `[names]`: theirs = \"ours\", for all layers with weights";
        Error::model(
            Diagnostic::error(message)
                .note(ours)
                .note(theirs)
                .help(help),
        )
    }
}

/// What belongs together so far: a place of the network, and a layer of the file.
type Pairs = BTreeMap<usize, usize>;

/// Pairs layers; tells if there are some that could change places.
pub(super) fn pair(places: &[Place<'_>], model: &keras::Model) -> (Pairs, Option<Doubt>) {
    let theirs = &model.layers;
    let mut groups = alike(places, theirs);
    let mut pairs = Pairs::new();
    loop {
        let known = pairs.len();
        for at in 0..groups.len() {
            settle(at, &mut groups, places, theirs, &mut pairs);
        }
        for group in &mut groups {
            follow(group, places, model, &mut pairs);
        }
        if pairs.len() == known {
            break;
        }
        for group in &mut groups {
            group.ours.retain(|own| !pairs.contains_key(own));
            group
                .theirs
                .retain(|other| !pairs.values().any(|paired| paired == other));
        }
    }
    let is_open = |group: &&Group| !group.ours.is_empty() && !group.theirs.is_empty();
    let doubt = groups.iter().find(is_open).map(|group| Doubt {
        ours: group
            .ours
            .iter()
            .map(|own| places[*own].layer.name.clone())
            .collect(),
        theirs: group
            .theirs
            .iter()
            .map(|other| theirs[*other].name.clone())
            .collect(),
    });
    for group in &groups {
        for (own, other) in group.ours.iter().zip(&group.theirs) {
            if !pairs.values().any(|paired| paired == other) {
                pairs.insert(*own, *other);
            }
        }
    }
    pairs.extend(unlike(places, theirs, &pairs));
    (pairs, doubt)
}

fn alike(places: &[Place<'_>], theirs: &[keras::Layer]) -> Vec<Group> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for (index, place) in places.iter().enumerate() {
        let weights = place.layer.weights.iter();
        let shapes: Vec<_> = weights
            .map(|(part, weight)| (*part, &weight.shape))
            .collect();
        let kind = place.own.as_ref().map_or(LayerType::Other, |own| own.kind);
        let group = groups.entry((kind, shapes)).or_insert_with(|| Group {
            ours: Vec::new(),
            theirs: (0..theirs.len())
                .filter(|other| fits(place, &theirs[*other]))
                .collect(),
        });
        group.ours.push(index);
    }
    groups.into_values().collect()
}

/// Pairs the layers of a group in their order, if they have one on both sides.
fn settle(
    at: usize,
    groups: &mut [Group],
    places: &[Place<'_>],
    theirs: &[keras::Layer],
    pairs: &mut Pairs,
) {
    let is_elsewhere = |other: &usize| {
        let mut others = groups
            .iter()
            .enumerate()
            .filter(|(number, _)| *number != at);
        others.any(|(_, group)| !group.ours.is_empty() && group.theirs.contains(other))
    };
    let is_shared = groups[at].theirs.iter().any(is_elsewhere);
    let group = &mut groups[at];
    if is_shared || any_beside(&group.ours, places) || !sort(&mut group.theirs, theirs) {
        return;
    }
    pairs.extend(group.ours.drain(..).zip(group.theirs.drain(..)));
}

/// Pairs the layers of a group that stand before or behind layers that are paired.
fn follow(group: &mut Group, places: &[Place<'_>], model: &keras::Model, pairs: &mut Pairs) {
    let called = |index: usize| model.layers[index].called.as_deref().unwrap_or_default();
    let counts = |name: &str| (0..model.layers.len()).any(|index| called(index) == name);
    // Models within the model may call theirs as it calls its own.
    let is_alone = |index: usize| {
        let mut all = model
            .layers
            .iter()
            .filter(|layer| layer.called == model.layers[index].called);
        all.next().is_some() && all.next().is_none()
    };
    let is_after = |later: usize, earlier: usize| {
        let before = model.links.closest(called(later), &counts);
        before.len() == 1
            && before.contains(called(earlier))
            && is_alone(later)
            && is_alone(earlier)
    };
    for own in std::mem::take(&mut group.ours) {
        let earlier = places[own]
            .before
            .and_then(|before| pairs.get(&before))
            .copied();
        let later = places.iter().position(|place| place.before == Some(own));
        let later = later.and_then(|later| pairs.get(&later)).copied();
        let fitting = group.theirs.iter().enumerate().filter(|(_, other)| {
            earlier.is_some_and(|earlier| is_after(**other, earlier))
                || later.is_some_and(|later| is_after(later, **other))
        });
        let fitting: Vec<usize> = fitting.map(|(at, _)| at).collect();
        match fitting[..] {
            [one] => {
                pairs.insert(own, group.theirs.remove(one));
            }
            _ => group.ours.push(own),
        }
    }
}

/// Pairs what is left by what it is alone, so that it is said what the shapes are.
fn unlike(places: &[Place<'_>], theirs: &[keras::Layer], pairs: &Pairs) -> Vec<(usize, usize)> {
    let mut left: Vec<usize> = (0..theirs.len())
        .filter(|index| !pairs.values().any(|other| other == index))
        .collect();
    let mut more = Vec::new();
    for (own, place) in places.iter().enumerate() {
        let Some(kind) = place.own.as_ref().map(|own| own.kind) else {
            continue;
        };
        let is_same =
            |other: &usize| theirs[*other].kind.is_some() && kind.takes(theirs[*other].kind);
        if pairs.contains_key(&own) {
            continue;
        }
        if let Some(at) = left.iter().position(is_same) {
            more.push((own, left.remove(at)));
        }
    }
    more
}

/// Brings layers into the order that the file says; returns whether it says one.
fn sort(layers: &mut [usize], theirs: &[keras::Layer]) -> bool {
    if layers.len() < 2 {
        return true;
    }
    let ways = layers
        .iter()
        .map(|index| theirs[*index].numbers.len())
        .max();
    for way in 0..ways.unwrap_or(0) {
        let numbers = layers
            .iter()
            .map(|index| theirs[*index].numbers.get(way)?.clone());
        let Some(numbers) = numbers.collect::<Option<Vec<_>>>() else {
            continue;
        };
        let is_one_sort = numbers.iter().all(|number| number.is_with(&numbers[0]));
        let mut distinct: Vec<u64> = numbers.iter().map(|number| number.number).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if is_one_sort && distinct.len() == layers.len() {
            let of = |index: &usize| theirs[*index].numbers[way].as_ref().map(|own| own.number);
            layers.sort_by_key(of);
            return true;
        }
    }
    false
}

/// Returns whether two of some layers stand side by side.
fn any_beside(group: &[usize], places: &[Place<'_>]) -> bool {
    let owns: Vec<&Own> = group
        .iter()
        .filter_map(|index| places[*index].own.as_ref())
        .collect();
    let pairs = owns.iter().enumerate();
    pairs
        .into_iter()
        .any(|(at, one)| owns[at + 1..].iter().any(|other| one.is_beside(other)))
}

fn fits(place: &Place<'_>, theirs: &keras::Layer) -> bool {
    let Some(own) = &place.own else {
        return false;
    };
    own.kind.takes(theirs.kind)
        && place.layer.weights.len() == theirs.arrays.len()
        && theirs.arrays.iter().enumerate().all(|(position, array)| {
            let part = theirs.part(position, own.kind);
            let weight = part.and_then(|part| place.layer.weights.get(part));
            weight.is_some_and(|weight| {
                Arrangement::of(own.kind, theirs.kind, &array.shape, &weight.shape).shape
                    == weight.shape
            })
        })
}
