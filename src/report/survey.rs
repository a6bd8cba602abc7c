//! What was found in a data set: as text and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::number::thousands;
use super::plain;
use crate::shape;
use crate::survey::{Check, Repeated, Sample, Sheet, Stats, Subject};

/// Repeated samples that are shown; all are in the JSON.
const REPEATED: usize = 20;

/// Sizes that are shown; all are in the JSON.
const SIZES: usize = 20;

/// Writes what is wrong.
#[must_use]
pub fn render_check(subject: &Subject, found: &Check) -> String {
    let mut text = format!("{}\n\n", plain(&subject.name));
    text += &class_table(subject, &found.class_counts);
    text.push('\n');
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<24}{value}");
    };
    line("unreadable files", count(found.unreadable.len()));
    let across = crossing(&found.repeated);
    line("samples repeated", count(found.repeated.len()));
    line("  across splits", count(across));
    let contradicting = found.repeated.iter().filter(|same| same.contradicts());
    line("  with other classes", count(contradicting.count()));
    line("classes of few samples", names(subject, &found.few));
    if found.outputs.is_some() {
        line("classes beyond outputs", names(subject, &found.beyond));
    }
    if !found.unreadable.is_empty() {
        text += "\nunreadable files:\n";
        for fault in &found.unreadable {
            let _ = writeln!(text, "  {}", plain(&fault.message));
        }
    }
    if !found.repeated.is_empty() {
        text += "\nrepeated samples:\n";
        for same in found.repeated.iter().take(REPEATED) {
            let samples: Vec<_> = same.samples.iter().map(|it| place(subject, it)).collect();
            let _ = writeln!(text, "  {}", samples.join(" = "));
        }
        if found.repeated.len() > REPEATED {
            let more = count(found.repeated.len() - REPEATED);
            let _ = writeln!(text, "  and {more} more");
        }
    }
    text
}

fn count(number: usize) -> String {
    match number {
        0 => "none".to_owned(),
        number => thousands(number as u64),
    }
}

fn crossing(repeated: &[Repeated]) -> usize {
    repeated.iter().filter(|same| same.crosses_splits()).count()
}

fn class_name(subject: &Subject, class: usize) -> &str {
    subject
        .dataset
        .classes
        .get(class)
        .map_or("", String::as_str)
}

fn names(subject: &Subject, classes: &[usize]) -> String {
    if classes.is_empty() {
        return "none".to_owned();
    }
    let names = classes
        .iter()
        .map(|class| plain(class_name(subject, *class)));
    names.collect::<Vec<_>>().join(", ")
}

/// Writes where a sample is: `train/cat a.png`, or `train/cat 17` where it is no file.
fn place(subject: &Subject, sample: &Sample) -> String {
    let which = match &sample.path {
        Some(path) => plain(&path.display().to_string()),
        None => sample.index.to_string(),
    };
    match sample.class {
        Some(class) => {
            let class = plain(class_name(subject, class as usize));
            format!("{which} ({}, {class})", sample.split)
        }
        None => format!("{which} ({})", sample.split),
    }
}

fn class_table(subject: &Subject, counts: &[(&'static str, Vec<usize>)]) -> String {
    let mut table = plain_table();
    let splits = counts.iter().map(|(split, _)| (*split).to_owned());
    table.set_header(std::iter::once("class".to_owned()).chain(splits));
    for (class, name) in subject.dataset.classes.iter().enumerate() {
        let of_class = counts.iter().map(|(_, counts)| {
            let count = counts.get(class).copied().unwrap_or_default();
            thousands(count as u64)
        });
        table.add_row(std::iter::once(plain(name)).chain(of_class));
    }
    let sums = counts.iter().map(|(_, counts)| {
        let sum: usize = counts.iter().sum();
        thousands(sum as u64)
    });
    table.add_row(std::iter::once("all".to_owned()).chain(sums));
    right(&mut table, 1..counts.len() + 1);
    table_lines(&table)
}

/// Describes what is wrong.
#[must_use]
pub fn json_check(subject: &Subject, found: &Check) -> Value {
    let unreadable = found.unreadable.iter().map(|fault| &fault.message);
    let repeated = found.repeated.iter().map(|same| {
        let samples = same.samples.iter().map(|sample| {
            let class = sample
                .class
                .map(|class| class_name(subject, class as usize));
            json!({
                "split": sample.split,
                "index": sample.index,
                "class": class,
                "path": sample.path.as_ref().map(|path| path.display().to_string()),
            })
        });
        json!({
            "across_splits": same.crosses_splits(),
            "other_classes": same.contradicts(),
            "samples": samples.collect::<Vec<_>>(),
        })
    });
    let named = |classes: &[usize]| -> Vec<Value> {
        let names = classes
            .iter()
            .map(|class| class_name(subject, *class).into());
        names.collect()
    };
    json!({
        "source": subject.name,
        "classes": subject.dataset.classes,
        "class_counts": json_counts(&found.class_counts),
        "unreadable": unreadable.collect::<Vec<_>>(),
        "repeated": repeated.collect::<Vec<_>>(),
        "repeated_across_splits": crossing(&found.repeated),
        "few_samples": named(&found.few),
        "outputs": found.outputs,
        "beyond_outputs": named(&found.beyond),
    })
}

fn json_counts(counts: &[(&'static str, Vec<usize>)]) -> Value {
    counts
        .iter()
        .map(|(split, counts)| ((*split).to_owned(), json!(counts)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Writes the figures.
#[must_use]
pub fn render_stats(subject: &Subject, stats: &Stats) -> String {
    let mut text = format!("{}\n\n", plain(&subject.name));
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<10}{value}");
    };
    line("samples", {
        let counts = stats.samples.iter();
        let counts = counts.map(|(split, count)| format!("{} {split}", thousands(*count as u64)));
        counts.collect::<Vec<_>>().join(", ")
    });
    line("shape", shape::display(&stats.shape));
    line("rescale", factor(stats.rescale));
    line("mean", numbers(&stats.mean));
    line("std", numbers(&stats.std));
    let _ = writeln!(
        text,
        "\nnormalize = {{ mean = [{}], std = [{}] }}\n",
        numbers(&stats.mean),
        numbers(&stats.std)
    );
    text += &class_table(subject, &stats.class_counts);
    if !stats.sizes.is_empty() {
        text += &size_table(stats);
    }
    text
}

/// Writes a factor as a person would: `1/255`.
fn factor(factor: f32) -> String {
    let inverse = (1.0 / factor).round();
    if inverse > 1.0 && (inverse * factor - 1.0).abs() < 1e-6 {
        format!("1/{inverse}")
    } else {
        factor.to_string()
    }
}

fn numbers(values: &[f32]) -> String {
    let numbers: Vec<_> = values.iter().map(|value| format!("{value:.4}")).collect();
    numbers.join(", ")
}

fn size_table(stats: &Stats) -> String {
    let mut table = plain_table();
    table.set_header(["height x width", "pictures"]);
    for size in stats.sizes.iter().take(SIZES) {
        table.add_row([
            format!("{} x {}", size.height, size.width),
            thousands(size.count as u64),
        ]);
    }
    if stats.sizes.len() > SIZES {
        let rest = stats.sizes.iter().skip(SIZES).map(|size| size.count);
        let sizes = thousands((stats.sizes.len() - SIZES) as u64);
        let pictures = thousands(rest.sum::<usize>() as u64);
        table.add_row([format!("{sizes} other sizes"), pictures]);
    }
    right(&mut table, 1..2);
    format!("\n{}", table_lines(&table))
}

/// Describes the figures.
#[must_use]
pub fn json_stats(subject: &Subject, stats: &Stats) -> Value {
    let samples = stats
        .samples
        .iter()
        .map(|(split, count)| ((*split).to_owned(), json!(count)));
    let sizes = stats
        .sizes
        .iter()
        .map(|size| json!({ "height": size.height, "width": size.width, "pictures": size.count }));
    json!({
        "source": subject.name,
        "samples": samples.collect::<serde_json::Map<_, _>>(),
        "shape": stats.shape,
        "rescale": stats.rescale,
        "mean": stats.mean,
        "std": stats.std,
        "classes": subject.dataset.classes,
        "class_counts": json_counts(&stats.class_counts),
        "sizes": sizes.collect::<Vec<_>>(),
    })
}

/// Writes what is on a sheet, a line a row.
#[must_use]
pub fn render_sheet(subject: &Subject, split: &str, sheet: &Sheet) -> String {
    let mut text = format!(
        "{}, {split}: {} samples\n",
        plain(&subject.name),
        sheet.cells.len()
    );
    for (row, cells) in sheet.cells.chunks(sheet.columns.max(1)).enumerate() {
        let cells = cells.iter().map(|cell| {
            let name = cell.class.as_deref().map(plain);
            name.unwrap_or_else(|| cell.index.to_string())
        });
        let cells: Vec<_> = cells.collect();
        let _ = writeln!(text, "row {:>2}  {}", row + 1, cells.join("  "));
    }
    text
}

/// Describes what is on a sheet.
#[must_use]
pub fn json_sheet(subject: &Subject, split: &str, sheet: &Sheet, out: &Path) -> Value {
    let cells = sheet.cells.iter().map(|cell| {
        json!({
            "index": cell.index,
            "class": cell.class,
            "path": cell.path.as_ref().map(|path| path.display().to_string()),
        })
    });
    json!({
        "source": subject.name,
        "split": split,
        "out": out.display().to_string(),
        "columns": sheet.columns,
        "samples": cells.collect::<Vec<_>>(),
    })
}
