//! The first weights of a training: those of another run or of a file from elsewhere, all but a head of other classes.

use std::path::Path;

use super::leeway::Leeway;
use super::matching::{self, Matched, values_here};
use super::{as_file, read};
use crate::dataset::Preprocessing;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::model::{Device, Model, NamedWeight};
use crate::model_file::{self, Header};
use crate::optimizer;
use crate::run::FirstWeights;

/// Classes of other names that are told one by one.
const MOST_TOLD: usize = 10;

/// A network with its first weights.
#[derive(Debug)]
pub struct First {
    /// The network.
    pub model: Model,
    /// What is kept of it in the record of the run.
    pub record: FirstWeights,
    /// What the user should know.
    pub warnings: Vec<Diagnostic>,
}

/// What a file has.
struct Source {
    weights: Vec<NamedWeight>,
    /// What it says of itself, if it is one of ours.
    header: Option<Header>,
}

impl Source {
    fn read(path: &Path) -> Result<Self> {
        if !model_file::is_one(path) {
            let (weights, header) = (read::read(path)?, None);
            return Ok(Self { weights, header });
        }
        let trained = model_file::load(path, &Device::Cpu.open()?)?;
        let weights = trained.model.weights()?.into_iter().map(as_elsewhere);
        Ok(Self {
            weights: weights.collect(),
            header: Some(trained.header),
        })
    }

    /// Returns whether its answers stand for other classes, or for the same in another order.
    fn has_other_classes(&self, header: &Header) -> bool {
        let before = self.header.as_ref().map(|header| header.classes.as_slice());
        before.is_some_and(|before| {
            let now = &header.classes;
            // Numbers are no names: they stand for whatever comes in their order.
            !are_numbers(before) && !are_numbers(now) && before != now
        })
    }
}

/// Puts the weights of a file into a network that is going to be trained, as `header` describes it.
///
/// The head, which is the last layer with weights and the dense ones right before it, starts anew from the first layer that
/// does not fit, and the last one where its classes are others.
///
/// # Errors
/// When the file cannot be read, or anything but the head does not fit.
pub fn first_weights(path: &Path, model: Model, header: &Header) -> Result<First> {
    let file = path.display().to_string();
    let source = Source::read(path)?;
    if source.weights.is_empty() {
        let message = format!("`{file}` holds no weights");
        return Err(Error::model(Diagnostic::error(message)));
    }
    let is_other = source.has_other_classes(header);
    let leeway = Leeway::of_head(is_other);
    let found = matching::match_all(&model.weights()?, &source.weights, None, &leeway, &file)?;
    let mut placed = found.placed.iter();
    if let Some(weight) = placed.find(|weight| !weight.values.iter().all(|value| value.is_finite()))
    {
        let name = &weight.name;
        let message = format!("`{name}` in `{file}` holds values that are not finite numbers");
        return Err(Error::model(Diagnostic::error(message)));
    }
    let model = model_file::load_part(model, as_file(&found.placed)?, &file)?;
    let mut warnings = Vec::new();
    warnings.extend(told_head(&found, &source, header, &file));
    warnings.extend(told_frozen(&found, &model));
    let before = source.header.as_ref().map(|header| &header.preprocessing);
    warnings
        .extend(before.and_then(|before| told_normalization(before, &header.preprocessing, &file)));
    let record = FirstWeights {
        file,
        taken: found.placed.len(),
        placed: found.way.to_string(),
        fresh: found.fresh,
    };
    Ok(First {
        model,
        record,
        warnings,
    })
}

/// Brings a weight of ours into the order of values that files from elsewhere have.
fn as_elsewhere(weight: NamedWeight) -> NamedWeight {
    match weight.shape[..] {
        [inputs, units] => NamedWeight {
            values: values_here(&weight),
            shape: vec![units, inputs],
            name: weight.name,
        },
        _ => weight,
    }
}

fn are_numbers(classes: &[String]) -> bool {
    let mut names = classes.iter().enumerate();
    names.all(|(number, name)| *name == number.to_string())
}

/// Says which layers start anew, or whose classes a head that is taken over answers for.
fn told_head(found: &Matched, source: &Source, header: &Header, file: &str) -> Option<Diagnostic> {
    let classes = header.classes.len();
    let taken = found.placed.len();
    let taken = format!("{taken} weights are taken, {}", found.way);
    let Some(before) = source
        .header
        .as_ref()
        .map(|header| header.classes.as_slice())
    else {
        if !found.fresh.is_empty() {
            return Some(anew(found, &format!("it is not that of `{file}`")).note(taken));
        }
        let message = format!(
            "the head is taken from `{file}` too, which does not say what its {classes} classes are"
        );
        let help = "they should be those of the data, in the same order; what they are not, training has to unlearn";
        return Some(Diagnostic::warning(message).note(taken).help(help));
    };
    if found.fresh.is_empty() {
        return None;
    }
    if !source.has_other_classes(header) || before.len() != classes {
        let (here, there) = (classes, before.len());
        let reason = if here == there {
            format!("it is not that of `{file}`")
        } else {
            format!("{here} classes here, {there} in `{file}`")
        };
        return Some(anew(found, &reason).note(taken));
    }
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    let reason = if sorted(before) == sorted(&header.classes) {
        format!("its classes had another order in `{file}`")
    } else {
        format!("its classes are not those of `{file}`")
    };
    let pairs = header.classes.iter().zip(before).enumerate();
    let others = pairs.filter(|(_, (now, before))| now != before);
    let warning =
        others
            .take(MOST_TOLD)
            .fold(anew(found, &reason), |all, (number, (now, before))| {
                all.note(format!("class {number} is `{now}`, and `{before}` there"))
            });
    Some(warning.note(taken))
}

/// Begins to say that layers start anew.
fn anew(found: &Matched, reason: &str) -> Diagnostic {
    let names = in_backticks(&found.fresh);
    let verb = if found.fresh.len() == 1 {
        "starts"
    } else {
        "start"
    };
    let warning = Diagnostic::warning(format!("{names} {verb} anew: {reason}"));
    found.differences.iter().fold(warning, Diagnostic::note)
}

/// Warns of a layer that starts anew and never learns.
fn told_frozen(found: &Matched, model: &Model) -> Option<Diagnostic> {
    let trained = optimizer::trained(model);
    let is_trained = |layer: &&String| {
        let begin = format!("{layer}.");
        trained.iter().any(|weight| weight.starts_with(&begin))
    };
    let frozen: Vec<&String> = found
        .fresh
        .iter()
        .filter(|layer| !is_trained(layer))
        .collect();
    if frozen.is_empty() {
        return None;
    }
    let names = in_backticks(frozen);
    let message = format!("what starts anew and is frozen never learns: {names}");
    Some(Diagnostic::warning(message).help("change `freeze`, or `trainable` of the layer"))
}

/// Warns of pictures that are brought to other values than those the weights were trained on.
fn told_normalization(
    before: &Preprocessing,
    now: &Preprocessing,
    file: &str,
) -> Option<Diagnostic> {
    let channels = 0..now.channels();
    let mut values = channels.flat_map(|channel| [0.0, 255.0].map(|value| (channel, value)));
    let is_same = values.all(|(channel, value)| {
        let [now, before] = [now, before].map(|one| one.normalize(channel, value));
        (now - before).abs() <= 1e-4 * now.abs().max(1.0)
    });
    if is_same {
        return None;
    }
    let of = |one: &Preprocessing| {
        let (rescale, mean, std) = (one.rescale, &one.mean, &one.std);
        format!("rescale {rescale}, mean {mean:?}, std {std:?}")
    };
    let message = format!("inputs are normalized otherwise than for the weights of `{file}`");
    Some(
        Diagnostic::warning(message)
            .note(format!("here: {}", of(now)))
            .note(format!("there: {}", of(before)))
            .help("what the layers know was learnt from those inputs: set the same `rescale` and `normalize` in `[data]`"),
    )
}
