//! A folder of its own for each test, tiny data sets, and the binary with what it said.

mod bars;
mod golden;
mod models;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use self::bars::{
    BARS, CLASSES, IMPORTED, PER_CLASS, bar, bar_png, idx, inverted_bar_png, png, write_bars,
    write_idx,
};
pub(crate) use self::golden::{Golden, check_drawing, check_svg};
pub(crate) use self::models::{floats, prepared, tensors_of, weights, write_model};

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

    /// Makes one with these and a run `run` of three epochs, a checkpoint after each.
    pub(crate) fn trained() -> Self {
        let lab = Self::with_bars();
        lab.train("run", &[]);
        lab
    }

    /// Trains the bars as a run, with these options too.
    #[track_caller]
    pub(crate) fn train(&self, run: &str, options: &[&str]) {
        let arguments = ["train", "bars.toml", "--quiet", "--run", run];
        self.cnn(&[&arguments, options].concat()).ok();
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

/// Whether a program is there to check with. Says so if not, and fails where `CNN_REQUIRE_MACHINE` is set.
#[track_caller]
pub(crate) fn has_program(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok();
    let is_required = std::env::var_os("CNN_REQUIRE_MACHINE").is_some();
    assert!(found || !is_required, "no `{name}`");
    if !found {
        eprintln!("skipped: no `{name}`");
    }
    found
}

/// What has not come by then will not come, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until `done` holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "no {what}");
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

/// Returns the files below a folder, sorted.
#[track_caller]
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Tells whether the name of a file ends with one of these, behind a dot.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let own = path.extension().and_then(OsStr::to_str);
    own.is_some_and(|own| endings.contains(&own))
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

/// Returns a folder of the repository.
pub(crate) fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}
