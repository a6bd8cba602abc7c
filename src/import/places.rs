//! Which layer of a Keras file belongs where in a network, and its weights in the order that they have here.

use super::arrange::{self, Arrangement};
use super::keras;
use super::leeway::Leeway;
use super::matching::{self, Layer, Matched, Way};
use super::order;
use super::rows::{Network, Own};
use super::rules::Rules;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::NamedWeight;
use crate::plan::{Operation, Plan};

/// A layer of the network with its weights, and where the rows around it come from.
pub(super) struct Place<'a> {
    pub(super) layer: &'a Layer<'a>,
    pub(super) own: Option<Own>,
    /// The place right before it.
    pub(super) before: Option<usize>,
}

impl<'a> Place<'a> {
    fn all(here: &'a [Layer<'a>], network: &Network) -> Vec<Self> {
        let owns = &network.layers;
        let place_of = |own: usize| here.iter().position(|layer| layer.name == owns[own].name);
        let place = |layer: &'a Layer<'a>| {
            let own = owns.iter().find(|own| own.name == layer.name).cloned();
            // Those before that have no weights are passed by.
            let first = own.as_ref().and_then(|own| own.before);
            let mut earlier = std::iter::successors(first, |at| owns[*at].before);
            let before = earlier.find_map(place_of);
            Self { layer, own, before }
        };
        here.iter().map(place).collect()
    }
}

/// Finds a place for every weight of a Keras file, and a weight for every place.
///
/// # Errors
/// A diagnostic that lists what is missing, left over or of another shape, or says which layers the file does not tell
/// apart.
pub(super) fn match_all(
    ours: &[NamedWeight],
    plan: &Plan,
    mut model: keras::Model,
    rules: Option<&Rules>,
    leeway: &Leeway,
    file: &str,
) -> Result<Matched> {
    if model.has_channels_first {
        let message = format!("`{file}` is of a network with channels first");
        let note = "flattened rows and what follows them are read as Keras has them by default, channels last";
        let help = "make the network anew with `data_format=\"channels_last\"`, give it these weights, and save that";
        return Err(Error::model(
            Diagnostic::error(message).note(note).help(help),
        ));
    }
    let network = Network::new(plan);
    if let Some(path) = &network.foreign {
        let message = format!("weights of Keras do not fit layer `{path}` and what follows");
        let note = "it takes values in an order that is another one where channels come last";
        return Err(Error::model(Diagnostic::error(message).note(note)));
    }
    let here = Layer::all(ours, "");
    let places = Place::all(&here, &network);
    let mut doubt = None;
    let (pairs, way) = if let Some(rules) = rules {
        let is_kept =
            |layer: &keras::Layer| !rules.drop.iter().any(|begin| layer.name.starts_with(begin));
        model.layers.retain(is_kept);
        let names: Vec<&str> = model
            .layers
            .iter()
            .map(|layer| layer.name.as_str())
            .collect();
        let Some(order) = matching::ordered(rules, &here, &names) else {
            return Err(matching::unknown(rules, &names, file));
        };
        let pairs: Vec<_> = (0..here.len()).zip(order).collect();
        (pairs, Way::Rules(rules.name.clone()))
    } else if let Some(pairs) = by_names(&places, &model.layers) {
        (pairs, Way::Names)
    } else {
        let (pairs, found) = order::pair(&places, &model);
        doubt = found;
        (pairs.into_iter().collect(), Way::Layers)
    };
    let theirs = &model.layers;
    let mut arranged: Vec<Vec<(&str, NamedWeight)>> = Vec::new();
    for (index, layer) in theirs.iter().enumerate() {
        let place = pairs.iter().find(|(_, at)| *at == index);
        arranged.push(match place.and_then(|(own, _)| places.get(*own)) {
            Some(place) => arrange(place, layer),
            None => without_place(layer),
        });
    }
    let there: Vec<Layer<'_>> = (theirs.iter().zip(&arranged))
        .map(|(layer, weights)| Layer {
            name: layer.name.clone(),
            weights: weights
                .iter()
                .map(|(part, weight)| (*part, weight))
                .collect(),
        })
        .collect();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(own, other)| (&here[*own], &there[*other]))
        .collect();
    let placed = matching::finish(&here, &there, &pairs, way, leeway, file)?;
    match doubt {
        Some(doubt) => Err(doubt.told(file)),
        None => Ok(Matched {
            warnings: other_epsilon(plan).into_iter().collect(),
            ..placed
        }),
    }
}

/// What normalizations of Keras add to the variance where nothing else is said.
const KERAS_EPSILON: f64 = 1e-3;
/// What those of a config add there.
const OUR_EPSILON: f64 = 1e-5;

/// Warns of normalizations that have the epsilon of PyTorch, which files of Keras do not tell.
fn other_epsilon(plan: &Plan) -> Option<Diagnostic> {
    let with_default = plan
        .every()
        .into_iter()
        .find(|layer| match &layer.operation {
            Operation::Norm(norm) => norm.epsilon.to_bits() == OUR_EPSILON.to_bits(),
            _ => false,
        })?;
    let message = format!(
        "the normalization `{}` has an epsilon of {OUR_EPSILON}; that of Keras is {KERAS_EPSILON} unless it was set",
        with_default.path
    );
    let help =
        format!("write `epsilon = {KERAS_EPSILON}` unless the network was made with another");
    Some(Diagnostic::warning(message).help(help))
}

/// Pairs layers that are called the same, if all of the network are.
fn by_names(places: &[Place<'_>], theirs: &[keras::Layer]) -> Option<Vec<(usize, usize)>> {
    let find = |place: &Place<'_>| {
        let own = place.own.as_ref()?;
        let mut called = theirs.iter().enumerate().filter(|(_, layer)| {
            layer.called.is_some() && layer.called == own.called && own.kind.takes(layer.kind)
        });
        let found = called.next().map(|(index, _)| index);
        found.filter(|_| called.next().is_none())
    };
    let found = places.iter().map(find).enumerate();
    found.map(|(own, other)| Some((own, other?))).collect()
}

/// Brings the weights of a layer into the order that they have in a place.
fn arrange<'a>(place: &Place<'_>, theirs: &'a keras::Layer) -> Vec<(&'a str, NamedWeight)> {
    let Some(own) = &place.own else {
        return without_place(theirs);
    };
    let arrays = theirs.arrays.iter().enumerate();
    let arranged = arrays.map(|(position, array)| {
        let Some(part) = theirs.part(position, own.kind) else {
            return (last(array), array.clone());
        };
        let wanted = place
            .layer
            .weights
            .get(part)
            .map_or(&[][..], |weight| &weight.shape);
        let arrangement = Arrangement::of(own.kind, theirs.kind, &array.shape, wanted);
        let values = arrangement.values(array);
        let mut weight = NamedWeight {
            name: array.name.clone(),
            shape: arrangement.shape,
            values,
        };
        if weight.shape == wanted {
            arrange::follow_rows(&mut weight, own);
        }
        (part, weight)
    });
    arranged.collect()
}

/// Names the arrays of a layer that has no place as those of its kind are named here, so that it is known for a part of a head.
fn without_place(layer: &keras::Layer) -> Vec<(&str, NamedWeight)> {
    let arrays = layer.arrays.iter().enumerate();
    let weights = arrays.map(|(position, array)| {
        let kind = layer.kind;
        let known = kind.and_then(|kind| Some((kind, layer.part(position, kind)?)));
        let Some((kind, part)) = known else {
            return (last(array), array.clone());
        };
        let arrangement = Arrangement::of(kind, layer.kind, &array.shape, &[]);
        let weight = NamedWeight {
            name: array.name.clone(),
            values: arrangement.values(array),
            shape: arrangement.shape,
        };
        (part, weight)
    });
    weights.collect()
}

/// Returns the last part of an array's name.
fn last(array: &NamedWeight) -> &str {
    array.name.rsplit('/').next().unwrap_or(&array.name)
}
