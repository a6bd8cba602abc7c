//! What was found in a data set: as text and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::number::thousands;
use super::plain;
use crate::config::Task;
use crate::shape;
use crate::survey::{Check, Count, Repeated, Sample, Sheet, Stats, Subject, Target};

/// Repeated samples that are shown; all are in the JSON.
const REPEATED: usize = 20;

/// Sizes that are shown; all are in the JSON.
const SIZES: usize = 20;

/// Writes what is wrong.
#[must_use]
pub fn render_check(subject: &Subject, found: &Check) -> String {
    let mut text = format!("{}\n\n", plain(&subject.name));
    text += &count_table(subject, &found.counts);
    text.push('\n');
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<24}{value}");
    };
    line("unreadable files", count(found.unreadable.len()));
    let across = crossing(&found.repeated);
    line("samples repeated", count(found.repeated.len()));
    line("  across splits", count(across));
    let contradicting = found.repeated.iter().filter(|same| same.contradicts());
    let [_, several] = words(subject.task());
    line(
        &format!("  with other {several}"),
        count(contradicting.count()),
    );
    if subject.task() != Task::Values {
        line(
            &format!("{several} of few samples"),
            names(subject, &found.few),
        );
    }
    if found.outputs.is_some() {
        line("classes beyond outputs", names(subject, &found.beyond));
    }
    for (title, list) in [
        ("unreadable files", &found.unreadable),
        ("no samples", &found.passed_over),
    ] {
        if !list.is_empty() {
            let _ = writeln!(text, "\n{title}:");
        }
        for diagnostic in list {
            let _ = writeln!(text, "  {}", plain(&diagnostic.message));
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

/// Returns what is learnt of samples: one of them, and several.
fn words(task: Task) -> [&'static str; 2] {
    match task {
        Task::Classes => ["class", "classes"],
        Task::Labels => ["label", "labels"],
        Task::Values => ["number", "numbers"],
    }
}

/// Writes how many samples can be read: of each class, or with each label, and all.
fn count_table(subject: &Subject, counts: &[Count]) -> String {
    let mut table = plain_table();
    let splits = counts.iter().map(|count| count.split.to_owned());
    let first = match subject.task() {
        Task::Values => String::new(),
        task => words(task)[0].to_owned(),
    };
    table.set_header(std::iter::once(first).chain(splits));
    let names = subject.dataset.classes.iter().enumerate();
    for (class, name) in names.filter(|_| subject.task() != Task::Values) {
        let of_class = counts.iter().map(|count| {
            let count = count.of_each.get(class).copied().unwrap_or_default();
            thousands(count as u64)
        });
        table.add_row(std::iter::once(plain(name)).chain(of_class));
    }
    let all = counts.iter().map(|count| thousands(count.samples as u64));
    table.add_row(std::iter::once("all".to_owned()).chain(all));
    right(&mut table, 1..counts.len() + 1);
    table_lines(&table)
}

/// Describes what is wrong.
#[must_use]
pub fn json_check(subject: &Subject, found: &Check) -> Value {
    let unreadable = found.unreadable.iter().map(|fault| &fault.message);
    let passed_over = found.passed_over.iter().map(|told| &told.message);
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
    let mut document = json!({
        "source": subject.name,
        "samples": by_split(&found.counts, |count| count.samples.into()),
        "unreadable": unreadable.collect::<Vec<_>>(),
        "passed_over": passed_over.collect::<Vec<_>>(),
        "repeated": repeated.collect::<Vec<_>>(),
        "repeated_across_splits": crossing(&found.repeated),
        "few_samples": named(&found.few),
        "outputs": found.outputs,
        "beyond_outputs": named(&found.beyond),
    });
    put_learnt(&mut document, subject, &found.counts);
    document
}

/// Describes the splits, each by a value.
fn by_split(counts: &[Count], value: impl Fn(&Count) -> Value) -> Value {
    let values = counts.iter();
    let values = values.map(|count| (count.split.to_owned(), value(count)));
    values.collect::<serde_json::Map<_, _>>().into()
}

/// Adds the names of what is learnt, and how many samples there are of each.
fn put_learnt(document: &mut Value, subject: &Subject, counts: &[Count]) {
    let [one, several] = words(subject.task());
    document[several] = json!(subject.dataset.classes);
    if subject.task() != Task::Values {
        let of_each = by_split(counts, |count| json!(count.of_each));
        document[format!("{one}_counts").as_str()] = of_each;
    }
}

/// Writes the figures.
#[must_use]
pub fn render_stats(subject: &Subject, stats: &Stats) -> String {
    let mut text = format!("{}\n\n", plain(&subject.name));
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<12}{value}");
    };
    let of_splits = |number: fn(&Count) -> usize| {
        let counts = stats
            .counts
            .iter()
            .map(|count| (number(count), count.split));
        let counts = counts.filter(|(number, _)| *number > 0);
        let counts = counts.map(|(number, split)| format!("{} {split}", thousands(number as u64)));
        counts.collect::<Vec<_>>().join(", ")
    };
    line("samples", of_splits(|count| count.samples));
    if stats.counts.iter().any(|count| count.unreadable > 0) {
        line("unreadable", of_splits(|count| count.unreadable));
    }
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
    text += &count_table(subject, &stats.counts);
    if !stats.targets.is_empty() {
        text += &target_table(&stats.targets);
    }
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

fn target_table(targets: &[Target]) -> String {
    let mut table = plain_table();
    table.set_header(["number", "mean", "std", "min", "max"]);
    for target in targets {
        let figures = [
            target.mean,
            target.std,
            target.min.into(),
            target.max.into(),
        ];
        let figures = figures.map(|figure| format!("{figure:.4}"));
        table.add_row(std::iter::once(plain(&target.name)).chain(figures));
    }
    right(&mut table, 1..5);
    format!("\n{}", table_lines(&table))
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
    let targets = stats.targets.iter().map(|target| {
        json!({
            "name": target.name,
            "mean": target.mean,
            "std": target.std,
            "min": target.min,
            "max": target.max,
        })
    });
    let sizes = stats
        .sizes
        .iter()
        .map(|size| json!({ "height": size.height, "width": size.width, "pictures": size.count }));
    let mut document = json!({
        "source": subject.name,
        "samples": by_split(&stats.counts, |count| count.samples.into()),
        "unreadable": by_split(&stats.counts, |count| count.unreadable.into()),
        "shape": stats.shape,
        "rescale": stats.rescale,
        "mean": stats.mean,
        "std": stats.std,
        "sizes": sizes.collect::<Vec<_>>(),
    });
    put_learnt(&mut document, subject, &stats.counts);
    if subject.task() == Task::Values {
        document["numbers"] = targets.collect();
    }
    document
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
