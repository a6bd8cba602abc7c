//! Predictions as text and CSV.

use super::number::percent;
use super::{blocks, plain};
use crate::look::Picture;
use crate::predict::{Answer, Prediction};

/// Writes the answer to one picture on a line; nothing for a picture that could not be read.
#[must_use]
pub fn render(prediction: &Prediction) -> Option<String> {
    let guesses: Vec<String> = match prediction.answer.as_ref().ok()? {
        Answer::Guesses(guesses) => guesses
            .iter()
            .map(|guess| format!("{} {}", plain(&guess.class), percent(guess.probability)))
            .collect(),
        Answer::Values(values) => values
            .iter()
            .map(|(name, value)| format!("{} {value:.4}", plain(name)))
            .collect(),
    };
    Some(format!(
        "{}: {}\n",
        plain(&prediction.name),
        guesses.join(", ")
    ))
}

/// Columns of the longest bar.
const BAR: usize = 30;

/// Draws a picture and a bar for each class of its answer; nothing for a picture that could not be read.
#[must_use]
pub fn render_shown(prediction: &Prediction, picture: &Picture, in_colour: bool) -> Option<String> {
    let mut text = format!(
        "{}\n{}",
        plain(&prediction.name),
        blocks::picture(picture, in_colour)
    );
    let answer = prediction.answer.as_ref().ok()?;
    let lines: Vec<(String, f64, String)> = match answer {
        Answer::Guesses(guesses) => guesses
            .iter()
            .map(|guess| {
                let share = guess.probability;
                (plain(&guess.class), share, percent(share))
            })
            .collect(),
        Answer::Values(values) => values
            .iter()
            .map(|(name, value)| (plain(name), 0.0, format!("{value:.4}")))
            .collect(),
    };
    let columns = |name: &str| unicode_width::UnicodeWidthStr::width(name);
    let widest = lines.iter().map(|(name, ..)| columns(name)).max();
    let widest = widest.unwrap_or_default();
    for (name, share, figure) in &lines {
        let room = " ".repeat(widest - columns(name));
        let bar = blocks::bar(*share, BAR);
        let bar = if bar.is_empty() { bar } else { bar + " " };
        text.push_str(&format!("{name}{room}  {bar}{figure}\n"));
    }
    Some(text)
}

/// The header of [`csv()`]; numbers stand under `probability`, in the order of the network's answer.
pub const CSV_HEADER: &str = "path,rank,class,index,probability,error\n";

/// Writes the answer to one picture as CSV, a row a class.
#[must_use]
pub fn csv(prediction: &Prediction) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let name = prediction.name.as_str();
    // Writing into memory does not fail.
    match &prediction.answer {
        Ok(Answer::Values(values)) => {
            for (index, (value_name, value)) in values.iter().enumerate() {
                let (index, value) = (index.to_string(), value.to_string());
                let _ = writer.write_record([name, "", value_name, &index, &value, ""]);
            }
        }
        Ok(Answer::Guesses(guesses)) => {
            for (rank, guess) in guesses.iter().enumerate() {
                let _ = writer.write_record([
                    name,
                    &(rank + 1).to_string(),
                    &guess.class,
                    &guess.index.to_string(),
                    &guess.probability.to_string(),
                    "",
                ]);
            }
        }
        Err(reason) => {
            let _ = writer.write_record([name, "", "", "", "", reason]);
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
