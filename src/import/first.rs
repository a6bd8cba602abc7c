//! The first weights of a training: those of another run or of a file from elsewhere, all but a head of other classes.

use std::path::Path;

use super::leeway::Leeway;
use super::matching::Matched;
use super::read::{self, Weights};
use super::{as_file, place};
use crate::config::Task;
use crate::dataset::{Preprocessing, are_numbers};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::model::{Device, Model};
use crate::model_file::{self, Header};
use crate::optimizer;
use crate::plan::Plan;
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

/// What a file says of itself.
struct Source {
    /// Nothing if it is none of ours.
    header: Option<Header>,
}

impl Source {
    /// Reads a file, and the weights in it.
    fn read(path: &Path) -> Result<(Weights, Self)> {
        if !model_file::is_one(path) {
            return Ok((read::read(path)?, Self { header: None }));
        }
        let trained = model_file::load(path, &Device::Cpu.open()?)?;
        let weights = Weights::Named(trained.model.weights()?);
        let header = Some(trained.header);
        Ok((weights, Self { header }))
    }

    /// Returns whether its answers stand for the same as those of a network; nothing where that is not known.
    fn answers_as(&self, header: &Header) -> Option<bool> {
        let (before, now) = (&self.header.as_ref()?.classes, &header.classes);
        // Numbers are no names: what they stand for only other numbers know.
        (before == now || !are_numbers(before) && !are_numbers(now)).then_some(before == now)
    }
}

/// Puts the weights of a file into a network that is going to be trained, as `plan` and `header` describe it.
///
/// The head, which is the last layer with weights and the dense ones right before it, starts anew from the first layer that
/// does not fit, and the last one where its classes are others.
///
/// # Errors
/// When the file cannot be read, or anything but the head does not fit.
pub fn first_weights(
    path: &Path,
    model: Model,
    plan: &Plan,
    header: &Header,
    task: Task,
) -> Result<First> {
    let file = path.display().to_string();
    let (weights, source) = Source::read(path)?;
    let leeway = Leeway::of_head(source.answers_as(header) == Some(false));
    let plan = plan.up_to_logits(task);
    let found = place(&model.weights()?, &plan, weights, None, &leeway, &file)?;
    let mut placed = found.placed.iter();
    if let Some(weight) = placed.find(|weight| !weight.values.iter().all(|value| value.is_finite()))
    {
        let name = &weight.name;
        let message = format!("`{name}` in `{file}` holds values that are not finite numbers");
        return Err(Error::model(Diagnostic::error(message)));
    }
    let model = model_file::load_part(model, as_file(&found.placed)?, &file)?;
    let mut warnings = found.warnings.clone();
    warnings.extend(told_head(&found, &source, header, task, &file));
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

/// Says which layers start anew and why, or that nobody knows what a head that is taken over answers.
fn told_head(
    found: &Matched,
    source: &Source,
    header: &Header,
    task: Task,
    file: &str,
) -> Option<Diagnostic> {
    let (learnt, now) = (task.learnt(), &header.classes);
    let before = source.header.as_ref().map(|header| &header.classes);
    let answers_as = source.answers_as(header);
    let taken = format!("{} weights are taken, {}", found.placed.len(), found.way);
    if found.fresh.is_empty() {
        let message = format!(
            "the head is taken from `{file}` too: whether its {} {learnt} are those of the data is not known",
            now.len()
        );
        let note = "if they are others, training has to unlearn them";
        let is_known = answers_as.is_some();
        return (!is_known).then(|| Diagnostic::warning(message).note(note).note(taken));
    }
    let other_count = before.filter(|before| before.len() != now.len());
    let reason = match (other_count, before) {
        (Some(before), _) => {
            let (here, there) = (now.len(), before.len());
            format!("{here} {learnt} here, {there} in `{file}`")
        }
        (None, Some(before)) if answers_as == Some(false) => {
            let is_order = sorted(before) == sorted(now);
            let other = if is_order {
                "had another order in"
            } else {
                "are not those of"
            };
            format!("its {learnt} {other} `{file}`")
        }
        _ => format!("it is not that of `{file}`"),
    };
    let pairs = before
        .filter(|_| other_count.is_none())
        .into_iter()
        .flatten();
    let others = now.iter().zip(pairs).enumerate();
    let others = others.filter(|(_, (now, before))| now != before);
    let told = others
        .take(MOST_TOLD)
        .fold(anew(found, &reason), |all, (number, (now, before))| {
            all.note(format!("answer {number} is `{now}`, and `{before}` there"))
        });
    Some(told.note(taken))
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
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
