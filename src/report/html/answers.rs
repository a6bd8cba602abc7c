//! How well a network answers: figures, a row a class, who is taken for whom, curves.

use std::fmt::Write as _;

use super::{chart, escape, heading};
use crate::diagnostic::Result;
use crate::evaluate::{Scores, Split};
use crate::metrics::{Classes, Curve, Ranking};
use crate::report::charts;
use crate::report::number::{percent, thousands};
use crate::report::plain;

/// Confusion matrices of more classes are left to `cnn eval --json`.
const MATRIX: usize = 40;

/// Writes the figures of a split's answers.
pub(super) fn write(
    page: &mut String,
    names: &[String],
    split: Split,
    scores: &Scores,
) -> Result<()> {
    let figures = scores.figures();
    let samples = scores.labels.len() as u64;
    heading(page, "Answers");
    let accuracy = figures.correct() as f64 / (samples as f64).max(1.0);
    let error = figures.expected_calibration_error();
    let _ = writeln!(
        page,
        "<p>{} of {} {} samples are answered right ({}). Expected calibration error: {}.</p>",
        thousands(figures.correct()),
        thousands(samples),
        split.word(),
        percent(accuracy),
        percent(error)
    );
    let rankings: Vec<_> = (0..names.len())
        .map(|class| scores.ranking(class))
        .collect();
    let rocs: Vec<_> = rankings.iter().map(Ranking::roc).collect();
    let precisions: Vec<_> = rankings.iter().map(Ranking::precision_recall).collect();
    page.push_str("<div class=\"wide\"><table>\n<tr><th>class<th>precision<th>recall<th>F1");
    page.push_str("<th>area under ROC<th>average precision<th>samples</tr>\n");
    for (class, (name, own)) in names.iter().zip(figures.classes()).enumerate() {
        let area = |curve: &Option<Curve>| {
            let area = curve.as_ref().map(|curve| format!("{:.4}", curve.area));
            area.unwrap_or_else(|| "–".to_owned())
        };
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escape(&plain(name)),
            percent(own.precision),
            percent(own.recall),
            percent(own.f1),
            area(&rocs[class]),
            area(&precisions[class]),
            thousands(own.support)
        );
    }
    page.push_str("</table></div>\n");
    if names.len() <= MATRIX {
        matrix(page, names, &figures);
    }
    heading(page, "Calibration");
    page.push_str("<p>On the diagonal, answers are right as often as they say.</p>\n");
    chart(page, &charts::calibration(&figures.confidences())?);
    let named = |curves: Vec<Option<Curve>>| -> Vec<_> {
        let curves = names.iter().cloned().zip(curves);
        curves
            .filter_map(|(name, curve)| Some((name, curve?)))
            .collect()
    };
    heading(page, "Each class against the others");
    page.push_str("<p>Behind each name stands the area under its curve.</p>\n");
    let axes = ["false positive rate", "true positive rate"];
    chart(page, &charts::curves(axes, &named(rocs))?);
    chart(
        page,
        &charts::curves(["recall", "precision"], &named(precisions))?,
    );
    Ok(())
}

/// Writes the confusion matrix, the darker the more of a class's samples.
fn matrix(page: &mut String, names: &[String], figures: &Classes) {
    heading(page, "Confusion matrix");
    page.push_str("<p>A row a class, a column an answer.</p>\n<div class=\"wide\"><table class=\"matrix\">\n<tr><th>");
    for name in names {
        let _ = write!(page, "<th>{}", escape(&plain(name)));
    }
    page.push_str("</tr>\n");
    for (class, (name, row)) in names.iter().zip(figures.confusion()).enumerate() {
        let _ = write!(page, "<tr><td>{}", escape(&plain(name)));
        let all = row.iter().sum::<u64>().max(1) as f64;
        for (answer, count) in row.iter().enumerate() {
            // Right answers blue, wrong ones vermilion (Okabe & Ito); seen through, so that text stays legible.
            let colour = if class == answer {
                "0, 114, 178"
            } else {
                "213, 94, 0"
            };
            let share = (*count as f64 / all).sqrt() * 0.7;
            let shown = if *count == 0 {
                "·".to_owned()
            } else {
                count.to_string()
            };
            let _ = write!(
                page,
                "<td style=\"background: rgba({colour}, {share:.2})\">{shown}"
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}
