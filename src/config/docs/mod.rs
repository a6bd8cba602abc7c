//! What each layer and each key of the language means, in words. Keys, forms and defaults are not
//! here: they come from the code that reads them, and a test holds the two together.

mod augment;
mod conv;
mod graph;
mod layers;
mod maps;
mod rules;
mod sections;
mod training;

/// Keys, each with a sentence.
pub(super) type Keys = &'static [(&'static str, &'static str)];

/// A layer in words.
#[derive(Debug)]
pub(super) struct LayerDoc {
    pub(super) name: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// Output shape, what is computed, parameters and multiply-adds.
    pub(super) formula: &'static str,
    /// The paper, or the function of another library that does the same.
    pub(super) source: &'static str,
    /// Layers of a complete small network, and its input.
    pub(super) example: &'static str,
    pub(super) keys: &'static [Keys],
}

/// A table whose keys are fixed: a section, or the value of a key.
#[derive(Debug)]
pub(super) struct TableDoc {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) keys: Keys,
}

/// The types of a table whose `type` decides its other keys.
#[derive(Debug)]
pub(super) struct ChoiceDoc {
    /// The keys that take it.
    pub(super) names: &'static [&'static str],
    pub(super) types: &'static [(&'static str, &'static str, Keys)],
}

/// Every layer, in the order of the reference.
pub(super) fn layers() -> impl Iterator<Item = &'static LayerDoc> {
    [conv::LAYERS, maps::LAYERS, layers::LAYERS, graph::LAYERS]
        .into_iter()
        .flatten()
}

/// Every table with fixed keys.
pub(super) fn tables() -> impl Iterator<Item = &'static TableDoc> {
    [sections::TABLES, augment::TABLES, training::TABLES]
        .into_iter()
        .flatten()
}

/// Every table with types.
pub(super) const CHOICES: &[ChoiceDoc] = &[
    rules::OPTIMIZER,
    rules::SCHEDULE,
    rules::LOSS,
    conv::INITIALIZER,
    conv::CONSTRAINT,
];

/// Keys that every layer has.
pub(super) const EVERY_LAYER: Keys = &[(
    "name",
    "Name of the layer, of letters, digits, `-` and `_`: names its weights, and is what `merge` refers to.",
)];

/// The key `activation` of layers that have one.
const ACTIVATION: Keys = &[(
    "activation",
    "Function applied to the output; see `activation`.",
)];
