//! `cnn show`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::ComputeArguments;
use super::show_words::{EXAMPLES, MethodArgument, place, safe, share, stem};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::evaluate::{self, Split};
use crate::files;
use crate::look::{self, Method, Picture, Subject};
use crate::model_file::{self, Trained};
use crate::report::look as shown;
use crate::report::{self, diagnostics};
use crate::run;

/// Look into a trained network: filters, what it makes of a picture, why it answers so
///
/// Files go to the folder `show` in the run folder.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A run folder, its name, `latest`, or a model file
    run: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Filters(Filters),
    Features(Features),
    Explain(Explain),
    ReceptiveField(ReceptiveField),
    Embedding(Embedding),
}

/// Where files go, and whether JSON is written.
#[derive(Debug, Args)]
struct Written {
    /// Folder for the files [default: `show` in the run folder]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write one JSON document
    #[arg(long)]
    json: bool,
}

/// Draw the learned kernels, a PNG a layer
///
/// Filters on three channels are drawn in colour, each from its smallest weight to its largest. Others are a
/// row a filter and a column an input channel: blue below 0, white 0, red above.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn show latest filters --layer C1")]
struct Filters {
    /// One layer, by its name, path or number [default: all convolutions]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    #[command(flatten)]
    written: Written,
}

/// Draw what each layer makes of a picture, all layers on one sheet
///
/// Each layer goes from its smallest value (dark) to its largest (light); beneath each map stand its number and its
/// own range.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn show latest features digit.png --layer C3 --raw")]
struct Features {
    /// A picture, or `-` for one on standard input
    image: PathBuf,
    /// One layer, by its name, path or number, or `all`
    #[arg(long, value_name = "NAME", default_value = "all")]
    layer: String,
    /// Write the values too, a .npy file a layer
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    written: Written,
}

/// Show which parts of a picture speak for an answer
///
/// Draws the picture, the map of importance, and one over the other.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn show latest explain digit.png --method occlusion --class 7")]
struct Explain {
    /// A picture, or `-` for one on standard input
    image: PathBuf,
    /// How importance is found
    #[arg(long, value_enum, default_value_t = MethodArgument::GradCam)]
    method: MethodArgument,
    /// The class that is asked about, by name or number [default: the most probable]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// The layer whose maps Grad-CAM looks at [default: the last with several positions]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Pictures with noise (smooth-grad), or steps from black (integrated-gradients) [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    samples: Option<u16>,
    /// Deviation of smooth-grad's noise, as a share of the range of the picture's values [default: 0.15]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    noise: Option<f64>,
    /// Side of the patch that occlusion covers [default: a quarter of the picture]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    patch: Option<u16>,
    /// Pixels from one patch to the next [default: a quarter of the patch]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    stride: Option<u16>,
    #[command(flatten)]
    written: Written,
}

/// Show what one place of a layer's maps sees of a picture
///
/// The theoretical field is a box; the effective field (Luo et al. 2016) is the gradient of all maps at that place.
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn show latest receptive-field digit.png --layer S4 --at 2,2")]
struct ReceptiveField {
    /// A picture, or `-` for one on standard input
    image: PathBuf,
    /// The layer, by its name, path or number
    #[arg(long, value_name = "NAME")]
    layer: String,
    /// Row and column on its maps [default: the middle]
    #[arg(long, value_name = "ROW,COL", value_parser = place)]
    at: Option<[usize; 2]>,
    #[command(flatten)]
    written: Written,
}

/// Write what the last hidden layer makes of each sample of a split, and draw it in two dimensions (PCA)
#[derive(Debug, Args)]
#[command(after_help = "Example: cnn show latest embedding --split validation --limit 1000")]
struct Embedding {
    /// Data set or path in place of the one it was trained on
    #[arg(long, value_name = "SOURCE")]
    data: Option<String>,
    /// The split [default: test, or validation where there is no test split]
    #[arg(long, value_enum)]
    split: Option<super::eval::SplitArgument>,
    /// Samples at most
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    compute: ComputeArguments,
    #[command(flatten)]
    written: Written,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let path = run::find_model(&arguments.run)?;
    match &arguments.what {
        What::Filters(options) => filters(&path, options),
        What::Features(options) => features(&path, options),
        What::Explain(options) => explain(&path, options),
        What::ReceptiveField(options) => receptive_field(&path, options),
        What::Embedding(options) => embedding(&path, options),
    }
}

impl Explain {
    /// Refuses settings that the method does not have.
    fn check(&self, name: &str) -> Result<()> {
        let given = [
            (
                "--layer",
                self.layer.is_some(),
                &["grad-cam", "grad-cam++"][..],
            ),
            (
                "--samples",
                self.samples.is_some(),
                &["smooth-grad", "integrated-gradients"],
            ),
            ("--noise", self.noise.is_some(), &["smooth-grad"]),
            ("--patch", self.patch.is_some(), &["occlusion"]),
            ("--stride", self.stride.is_some(), &["occlusion"]),
        ];
        for (option, is_given, methods) in given {
            if is_given && !methods.contains(&name) {
                let message = format!("`{option}` says nothing to method `{name}`");
                let help = format!("leave it out, or take `--method {}`", methods[0]);
                let note = format!("it is a setting of {}", in_backticks(methods));
                let diagnostic = Diagnostic::error(message).note(note);
                return Err(Error::config(diagnostic.help(help)));
            }
        }
        Ok(())
    }

    /// Returns the method with its settings, for pictures of a height and width.
    fn method_for(&self, name: &str, size: [usize; 2], seed: u64) -> Result<Method> {
        let mut method = Method::named(name, size, seed).ok_or_else(|| {
            Error::config(Diagnostic::error(format!("there is no method `{name}`")))
        })?;
        match &mut method {
            Method::SmoothGrad { samples, noise, .. } => {
                *samples = self.samples.map_or(*samples, usize::from);
                *noise = self.noise.unwrap_or(*noise);
            }
            Method::IntegratedGradients { steps } => {
                *steps = self.samples.map_or(*steps, usize::from);
            }
            Method::Occlusion { .. } => {
                let [patch, stride] = [self.patch, self.stride].map(|side| side.map(usize::from));
                method = Method::occlusion(patch, stride, size);
            }
            _ => {}
        }
        match method {
            Method::Occlusion { .. }
                if self
                    .patch
                    .is_some_and(|patch| usize::from(patch) > size[0].max(size[1])) =>
            {
                let message = format!(
                    "the patch is larger than the picture of {}x{}",
                    size[0], size[1]
                );
                let help = "give a smaller `--patch`";
                Err(Error::config(Diagnostic::error(message).help(help)))
            }
            Method::Occlusion { patch, stride } if stride > patch => {
                let message =
                    format!("patches of {patch} every {stride} pixels leave some uncovered");
                let help = "give a `--stride` no larger than `--patch`";
                Err(Error::config(Diagnostic::error(message).help(help)))
            }
            _ => Ok(method),
        }
    }
}

impl Written {
    /// Makes the folder for the files of a model.
    fn folder(&self, model: &Path) -> Result<PathBuf> {
        let run = model
            .parent()
            .filter(|folder| folder.join("run.json").is_file());
        let own = || run.map_or(PathBuf::from("show"), |run| run.join("show"));
        let folder = self.out.clone().unwrap_or_else(own);
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
        Ok(folder)
    }

    fn say(&self, text: &str, document: impl FnOnce() -> serde_json::Value) -> Result<u8> {
        super::write(self.json, text, document)
    }
}

/// A network on a device with gradients, and a picture.
struct Loaded {
    trained: Trained,
    device: burn::tensor::Device,
    picture: Picture,
}

impl Loaded {
    fn new(model: &Path, image: &Path) -> Result<Self> {
        let device = crate::model::Device::Cpu.open()?.autodiff();
        let trained = model_file::load(model, &device)?;
        let preprocessing = &trained.header.preprocessing;
        let picture = Picture::of_file(super::predict::read(image), preprocessing)
            .map_err(|error| error.proposing(super::predict::meant(image)))?;
        Ok(Self {
            trained,
            device,
            picture,
        })
    }

    fn subject(&self) -> Result<Subject<'_>> {
        Subject::new(&self.trained, &self.device, &self.picture)
    }
}

fn filters(model: &Path, options: &Filters) -> Result<u8> {
    let device = crate::model::Device::Cpu.open()?;
    let trained = model_file::load(model, &device)?;
    let kernels = look::filters(&trained, options.layer.as_deref())?;
    let folder = options.written.folder(model)?;
    let mut drawn = Vec::with_capacity(kernels.len());
    for kernels in &kernels {
        let file = folder.join(format!("filters-{}.png", safe(&kernels.name)));
        files::write(&file, &shown::draw_filters(kernels)?)?;
        drawn.push((kernels, file));
    }
    let drawn: Vec<_> = drawn
        .iter()
        .map(|(kernels, file)| (*kernels, file.as_path()))
        .collect();
    let text = shown::render_filters(&drawn);
    options.written.say(&text, || shown::filters_json(&drawn))
}

fn features(model: &Path, options: &Features) -> Result<u8> {
    let loaded = Loaded::new(model, &options.image)?;
    let layer = Some(options.layer.as_str()).filter(|layer| *layer != "all");
    let maps = look::features(&loaded.subject()?, layer)?;
    let folder = options.written.folder(model)?;
    let stem = stem(&options.image);
    let part = layer.map_or(String::new(), |layer| format!("-{}", safe(layer)));
    let file = folder.join(format!("features-{stem}{part}.png"));
    let mut raw = Vec::new();
    if options.raw {
        for maps in &maps {
            let file = folder.join(format!("features-{stem}-{}.npy", safe(&maps.path)));
            files::write(&file, &shown::npy(&maps.shape, &maps.values))?;
            raw.push(file);
        }
    }
    files::write(&file, &shown::draw_features(&maps)?)?;
    let text = shown::render_features(&maps, &file, &raw);
    let name = &loaded.picture.name;
    let document = || shown::features_json(name, &maps, &file, &raw);
    options.written.say(&text, document)
}

fn explain(model: &Path, options: &Explain) -> Result<u8> {
    let name = options.method.name();
    options.check(&name)?;
    let loaded = Loaded::new(model, &options.image)?;
    let header = &loaded.trained.header;
    let class = options.class.as_ref().map(|word| header.class(word));
    let class = class.transpose()?;
    let seed = loaded.trained.config.train.seed;
    let method = options.method_for(&name, loaded.picture.size(), seed)?;
    let subject = loaded.subject()?;
    let explanation = subject.explain(method, class, options.layer.as_deref())?;
    let classes = &header.classes;
    let folder = options.written.folder(model)?;
    let class = classes.get(explanation.class).cloned().unwrap_or_default();
    // Each class, and each layer, has a file of its own.
    let layer = explanation
        .layer
        .iter()
        .map(|layer| format!("-{}", safe(layer)));
    let layer: String = layer.collect();
    let file = format!(
        "explain-{}-{name}{layer}-{}.png",
        stem(&options.image),
        safe(&class)
    );
    let file = folder.join(file);
    let title = format!("{class} {:.4} {name}", explanation.answer);
    let png = shown::draw_explanation(&loaded.picture, &explanation, &title)?;
    files::write(&file, &png)?;
    let task = loaded.trained.config.train.task();
    let text = shown::render_explanation(&name, classes, task, &explanation, &file);
    let image = &loaded.picture.name;
    let document = || shown::explanation_json(&name, image, classes, &explanation, &file);
    options.written.say(&text, document)
}

fn receptive_field(model: &Path, options: &ReceptiveField) -> Result<u8> {
    let loaded = Loaded::new(model, &options.image)?;
    let seen = look::receptive_field(&loaded.subject()?, &options.layer, options.at)?;
    let folder = options.written.folder(model)?;
    let place = format!("{}-{}-{}", safe(&seen.layer), seen.at[0], seen.at[1]);
    let file = folder.join(format!("field-{}-{place}.png", stem(&options.image)));
    let title = format!("{} at {},{}", seen.layer, seen.at[0], seen.at[1]);
    files::write(&file, &shown::draw_field(&loaded.picture, &seen, &title)?)?;
    let text = shown::render_field(&seen, loaded.picture.size(), &file);
    let name = &loaded.picture.name;
    let document = || shown::field_json(name, &seen, &file);
    options.written.say(&text, document)
}

fn embedding(model: &Path, options: &Embedding) -> Result<u8> {
    let threads = options.compute.start_threads()?;
    let device = options.compute.device.open()?;
    let trained = model_file::load(model, &device)?;
    let split = options.split.map(Split::from);
    let measured = evaluate::load_split(&trained, options.data.as_deref(), split)?;
    for warning in &measured.warnings {
        report::tell(&diagnostics::render(warning));
    }
    let (split, samples) = (measured.split, measured.samples);
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let embedding = look::embed(&trained, &samples, limit, threads, &device)?;
    let classes = &trained.header.classes;
    let folder = options.written.folder(model)?;
    let name = |ending: &str| folder.join(format!("embedding-{}.{ending}", split.word()));
    let [csv, npy, svg] = ["csv", "npy", "svg"].map(name);
    files::write(&csv, &shown::embedding_csv(&embedding, classes))?;
    let shape = [embedding.points.len(), embedding.width];
    files::write(&npy, &shown::npy(&shape, &embedding.values))?;
    files::write(&svg, shown::draw_embedding(&embedding, classes)?.as_bytes())?;
    let files = [csv.as_path(), npy.as_path(), svg.as_path()];
    let text = shown::render_embedding(&embedding, &files);
    let document = || shown::embedding_json(&embedding, &files);
    options.written.say(&text, document)
}
