//! A network of an ONNX file as a config of its own, and a run with its weights.

use std::path::Path;

use burn::tensor;

use super::matching::{Match, Way};
use super::onnx::{self, Facts};
use super::{Imported, Known, as_file, check_is_free, facts, read, settle};
use crate::config::{Override, is_run_name};
use crate::diagnostic::{Diagnostic, Error, Kind, Result};
use crate::files;
use crate::load::Project;
use crate::model::{Device, Model};
use crate::model_file;

/// The most outputs of a network.
const MAX_OUTPUTS: usize = 1 << 20;

/// Writes the network of an ONNX file as a config, and makes a run of it with its weights.
///
/// # Errors
/// When a node has no layer here, or a file cannot be read or written: then there is neither config nor run.
pub fn convert(
    file: &Path,
    config: &Path,
    overrides: &[Override],
    run: Option<&str>,
) -> Result<Imported> {
    let name = config.file_stem().unwrap_or_default().to_string_lossy();
    if !is_run_name(&name) {
        let message = format!("`{name}` cannot be the name of a network");
        let help = "use letters, digits, `-`, `_` and `.`, such as `--config network.toml`";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    if config.exists() {
        let message = format!("`{}` exists", config.display());
        let help = "choose another name, or remove the file first";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    check_is_free(run)?;
    let shown = file.display().to_string();
    let bytes = read::bytes(file)?;
    let title = file.file_name().unwrap_or_default().to_string_lossy();
    let network = onnx::network(bytes, &title, &name).map_err(|reason| {
        let message = format!("the network in `{shown}` does not become a config");
        let diagnostic = Diagnostic::error(message).note(reason);
        let is_onnx = file
            .extension()
            .is_some_and(|own| own.eq_ignore_ascii_case("onnx"));
        Error::model(if is_onnx {
            diagnostic
        } else {
            diagnostic.help("only an ONNX file holds a network: weights alone go `--into` a config")
        })
    })?;
    let project = Project::of_file(config, &network.text, overrides).map_err(|mut error| {
        // What is wrong with the text is the file's, but for what the command line set.
        if overrides.is_empty() {
            error.kind = Kind::Model;
        }
        error
    })?;
    let device = Device::Cpu.open()?;
    let task = project.config.train.task();
    let model = Model::new(&project.plan.up_to_logits(task), 0, &device);
    let mut warnings = Vec::new();
    if !network.left_out.is_empty() {
        let names = crate::diagnostic::in_backticks(&network.left_out);
        let message = format!("only the first of its outputs is taken, without {names}");
        warnings.push(Diagnostic::warning(message));
    }
    let known = known(&project, &network.facts, &mut warnings)?;
    let matches = network.weights.iter().map(|weight| Match {
        ours: weight.name.clone(),
        theirs: weight.name.clone(),
        shape: weight.shape.clone(),
    });
    let matches = matches.collect();
    let path = settle(&project, model, &network.weights, &known, &shown, run)?;
    let written = files::write_new(config, network.text.as_bytes());
    if !matches!(written, Ok(true)) {
        // A run without the config that was asked for is half of what was.
        let _ = std::fs::remove_dir_all(&path);
        written?;
        let message = format!("`{}` exists by now", config.display());
        return Err(Error::config(Diagnostic::error(message)));
    }
    Ok(Imported {
        run: path,
        matches,
        way: Way::Nodes,
        classes: known.classes,
        warnings,
    })
}

/// Takes classes and preprocessing from the data if there is some, else from the file.
fn known(project: &Project, own: &Facts, warnings: &mut Vec<Diagnostic>) -> Result<Known> {
    let outputs: usize = project.plan.output().iter().product();
    if outputs > MAX_OUTPUTS {
        let message =
            format!("the network gives {outputs} numbers, each of which would be a class");
        let note = format!("at most {MAX_OUTPUTS} are named");
        return Err(Error::model(Diagnostic::error(message).note(note)));
    }
    let classes = own.classes.as_ref();
    let classes = classes.filter(|classes| classes.len() == outputs);
    let Some(classes) =
        classes.filter(|_| project.request().is_ok_and(|own| own.source.is_empty()))
    else {
        return facts(project, warnings);
    };
    let preprocessing = own.preprocessing.clone();
    let preprocessing = preprocessing.filter(|own| own.input_shape() == project.plan.input);
    Ok(Known {
        classes: classes.clone(),
        preprocessing: match preprocessing {
            Some(preprocessing) => preprocessing,
            None => project.request()?.preprocessing.clone(),
        },
        fingerprint: String::new(),
    })
}

/// Reads an ONNX file that was written here as one from elsewhere; returns the network, and the shape of its input.
///
/// # Errors
/// When a node has no layer.
pub fn read_back(bytes: Vec<u8>, device: &tensor::Device) -> Result<(Model, Vec<usize>)> {
    let failed = |reason: String| {
        let message = "the ONNX graph cannot be read back";
        Error::model(Diagnostic::error(message).note(reason))
    };
    let network = onnx::network(bytes, "the graph", "graph").map_err(failed)?;
    let project = Project::check("graph", &network.text, &[])?;
    let task = project.config.train.task();
    let model = Model::new(&project.plan.up_to_logits(task), 0, device);
    let model = model_file::load_weights(model, as_file(&network.weights)?, "the graph")?;
    Ok((model, project.plan.input))
}
