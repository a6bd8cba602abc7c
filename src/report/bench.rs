//! A benchmark as a table and as JSON.

use std::fmt::Write as _;

use comfy_table::Cell;
use serde_json::{Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::inspection::title;
use super::number::{bytes, milliseconds, thousands, whole};
use super::plain;
use crate::bench::{Benchmark, LayerTime, Layers, Mode};
use crate::model::Device;

/// What was measured, and how.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The network.
    pub net: &'a str,
    /// Training or answers.
    pub mode: Mode,
    /// Pictures in one step.
    pub batch: usize,
    /// Threads that computed.
    pub threads: usize,
    /// Where it was computed.
    pub device: Device,
}

/// What a cell with nothing in it says.
const NOTHING: &str = "–";

impl Setting<'_> {
    /// Writes the figures, and a table of the layers if they were measured.
    #[must_use]
    pub fn render(&self, measured: &Benchmark) -> String {
        let what = match self.mode {
            Mode::Train => "training",
            Mode::Infer => "answering",
        };
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        let mut text = format!(
            "{}: {what} with batches of {} on {}, {threads}\n\n",
            plain(self.net),
            self.batch,
            self.device
        );
        let mut line = |label: &str, value: String| {
            let _ = writeln!(text, "{label:<19}{value}");
        };
        line("images/s", whole(measured.images_per_second(self.batch)));
        let step = milliseconds(measured.median_secs);
        let steps = thousands(measured.steps as u64);
        line("step", format!("{step}, the median of {steps}"));
        let first = milliseconds(measured.first_step_secs);
        line("first step", format!("{first} after the process began"));
        let parameters = thousands(measured.parameters);
        line("parameters", format!("{parameters} that training changes"));
        let peak = measured.peak_bytes.map_or_else(
            || "this system does not tell it".to_owned(),
            |peak| format!("{} resident at most", bytes(peak)),
        );
        line("memory", peak);
        if let Some(layers) = &measured.layers {
            text.push_str(&self.layer_table(layers));
        }
        text
    }

    fn layer_table(&self, measured: &Layers) -> String {
        let trains = self.mode == Mode::Train;
        let mut table = plain_table();
        let mut header = vec!["", "layer", "forward"];
        header.extend(trains.then_some("backward"));
        header.extend(["GFLOP/s", "of sgemm"]);
        let columns = header.len();
        table.set_header(header);
        for layer in &measured.layers {
            let name = title(layer.name.as_deref(), layer.type_name, layer.depth);
            let mut row = vec![
                Cell::new(&layer.path),
                Cell::new(name),
                Cell::new(milliseconds(layer.forward_secs)),
            ];
            let backward = layer.backward_secs.map(milliseconds);
            row.extend(trains.then(|| cell(backward)));
            row.push(cell(layer.gflops.map(|speed| format!("{speed:.1}"))));
            let share = share(layer, measured);
            row.push(cell(share.map(|share| format!("{:.0} %", share * 100.0))));
            table.add_row(row);
        }
        let sum = |secs: fn(&LayerTime) -> Option<f64>| {
            let secs: f64 = measured.layers.iter().filter_map(secs).sum();
            Cell::new(milliseconds(secs))
        };
        let forward = sum(|layer| Some(layer.forward_secs));
        let mut row = vec![Cell::new(""), Cell::new("all layers"), forward];
        row.extend(trains.then(|| sum(|layer| layer.backward_secs)));
        table.add_row(row);
        right(&mut table, 2..columns);
        let mut text = format!("\n{}\n", table_lines(&table));
        let _ = writeln!(
            text,
            "{:<19}{:.1} GFLOP/s, the fastest product of two matrices on this device (sgemm)\n",
            "ceiling", measured.ceiling_gflops
        );
        text.push_str(if trains { OF_TRAINING } else { OF_ANSWERS });
        text
    }

    /// Describes a benchmark.
    #[must_use]
    pub fn to_json(&self, measured: &Benchmark) -> Value {
        let mut document = json!({
            "net": self.net,
            "parameters": measured.parameters,
            "batch": self.batch,
            "mode": self.mode.word(),
            "threads": self.threads,
            "device": self.device.to_string(),
            "images_per_second": measured.images_per_second(self.batch),
            "median_ms": measured.median_secs * 1e3,
            "first_step_seconds": measured.first_step_secs,
            "peak_rss_bytes": measured.peak_bytes,
        });
        if let (Some(layers), Some(document)) = (&measured.layers, document.as_object_mut()) {
            let each = layers.layers.iter().map(|layer| self.layer(layer, layers));
            document.insert("layers".to_owned(), each.collect());
            let ceiling = layers.ceiling_gflops.into();
            document.insert("ceiling_gflops".to_owned(), ceiling);
        }
        document
    }

    fn layer(&self, layer: &LayerTime, measured: &Layers) -> Value {
        let mut value = json!({
            "path": layer.path,
            "name": layer.name,
            "type": layer.type_name,
            "forward_ms": layer.forward_secs * 1e3,
            "gflops": layer.gflops,
            "share_of_ceiling": share(layer, measured),
        });
        if let (Mode::Train, Some(value)) = (self.mode, value.as_object_mut()) {
            let backward = layer.backward_secs.map(|secs| secs * 1e3);
            value.insert("backward_ms".to_owned(), backward.into());
        }
        value
    }
}

/// How the figures of layers come about in training.
const OF_TRAINING: &str = "\
Forward is within the network, backward each layer on its own; – where it cannot run alone or is too
quick to tell. One multiply-add is two FLOPs forward, and backward two for the gradient of the weights
and two for that of the input, where a weight before it is trained.
";

/// How they come about otherwise.
const OF_ANSWERS: &str = "One multiply-add is two FLOPs.\n";

fn share(layer: &LayerTime, measured: &Layers) -> Option<f64> {
    Some(layer.gflops? / measured.ceiling_gflops.max(f64::MIN_POSITIVE))
}

fn cell(text: Option<String>) -> Cell {
    Cell::new(text.unwrap_or_else(|| NOTHING.to_owned()))
}
