//! The JSON of the public contract.

use serde_json::{Map, Value, json};

use crate::diagnostic::Error;
use crate::evaluate::Report;
use crate::metrics::{Classes, Figures, Labels, Values};
use crate::predict::{Answer, Prediction};
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
        Event::Back(back) => Some(json!({
            "event": "back",
            "reason": back.warning.message,
            "epoch": back.epochs,
            "step": back.step,
            "learning_rate": back.learning_rate,
            "setbacks": back.setbacks,
        })),
        Event::End(end) => Some(training_end(end)),
        Event::Step(_) | Event::Warning(_) => None,
    }
}

/// Describes what ends a training that had begun.
#[must_use]
pub fn training_error(error: &Error) -> Value {
    json!({
        "event": "error",
        "message": error.to_string(),
        "exit_code": error.kind.exit_code(),
    })
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
        "first_weights": start.first_weights,
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
        Reason::OutOfTime => "max_minutes",
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
        "test_accuracy": end.test.and_then(|test| test.accuracy),
        "seconds": end.train_secs,
    })
}

/// Describes an evaluation.
#[must_use]
pub fn evaluation(run: &str, split: &str, names: &[String], report: &Report) -> Value {
    let metrics = &report.metrics;
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
    put("run", json!(run));
    put("split", json!(split));
    put("samples", json!(metrics.samples()));
    put("loss", json!(metrics.loss()));
    if let Some(accuracy) = metrics.accuracy() {
        put("accuracy", json!(accuracy));
    }
    let figures = match &metrics.figures {
        Figures::Classes(figures) => class_figures(names, figures, report),
        Figures::Labels(figures) => label_figures(names, figures),
        Figures::Values(figures) => value_figures(names, figures),
    };
    for (key, value) in figures {
        put(key, value);
    }
    put("seconds", json!(report.elapsed_secs));
    let speed = metrics.samples() as f64 / report.elapsed_secs.max(f64::EPSILON);
    put("images_per_second", json!(speed));
    Value::Object(document)
}

fn class_figures(
    classes: &[String],
    metrics: &Classes,
    report: &Report,
) -> Vec<(&'static str, Value)> {
    let figures = classes.iter().zip(metrics.classes());
    let figures = figures.map(|(name, figures)| {
        json!({
            "name": name,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "support": figures.support,
        })
    });
    let mistakes = report.mistakes.iter().map(|mistake| {
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
    });
    let error = metrics.expected_calibration_error();
    vec![
        ("top5_accuracy", json!(metrics.top5_accuracy())),
        ("expected_calibration_error", json!(error)),
        ("classes", figures.collect()),
        ("confusion", json!(metrics.confusion())),
        ("mistakes", mistakes.collect()),
    ]
}

fn label_figures(names: &[String], metrics: &Labels) -> Vec<(&'static str, Value)> {
    let figures = names.iter().zip(metrics.labels());
    let figures = figures.map(|(name, figures)| {
        json!({
            "name": name,
            "accuracy": figures.accuracy,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "support": figures.support,
        })
    });
    vec![
        ("mean_f1", json!(metrics.mean_f1())),
        ("labels", figures.collect()),
    ]
}

fn value_figures(names: &[String], metrics: &Values) -> Vec<(&'static str, Value)> {
    let all = metrics.all();
    let each = names.iter().zip(metrics.each());
    let each = each.map(|(name, figures)| {
        json!({ "name": name, "mae": figures.mae, "rmse": figures.rmse, "r2": figures.r2 })
    });
    vec![
        ("mae", json!(all.mae)),
        ("rmse", json!(all.rmse)),
        ("r2", json!(all.r2)),
        ("values", each.collect()),
    ]
}

/// Describes the answer to one picture.
#[must_use]
pub fn prediction(prediction: &Prediction) -> Value {
    match &prediction.answer {
        Ok(Answer::Values(values)) => {
            let values: Map<String, Value> = values
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect();
            json!({ "path": prediction.name, "values": values })
        }
        Ok(Answer::Guesses(guesses)) => {
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
