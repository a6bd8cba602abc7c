//! The file that predicts anywhere: weights, and in its metadata all that they need.

use std::io::Read as _;
use std::path::Path;

use burn::store::{ModuleStore as _, SafetensorsStore};
use burn::tensor;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::dataset::Preprocessing;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::model::{Device, Model};
use crate::plan::{Dtype, Plan};

/// The version of the format that is written; older ones are read.
const FORMAT: u32 = 1;

/// The one key of the metadata. One key alone, because their order in the file is not fixed.
const KEY: &str = "cnn";

/// What the metadata of a model file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// The config with every default.
    pub config: String,
    /// Class names in the order of the logits.
    pub classes: Vec<String>,
    /// How a picture becomes the network's input.
    pub preprocessing: Preprocessing,
}

/// A trained network with all that it needs to answer.
#[derive(Clone, Debug)]
pub struct Trained {
    /// What the file says about itself.
    pub header: Header,
    /// The config the network was trained with.
    pub config: Config,
    /// Its shapes.
    pub plan: Plan,
    /// The network, without automatic differentiation.
    pub model: Model,
}

/// What every version of the metadata has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Header {
    /// Describes a network that is being trained.
    #[must_use]
    pub fn new(config: &Config, classes: &[String], preprocessing: &Preprocessing) -> Self {
        Self {
            format: FORMAT,
            config: config.to_toml(),
            classes: classes.to_vec(),
            preprocessing: preprocessing.clone(),
        }
    }

    /// Finds a class by its name or number.
    ///
    /// # Errors
    /// When there is none; the message names what there is.
    pub fn class(&self, word: &str) -> Result<usize> {
        let classes = &self.classes;
        let named = classes.iter().position(|class| class == word);
        let numbered = word.parse().ok().filter(|index| *index < classes.len());
        named.or(numbered).ok_or_else(|| {
            let known = in_backticks(classes.iter().take(20));
            let diagnostic = Diagnostic::error(format!("the network knows no class `{word}`"));
            Error::config(diagnostic.note(format!("it knows {known}")))
        })
    }
}

/// Returns the bytes of a model file.
///
/// # Errors
/// When the weights cannot be read back from the device.
pub fn to_bytes(model: &Model, header: &Header) -> Result<Vec<u8>> {
    let failed = |reason: String| {
        Error::model(Diagnostic::error(format!(
            "failed to write the weights: {reason}"
        )))
    };
    let metadata = serde_json::to_string(header).map_err(|error| failed(error.to_string()))?;
    let mut store = SafetensorsStore::from_bytes(None)
        .clear_metadata()
        .metadata(KEY, metadata);
    store
        .collect_from(model)
        .map_err(|error| failed(error.to_string()))?;
    store.get_bytes().map_err(|error| failed(error.to_string()))
}

/// Loads a model file.
///
/// # Errors
/// When it cannot be read, is no model file of `cnn`, or its weights do not fit its config.
pub fn load(path: &Path, device: &tensor::Device) -> Result<Trained> {
    let bytes =
        crate::files::read(path, u64::MAX).map_err(|error| Error::io("read", path, &error))?;
    let name = path.display().to_string();
    let header = read_header(&bytes, &name)?;
    let parsed = Config::parse(&name, &header.config, &[]);
    let damaged = |problems: Vec<Diagnostic>| {
        let mut diagnostics = vec![Diagnostic::error(format!(
            "the config inside `{name}` does not hold"
        ))];
        diagnostics.extend(problems);
        Error {
            kind: crate::diagnostic::Kind::Model,
            diagnostics,
        }
    };
    let config = match parsed.config {
        Some(config) if parsed.problems.is_empty() => config,
        _ => return Err(damaged(parsed.problems)),
    };
    let plan = Plan::new(&config.model).map_err(damaged)?;
    check_consistency(&header, &plan, bytes.len()).map_err(|reason| {
        Error::model(Diagnostic::error(format!(
            "`{name}` does not hold together: {reason}"
        )))
    })?;
    let model = load_weights(
        Model::blank(&plan.up_to_logits(config.train.task()), device),
        bytes,
        &name,
    )?;
    if let Some(weight) = model.first_not_finite() {
        let message = format!("`{weight}` in `{name}` holds values that are not finite numbers");
        return Err(Error::model(Diagnostic::error(message)));
    }
    tracing::debug!(path = name, classes = header.classes.len(), "model loaded");
    Ok(Trained {
        header,
        config,
        plan,
        model,
    })
}

/// The head of a safetensors file, as far as it tells ours from others.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "__metadata__")]
    metadata: Option<std::collections::BTreeMap<String, String>>,
}

/// Returns whether a file is a model file of `cnn`, damaged or not, by what it begins with.
#[must_use]
pub fn is_one(path: &Path) -> bool {
    /// The longest head that safetensors reads.
    const LONGEST: u64 = 100_000_000;
    let read = || {
        let mut file = std::fs::File::open(path).ok()?;
        let mut length = [0; 8];
        file.read_exact(&mut length).ok()?;
        let length = u64::from_le_bytes(length);
        let mut head = Vec::new();
        file.take(length.min(LONGEST)).read_to_end(&mut head).ok()?;
        let head: Head = serde_json::from_slice(&head).ok()?;
        Some(head.metadata?.contains_key(KEY))
    };
    read().unwrap_or(false)
}

impl Model {
    /// Loads the network of a model file, up to its logits, without what the file says of classes and pictures: those take
    /// a `Predictor`.
    ///
    /// # Errors
    /// When the device cannot be opened, or the file is no model file of `cnn` or a damaged one.
    pub fn load(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        Ok(load(path.as_ref(), &device.open()?)?.model)
    }
}

/// Says what a file is that is not safetensors, by its first bytes.
fn not_safetensors(bytes: &[u8], name: &str, reason: &str) -> Diagnostic {
    let kind = if bytes.starts_with(b"PK\x03\x04") || matches!(bytes, [0x80, 2..=5, ..]) {
        "a pickle or a zip, as PyTorch and Keras write them"
    } else if bytes.starts_with(b"\x89HDF") {
        "an HDF5 file, as Keras writes them"
    } else if is_onnx(bytes) {
        let convert =
            format!("`cnn import {name} --config NEW.toml` makes a config and a run of it");
        return Diagnostic::error(format!("`{name}` is an ONNX file, no model file")).help(convert);
    } else if is_config(bytes) {
        let message = format!("`{name}` is a config, which has no weights");
        let train = format!("`cnn train {name}` makes a run with weights of it");
        let import = format!("`cnn import WEIGHTS --into {name}` takes weights from elsewhere");
        return Diagnostic::error(message).help(train).help(import);
    } else {
        return Diagnostic::error(format!("`{name}` is not a safetensors file: {reason}"));
    };
    let convert = format!(
        "`cnn import {name} --into CONFIG` makes a run of its weights and the config of their network"
    );
    Diagnostic::error(format!("`{name}` is {kind}, not safetensors")).help(convert)
}

/// Tells an ONNX file by its first field, a small version, and another field right after it; the length of a header of
/// safetensors below 65,536 bytes has a zero there, and a longer one begins otherwise but by chance.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=64, next, ..] if *next != 0)
}

/// Whether a text is a config, by the line that each has.
fn is_config(bytes: &[u8]) -> bool {
    let mut lines = std::str::from_utf8(bytes).unwrap_or_default().lines();
    lines.any(|line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        line == "[model]"
            || line
                .strip_prefix("model")
                .is_some_and(|rest| rest.trim_start().starts_with('='))
    })
}

/// Checks what the parts of a file say of each other, before anything is made of them.
fn check_consistency(
    header: &Header,
    plan: &Plan,
    bytes: usize,
) -> std::result::Result<(), String> {
    let preprocessing = &header.preprocessing;
    let sides = preprocessing.padding.iter().flatten();
    let bounded = sides
        .chain(&preprocessing.shape)
        .all(|size| *size <= 1 << 24);
    if !bounded || preprocessing.input_shape()[..] != plan.input[..] {
        return Err("pictures are not prepared as the network's input".to_owned());
    }
    let scales = preprocessing.std.iter().chain([&preprocessing.rescale]);
    if !scales
        .into_iter()
        .all(|scale| scale.is_finite() && *scale > 0.0)
    {
        return Err("its `std` or `rescale` is no number above 0".to_owned());
    }
    let outputs: usize = plan.output().iter().product();
    if outputs != header.classes.len() {
        let count = header.classes.len();
        return Err(format!("{count} class names for {outputs} outputs"));
    }
    let totals = plan.totals(Dtype::F32, 1);
    let weights = totals.and_then(|totals| {
        let statistics = totals.buffers.checked_mul(Dtype::F32.bytes())?;
        totals.weight_bytes.checked_add(statistics)
    });
    if weights.is_none_or(|weights| weights > bytes as u64) {
        return Err("it is too short for the weights of its network".to_owned());
    }
    Ok(())
}

/// Returns what a model file says about itself.
///
/// # Errors
/// When it is none.
pub fn read_header(bytes: &[u8], name: &str) -> Result<Header> {
    let not_ours = |diagnostic: Diagnostic| {
        Error::model(diagnostic.help("give a `model.safetensors` that `cnn train` wrote"))
    };
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| not_ours(not_safetensors(bytes, name, &error.to_string())))?;
    let entries = metadata.metadata().as_ref();
    let Some(text) = entries.and_then(|entries| entries.get(KEY)) else {
        let message = format!("`{name}` holds weights, but no config, classes and preprocessing");
        return Err(not_ours(Diagnostic::error(message)));
    };
    let damaged = |error: serde_json::Error| {
        let message = format!("the metadata of `{name}` is damaged: {error}");
        not_ours(Diagnostic::error(message))
    };
    let version: Version = serde_json::from_str(text).map_err(damaged)?;
    if version.format > FORMAT {
        let message = format!(
            "`{name}` has format {}; this `cnn` reads up to {FORMAT}",
            version.format
        );
        return Err(Error::model(
            Diagnostic::error(message).help("use a newer `cnn`"),
        ));
    }
    serde_json::from_str(text).map_err(damaged)
}

/// Puts the weights of a model file into a network; all of them or none.
///
/// # Errors
/// A diagnostic that lists every weight that is missing, superfluous or of another shape.
pub fn load_weights(model: Model, bytes: Vec<u8>, name: &str) -> Result<Model> {
    Loading::new(model, bytes, name)?.whole(name)
}

/// Puts weights into a network that may have more.
///
/// # Errors
/// A diagnostic that lists every weight that is superfluous or of another shape.
pub fn load_part(model: Model, bytes: Vec<u8>, name: &str) -> Result<Model> {
    let mut loading = Loading::new(model, bytes, name)?;
    loading.missing.clear();
    loading.whole(name)
}

/// A network with the weights of a file that fit.
struct Loading {
    model: Model,
    /// What the file has not.
    missing: Vec<String>,
    /// What is of no use, or of another shape.
    differences: Vec<String>,
}

impl Loading {
    fn new(mut model: Model, bytes: Vec<u8>, name: &str) -> Result<Self> {
        let mut store = SafetensorsStore::from_bytes(Some(bytes))
            .validate(false)
            .allow_partial(true);
        let applied = store.apply_to(&mut model).map_err(|error| {
            Error::model(Diagnostic::error(format!(
                "failed to read `{name}`: {error}"
            )))
        })?;
        let missing = applied.missing.iter();
        let missing = missing.map(|(weight, _)| format!("`{weight}` is not in the file"));
        let unused = applied.unused.iter();
        let mut differences: Vec<String> = unused
            .map(|weight| format!("`{weight}` of the file is not in the network"))
            .collect();
        differences.extend(applied.errors.iter().map(ToString::to_string));
        Ok(Self {
            model,
            missing: missing.collect(),
            differences,
        })
    }

    /// Returns the network if nothing is missing or other.
    fn whole(self, name: &str) -> Result<Model> {
        if self.missing.is_empty() && self.differences.is_empty() {
            return Ok(self.model);
        }
        let message = format!("the weights in `{name}` are of another network");
        let all = self.missing.into_iter().chain(self.differences);
        Err(Error::model(
            all.fold(Diagnostic::error(message), Diagnostic::note),
        ))
    }
}
