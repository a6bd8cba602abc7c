//! `cnn import`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgGroup, ArgMatches, Args, FromArgMatches, value_parser};

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
    after_help = "Example: cnn import resnet20.th --into configs/resnet20-cifar.toml --as resnet20"
)]
pub(super) struct Arguments {
    /// The file with the weights
    weights: PathBuf,
    #[command(flatten)]
    place: Place,
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

/// Where the weights go: one of both, which options of a group alone do not say.
#[derive(Debug)]
enum Place {
    /// Into the network of a config.
    Network(PathBuf),
    /// Into their own network, which becomes a config here.
    NewConfig(PathBuf),
}

impl Args for Place {
    fn augment_args(command: clap::Command) -> clap::Command {
        let option = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name(value)
                .help(help)
                .value_parser(value_parser!(PathBuf))
        };
        let config = "Where to write the network of an ONNX file as a config";
        command
            .arg(option("into", "CONFIG", "The config of the network"))
            .arg(option("config", "FILE", config).conflicts_with("map"))
            .group(
                ArgGroup::new("place")
                    .required(true)
                    .args(["into", "config"]),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Place {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let path = |name| matches.get_one::<PathBuf>(name).cloned();
        match (path("into"), path("config")) {
            (Some(into), _) => Ok(Self::Network(into)),
            (None, Some(config)) => Ok(Self::NewConfig(config)),
            (None, None) => Err(clap::Error::new(ErrorKind::MissingRequiredArgument)),
        }
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    super::start_all_threads()?;
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.data.as_deref().map(Override::data));
    let run = arguments.run.as_deref();
    let imported = match &arguments.place {
        Place::NewConfig(config) => import::convert(&arguments.weights, config, &overrides, run)?,
        Place::Network(config) => {
            let project = Project::read(config, &overrides)?;
            let rules = arguments.map.as_deref().map(read_rules).transpose()?;
            import::import(&arguments.weights, &project, rules.as_ref(), run)?
        }
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
