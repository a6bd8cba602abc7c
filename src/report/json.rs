//! The JSON of the public contract.

use serde_json::{Map, Value, json};

use crate::evaluate::Report;
use crate::predict::Prediction;
use crate::train::{End, Event, Reason, Row, Start};

/// Writes a value on one line.
#[must_use]
pub fn line(value: &Value) -> String {
    format!("{value}\n")
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
        Reason::Paused => "paused",
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
