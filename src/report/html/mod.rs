//! A run as one page that needs nothing beside it.

mod answers;
mod gallery;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::curves;
use super::inspection::Inspection;
use super::look::draw_filters;
use super::number::{percent, thousands};
use super::training::render_end;
use crate::diagnostic::Result;
use crate::page::Page;
use crate::run::Record;
use crate::train::{End, Row};

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884 }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
pre, .wide { overflow-x: auto }
pre { font-size: .85rem; line-height: 1.35 }
table { border-collapse: collapse }
td, th { padding: .15rem .6rem; text-align: right; font-variant-numeric: tabular-nums }
th { font-weight: 600 } tr + tr td { border-top: 1px solid var(--line) }
td:first-child, th:first-child { text-align: left }
.chart { display: inline-block; background: #fff; border-radius: .4rem; max-width: 100%; margin: .3rem 0 }
.chart svg { display: block; min-width: 36rem; max-width: 100%; height: auto }
@media (prefers-color-scheme: dark) { .chart { filter: invert(.88) hue-rotate(180deg) } }
td { white-space: nowrap } .facts td { white-space: normal; text-align: left; overflow-wrap: anywhere }
.matrix td { min-width: 1.6rem; text-align: center }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem }
figure { margin: 0; width: 8rem } figure img { image-rendering: pixelated; width: 8rem; height: 8rem; object-fit: contain; background: #8882 }
figcaption { font-size: .8rem; overflow-wrap: anywhere }
img { max-width: 100% }
";

/// What a page is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What came of the run.
    pub end: &'a End,
    /// What its folder says of it.
    pub record: &'a Record,
    /// Its network.
    pub network: Inspection<'a>,
    /// Its config.
    pub config: &'a str,
    /// Its answers and kernels, if it has weights.
    pub page: Option<&'a Page>,
    /// What could not be shown, and why.
    pub missing: Option<&'a str>,
}

/// Writes the page: what came of the run, its curves, how well it answers, its mistakes, its network and its config.
///
/// # Errors
/// When a chart or a picture cannot be drawn.
pub fn render(parts: &Parts<'_>) -> Result<String> {
    let name = parts.end.run.file_name().unwrap_or_default();
    let name = escape(&name.to_string_lossy());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{name}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n<pre>{}</pre>\n",
        escape(&render_end(parts.end))
    );
    heading(&mut page, "Curves");
    chart(&mut page, &curves::render(&parts.end.rows)?);
    if let Some(missing) = parts.missing {
        let _ = writeln!(page, "<p>{}</p>", escape(missing));
    }
    if let Some(found) = parts.page {
        if let Some((split, samples, scores)) = &found.answers {
            answers::write(&mut page, &found.classes, *split, scores)?;
            gallery::write(&mut page, &found.classes, samples, scores)?;
        }
        if let Some(kernels) = &found.kernels {
            heading(&mut page, "Learned filters");
            let drawn = picture(&draw_filters(kernels)?);
            let about = escape(&format!("kernels of layer {}", kernels.name));
            let _ = writeln!(page, "<img src=\"{drawn}\" alt=\"{about}\">");
        }
    }
    heading(&mut page, "Epochs");
    epochs(&mut page, &parts.end.rows);
    heading(&mut page, "Network");
    // As a picture, as its style would reach the whole page.
    let drawn = STANDARD.encode(parts.network.draw());
    let _ = writeln!(
        page,
        "<div class=\"wide\"><img src=\"data:image/svg+xml;base64,{drawn}\" alt=\"drawing of the network\"></div>"
    );
    let table = parts.network.render().unwrap_or_default();
    let _ = writeln!(page, "<pre>{}</pre>", escape(&table));
    heading(&mut page, "Data and environment");
    facts(&mut page, parts.record);
    heading(&mut page, "Config");
    let _ = writeln!(
        page,
        "<pre>{}</pre>\n</body>\n</html>",
        escape(parts.config)
    );
    Ok(page)
}

fn heading(page: &mut String, text: &str) {
    let _ = writeln!(page, "<h2>{text}</h2>");
}

fn chart(page: &mut String, svg: &str) {
    let _ = writeln!(
        page,
        "<div class=\"wide\"><div class=\"chart\">{svg}</div></div>"
    );
}

/// Returns a PNG as an address that holds it.
fn picture(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

fn epochs(page: &mut String, rows: &[Row]) {
    page.push_str("<div class=\"wide\"><table>\n<tr><th>epoch<th>training loss<th>accuracy");
    page.push_str("<th>validation loss<th>accuracy<th>learning rate<th>images/s</tr>\n");
    let figure =
        |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.4}"));
    let share = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    for row in rows {
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{:.4}<td>{}<td>{}<td>{}<td>{:.2e}<td>{}</tr>",
            row.epoch,
            row.train_loss,
            share(row.train_accuracy),
            figure(row.validation_loss),
            share(row.validation_accuracy),
            row.learning_rate,
            thousands(row.images_per_second.round() as u64)
        );
    }
    page.push_str("</table></div>\n");
}

fn facts(page: &mut String, record: &Record) {
    let processor = crate::kernels::Isa::current().name();
    let facts = [
        ("data", record.data.clone()),
        ("fingerprint (BLAKE3)", record.data_fingerprint.clone()),
        ("seed", record.seed.to_string()),
        ("device", record.device.clone()),
        ("cnn", record.version.clone()),
        (
            "page written on",
            format!(
                "{} {}, {processor}",
                std::env::consts::OS,
                std::env::consts::ARCH
            ),
        ),
    ];
    page.push_str("<table class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<tr><td>{name}<td>{}</tr>", escape(&value));
    }
    page.push_str("</table>\n");
}

/// Makes text safe inside HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(escape("<b>&\"c\""), "&lt;b&gt;&amp;&quot;c&quot;");
    }
}
