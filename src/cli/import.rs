//! `cnn import`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::Override;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::import::{self, Rules};
use crate::load::Project;
use crate::report::{self, diagnostics, import as shown};

/// Bytes of a file of rules.
const MAX_RULES_BYTES: u64 = 4 << 20;

/// Put weights that were trained elsewhere into the network of a config
///
/// Takes `.safetensors` and `.onnx` files, `.pt`, `.pth` and `.th` files of PyTorch's `torch.save`, which are read and never
/// executed, and `.weights.h5`, `.keras` and `.h5` files of Keras. Every weight must find its place, and every place its weight: by
/// their names, by rules for well-known networks, or by order and by shapes. With `--config` the network of an ONNX file becomes a
/// config. The result is a run folder.
#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("place").required(true).args(["into", "config"])),
    after_help = "Example: cnn import resnet20.th --into configs/resnet20-cifar.toml --as resnet20"
)]
pub(super) struct Arguments {
    /// The file with the weights
    weights: PathBuf,
    /// The config of the network
    #[arg(long, value_name = "CONFIG")]
    into: Option<PathBuf>,
    /// Where to write the network of an ONNX file as a config
    #[arg(long, value_name = "FILE", conflicts_with = "map")]
    config: Option<PathBuf>,
    /// Rules of names: a TOML file, see docs/interchange.md
    #[arg(long, value_name = "RULES")]
    map: Option<PathBuf>,
    /// Name of the run folder below `runs/`
    #[arg(long = "as", value_name = "RUN", value_parser = super::run_name)]
    run: Option<String>,
    /// Data set or path in place of the config's: it names the classes
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// Set a value of the config, such as `data.normalize.mean=[0.5]`
    #[arg(long, value_name = "KEY=VALUE", value_parser = super::setting)]
    set: Vec<Override>,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.data.as_deref().map(Override::data));
    let run = arguments.run.as_deref();
    let imported = match (&arguments.config, &arguments.into) {
        (Some(config), _) => import::convert(&arguments.weights, config, &overrides, run)?,
        (None, Some(into)) => {
            let project = Project::read(into, &overrides)?;
            let rules = arguments.map.as_deref().map(read_rules).transpose()?;
            import::import(&arguments.weights, &project, rules.as_ref(), run)?
        }
        (None, None) => unreachable!("the parser asks for one of both"),
    };
    for warning in &imported.warnings {
        report::tell(&diagnostics::render(warning));
    }
    super::write(arguments.json, &shown::render(&imported), || {
        shown::json_of(&imported)
    })
}

fn read_rules(path: &Path) -> Result<Rules> {
    let mut text = String::new();
    // A device may never end.
    File::open(path)
        .and_then(|file| file.take(MAX_RULES_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| Error::io("read", path, &error))?;
    if text.len() as u64 > MAX_RULES_BYTES {
        let message = format!("`{}` is over {MAX_RULES_BYTES} bytes", path.display());
        let help = "give a TOML file of rules of names, such as docs/interchange.md shows";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    Rules::parse(&text, &path.display().to_string())
}
