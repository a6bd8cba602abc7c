//! The shipped configs, as templates for new ones.

use std::path::{Path, PathBuf};

use crate::config::{is_run_name, nearest};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::files;

/// A shipped config.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// The whole file.
    pub text: &'static str,
}

impl Template {
    /// Returns what the file says of itself in its first line of comment.
    #[must_use]
    pub fn about(&self) -> &'static str {
        let mut comments = self.text.lines().filter_map(|line| line.strip_prefix("# "));
        comments.next().unwrap_or_default()
    }
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(Template {
            name: $name,
            text: include_str!(concat!("../configs/", $name, ".toml")),
        }),*]
    };
}

/// Every template, those to begin with first.
pub const TEMPLATES: &[Template] = templates![
    "lenet5",
    "mnist-small",
    "mnist-100k",
    "mnist-8k",
    "alexnet",
    "alexnet-2012",
    "all-cnn-c",
    "densenet121",
    "fully-convolutional",
    "googlenet",
    "inception-bn",
    "lenet-caffe",
    "lenet5-1998",
    "mobilenet-cifar",
    "mobilenet-v1",
    "mobilenet-v2",
    "neocognitron",
    "resnet101",
    "resnet110-cifar",
    "resnet152",
    "resnet18",
    "resnet20-cifar",
    "resnet32-cifar",
    "resnet34",
    "resnet44-cifar",
    "resnet50",
    "resnet50-2015",
    "resnet56-cifar",
    "signal-1d",
    "squeezenet1_0",
    "squeezenet1_1",
    "vgg11",
    "vgg11-cifar",
    "vgg16",
    "vgg19",
    "volume-3d",
];

/// What stands before the path of the schema in a config's first line.
const SCHEMA: &str = "#:schema ";

/// Writes a config under a new name; the network is called as the file.
///
/// # Errors
/// When there is no such template, the name cannot be a network's, or the file is there already or
/// cannot be written.
pub fn create(name: &Path, template: &str) -> Result<PathBuf> {
    let template = find(template)?;
    let path = match name.extension() {
        Some(extension) if extension == "toml" => name.to_owned(),
        _ => {
            let mut path = name.as_os_str().to_owned();
            path.push(".toml");
            PathBuf::from(path)
        }
    };
    let network = path.file_stem().unwrap_or_default().to_string_lossy();
    if !is_run_name(&network) {
        let message = format!("`{network}` cannot be the name of a network");
        let help = "use letters, digits, `-`, `_` and `.`, such as `cnn new my-network`";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    let text = with_name(template.text, &network);
    let text = with_schema(&text, path.parent().unwrap_or(Path::new("")));
    if files::write_new(&path, text.as_bytes())? {
        return Ok(path);
    }
    let message = format!("`{}` exists", path.display());
    let help = "choose another name, or remove the file first";
    Err(Error::config(Diagnostic::error(message).help(help)))
}

fn find(name: &str) -> Result<&'static Template> {
    let known = TEMPLATES.iter().find(|template| template.name == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
        let diagnostic = Diagnostic::error(format!("unknown template `{name}`"))
            .note(format!("templates are {}", in_backticks(&names)));
        Error::config(match nearest(name, &names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("`cnn new --list` tells what each is"),
        })
    })
}

/// Puts another name in the place of the network's.
fn with_name(text: &str, name: &str) -> String {
    let mut is_done = false;
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.trim() == "name" && !is_done => {
            is_done = true;
            format!("{key}= \"{name}\"\n")
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Lets the first line lead to the schema from another folder; takes it away if there is none.
fn with_schema(text: &str, folder: &Path) -> String {
    let Some((_, rest)) = text.split_once('\n').filter(|_| text.starts_with(SCHEMA)) else {
        return text.to_owned();
    };
    let places = ["schema.json", "configs/schema.json"];
    let place = places.iter().find(|place| folder.join(place).is_file());
    place.map_or_else(
        || rest.to_owned(),
        |place| format!("{SCHEMA}{place}\n{rest}"),
    )
}
