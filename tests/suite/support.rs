//! A folder of its own for each test, tiny data sets, and the binary with what it said.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What the binary said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Asserts the exit code, showing what was said if it is another.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// Returns the one JSON document of standard output; nothing else may stand there.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let document = serde_json::from_str(&self.stdout);
        document.unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Returns the JSON documents of standard output, one a line; nothing else may stand there.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{error} in {line}: {self:#?}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

/// The working directory of a test; it and all in it go when the test ends.
#[derive(Debug)]
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    /// Makes one with the `bars` pictures and the config `bars.toml`.
    pub(crate) fn with_bars() -> Self {
        let lab = Self::new();
        write_bars(&lab.path("bars"));
        lab.write("bars.toml", BARS);
        lab
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in it, with the folders above.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads a file in it.
    #[track_caller]
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Reads a text file in it.
    #[track_caller]
    pub(crate) fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Reads a JSON file in it.
    #[track_caller]
    pub(crate) fn json(&self, name: impl AsRef<Path>) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Prepares the binary to run in it.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        command_in(self.folder.path(), arguments)
    }

    /// Runs the binary in it to its end.
    #[track_caller]
    pub(crate) fn cnn<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// Runs the binary with something on its standard input.
    #[track_caller]
    pub(crate) fn cnn_with_input<S: AsRef<OsStr>>(&self, arguments: &[S], input: &[u8]) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        // A process that does not read it may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input);
        finished(child)
    }

    /// Starts the binary in it, its output kept for [`finished`].
    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Returns the names in a folder of it, sorted.
    #[track_caller]
    pub(crate) fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        names(&self.path(folder))
    }
}

/// Prepares the binary to run in a folder, with nothing of the environment that could change what it says.
pub(crate) fn command_in<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cnn"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    said(output.status, output.stdout, output.stderr)
}

/// Waits for a process that was started.
#[track_caller]
pub(crate) fn finished(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    said(output.status, output.stdout, output.stderr)
}

#[track_caller]
fn said(status: ExitStatus, stdout: Vec<u8>, stderr: Vec<u8>) -> Outcome {
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    Outcome {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr,
    }
}

/// Waits until `done` holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal by its name, such as `INT`.
pub(crate) fn signal(child: &Child, name: &str) {
    let number = child.id().to_string();
    let status = Command::new("kill").args(["-s", name, &number]).status();
    assert!(status.unwrap().success());
}

/// Returns the names in a folder, sorted.
#[track_caller]
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Returns the keys of a JSON object, sorted.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// Classes of the `bars` pictures, sorted as class folders are.
pub(crate) const CLASSES: [&str; 3] = ["across", "down", "slant"];

/// Pictures of each class.
pub(crate) const PER_CLASS: usize = 12;

/// Side of a picture.
pub(crate) const SIDE: usize = 8;

/// A network that tells the three classes apart after some epochs, and trains fast without optimization.
pub(crate) const BARS: &str = r#"[model]
name = "bars"
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, activation = "relu" },
  { type = "pool", kind = "max", size = 2 },
  { type = "flatten" },
  { type = "dense", units = 3 },
]

[data]
source = "bars"
validation = 0.25

[train]
epochs = 3
batch_size = 9
seed = 7
optimizer = { type = "adam", learning_rate = 0.03 }
"#;

/// Draws a white bar on black, across, down or aslant; the border stays black.
pub(crate) fn bar(class: usize, number: usize) -> Vec<u8> {
    let place = 1 + number % 6;
    let brightness = if number < 6 { 255 } else { 200 };
    let mut pixels = vec![0; SIDE * SIDE];
    for step in 1..SIDE - 1 {
        let (row, column) = match class {
            0 => (place, step),
            1 => (step, place),
            _ => (step, 1 + (step + place) % 6),
        };
        pixels[row * SIDE + column] = brightness;
    }
    pixels
}

/// Returns a grey picture as a PNG.
pub(crate) fn png(width: usize, height: usize, pixels: &[u8]) -> Vec<u8> {
    let (width, height) = (
        u32::try_from(width).unwrap(),
        u32::try_from(height).unwrap(),
    );
    let picture = image::GrayImage::from_raw(width, height, pixels.to_vec()).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    let format = image::ImageFormat::Png;
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns a [`bar`] as a PNG.
pub(crate) fn bar_png(class: usize, number: usize) -> Vec<u8> {
    png(SIDE, SIDE, &bar(class, number))
}

/// Returns a [`bar`] in black on white as a PNG.
pub(crate) fn inverted_bar_png(class: usize, number: usize) -> Vec<u8> {
    let pixels: Vec<u8> = bar(class, number).into_iter().map(|value| !value).collect();
    png(SIDE, SIDE, &pixels)
}

/// Writes a folder of class folders.
pub(crate) fn write_bars(folder: &Path) {
    for (class, name) in CLASSES.iter().enumerate() {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..PER_CLASS {
            let path = folder.join(format!("{number:02}.png"));
            fs::write(path, bar_png(class, number)).unwrap();
        }
    }
}

/// Returns an IDX file of bytes.
pub(crate) fn idx(sizes: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, u8::try_from(sizes.len()).unwrap()];
    for size in sizes {
        bytes.extend(u32::try_from(*size).unwrap().to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

/// Writes the same pictures in the same order as [`write_bars`], as IDX files.
pub(crate) fn write_idx(folder: &Path) {
    let numbers = (0..CLASSES.len()).flat_map(|class| (0..PER_CLASS).map(move |n| (class, n)));
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for (class, number) in numbers {
        pixels.extend(bar(class, number));
        labels.push(u8::try_from(class).unwrap());
    }
    fs::create_dir_all(folder).unwrap();
    let images = idx(&[labels.len(), SIDE, SIDE], &pixels);
    fs::write(folder.join("train-images-idx3-ubyte"), images).unwrap();
    let labels = idx(&[labels.len()], &labels);
    fs::write(folder.join("train-labels-idx1-ubyte"), labels).unwrap();
}

/// Returns a drawing and what it was when it was looked at; `UPDATE_GOLDEN` takes it over.
fn drawing(lab: &Lab, file: &str) -> [Vec<u8>; 2] {
    let drawn = lab.read(file);
    let name = file.rsplit('/').next().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots/drawn")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &drawn).unwrap();
    }
    [
        drawn,
        fs::read(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display())),
    ]
}

/// Holds a picture to what it was: one value in a thousand may be apart by more than 8 of 255.
#[track_caller]
pub(crate) fn check_drawing(lab: &Lab, file: &str) {
    let [drawn, golden] =
        drawing(lab, file).map(|bytes| image::load_from_memory(&bytes).unwrap().into_rgb8());
    assert_eq!(drawn.dimensions(), golden.dimensions(), "{file}");
    let apart = drawn.as_raw().iter().zip(golden.as_raw());
    let apart = apart.filter(|(a, b)| a.abs_diff(**b) > 8).count();
    let share = apart as f64 / drawn.as_raw().len() as f64;
    assert!(share < 0.001, "{file}: {share} of all values are apart");
}

/// Holds a drawing of lines to what it was: the same words, and numbers within 1, a pixel.
#[track_caller]
pub(crate) fn check_svg(lab: &Lab, file: &str) {
    let [drawn, golden] = drawing(lab, file).map(|bytes| String::from_utf8(bytes).unwrap());
    let words = |text: &str| -> Vec<String> {
        let marks = |c: char| !(c.is_alphanumeric() || "-+.#%".contains(c));
        text.split(marks).map(str::to_owned).collect()
    };
    let [drawn, golden] = [&drawn, &golden].map(|text| words(text));
    assert_eq!(drawn.len(), golden.len(), "{file}");
    for (place, (drawn, golden)) in drawn.iter().zip(&golden).enumerate() {
        let is_near = match (drawn.parse::<f64>(), golden.parse::<f64>()) {
            (Ok(drawn), Ok(golden)) => (drawn - golden).abs() <= 1.0,
            _ => drawn == golden,
        };
        assert!(
            is_near,
            "{file}, word {place}: `{drawn}`, it was `{golden}`"
        );
    }
}

/// The differences that [`Golden`] found are told together at its end.
#[derive(Debug)]
pub(crate) struct Golden {
    update: bool,
    differences: Vec<String>,
}

impl Golden {
    /// Compares files with what is said, or writes them anew where `UPDATE_GOLDEN` is set.
    pub(crate) fn new() -> Self {
        Self {
            update: std::env::var_os("UPDATE_GOLDEN").is_some(),
            differences: Vec::new(),
        }
    }

    /// Compares one file.
    pub(crate) fn check(&mut self, path: &Path, actual: &str) {
        if self.update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, actual).unwrap();
            return;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            let path = path.display();
            let text = format!("{path}\n--- expected\n{expected}\n--- actual\n{actual}");
            self.differences.push(text);
        }
    }

    /// Fails if any file differed.
    #[track_caller]
    pub(crate) fn finish(self) {
        assert!(
            self.differences.is_empty(),
            "{}\n{} files differ; `UPDATE_GOLDEN=1 cargo test --test suite` writes them anew",
            self.differences.join("\n"),
            self.differences.len()
        );
    }
}

/// Returns a folder of the repository.
pub(crate) fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}
