//! A checkpoint with one file that may hold anything: going on with it ends with a trained network or a reason.

use std::sync::LazyLock;

use cnn::report::diagnostics::render_error;
use cnn::train::{Options, Target};
use cnn::{Project, train};

use crate::scratch::Scratch;

/// The folder of the only checkpoint.
const CHECKPOINT: &str = "run/checkpoints/step-00000001";

/// Its files, in the order of its checksum.
const FILES: [&str; 4] = [
    "model.safetensors",
    "optimizer.safetensors",
    "average.safetensors",
    "state.json",
];

/// A run that stands after the first of two epochs.
struct Paused {
    scratch: Scratch,
    project: Project,
    /// Its files by their paths, as they were then.
    files: Vec<(String, Vec<u8>)>,
    /// Those of the checkpoint.
    whole: [Vec<u8>; 4],
}

impl Paused {
    fn new() -> Self {
        let table = b"label,a,b\nx,1,2\ny,3,4\nx,5,6\ny,7,8\n";
        let scratch = Scratch::new(&[("data.csv", table)]);
        let text = format!(
            "[model]\ninput = [1, 2]\nlayers = [{{ type = 'flatten' }}, {{ type = 'dense', units = 2 }}]\n\
             [data]\nsource = '{}'\n\
             [train]\nepochs = 2\nbatch_size = 4\nema = 0.9\noptimizer = {{ type = 'adam' }}\n",
            scratch.path("data.csv").display()
        );
        let project: Project = text.parse().expect("a config");
        let options = Options {
            target: Target::At(scratch.path("run")),
            threads: 1,
            until: Some(1),
            ..Options::new(&project)
        };
        train(&options, &mut |_| ()).expect("a run");
        let whole = FILES.map(|name| read(&scratch, &format!("{CHECKPOINT}/{name}")));
        let names = [
            "config.toml",
            "run.json",
            "metrics.csv",
            "model.safetensors",
        ];
        let names = names.map(|name| format!("run/{name}"));
        let files = names.map(|name| (name.clone(), read(&scratch, &name)));
        Self {
            files: files.into(),
            scratch,
            project,
            whole,
        }
    }

    /// Puts everything back but for one file of the checkpoint, whose checksum holds.
    fn lay_out(&self, number: usize, content: &[u8]) {
        std::fs::remove_dir_all(self.scratch.path("run")).expect("a folder to remove");
        for (name, content) in &self.files {
            self.scratch.write(name, content);
        }
        let mut hasher = blake3::Hasher::new();
        for (at, name) in FILES.iter().enumerate() {
            let content = if at == number {
                content
            } else {
                &self.whole[at]
            };
            hasher.update(&(content.len() as u64).to_le_bytes());
            hasher.update(content);
            self.scratch.write(&format!("{CHECKPOINT}/{name}"), content);
        }
        let checksum = hasher.finalize().to_hex();
        let name = format!("{CHECKPOINT}/checksum");
        self.scratch.write(&name, checksum.as_bytes());
    }
}

fn read(scratch: &Scratch, name: &str) -> Vec<u8> {
    std::fs::read(scratch.path(name)).expect("a file of the run")
}

/// The first byte chooses the file, the others are its content.
pub(crate) fn resume(bytes: &[u8]) {
    static PAUSED: LazyLock<Paused> = LazyLock::new(Paused::new);
    let Some((first, content)) = bytes.split_first() else {
        return;
    };
    PAUSED.lay_out(usize::from(*first) % FILES.len(), content);
    let options = Options {
        target: Target::Resume(PAUSED.scratch.path("run")),
        threads: 1,
        ..Options::new(&PAUSED.project)
    };
    if let Err(error) = train(&options, &mut |_| ()) {
        drop(render_error(&error));
    }
}
