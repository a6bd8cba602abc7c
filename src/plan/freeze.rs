//! Layers that are not trained, by patterns of their names.

use super::{Layer, Operation, Plan};
use crate::config::Spanned;
use crate::diagnostic::{Diagnostic, in_backticks};

/// Names that a message lists.
const SHOWN: usize = 12;

impl Plan {
    /// Marks the layers whose names fit a pattern, and all that they hold, as not trained.
    ///
    /// A layer is called by its name, by its place (`3`), or within another layer by the first
    /// part of its weights' names (`3.layers.0`); `*` stands for any characters, `?` for one.
    ///
    /// # Errors
    /// A diagnostic for each pattern that fits no layer with weights.
    #[doc(hidden)]
    pub fn freeze(&mut self, patterns: &[Spanned<String>]) -> Result<(), Vec<Diagnostic>> {
        if patterns.is_empty() {
            return Ok(());
        }
        let mut marking = Marking {
            patterns,
            fits: vec![false; patterns.len()],
            names: Vec::new(),
        };
        marking.list("", &mut self.layers, false);
        let Marking { fits, names, .. } = marking;
        let unfit = patterns.iter().zip(fits).filter(|(_, fits)| !fits);
        let problems: Vec<Diagnostic> =
            unfit.map(|(pattern, _)| unknown(pattern, &names)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(problems)
    }
}

fn unknown(pattern: &Spanned<String>, names: &[String]) -> Diagnostic {
    let message = format!("no layer with weights is called `{}`", pattern.value);
    told(Diagnostic::error(message).at(&pattern.span, ""), names)
}

/// Adds which names there are.
pub(super) fn told(diagnostic: Diagnostic, names: &[String]) -> Diagnostic {
    let shown = in_backticks(names.iter().take(SHOWN));
    let more = if names.len() > SHOWN { ", …" } else { "" };
    diagnostic.note(format!("there is {shown}{more}"))
}

struct Marking<'a> {
    patterns: &'a [Spanned<String>],
    /// Whether each pattern fits a layer with weights.
    fits: Vec<bool>,
    /// The layers with weights.
    names: Vec<String>,
}

impl Marking<'_> {
    /// Marks layers and returns how many of their weights are no longer trained.
    fn list(&mut self, prefix: &str, layers: &mut [Layer], held: bool) -> u64 {
        let mut moved = 0;
        for (position, layer) in layers.iter_mut().enumerate() {
            let own = layer.name.clone().unwrap_or_else(|| position.to_string());
            let name = format!("{prefix}{own}");
            let has_weights = layer.counts.trainable + layer.counts.frozen > 0;
            let mut is_frozen = held;
            for (pattern, fits) in self.patterns.iter().zip(&mut self.fits) {
                let fitting = is_called(layer, &name, &pattern.value);
                *fits |= fitting && has_weights;
                is_frozen |= fitting;
            }
            if has_weights {
                self.names.push(name.clone());
            }
            let mut inner = 0;
            for (key, list) in lists(&mut layer.operation) {
                inner += self.list(&format!("{name}.{key}."), list, is_frozen);
            }
            layer.is_frozen = is_frozen;
            let newly = if is_frozen {
                layer.counts.trainable
            } else {
                inner
            };
            layer.counts.trainable -= newly;
            layer.counts.frozen += newly;
            moved += newly;
        }
        moved
    }
}

/// Returns whether a layer, `name` among the weights, is called so by a pattern.
pub(super) fn is_called(layer: &Layer, name: &str, pattern: &str) -> bool {
    let named = layer.name.as_ref();
    is_fit(pattern, name) || named.is_some_and(|named| is_fit(pattern, named))
}

/// Returns the lists of layers that a layer holds, as its weights' names have them.
pub(super) fn lists(operation: &mut Operation) -> Vec<(String, &mut [Layer])> {
    match operation {
        Operation::Residual(residual) => vec![
            ("layers".to_owned(), &mut residual.layers),
            ("shortcut".to_owned(), &mut residual.shortcut),
        ],
        Operation::Branches(branches) => {
            let branches = branches.branches.iter_mut().enumerate();
            let list = |(index, list)| (format!("branches.{index}"), Vec::as_mut_slice(list));
            branches.map(list).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns whether a name fits a pattern.
fn is_fit(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = without(name, first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let found = starts.find_map(|at| without(rest.get(at..)?, piece));
        let Some(after) = found else {
            return false;
        };
        rest = after;
    }
    let length = last.chars().count();
    let surplus = rest.chars().count().checked_sub(length);
    surplus.is_some_and(|surplus| {
        let end: String = rest.chars().skip(surplus).collect();
        without(&end, last) == Some("")
    })
}

/// Takes a piece off the start of a name, in which `?` is any character.
fn without<'a>(name: &'a str, piece: &str) -> Option<&'a str> {
    let mut rest = name.chars();
    for wanted in piece.chars() {
        let found = rest.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_fit;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name) in [
            ("C1", "C1"),
            ("conv*", "conv"),
            ("conv*", "conv_12"),
            ("*", "3"),
            ("3.*", "3.layers.0"),
            ("*.0", "3.layers.0"),
            ("c?nv", "cönv"),
            ("a*b*c", "aXbYbZc"),
            ("**", ""),
        ] {
            assert!(is_fit(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("C1", "C10"),
            ("C", "C1"),
            ("conv*", "Conv1"),
            ("*a", "ab"),
            ("a*a", "a"),
            ("?", ""),
            ("", "0"),
        ] {
            assert!(!is_fit(pattern, name), "{pattern} {name}");
        }
    }
}
