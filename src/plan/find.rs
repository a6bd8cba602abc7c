//! A single layer of a network, with what arrives at it.

use super::{Field, Layer, Plan};

impl Plan {
    /// Finds a layer by its path, its name or its index, in this order; returns it with the
    /// receptive field of what arrives at it.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<(&Layer, Field)> {
        let index = word.parse::<usize>().ok();
        let input = Field::of_input(&self.input);
        let by = |wanted: &dyn Fn(&Layer) -> bool| find(&self.layers, &input, wanted);
        by(&|layer| layer.path == word)
            .or_else(|| by(&|layer| layer.name.as_deref() == Some(word)))
            .or_else(|| by(&|layer| Some(layer.index) == index))
    }
}

fn find<'a>(
    layers: &'a [Layer],
    arriving: &Field,
    wanted: &dyn Fn(&Layer) -> bool,
) -> Option<(&'a Layer, Field)> {
    let mut field = arriving;
    for layer in layers {
        if wanted(layer) {
            return Some((layer, field.clone()));
        }
        for list in layer.operation.lists() {
            if let Some(found) = find(list, field, wanted) {
                return Some(found);
            }
        }
        field = &layer.field;
    }
    None
}
