//! What a training would meet on this machine and in this folder, and what can be done about it.

mod checks;

use std::path::PathBuf;

use crate::kernels::UnknownIsa;
use crate::machine::Memory;
use crate::model::Device;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Less than it could be.
    Note,
    /// In need of mending.
    Problem,
    /// In need of mending before anything can be trained.
    Hindrance,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The program itself.
    Program {
        /// What it can do beyond the least.
        features: Vec<&'static str>,
        /// Whether the compiler optimized it.
        optimized: bool,
    },
    /// Where to compute.
    Device {
        /// Its name for `--device`.
        name: String,
        /// Why it does not compute, if it does not.
        fault: Option<String>,
    },
    /// Sets of vector instructions.
    Instructions {
        /// Those that this processor has, the best first.
        here: Vec<&'static str>,
        /// What the kernels are compiled for; what `CNN_ISA` asks for in vain.
        used: Result<&'static str, UnknownIsa>,
    },
    /// Threads that compute.
    Threads {
        /// How many where `--threads` is left out.
        threads: usize,
        /// Processors of the machine, if it tells.
        processors: Option<usize>,
        /// How many processors a container may keep busy, if it is held to less than all.
        limit: Option<f64>,
    },
    /// The memory, where the machine tells it.
    Memory(Memory),
    /// A data set that is here.
    DataSet {
        /// Its name.
        name: &'static str,
        /// Where it lies; in the program if nowhere.
        folder: Option<PathBuf>,
        /// What is missing in it, or other than it should be.
        faults: Vec<String>,
    },
    /// Data sets that are not here.
    NotFetched {
        /// Their names.
        names: Vec<&'static str>,
    },
    /// Where runs are written.
    Runs {
        /// Room on the disk, if the system tells.
        free_bytes: Option<u64>,
        /// Why nothing can be written, if so.
        fault: Option<String>,
    },
    /// Where standard output goes.
    Terminal(Terminal),
}

/// Where standard output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its columns; nothing where it is no terminal.
    pub columns: Option<usize>,
    /// Whether it shows colours.
    pub colours: bool,
    /// Whether the locale is one of UTF-8.
    pub utf8: bool,
}

/// One line of a checkup.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was found.
    pub fact: Fact,
    /// How that is.
    pub state: State,
    /// What can be done about it.
    pub helps: Vec<String>,
}

/// All that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkup {
    /// One after another.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// Returns whether nothing found keeps networks from being trained.
    #[must_use]
    pub fn can_train(&self) -> bool {
        let mut states = self.findings.iter().map(|finding| finding.state);
        states.all(|state| state != State::Hindrance)
    }
}

impl Finding {
    fn ok(fact: Fact) -> Self {
        Self {
            fact,
            state: State::Ok,
            helps: Vec::new(),
        }
    }

    fn with(self, state: State, help: impl Into<String>) -> Self {
        let mut helps = self.helps;
        helps.push(help.into());
        Self {
            state,
            helps,
            ..self
        }
    }
}

/// Looks at everything.
#[must_use]
pub(crate) fn examine(terminal: Terminal) -> Checkup {
    let mut findings = vec![checks::program()];
    findings.extend(Device::all().into_iter().map(checks::device));
    findings.push(checks::instructions());
    findings.push(checks::threads());
    findings.extend(Memory::here().map(checks::memory));
    findings.extend(checks::data_sets());
    findings.push(checks::runs());
    findings.push(checks::screen(terminal));
    Checkup { findings }
}
