//! Going on where a run stopped.

use crate::checkpoint;
use crate::config;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::load::Project;
use crate::model_file;
use crate::run::{self, Run};

use super::Event;
use super::session::Session;

impl Session {
    /// Takes over weights, optimizer and position from the newest checkpoint.
    pub(super) fn restore(&mut self, project: &Project, emit: &mut dyn FnMut(Event)) -> Result<()> {
        let before = run::read_record(&self.run.path)?;
        self.record.started_unix = before.started_unix;
        check_architecture(project, &self.run)?;
        let folder = self.run.path.join("checkpoints");
        let (checkpoint, warnings) = checkpoint::read_newest(&folder)?;
        for warning in warnings {
            emit(Event::Warning(warning));
        }
        if before.data_fingerprint != self.record.data_fingerprint {
            emit(Event::Warning(Diagnostic::warning(
                "the data is not what this run began with: its fingerprint has changed",
            )));
        }
        let name = checkpoint
            .path
            .join("model.safetensors")
            .display()
            .to_string();
        if let Some(model) = self.model.take() {
            let model = model_file::load_weights(model, checkpoint.model, &name)?;
            let training_device = self.device.clone().autodiff();
            let missing =
                self.optimizer
                    .restore(&model, checkpoint.optimizer, &training_device.inner());
            if !missing.is_empty() && checkpoint.progress.step > 0 {
                emit(Event::Warning(
                    Diagnostic::warning("the optimizer starts anew: its kind has changed")
                        .note(format!("no state for `{}`", missing.join("`, `"))),
                ));
            }
            self.model = Some(model);
        }
        self.progress = checkpoint.progress;
        Ok(())
    }
}

/// Refuses to go on with a network of other layers.
fn check_architecture(project: &Project, run: &Run) -> Result<()> {
    let path = run.path.join("config.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
    let before = Project::check(&path.display().to_string(), &text, &[])?;
    let lines = |project: &Project| -> Vec<String> {
        let input = format!("input = {:?}", project.config.model.input.value);
        let layers = project
            .config
            .model
            .layers
            .iter()
            .map(config::Layer::to_toml);
        std::iter::once(input).chain(layers).collect()
    };
    let (old, new) = (lines(&before), lines(project));
    let length = old.len().max(new.len());
    let message = format!("run `{}` was trained with another network", run.name());
    let mut diagnostic = Diagnostic::error(message);
    let mut differs = false;
    for index in 0..length {
        let (was, is) = (old.get(index), new.get(index));
        if was == is {
            continue;
        }
        differs = true;
        let place = if index == 0 {
            "input".to_owned()
        } else {
            format!("layer {}", index - 1)
        };
        let show =
            |line: Option<&String>| line.map_or("nothing".to_owned(), |line| format!("`{line}`"));
        diagnostic = diagnostic.note(format!("{place} was {}, is {}", show(was), show(is)));
    }
    if !differs {
        return Ok(());
    }
    let config = path.display();
    Err(Error::model(diagnostic.help(format!(
        "go on with `cnn train {config} --resume {}`, or train anew without `--resume`",
        run.name()
    ))))
}
