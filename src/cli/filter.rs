//! `cnn filter`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::filter_words::{self, Channels, Levels, Mode};
use crate::config::Function;
use crate::dataset;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::filter::{self, Filter, Padding, Planes, Pool, Settings, Stage};
use crate::predict;
use crate::report::filter::{self as shown, Outcome};
use crate::report::{self, Output, json};

/// Put a hand-made kernel on a picture: edges, lines, blur, sharpen, emboss, any matrix
///
/// The picture's values are brought to 0 … 1 (the byte / 255, as in training); then CONV → ACT →
/// POOL. The kernel is not flipped, as in networks and `scipy.signal.correlate`. Maps up to 16 wide
/// are shown with their numbers; of larger ones the range is told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A picture (png, jpeg, webp, bmp), or `-` for standard input
    #[arg(required_unless_present = "list")]
    image: Option<PathBuf>,
    /// A name of `--list`, a file of numbers, or a matrix, `1 0 -1; 2 0 -2; 1 0 -1` (repeatable)
    ///
    /// A file has a row a line, or an array `[[1, 0, -1], …]`, which may stand here too. An array
    /// nested three deep is a matrix for each channel. `1/9` is a number.
    #[arg(
        long,
        value_name = "NAME|FILE|MATRIX",
        required_unless_present = "list",
        allow_hyphen_values = true
    )]
    kernel: Vec<String>,
    /// Apply the kernels one after another, each with its ACT and POOL, not each on the picture
    #[arg(long)]
    chain: bool,
    /// What becomes of the responses of the channels
    #[arg(long, value_enum, default_value_t = Channels::Sum)]
    channels: Channels,
    /// Turn colours to grey first
    #[arg(long)]
    grey: bool,
    /// Cut the middle out of the picture first: one number or H,W
    #[arg(long, value_name = "H,W", value_parser = filter_words::size)]
    crop: Option<[usize; 2]>,
    /// valid (none), same (keeps the size), or rows and columns on each side
    #[arg(long, value_name = "P", default_value = "same", value_parser = filter_words::padding)]
    padding: Padding,
    /// What the padding holds
    #[arg(long, value_enum, default_value_t = Mode::Zeros)]
    padding_mode: Mode,
    /// Keep every so many of the results: one number or H,W
    #[arg(long, value_name = "N", default_value = "1", value_parser = filter_words::size)]
    stride: [usize; 2],
    /// Pixels from one weight to the next
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    dilation: u16,
    /// Add a number to every response
    #[arg(long, value_name = "B", default_value_t = 0.0, allow_negative_numbers = true,
          value_parser = filter_words::finite)]
    bias: f64,
    /// Put a function on every response: relu, tanh, sigmoid, softplus, …
    #[arg(long, value_name = "FN", value_parser = filter_words::activation)]
    activation: Option<Function>,
    /// Pool last: max, avg, sum, min or l2, a size, and a stride if it is not the size
    #[arg(long, value_name = "KIND:SIZE[:STRIDE]", value_parser = filter_words::pool)]
    pool: Option<Pool>,
    /// The picture to write; of several kernels, `-NAME` is added [default: IMAGE-KERNEL.png here]
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// How values become grey levels
    #[arg(long, value_enum, default_value_t = Levels::Stretch)]
    scale: Levels,
    /// Write a picture of every stage too: `-1-conv.png`, `-2-act.png`, `-3-pool.png`
    #[arg(long)]
    stages: bool,
    /// Write the numbers of the result too: FILE.csv or FILE.npy
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    /// Write one JSON document; numbers are in it up to 1,024 a stage
    #[arg(long)]
    json: bool,
    /// Show the kernels that have a name, their weights and what each brings out
    #[arg(long)]
    list: bool,
}

const EXAMPLES: &str = "Examples:
  cnn filter photo.jpg --kernel sobel --kernel emboss
  cnn filter photo.jpg --kernel line_vertical --crop 70,120 --activation relu --pool max:2 --stages
  cnn filter photo.jpg --kernel '0 -1 0; -1 5 -1; 0 -1 0' --channels each --scale clip --out sharp.png";

pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<u8> {
    let mut output = Output::default();
    if arguments.list {
        let filters = Filter::every();
        let text = if arguments.json {
            json::line(&shown::json_list(&filters))
        } else {
            shown::render_list(&filters)
        };
        output.write(&text)?;
        return Ok(0);
    }
    super::start_all_threads()?;
    let filters = read_filters(&arguments.kernel)?;
    let image = arguments.image.clone().unwrap_or_default();
    let chains: Vec<Vec<&Filter>> = if arguments.chain {
        vec![filters.iter().collect()]
    } else {
        filters.iter().map(|filter| vec![filter]).collect()
    };
    let targets = Targets::new(arguments, &image, &chains)?;
    let input = read_picture(arguments, &image)?;
    let settings = settings(arguments);
    let name = image.display().to_string();
    if !arguments.json {
        output.write(&shown::render_input(&name, &input))?;
    }
    let mut results = Vec::new();
    for (chain, target) in chains.iter().zip(&targets.all) {
        let stages = filter::apply(&input, chain, &settings)?;
        write(arguments, target, &stages)?;
        let outcome = Outcome {
            filters: chain,
            stages: &stages,
            out: &target.out,
            raw: target.raw.as_deref(),
            stage_files: &target.stages,
        };
        if arguments.json {
            results.push(shown::json(&outcome));
            continue;
        }
        output.write(&shown::render(&outcome))?;
        if !quiet {
            let files = target.stages.iter().chain([&target.out]).chain(&target.raw);
            let lines =
                files.map(|path| format!("wrote {}\n", report::plain(&path.display().to_string())));
            report::tell(&lines.collect::<String>());
        }
    }
    if arguments.json {
        output.write(&json::line(&shown::json_document(&name, &input, &results)))?;
    }
    Ok(0)
}

/// Reads every kernel; all that cannot be read are told together.
fn read_filters(texts: &[String]) -> Result<Vec<Filter>> {
    let mut filters = Vec::new();
    let mut faults = Vec::new();
    for text in texts {
        match Filter::read(text) {
            Ok(filter) => filters.push(filter),
            Err(error) => faults.extend(error.diagnostics),
        }
    }
    match faults.split_first() {
        None => Ok(filters),
        Some((first, rest)) => {
            let mut error = Error::config(first.clone());
            error.diagnostics.extend_from_slice(rest);
            Err(error)
        }
    }
}

fn read_picture(arguments: &Arguments, image: &Path) -> Result<Planes> {
    let content = super::predict::read(image).content;
    let pixels = content.and_then(|bytes| dataset::picture_pixels(&bytes, arguments.grey));
    let pixels = pixels.map_err(|reason| {
        let mut diagnostic = predict::unreadable(&image.to_string_lossy(), &reason);
        let help = "give a whole png, jpeg, webp or bmp picture".to_owned();
        let meant = super::predict::meant(image);
        diagnostic.helps.push(meant.unwrap_or(help));
        Error::data(diagnostic)
    })?;
    filter::prepare(&pixels, arguments.crop)
}

fn settings(arguments: &Arguments) -> Settings {
    Settings {
        fusion: arguments.channels.into(),
        padding: arguments.padding,
        padding_mode: arguments.padding_mode.into(),
        stride: arguments.stride,
        dilation: usize::from(arguments.dilation),
        bias: arguments.bias,
        activation: arguments.activation,
        pool: arguments.pool.clone(),
    }
}

fn write(arguments: &Arguments, target: &Target, stages: &[Stage]) -> Result<()> {
    let scale = arguments.scale.into();
    for (stage, path) in stages.iter().zip(&target.stages) {
        filter::write(path, &filter::png(&stage.planes, scale)?)?;
    }
    let Some(last) = stages.last() else {
        return Ok(());
    };
    filter::write(&target.out, &filter::png(&last.planes, scale)?)?;
    if let Some(raw) = &target.raw {
        let bytes = if has_extension(raw, "npy") {
            filter::raw_npy(&last.planes)
        } else {
            filter::raw_csv(&last.planes)
        };
        filter::write(raw, &bytes)?;
    }
    Ok(())
}

/// Where one result goes.
struct Target {
    out: PathBuf,
    raw: Option<PathBuf>,
    /// A file a stage, or none.
    stages: Vec<PathBuf>,
}

/// Where all results go: to files of different names, none of which is read from.
struct Targets {
    all: Vec<Target>,
}

impl Targets {
    fn new(arguments: &Arguments, image: &Path, chains: &[Vec<&Filter>]) -> Result<Self> {
        check_extension("--out", arguments.out.as_deref(), &["png"])?;
        check_extension("--raw", arguments.raw.as_deref(), &["csv", "npy"])?;
        let stem = match image.file_stem() {
            Some(stem) if image != Path::new("-") => stem.to_string_lossy().into_owned(),
            _ => "picture".to_owned(),
        };
        let names = different(chains);
        let several = names.len() > 1;
        let named = |path: &Path, name: &str| {
            if several {
                added(path, name)
            } else {
                path.to_owned()
            }
        };
        let mut words = vec!["conv"];
        words.extend(arguments.activation.map(|_| "act"));
        words.extend(arguments.pool.as_ref().map(|_| "pool"));
        let stages = |out: &Path, filters: usize| {
            let words = words.iter().cycle().take(words.len() * filters);
            let names = words.enumerate();
            let files = names.map(|(index, word)| added(out, &format!("{}-{word}", index + 1)));
            files.filter(|_| arguments.stages).collect()
        };
        let all: Vec<Target> = names
            .iter()
            .zip(chains)
            .map(|(name, chain)| {
                let out = match &arguments.out {
                    Some(out) => named(out, name),
                    None => PathBuf::from(format!("{stem}-{name}.png")),
                };
                Target {
                    stages: stages(&out, chain.len()),
                    raw: arguments.raw.as_ref().map(|raw| named(raw, name)),
                    out,
                }
            })
            .collect();
        let read = arguments.kernel.iter().map(Path::new).chain([image]);
        let read: Vec<PathBuf> = read.filter_map(|path| path.canonicalize().ok()).collect();
        for target in &all {
            let files = target.stages.iter().chain([&target.out]);
            for path in files.chain(&target.raw) {
                if path.canonicalize().is_ok_and(|own| read.contains(&own)) {
                    let message = format!("`{}` is read and would be written over", path.display());
                    let help = "choose another file with `--out` or `--raw`";
                    return Err(Error::config(Diagnostic::error(message).help(help)));
                }
            }
        }
        Ok(Self { all })
    }
}

/// Names each chain by its kernels; one that comes again is numbered.
fn different(chains: &[Vec<&Filter>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for chain in chains {
        let words: Vec<&str> = chain.iter().map(|filter| filter.name.as_str()).collect();
        let name = words.join("-");
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        names.extend(candidates.find(|candidate| !names.contains(candidate)));
    }
    names
}

/// Adds `-word` to the stem of a path.
fn added(path: &Path, word: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{word}.{extension}"))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

fn check_extension(option: &str, path: Option<&Path>, known: &[&str]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    if known.iter().any(|wanted| has_extension(path, wanted)) {
        return Ok(());
    }
    let words: Vec<String> = known.iter().map(|word| format!("`.{word}`")).collect();
    let words = words.join(" or ");
    let message = format!("`{option} {}` does not end in {words}", path.display());
    let path = path.with_extension(known.first().copied().unwrap_or_default());
    let help = format!("write `{option} {}`", path.display());
    Err(Error::config(Diagnostic::error(message).help(help)))
}
