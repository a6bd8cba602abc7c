//! Predictions as text and CSV.

use super::number::percent;
use super::plain;
use crate::predict::Prediction;

/// Writes the answer to one picture on a line; nothing for a picture that could not be read.
#[must_use]
pub fn render(prediction: &Prediction) -> Option<String> {
    let guesses = prediction.guesses.as_ref().ok()?;
    let guesses: Vec<String> = guesses
        .iter()
        .map(|guess| format!("{} {}", plain(&guess.class), percent(guess.probability)))
        .collect();
    Some(format!(
        "{}: {}\n",
        plain(&prediction.name),
        guesses.join(", ")
    ))
}

/// The header of [`csv()`].
pub const CSV_HEADER: &str = "path,rank,class,index,probability,error\n";

/// Writes the answer to one picture as CSV, a row a class.
#[must_use]
pub fn csv(prediction: &Prediction) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let name = prediction.name.as_str();
    // Writing into memory does not fail.
    match &prediction.guesses {
        Ok(guesses) => {
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
