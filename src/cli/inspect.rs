//! `cnn inspect`.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Override, nearest};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::load::Project;
use crate::measure;
use crate::memory;
use crate::plan::{Dtype, Plan};
use crate::report::inspection::Inspection;
use crate::report::{self, Output, diagnostics, measurement};

/// Show shapes, parameters, multiply-adds, memory and receptive fields
///
/// Everything is worked out from the config by the textbook formulas; nothing is computed or
/// allocated.
#[derive(Debug, Args)]
#[command(after_help = "Examples: cnn inspect configs/lenet5.toml --batch 64
          cnn inspect configs/lenet5.toml --explain C3")]
pub(super) struct Arguments {
    /// The config, a TOML file
    config: PathBuf,
    /// Inputs at a time, for the memory figures
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    batch: u64,
    /// How values are stored, for the memory figures: f32, f16 or bf16
    #[arg(long, default_value = "f32", value_parser = dtype)]
    dtype: Dtype,
    /// Shape of the input in place of the config's, such as 3,480,640
    #[arg(long, value_name = "C,H,W")]
    input: Option<String>,
    /// Set one value of the config (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
    /// Run one forward pass and one training step, and show what they took
    #[arg(long, conflicts_with = "json")]
    measure: bool,
    /// Where to compute with `--measure`
    #[command(flatten)]
    compute: super::ComputeArguments,
    /// Show layers within others down to this depth; 0: none
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Show all columns: input, trainable, buffers, FLOPs and jump too
    #[arg(long)]
    wide: bool,
    /// Explain the figures of one layer, given by its path (`3.layers.0`), name or index
    #[arg(long, value_name = "LAYER", conflicts_with = "json")]
    explain: Option<String>,
    /// Draw the network into a file too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
    /// Write the config with every default written out and blocks unfolded
    #[arg(long, conflicts_with_all = ["json", "batch", "dtype", "depth", "wide", "explain", "svg", "measure"])]
    resolved: bool,
}

fn dtype(word: &str) -> std::result::Result<Dtype, String> {
    Dtype::from_word(word).ok_or_else(|| "expected f32, f16 or bf16".to_owned())
}

impl Arguments {
    fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.set.clone();
        overrides.extend(self.input.as_ref().map(|input| Override {
            option: "--input".to_owned(),
            key: "model.input".to_owned(),
            value: format!("[{input}]"),
        }));
        overrides
    }
}

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let project = Project::read(&arguments.config, &arguments.overrides())?;
    let config = &project.config;
    if arguments.resolved {
        Output::default().write(&config.to_toml())?;
        return Ok(0);
    }
    let name = config.model.name.clone().unwrap_or_default();
    let batch = usize::try_from(arguments.batch).unwrap_or(usize::MAX);
    let shown = Inspection {
        dtype: arguments.dtype,
        depth: arguments.depth,
        wide: arguments.wide,
        width: report::terminal_width(),
        ..Inspection::new(&name, &project.plan, batch, &config.train.optimizer)
    };
    let text = if arguments.json {
        shown.to_json()
    } else if let Some(word) = &arguments.explain {
        let found = project.plan.find(word);
        let (layer, arriving) = found.ok_or_else(|| unknown_layer(&project.plan, word))?;
        shown.explain(layer, &arriving)
    } else {
        shown.render()
    };
    let Some(text) = text else {
        let message = format!("a batch of {batch} is too large to count");
        let diagnostic = Diagnostic::error(message).help("choose a smaller `--batch`");
        return Err(Error::config(diagnostic));
    };
    let warning = memory::warning(&config.model, &project.plan, batch);
    if let Some(warning) = warning.filter(|_| !quiet) {
        report::tell(&diagnostics::render(&warning));
    }
    if let Some(path) = &arguments.svg {
        let same = |path: &std::path::Path| path.canonicalize().ok();
        if same(path).is_some_and(|path| same(&arguments.config) == Some(path)) {
            let message = "`--svg` would write over the config";
            let help = "give another file, such as `network.svg`";
            return Err(Error::config(Diagnostic::error(message).help(help)));
        }
        files::write(path, shown.draw().as_bytes())?;
        if !quiet && !arguments.json {
            let path = report::plain(&path.display().to_string());
            report::tell(&format!("wrote {path}\n"));
        }
    }
    Output::default().write(&text)?;
    if arguments.measure {
        arguments.compute.start_threads()?;
        let measured = measure::measure(&project, arguments.compute.device, batch)?;
        let text = measurement::render(&project.plan, batch, &measured);
        Output::default().write(&text.unwrap_or_default())?;
    }
    Ok(0)
}

/// Layers named in an error.
const NAMED: usize = 12;

fn unknown_layer(plan: &Plan, word: &str) -> Error {
    let layers = plan.every();
    let names = layers.iter().filter_map(|layer| layer.name.as_deref());
    let names: Vec<&str> = names.collect();
    let diagnostic = Diagnostic::error(format!("no layer is `{word}`"));
    if let Some(near) = nearest(word, &names) {
        return Error::config(diagnostic.help(format!("did you mean `{near}`?")));
    }
    let paths = layers.iter().take(NAMED).map(|layer| match &layer.name {
        Some(name) => format!("`{}` (`{name}`)", layer.path),
        None => format!("`{}`", layer.path),
    });
    let paths: Vec<String> = paths.collect();
    let more = if layers.len() > NAMED { ", …" } else { "" };
    let note = format!("layers are {}{more}", paths.join(", "));
    let help = "give a path, a name or an index of the table";
    Error::config(diagnostic.note(note).help(help))
}
