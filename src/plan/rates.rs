//! Factors on the learning rate of layers, by patterns of their names.

use super::freeze::{is_called, lists, told};
use super::{Layer, Plan};
use crate::config::RateFactor;
use crate::diagnostic::Diagnostic;

impl Plan {
    /// Gives the layers whose names fit a pattern, and all that they hold, its factor on the
    /// learning rate; of several patterns the last counts.
    ///
    /// Patterns are those of [`Plan::freeze`], which comes first: what is frozen has no rate.
    ///
    /// # Errors
    /// A diagnostic for each pattern that fits no layer that is trained, or after which another fits
    /// all that it does.
    pub fn set_rates(&mut self, factors: &[RateFactor]) -> Result<(), Vec<Diagnostic>> {
        if factors.is_empty() {
            return Ok(());
        }
        let mut marking = Marking {
            factors,
            fits: vec![None; factors.len()],
            counts: vec![false; factors.len()],
            names: Vec::new(),
        };
        marking.list("", &mut self.layers, None);
        let every = factors.iter().zip(&marking.fits).zip(&marking.counts);
        let problems = every.filter_map(|((one, fits), counts)| {
            let name = &one.pattern.value;
            let error = |message| Diagnostic::error(message).at(&one.pattern.span, "");
            match fits {
                None => {
                    let message = format!("no layer that is trained is called `{name}`");
                    Some(told(error(message), &marking.names))
                }
                Some(_) if *counts => None,
                Some(last) => {
                    let later = &factors.get(*last)?.pattern.value;
                    let message = format!("`{name}` decides no rate: `{later}` after it fits too");
                    let help = format!("the last that fits counts: put `{name}` after `{later}`");
                    Some(error(message).help(help))
                }
            }
        });
        let problems: Vec<Diagnostic> = problems.collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(problems)
    }
}

struct Marking<'a> {
    factors: &'a [RateFactor],
    /// For each pattern that fits a layer that is trained, the last pattern that fits such a layer too.
    fits: Vec<Option<usize>>,
    /// Whether each decides the rate of any weight.
    counts: Vec<bool>,
    /// The layers that are trained.
    names: Vec<String>,
}

impl Marking<'_> {
    /// Marks layers; `held` are the patterns that fit what holds them.
    fn list(&mut self, prefix: &str, layers: &mut [Layer], held: Option<&[usize]>) {
        for (position, layer) in layers.iter_mut().enumerate() {
            let own = layer.name.clone().unwrap_or_else(|| position.to_string());
            let name = format!("{prefix}{own}");
            let fitting: Vec<usize> = (0..self.factors.len())
                .filter(|number| {
                    held.is_some_and(|held| held.contains(number))
                        || is_called(layer, &name, &self.factors[*number].pattern.value)
                })
                .collect();
            let last = fitting.last().copied();
            if layer.counts.trainable > 0 {
                self.names.push(name.clone());
                for number in &fitting {
                    self.fits[*number] = self.fits[*number].max(last);
                }
            }
            let mut inner = 0;
            for (key, list) in lists(&mut layer.operation) {
                inner += list.iter().map(|layer| layer.counts.trainable).sum::<u64>();
                self.list(&format!("{name}.{key}."), list, Some(&fitting));
            }
            // What a layer holds has been asked for itself.
            if let Some(last) = last.filter(|_| layer.counts.trainable > inner) {
                self.counts[last] = true;
            }
            layer.rate_factor = last.map(|last| self.factors[last].factor);
        }
    }
}
