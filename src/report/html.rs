//! A run as one page that needs nothing beside it.

use std::fmt::Write as _;

use super::curves;
use super::training::render_end;
use crate::train::{End, Row};

/// Writes the page: what came of the run, its curves, its epochs, its network and its config.
#[must_use]
pub fn render(end: &End, rows: &[Row], network: &str, config: &str) -> String {
    let name = end.run.file_name().unwrap_or_default().to_string_lossy();
    let name = escape(&name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n\
         <style>:root {{ color-scheme: light dark }} body {{ font: 1rem/1.4 sans-serif; \
         max-width: 60rem; margin: 2rem auto; padding: 0 1rem }} pre, table {{ overflow-x: auto; \
         display: block }} td, th {{ padding: 0 .6rem; text-align: right }} \
         svg {{ max-width: 100% }}</style>\n<h1>{name}</h1>\n<pre>{}</pre>\n",
        escape(&render_end(end))
    );
    page.push_str(&curves::render(rows));
    page.push_str("<h2>Epochs</h2>\n<table>\n<tr><th>epoch<th>training loss<th>accuracy");
    page.push_str("<th>validation loss<th>accuracy<th>learning rate<th>images/s</tr>\n");
    let figure =
        |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.4}"));
    for row in rows {
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{:.4}<td>{}<td>{}<td>{}<td>{:.2e}<td>{:.0}</tr>",
            row.epoch,
            row.train_loss,
            figure(row.train_accuracy),
            figure(row.validation_loss),
            figure(row.validation_accuracy),
            row.learning_rate,
            row.images_per_second
        );
    }
    let (network, config) = (escape(network), escape(config));
    let _ = writeln!(
        page,
        "</table>\n<h2>Network</h2>\n<pre>{network}</pre>\n<h2>Config</h2>\n<pre>{config}</pre>\n</html>"
    );
    page
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
