//! The JSON of `cnn inspect`, as the public contract has it.

use serde::{Serialize, Serializer};

use super::Inspection;
use crate::plan::Layer;

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    input: &'a [usize],
    batch: usize,
    dtype: &'static str,
    layers: Vec<LayerFigures<'a>>,
    weights: Vec<WeightFigures>,
    totals: TotalFigures<'a>,
}

#[derive(Serialize)]
struct LayerFigures<'a> {
    index: usize,
    path: &'a str,
    name: Option<&'a str>,
    #[serde(rename = "type")]
    type_name: &'static str,
    depth: usize,
    input: &'a [usize],
    output: &'a [usize],
    parameters: u64,
    trainable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_factor: Option<f64>,
    buffers: u64,
    macs: u64,
    flops: u64,
    output_bytes: u64,
    receptive_field: Vec<u64>,
    #[serde(serialize_with = "whole_or_fractions")]
    jump: &'a [f64],
    padding: &'a [[usize; 2]],
    ignored: &'a [usize],
}

/// A weight or running statistic, as model files have it.
#[derive(Serialize)]
struct WeightFigures {
    name: String,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct TotalFigures<'a> {
    parameters: u64,
    trainable: u64,
    frozen: u64,
    buffers: u64,
    macs: u64,
    flops: u64,
    weight_bytes: u64,
    gradient_bytes: u64,
    optimizer_bytes: u64,
    inference_bytes: u64,
    training_bytes: u64,
    receptive_field: &'a [u64],
    dense_equivalent_parameters: u64,
    predicted_training_rss_bytes: u64,
}

impl Inspection<'_> {
    /// Writes one JSON document on one line; `None` when a figure is beyond counting.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        let totals = self.plan.totals(self.dtype, self.batch)?;
        let layers = self.layers().into_iter().map(|layer| self.figures(layer));
        let weights = self.plan.weights().into_iter();
        let weights = weights.map(|(name, shape)| WeightFigures { name, shape });
        let kept = self.optimizer.values_per_weight();
        let document = Document {
            name: self.name,
            input: &self.plan.input,
            batch: self.batch,
            dtype: self.dtype.word(),
            layers: layers.collect::<Option<_>>()?,
            weights: weights.collect(),
            totals: TotalFigures {
                parameters: totals.parameters(),
                trainable: totals.trainable,
                frozen: totals.frozen,
                buffers: totals.buffers,
                macs: totals.macs,
                flops: totals.macs * 2,
                weight_bytes: totals.weight_bytes,
                gradient_bytes: totals.gradient_bytes,
                optimizer_bytes: totals.gradient_bytes.checked_mul(kept)?,
                inference_bytes: totals.inference_bytes,
                training_bytes: totals.training_bytes,
                receptive_field: &totals.receptive_field,
                dense_equivalent_parameters: totals.dense_equivalent,
                predicted_training_rss_bytes: totals.predicted_training_rss_bytes,
            },
        };
        serde_json::to_string(&document)
            .ok()
            .map(|text| text + "\n")
    }

    fn figures<'l>(&self, layer: &'l Layer) -> Option<LayerFigures<'l>> {
        Some(LayerFigures {
            index: layer.index,
            path: &layer.path,
            name: layer.name.as_deref(),
            type_name: layer.type_name,
            depth: layer.depth,
            input: &layer.input,
            output: &layer.output,
            parameters: layer.counts.parameters()?,
            trainable: layer.counts.trainable,
            rate_factor: layer.rate_factor.filter(|_| layer.counts.trainable > 0),
            buffers: layer.counts.buffers,
            macs: layer.counts.macs,
            flops: layer.counts.macs.checked_mul(2)?,
            output_bytes: layer.output_bytes(self.dtype, self.batch)?,
            receptive_field: layer.field.size(),
            jump: layer.field.jump(),
            padding: &layer.padding,
            ignored: &layer.ignored,
        })
    }
}

/// A number of JSON, without a fraction where it has none.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Fraction(f64),
}

fn whole_or_fractions<S: Serializer>(numbers: &&[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers.iter().map(|number| {
        #[expect(clippy::cast_sign_loss, reason = "jumps are positive")]
        let whole = *number as u64;
        if number.fract() == 0.0 {
            Number::Whole(whole)
        } else {
            Number::Fraction(*number)
        }
    }))
}
