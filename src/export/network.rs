//! A network on its way to another program.

use std::collections::BTreeMap;

use super::Options;
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::NamedWeight;
use crate::model_file::{Header, Trained};
use crate::plan::{self, Plan};

/// A network with what other programs must know of it.
#[derive(Debug)]
pub(super) struct Network {
    /// What it is called.
    pub(super) name: String,
    /// Its layers up to the logits.
    pub(super) plan: Plan,
    /// Weights and running statistics by the names of [`Plan::weights`].
    pub(super) weights: BTreeMap<String, NamedWeight>,
    /// What its outputs mean.
    pub(super) task: Task,
    /// Classes, preprocessing, and the config.
    pub(super) header: Header,
}

impl Network {
    /// Reads a network from its device.
    ///
    /// # Errors
    /// When weights cannot be read.
    pub(super) fn new(trained: &Trained, name: &str, options: Options) -> Result<Self> {
        let task = trained.config.train.task();
        let weights = trained.model.weights()?.into_iter();
        let weights = weights.map(|weight| (weight.name.clone(), weight));
        let mut network = Self {
            name: name.to_owned(),
            plan: trained.plan.up_to_logits(task),
            weights: weights.collect(),
            task,
            header: trained.header.clone(),
        };
        if options.folds {
            network.fold()?;
        }
        Ok(network)
    }

    /// Takes a weight out.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) fn take(&mut self, name: &str) -> Result<NamedWeight> {
        self.weights
            .remove(name)
            .ok_or_else(|| Error::model(Diagnostic::error(format!("the network has no `{name}`"))))
    }
}

/// Writes zeros where a filter of a convolution does not read a map.
pub(super) fn mask(weight: &mut [f32], conv: &plan::Conv) {
    let Some(connections) = &conv.connections else {
        return;
    };
    let taps = weight.len() / (conv.filters * conv.channels).max(1);
    for (index, taps) in weight.chunks_mut(taps.max(1)).enumerate() {
        let (filter, map) = (index / conv.channels, index % conv.channels);
        if !connections[filter].contains(&map) {
            taps.fill(0.0);
        }
    }
}

/// Says that a merge takes what is not there: without it, another network would be written.
pub(super) fn missing(layer: usize) -> Error {
    let message = format!("a merge takes the output of layer {layer}, which has not run before it");
    Error::model(Diagnostic::error(message))
}
