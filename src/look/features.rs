//! What each layer makes of a picture.

use burn::module::Module as _;

use super::{Subject, name_of, read};
use crate::diagnostic::Result;
use crate::model::{Pass, Value};
use crate::plan::{Layer, Plan};

/// The output of one layer.
#[derive(Clone, Debug)]
pub struct Maps {
    /// The layer's name, else its path.
    pub name: String,
    /// The layer's path.
    pub path: String,
    /// Its `type` in the config.
    pub type_name: &'static str,
    /// `[channels, height, width]`, or `[units]`.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// Returns the outputs of all layers for a picture, or of one.
///
/// # Errors
/// When there is no such layer, or results cannot be read back from the device.
pub fn features(subject: &Subject<'_>, layer: Option<&str>) -> Result<Vec<Maps>> {
    let wanted = match layer {
        Some(word) => vec![subject.layer(word)?],
        None => layers(&subject.plan),
    };
    let device = subject.device.clone().without_autodiff();
    let input = Value::of_inputs(subject.picture.input.clone(), &subject.plan.input, &device);
    let mut outputs = Vec::new();
    let _ =
        subject
            .trained
            .model
            .valid()
            .forward_tapped(input, Pass::Evaluate, &mut |index, value| {
                outputs.push((index, value.clone()));
                value
            });
    let maps = wanted.into_iter().filter_map(|layer| {
        let at = outputs
            .iter()
            .position(|(index, _)| *index == layer.index)?;
        let (_, value) = outputs.swap_remove(at);
        Some(read(value).map(|values| Maps {
            name: name_of(layer),
            path: layer.path.clone(),
            type_name: layer.type_name,
            shape: layer.output.clone(),
            values,
        }))
    });
    maps.collect()
}

/// Returns all layers, those within a layer before it.
#[must_use]
pub fn layers(plan: &Plan) -> Vec<&Layer> {
    let mut found = Vec::new();
    list(&plan.layers, &mut found);
    found
}

fn list<'a>(layers: &'a [Layer], found: &mut Vec<&'a Layer>) {
    for layer in layers {
        for list_within in layer.operation.lists() {
            list(list_within, found);
        }
        found.push(layer);
    }
}
