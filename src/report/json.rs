//! The JSON of the public contract.

use serde_json::{Map, Value, json};

use crate::evaluate::Report;
use crate::plan::{Dtype, Plan};
use crate::predict::Prediction;
use crate::train::{End, Event, Reason, Row, Start};

/// Writes a value on one line.
#[must_use]
pub fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// Describes a plan for a batch; `None` when a figure for that batch is beyond counting.
#[must_use]
pub fn inspection(name: &str, plan: &Plan, batch: usize) -> Option<Value> {
    let dtype = Dtype::F32;
    let totals = plan.totals(dtype, batch)?;
    let layers: Option<Vec<Value>> = plan
        .every()
        .into_iter()
        .map(|layer| {
            let jump = layer.field.jump().iter();
            Some(json!({
                "index": layer.index,
                "path": layer.path,
                "name": layer.name,
                "type": layer.type_name,
                "depth": layer.depth,
                "input": layer.input,
                "output": layer.output,
                "parameters": layer.counts.parameters()?,
                "trainable": layer.counts.trainable,
                "buffers": layer.counts.buffers,
                "macs": layer.counts.macs,
                "flops": layer.counts.macs * 2,
                "output_bytes": layer.output_bytes(dtype, batch)?,
                "receptive_field": layer.field.size(),
                "jump": jump.map(|jump| whole_or_fraction(*jump)).collect::<Vec<_>>(),
                "padding": layer.padding,
                "ignored": layer.ignored,
            }))
        })
        .collect();
    Some(json!({
        "name": name,
        "input": plan.input,
        "batch": batch,
        "dtype": dtype.word(),
        "layers": layers?,
        "totals": {
            "parameters": totals.parameters(),
            "trainable": totals.trainable,
            "buffers": totals.buffers,
            "macs": totals.macs,
            "flops": totals.macs * 2,
            "weight_bytes": totals.weight_bytes,
            "inference_bytes": totals.inference_bytes,
            "training_bytes": totals.training_bytes,
            "receptive_field": totals.receptive_field,
            "dense_equivalent_parameters": totals.dense_equivalent,
            "predicted_training_rss_bytes": totals.predicted_training_rss_bytes,
        },
    }))
}

/// Writes a number without a fraction as a whole one.
fn whole_or_fraction(number: f64) -> Value {
    if number.fract() == 0.0 {
        json!(number as u64)
    } else {
        json!(number)
    }
}

/// Describes an event of training; steps are not part of the stream.
#[must_use]
pub fn training_event(event: &Event) -> Option<Value> {
    match event {
        Event::Start(start) => Some(training_start(start)),
        Event::Epoch(row) => Some(epoch(row)),
        Event::Checkpoint(path) => {
            Some(json!({ "event": "checkpoint", "path": path.display().to_string() }))
        }
        Event::End(end) => Some(training_end(end)),
        Event::Step(_) | Event::Warning(_) => None,
    }
}

fn training_start(start: &Start) -> Value {
    let [train, validation, test] = start.samples;
    json!({
        "event": "start",
        "run": start.run.display().to_string(),
        "model": start.model,
        "device": start.device,
        "parameters": start.parameters,
        "data": start.data,
        "train_samples": train,
        "validation_samples": validation,
        "test_samples": test,
        "classes": start.classes,
        "epochs": start.epochs,
        "epochs_done": start.done,
        "steps_per_epoch": start.steps_per_epoch,
        "seed": start.seed,
    })
}

fn epoch(row: &Row) -> Value {
    let mut event = Map::new();
    event.insert("event".to_owned(), "epoch".into());
    if let Ok(Value::Object(columns)) = serde_json::to_value(row) {
        event.extend(columns);
    }
    Value::Object(event)
}

fn training_end(end: &End) -> Value {
    let reason = match end.reason {
        Reason::Finished => "finished",
        Reason::NoBetter => "early_stopping",
        Reason::Stopped(_) => "stopped",
    };
    json!({
        "event": "end",
        "run": end.run.display().to_string(),
        "reason": reason,
        "epochs": end.epochs,
        "best_epoch": end.best.map(|best| best.epoch),
        "best_loss": end.best.map(|best| best.loss),
        "test_samples": end.test.map(|test| test.samples),
        "test_loss": end.test.map(|test| test.loss),
        "test_accuracy": end.test.map(|test| test.accuracy),
        "seconds": end.train_secs,
    })
}

/// Describes an evaluation.
#[must_use]
pub fn evaluation(run: &str, split: &str, classes: &[String], report: &Report) -> Value {
    let metrics = &report.metrics;
    let figures: Vec<Value> = classes
        .iter()
        .zip(metrics.classes())
        .map(|(name, figures)| {
            json!({
                "name": name,
                "precision": figures.precision,
                "recall": figures.recall,
                "f1": figures.f1,
                "support": figures.support,
            })
        })
        .collect();
    let mistakes: Vec<Value> = report
        .mistakes
        .iter()
        .map(|mistake| {
            let (key, value) = match &mistake.path {
                Some(path) => ("path", json!(path.display().to_string())),
                None => ("index", json!(mistake.index)),
            };
            json!({
                key: value,
                "label": mistake.label,
                "predicted": mistake.predicted,
                "confidence": mistake.confidence,
            })
        })
        .collect();
    json!({
        "run": run,
        "split": split,
        "samples": metrics.samples(),
        "loss": metrics.loss(),
        "accuracy": metrics.accuracy(),
        "top5_accuracy": metrics.top5_accuracy(),
        "expected_calibration_error": metrics.expected_calibration_error(),
        "classes": figures,
        "confusion": metrics.confusion(),
        "mistakes": mistakes,
        "seconds": report.elapsed_secs,
        "images_per_second": metrics.samples() as f64 / report.elapsed_secs.max(f64::EPSILON),
    })
}

/// Describes the answer to one picture.
#[must_use]
pub fn prediction(prediction: &Prediction) -> Value {
    match &prediction.guesses {
        Ok(guesses) => {
            let guesses: Vec<Value> = guesses
                .iter()
                .map(|guess| {
                    json!({
                        "class": guess.class,
                        "index": guess.index,
                        "probability": guess.probability,
                    })
                })
                .collect();
            json!({ "path": prediction.name, "predictions": guesses })
        }
        Err(reason) => json!({ "path": prediction.name, "error": reason }),
    }
}
