//! `--set KEY=VALUES` of a sweep: a key and the values that are tried.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use crate::config::{Override, nearest};
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::random::Random;

/// A key of the config and the values it is given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// The dotted key.
    pub key: String,
    /// Its values.
    pub values: Values,
    /// The setting as it was typed.
    setting: Override,
}

/// The values of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// One after another, as TOML.
    List(Vec<String>),
    /// All numbers between two.
    Range(Between),
}

/// All numbers between two, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Between {
    low: f64,
    high: f64,
    is_whole: bool,
    is_log: bool,
}

/// The most values that a step may make of a range.
const MOST_STEPS: f64 = 10_000.0;

impl Axis {
    /// Reads `a,b,c`, `a..b`, `a..b:log` or `a..b:STEP`.
    ///
    /// # Errors
    /// A diagnostic at what is wrong in the setting.
    pub(crate) fn parse(setting: &Override) -> Result<Self, Diagnostic> {
        let typed = Typed::new(setting);
        let text = setting.value.as_str();
        if text.is_empty() {
            return Err(typed.error("no value to try", 0..0, EXAMPLES));
        }
        let values = match text.split_once("..") {
            Some((low, rest)) if number(low).is_some() => range(&typed, low, rest)?,
            _ => Values::List(list(&typed)?),
        };
        Ok(Self {
            key: setting.key.clone(),
            values,
            setting: setting.clone(),
        })
    }

    /// Returns the value where there is a single one, which is a plain setting.
    #[must_use]
    pub(crate) fn single(&self) -> Option<&str> {
        match &self.values {
            Values::List(values) if values.len() == 1 => values.first().map(String::as_str),
            _ => None,
        }
    }

    /// Returns every value, `points` of a range.
    ///
    /// # Errors
    /// A diagnostic where a range has no points to take.
    pub(super) fn points(&self, points: Option<usize>) -> Result<Vec<String>, Diagnostic> {
        match (&self.values, points) {
            (Values::List(values), _) => Ok(values.clone()),
            (Values::Range(range), Some(points)) => Ok(range.points(points)),
            (Values::Range(_), None) => {
                let typed = Typed::new(&self.setting);
                let message = "a grid cannot hold all values of a range";
                let help = "give `--points 5` for five of each range, a list such as `0.1,0.01`, or `--search random`";
                Err(typed.error(message, 0..self.setting.value.len(), help))
            }
        }
    }

    /// Draws a value.
    pub(super) fn draw(&self, random: &mut Random) -> String {
        match &self.values {
            Values::List(values) => {
                let index = random.below(values.len() as u64) as usize;
                values.get(index).cloned().unwrap_or_default()
            }
            Values::Range(range) => range.draw(random),
        }
    }
}

impl Between {
    fn draw(&self, random: &mut Random) -> String {
        if self.is_whole && !self.is_log {
            let count = (self.high - self.low) as u64 + 1;
            return self.write(self.low + random.below(count) as f64);
        }
        self.write(self.at(random.unit()))
    }

    /// Returns the number at a share of the way.
    fn at(&self, share: f64) -> f64 {
        if self.is_log {
            let (low, high) = (self.low.ln(), self.high.ln());
            (low + share * (high - low)).exp()
        } else {
            self.low + share * (self.high - self.low)
        }
    }

    fn points(&self, points: usize) -> Vec<String> {
        let last = points.saturating_sub(1).max(1) as f64;
        let mut all: Vec<String> = (0..points)
            .map(|point| self.write(self.at(point as f64 / last)))
            .collect();
        all.dedup();
        all
    }

    /// Writes a number as TOML: whole ones as such, others with four digits that count.
    fn write(&self, number: f64) -> String {
        if self.is_whole {
            return format!("{:.0}", number.clamp(self.low, self.high));
        }
        let rounded: f64 = format!("{number:.3e}").parse().unwrap_or(number);
        format!("{:?}", rounded.clamp(self.low, self.high))
    }
}

const EXAMPLES: &str = "write `KEY=16,32,64` for a list, `KEY=0.1..0.9` for a range, `KEY=1e-4..1e-1:log` for one by magnitudes";

/// A setting, to point into.
struct Typed {
    source: Arc<Source>,
    /// Where the values begin in its text.
    start: usize,
    value: String,
}

impl Typed {
    fn new(setting: &Override) -> Self {
        let text = format!("{}={}", setting.key, setting.value);
        let source = Source {
            name: setting.option.clone(),
            text,
        };
        Self {
            source: Arc::new(source),
            start: setting.key.len() + 1,
            value: setting.value.clone(),
        }
    }

    /// Points at a range of the values.
    fn error(&self, message: &str, place: Range<usize>, help: &str) -> Diagnostic {
        let place = self.start + place.start..self.start + place.end;
        let span = Span::new(&self.source, place);
        Diagnostic::error(message).at(&span, "").help(help)
    }
}

/// Reads a finite number as TOML writes it.
fn number(text: &str) -> Option<(f64, bool)> {
    let digits = text.trim().replace('_', "");
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let number: f64 = digits.parse().ok()?;
    let is_whole = digits.parse::<i64>().is_ok() && number.abs() < 2_f64.powi(53);
    (is_plain && number.is_finite()).then_some((number, is_whole))
}

/// Reads what follows `low` in `low..high`, `low..high:log` and `low..high:STEP`.
fn range(typed: &Typed, low: &str, rest: &str) -> Result<Values, Diagnostic> {
    let whole = 0..typed.value.len();
    let after_low = low.len() + 2;
    let (high, how) = match rest.split_once(':') {
        Some((high, how)) => (high, Some(how.trim())),
        None => (rest, None),
    };
    let high_place = after_low..after_low + high.len();
    let how_place = high_place.end + 1..typed.value.len();
    let turned = format!("write `{}..{}`", high.trim(), low.trim());
    let (Some((low, low_whole)), Some((high, high_whole))) = (number(low), number(high)) else {
        let message = format!("a range ends with a number, received `{high}`");
        return Err(typed.error(&message, high_place, EXAMPLES));
    };
    if low >= high {
        let message = "a range goes from the smaller number to the larger";
        return Err(typed.error(message, whole, &turned));
    }
    let between = Between {
        low,
        high,
        is_whole: low_whole && high_whole,
        is_log: false,
    };
    match how {
        None => Ok(Values::Range(between)),
        Some("log") if low > 0.0 => Ok(Values::Range(Between {
            is_log: true,
            ..between
        })),
        Some("log") => {
            let message = "a range by magnitudes begins above 0";
            let help = "begin with a small number such as `1e-5`, or leave `:log` out";
            Err(typed.error(message, whole, help))
        }
        Some(how) => {
            if let Some((step, step_whole)) = number(how) {
                return steps(typed, between, step, step_whole, how_place).map(Values::List);
            }
            let message = format!("a range has `:log` or a step after it, received `:{how}`");
            let help = match nearest(how, &["log"]) {
                Some(_) => "did you mean `:log`?",
                None => "write `1e-4..1e-1:log`, or a step such as `16..128:16`",
            };
            Err(typed.error(&message, how_place, help))
        }
    }
}

/// Returns the numbers of a range that are whole steps from its beginning.
fn steps(
    typed: &Typed,
    between: Between,
    step: f64,
    step_whole: bool,
    place: Range<usize>,
) -> Result<Vec<String>, Diagnostic> {
    if step <= 0.0 {
        let message = "a step is above 0";
        return Err(typed.error(message, place, "write a step such as `16..128:16`"));
    }
    // A little more, so that 0.1..0.5:0.1 has its end in spite of rounding.
    let count = ((between.high - between.low) / step * (1.0 + 1e-9)).floor();
    if count > MOST_STEPS {
        let message = format!("{count:.0} steps are too many");
        return Err(typed.error(&message, place, "take a larger step"));
    }
    let written = Between {
        is_whole: between.is_whole && step_whole,
        ..between
    };
    let steps = 0..=count as u32;
    Ok(steps
        .map(|index| {
            let value = between.low + f64::from(index) * step;
            if written.is_whole {
                return written.write(value);
            }
            // Twelve digits hide the rounding of the sum, not what was typed.
            let value: f64 = format!("{value:.11e}").parse().unwrap_or(value);
            format!("{value:?}")
        })
        .collect())
}

/// Splits a list at its commas, but not at those within brackets, braces and quotes.
fn list(typed: &Typed) -> Result<Vec<String>, Diagnostic> {
    let text = &typed.value;
    let mut items = Vec::new();
    let mut open = Vec::new();
    let mut quote = None;
    let mut start = 0;
    for (place, c) in text.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => open.push(place),
            (None, ']' | '}') => {
                open.pop();
            }
            (None, ',') if open.is_empty() => {
                items.push(start..place);
                start = place + 1;
            }
            _ => {}
        }
    }
    items.push(start..text.len());
    let mut values = Vec::new();
    for place in items {
        let item = text.get(place.clone()).unwrap_or_default().trim();
        if item.is_empty() {
            let message = "a value is missing in the list";
            let help = "remove the comma too many, or write the value between";
            let comma = place.start.saturating_sub(1)..(place.end + 1).min(text.len());
            return Err(typed.error(message, comma, help));
        }
        if item.starts_with(['[', '{', '"', '\'']) && DeValue::parse(item).is_err() {
            let message = format!("`{item}` is not a value of TOML");
            let help = "close what is open; in a shell, put the whole setting in single quotes";
            return Err(typed.error(&message, place, help));
        }
        if values.iter().any(|value| value == item) {
            let message = format!("`{item}` stands twice in the list");
            return Err(typed.error(&message, place, "remove one of them"));
        }
        values.push(item.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
#[path = "axis_tests.rs"]
mod tests;
