//! The most confident mistakes, and typical hits.

use std::fmt::Write as _;

use super::{escape, heading, picture};
use crate::canvas::Canvas;
use crate::dataset::{Samples, Values};
use crate::diagnostic::Result;
use crate::evaluate::{Scored, Scores};
use crate::report::number::percent;
use crate::report::plain;

/// Mistakes that are shown, and hits.
const SHOWN: usize = 24;

/// Pictures wider or higher are shown smaller.
const SIDE: usize = 128;

/// Writes pictures of samples with what they are and what they were taken for; nothing where samples are no pictures.
pub(super) fn write(
    page: &mut String,
    names: &[String],
    samples: &Samples,
    scores: &Scores,
) -> Result<()> {
    if !(samples.are_bytes() && matches!(samples.shape(), [1 | 3, _, _])) {
        return Ok(());
    }
    let (mut mistakes, mut hits): (Vec<Scored>, Vec<Scored>) = scores
        .answers()
        .into_iter()
        .partition(|answer| answer.predicted != answer.label);
    mistakes.sort_by(|a, b| {
        b.confidence
            .total_cmp(&a.confidence)
            .then(a.index.cmp(&b.index))
    });
    mistakes.truncate(SHOWN);
    if !mistakes.is_empty() {
        heading(page, "The most confident mistakes");
        show(page, names, samples, &mistakes)?;
    }
    // Of each class in turn those of middling confidence: neither the easiest nor the hardest.
    hits.sort_by(|a, b| {
        a.confidence
            .total_cmp(&b.confidence)
            .then(a.index.cmp(&b.index))
    });
    let mut typical = Vec::new();
    let each = (SHOWN / names.len().max(1)).max(1);
    for class in 0..names.len() {
        let own: Vec<&Scored> = hits.iter().filter(|hit| hit.label == class).collect();
        let middle = (own.len() / 2).saturating_sub(each / 2);
        typical.extend(own.into_iter().skip(middle).take(each).copied());
    }
    typical.truncate(SHOWN);
    if !typical.is_empty() {
        heading(page, "Typical hits");
        show(page, names, samples, &typical)?;
    }
    Ok(())
}

fn show(page: &mut String, names: &[String], samples: &Samples, answers: &[Scored]) -> Result<()> {
    page.push_str("<div class=\"gallery\">\n");
    let name = |class: usize| {
        let name = names.get(class).map_or("", String::as_str);
        escape(&plain(name))
    };
    for answer in answers {
        let Some(Values::Bytes(bytes)) = samples.values(answer.index)? else {
            continue;
        };
        let Some(png) = drawn(&bytes, samples.shape())? else {
            continue;
        };
        let confidence = percent(answer.confidence);
        let words = if answer.predicted == answer.label {
            format!("{} {confidence}", name(answer.label))
        } else {
            let (own, other) = (name(answer.label), name(answer.predicted));
            format!("{own}, taken for {other}, {confidence}")
        };
        let number = answer.index;
        let _ = writeln!(
            page,
            "<figure><img src=\"{}\" alt=\"sample {number}\"><figcaption>{words}</figcaption></figure>",
            picture(&png)
        );
    }
    page.push_str("</div>\n");
    Ok(())
}

/// Draws a sample, every so many pixels where it is large.
fn drawn(bytes: &[u8], shape: &[usize]) -> Result<Option<Vec<u8>>> {
    let [channels, height, width] = *shape else {
        return Ok(None);
    };
    let every = height.max(width).div_ceil(SIDE).max(1);
    let size = [height.div_ceil(every), width.div_ceil(every)];
    let Some(mut canvas) = Canvas::new(size) else {
        return Ok(None);
    };
    canvas.picture([0, 0], size, 1, |row, column| {
        [0, 1, 2].map(|part| {
            let channel = part.min(channels - 1);
            let place = (channel * height + row * every) * width + column * every;
            bytes.get(place).copied().unwrap_or_default()
        })
    });
    canvas.png().map(Some)
}
