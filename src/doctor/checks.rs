//! One look each.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;

use super::{Fact, Finding, State, Terminal};
use crate::dataset::BUILT_IN;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::fetch::{self, Set};
use crate::kernels::{Isa, UnknownIsa};
use crate::machine::{self, Memory, Processors};
use crate::model::Device;
use crate::run;

pub(super) fn program() -> Finding {
    let features = [
        ("serve", cfg!(feature = "serve")),
        ("wgpu", cfg!(feature = "wgpu")),
        (
            "wgpu-plain",
            cfg!(feature = "wgpu-plain") && !cfg!(feature = "wgpu"),
        ),
        ("remote", cfg!(feature = "remote")),
    ];
    let features = features.into_iter().filter(|(_, is_in)| *is_in);
    let optimized = !cfg!(debug_assertions);
    let finding = Finding::ok(Fact::Program {
        features: features.map(|(name, _)| name).collect(),
        optimized,
    });
    if optimized {
        finding
    } else {
        let help = "`cargo build --release` makes it many times as fast";
        finding.with(State::Note, help)
    }
}

pub(super) fn device(device: Device) -> Finding {
    let fault = compute_on(device).err();
    let finding = Finding::ok(Fact::Device {
        name: device.to_string(),
        fault: fault.as_ref().map(ToString::to_string),
    });
    let Some(error) = fault else {
        return finding;
    };
    // Nothing is computed elsewhere unless it is asked for.
    let state = if device == Device::default() {
        State::Hindrance
    } else {
        State::Note
    };
    let helps = error
        .diagnostics
        .into_iter()
        .flat_map(|diagnostic| diagnostic.helps);
    Finding {
        state,
        helps: helps.collect(),
        ..finding
    }
}

/// Adds some ones on a device.
fn compute_on(device: Device) -> Result<()> {
    let opened = device.open()?;
    let sum = Tensor::<1>::ones([4], &opened).sum();
    let failed = |reason: String| {
        let message = format!("`{device}` opens, but does not compute: {reason}");
        Error::config(Diagnostic::error(message))
    };
    match sum.try_into_scalar::<f32>() {
        Ok(4.0) => Ok(()),
        Ok(other) => Err(failed(format!("1 + 1 + 1 + 1 gave {other}"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

pub(super) fn instructions() -> Finding {
    let here = Isa::names_here();
    let used = UnknownIsa::asked().map_or_else(|| Ok(Isa::current().name()), Err);
    let finding = Finding::ok(Fact::Instructions {
        here: here.clone(),
        used: used.clone(),
    });
    match used {
        Err(_) => finding.with(State::Hindrance, UnknownIsa::HELP),
        Ok(used) if here.first() != Some(&used) => finding.with(State::Note, UnknownIsa::HELP),
        Ok("portable") if cfg!(target_arch = "x86_64") => finding.with(
            State::Note,
            "a processor with AVX2 trains several times as fast",
        ),
        Ok(_) => finding,
    }
}

pub(super) fn threads() -> Finding {
    let Processors { count, limit } = Processors::here();
    Finding::ok(Fact::Threads {
        threads: machine::threads(),
        processors: count,
        limit: limit.filter(|limit| count.is_none_or(|count| *limit < count as f64)),
    })
}

/// Memory below which even small networks on small pictures may not fit.
const LITTLE_MEMORY_BYTES: u64 = 500_000_000;

pub(super) fn memory(memory: Memory) -> Finding {
    let finding = Finding::ok(Fact::Memory(memory));
    if memory.free_bytes >= LITTLE_MEMORY_BYTES {
        return finding;
    }
    let help = "`cnn inspect CONFIG --batch N` tells what a training takes; a smaller `batch_size` takes less";
    finding.with(State::Note, help)
}

pub(super) fn data_sets() -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut missing = Vec::new();
    for set in BUILT_IN {
        match Set::named(set.name) {
            _ if set.embedded => findings.push(Finding::ok(Fact::DataSet {
                name: set.name,
                folder: None,
                faults: Vec::new(),
            })),
            Some(files) if set.folder().exists() => findings.push(data_set(files, set.folder())),
            _ => missing.push(set.name),
        }
    }
    if let Some(first) = missing.first() {
        let help = format!("`cnn data fetch {first}` fetches the first of them");
        let fact = Fact::NotFetched { names: missing };
        findings.push(Finding::ok(fact).with(State::Note, help));
    }
    findings
}

fn data_set(set: &Set, folder: PathBuf) -> Finding {
    let name = set.name;
    let faults = fetch::faults(set, &folder).unwrap_or_else(|error| vec![error.to_string()]);
    let is_whole = faults.is_empty();
    let place = folder.display().to_string();
    let finding = Finding::ok(Fact::DataSet {
        name,
        folder: Some(folder),
        faults,
    });
    if is_whole {
        return finding;
    }
    let help = format!("move `{place}` away and run `cnn data fetch {name}`");
    finding.with(State::Problem, help)
}

/// Room on the disk that the checkpoints of a large network may fill.
const LITTLE_ROOM_BYTES: u64 = 1_000_000_000;

pub(super) fn runs() -> Finding {
    let folder = Path::new(run::FOLDER);
    // The first training makes it.
    let there = std::fs::symlink_metadata(folder).is_ok();
    let place = if there { folder } else { Path::new(".") };
    let fault = write_into(place).err();
    let free_bytes = machine::free_on_disk(place);
    let finding = Finding::ok(Fact::Runs {
        free_bytes,
        fault: fault.map(|error| error.to_string()),
    });
    if matches!(finding.fact, Fact::Runs { fault: Some(_), .. }) {
        let help = if there && !folder.is_dir() {
            "move `runs` away: it is no folder, and the next training makes one"
        } else {
            "go to a folder that you may write to, on a disk with room, and run `cnn` there"
        };
        finding.with(State::Hindrance, help)
    } else if free_bytes.is_some_and(|bytes| bytes < LITTLE_ROOM_BYTES) {
        let help = "`cnn runs rm RUN` removes a run; `checkpoint = { keep = 1 }` in `[train]` keeps fewer of its states";
        finding.with(State::Note, help)
    } else {
        finding
    }
}

/// Writes a file without a name, which is gone at the end.
fn write_into(folder: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; 4096])?;
    file.sync_all()
}

/// Columns that tables are laid out for.
const COLUMNS: usize = 80;

pub(super) fn screen(terminal: Terminal) -> Finding {
    let mut finding = Finding::ok(Fact::Terminal(terminal));
    let Some(columns) = terminal.columns else {
        return finding;
    };
    if columns < COLUMNS {
        let help = format!("{COLUMNS} columns or more show tables as they are meant");
        finding = finding.with(State::Note, help);
    }
    if !terminal.utf8 {
        let help = "`export LANG=C.UTF-8` tells programs that the terminal shows UTF-8";
        finding = finding.with(State::Note, help);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Checkup;
    use crate::fetch::Pinned;

    #[test]
    fn a_set_is_held_to_its_checksums() {
        const SET: Set = Set {
            name: "tiny",
            mirrors: &[],
            files: &[Pinned {
                name: "file",
                bytes: 3,
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            }],
            archive: None,
        };
        let lab = tempfile::tempdir().unwrap();
        let found = |content: &str| {
            std::fs::write(lab.path().join("file"), content).unwrap();
            data_set(&SET, lab.path().to_owned())
        };
        assert_eq!(found("abc").state, State::Ok);
        let damaged = found("abd");
        assert_eq!(damaged.state, State::Problem);
        assert!(damaged.helps[0].ends_with("run `cnn data fetch tiny`"));
        let Fact::DataSet { faults, .. } = damaged.fact else {
            panic!("another fact");
        };
        assert!(
            faults[0].starts_with("`file` has SHA-256 a52d159f"),
            "{faults:?}"
        );
    }

    #[test]
    fn little_memory_and_poor_terminals_are_noted() {
        let state = |free_bytes| {
            let found = memory(Memory {
                total_bytes: 1 << 40,
                free_bytes,
                limit_bytes: None,
            });
            found.state
        };
        assert_eq!(state(LITTLE_MEMORY_BYTES), State::Ok);
        assert_eq!(state(LITTLE_MEMORY_BYTES - 1), State::Note);
        let helps = |columns, utf8| {
            let found = screen(Terminal {
                columns,
                colours: true,
                utf8,
            });
            (found.state, found.helps.len())
        };
        assert_eq!(helps(None, false), (State::Ok, 0), "a file takes anything");
        assert_eq!(helps(Some(80), true), (State::Ok, 0));
        assert_eq!(helps(Some(79), false), (State::Note, 2));
    }

    #[test]
    fn what_needs_mending_before_a_training_is_told_apart() {
        let fact = Fact::NotFetched { names: Vec::new() };
        let checkup = |state| Checkup {
            findings: vec![
                Finding::ok(fact.clone()),
                Finding::ok(fact.clone()).with(state, "mend it"),
            ],
        };
        assert!(checkup(State::Problem).can_train());
        assert!(!checkup(State::Hindrance).can_train());
        let lab = tempfile::tempdir().unwrap();
        assert!(write_into(lab.path()).is_ok());
        assert!(write_into(&lab.path().join("gone")).is_err());
    }
}
