//! A checkup as lines and as JSON.

use serde_json::{Value, json};

use super::number::bytes;
use super::plain;
use crate::diagnostic::in_backticks;
use crate::doctor::{Checkup, Fact, Finding, State, Terminal};

/// Writes a line for each finding, and what can be done below it.
#[must_use]
pub fn render(checkup: &Checkup) -> String {
    let mut text: String = checkup.findings.iter().map(line).collect();
    text.push_str(if checkup.can_train() {
        "\nnetworks can be trained here\n"
    } else {
        "\nnothing can be trained here before each error is mended\n"
    });
    text
}

fn line(finding: &Finding) -> String {
    let (subject, found) = words(&finding.fact);
    let word = word(finding.state);
    let mut text = format!("{word:<9}{subject:<14}{}\n", plain(&found));
    for help in &finding.helps {
        text.push_str(&format!("{:<9}help: {}\n", "", plain(help)));
    }
    text
}

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Note => "note",
        State::Problem => "problem",
        State::Hindrance => "error",
    }
}

/// Says what was looked at, and what was found.
fn words(fact: &Fact) -> (String, String) {
    match fact {
        Fact::Program {
            features,
            optimized,
        } => {
            let version = env!("CARGO_PKG_VERSION");
            let mut text = format!("{version} for {}", system());
            if !features.is_empty() {
                text.push_str(&format!(", with {}", in_backticks(features)));
            }
            if !optimized {
                text.push_str("; not optimized");
            }
            ("cnn".to_owned(), text)
        }
        Fact::Device { name, fault } => {
            let found = fault.as_deref().unwrap_or("computes");
            (name.clone(), found.to_owned())
        }
        Fact::Instructions { here, used } => {
            let used = match used {
                Ok(used) => format!("`{used}`"),
                Err(unknown) => unknown.error().to_string(),
            };
            let here = in_backticks(here);
            let found = format!("{used}; this processor has {here}");
            ("instructions".to_owned(), found)
        }
        Fact::Threads {
            threads,
            processors,
            limit,
        } => (
            "threads".to_owned(),
            of_threads(*threads, *processors, *limit),
        ),
        Fact::Memory(memory) => {
            let (total, free) = (bytes(memory.total_bytes), bytes(memory.free_bytes));
            let limit = memory.limit_bytes.map(bytes);
            let limit = limit.map(|limit| format!(", held to {limit} by a container"));
            let found = format!("{free} free of {total}{}", limit.unwrap_or_default());
            ("memory".to_owned(), found)
        }
        Fact::DataSet {
            name,
            folder,
            faults,
        } => {
            let place = folder.as_ref().map(|folder| folder.display().to_string());
            let found = match place {
                None => "in `cnn`".to_owned(),
                Some(place) if faults.is_empty() => format!("whole in `{place}`"),
                Some(place) => format!("damaged in `{place}`: {}", faults.join("; ")),
            };
            ((*name).to_owned(), found)
        }
        Fact::NotFetched { names } => {
            let found = format!("not fetched: {}", names.join(", "));
            ("data sets".to_owned(), found)
        }
        Fact::Runs { free_bytes, fault } => {
            let mut found = match fault {
                None => "can be written".to_owned(),
                Some(fault) => format!("cannot be written: {fault}"),
            };
            if let Some(free) = free_bytes {
                found.push_str(&format!("; {} free on the disk", bytes(*free)));
            }
            ("runs/".to_owned(), found)
        }
        Fact::Terminal(terminal) => ("terminal".to_owned(), of_terminal(terminal)),
    }
}

fn system() -> String {
    format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)
}

fn of_threads(threads: usize, processors: Option<usize>, limit: Option<f64>) -> String {
    let mut found = format!("{threads} where `--threads` is left out");
    match (processors, limit) {
        (_, Some(limit)) => found.push_str(&format!(", held to {limit} processors by a container")),
        (Some(count), None) if threads < count => {
            found.push_str(&format!(" (the machine has {count} processors)"));
        }
        _ => (),
    }
    found
}

fn of_terminal(terminal: &Terminal) -> String {
    let Some(columns) = terminal.columns else {
        return "none: standard output goes to a file or a program".to_owned();
    };
    let colours = if terminal.colours {
        "colours"
    } else {
        "no colours"
    };
    let letters = if terminal.utf8 {
        "UTF-8"
    } else {
        "a locale that is not UTF-8"
    };
    format!("{columns} columns, {colours}, {letters}")
}

/// Describes a checkup.
#[must_use]
pub fn json(checkup: &Checkup) -> Value {
    json!({
        "can_train": checkup.can_train(),
        "checks": checkup.findings.iter().map(object).collect::<Value>(),
    })
}

fn object(finding: &Finding) -> Value {
    let (check, mut value) = described(&finding.fact);
    if let Some(value) = value.as_object_mut() {
        value.insert("check".to_owned(), check.into());
        value.insert("state".to_owned(), word(finding.state).into());
        value.insert("helps".to_owned(), finding.helps.clone().into());
    }
    value
}

/// Returns the name of a check and its figures.
fn described(fact: &Fact) -> (&'static str, Value) {
    match fact {
        Fact::Program {
            features,
            optimized,
        } => {
            let version = env!("CARGO_PKG_VERSION");
            let value = json!({
                "version": version, "system": system(), "features": features, "optimized": optimized,
            });
            ("program", value)
        }
        Fact::Device { name, fault } => (
            "device",
            json!({ "name": name, "computes": fault.is_none(), "fault": fault }),
        ),
        Fact::Instructions { here, used } => (
            "instructions",
            json!({
                "here": here,
                "used": used.as_ref().ok(),
                "refused": used.as_ref().err().map(|unknown| &unknown.name),
            }),
        ),
        Fact::Threads {
            threads,
            processors,
            limit,
        } => (
            "threads",
            json!({ "threads": threads, "processors": processors, "limit": limit }),
        ),
        Fact::Memory(memory) => {
            let value = json!({
                "total_bytes": memory.total_bytes,
                "free_bytes": memory.free_bytes,
                "limit_bytes": memory.limit_bytes,
            });
            ("memory", value)
        }
        Fact::DataSet {
            name,
            folder,
            faults,
        } => {
            let folder = folder.as_ref().map(|folder| folder.display().to_string());
            let value = json!({ "name": name, "folder": folder, "faults": faults });
            ("data_set", value)
        }
        Fact::NotFetched { names } => ("data_sets_not_fetched", json!({ "names": names })),
        Fact::Runs { free_bytes, fault } => {
            ("runs", json!({ "free_bytes": free_bytes, "fault": fault }))
        }
        Fact::Terminal(terminal) => (
            "terminal",
            json!({
                "columns": terminal.columns, "colours": terminal.colours, "utf8": terminal.utf8,
            }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Memory;

    fn said(fact: Fact, state: State, helps: &[&str]) -> String {
        line(&Finding {
            fact,
            state,
            helps: helps.iter().map(ToString::to_string).collect(),
        })
    }

    #[test]
    fn helps_stand_below_what_they_mend() {
        let fact = Fact::DataSet {
            name: "mnist",
            folder: Some("datasets/mnist".into()),
            faults: vec!["`a` is missing".to_owned(), "`b` is missing".to_owned()],
        };
        assert_eq!(
            said(fact, State::Problem, &["mend it"]),
            "problem  mnist         damaged in `datasets/mnist`: `a` is missing; `b` is missing\n         \
             help: mend it\n"
        );
    }

    #[test]
    fn limits_of_containers_are_told() {
        let memory = Fact::Memory(Memory {
            total_bytes: 16_000_000_000,
            free_bytes: 900_000_000,
            limit_bytes: Some(1_000_000_000),
        });
        assert_eq!(
            said(memory, State::Ok, &[]),
            "ok       memory        900.0 MB free of 16.0 GB, held to 1.0 GB by a container\n"
        );
        assert_eq!(
            of_threads(2, Some(8), Some(1.5)),
            "2 where `--threads` is left out, held to 1.5 processors by a container"
        );
        assert_eq!(
            of_threads(2, Some(8), None),
            "2 where `--threads` is left out (the machine has 8 processors)"
        );
        assert_eq!(
            of_threads(8, Some(8), None),
            "8 where `--threads` is left out"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_and_a_terminal_are_told() {
        let runs = Fact::Runs {
            free_bytes: Some(5_000_000_000),
            fault: Some("Permission denied".to_owned()),
        };
        assert_eq!(
            said(runs, State::Hindrance, &[]),
            "error    runs/         cannot be written: Permission denied; 5.0 GB free on the disk\n"
        );
        let terminal = Terminal {
            columns: Some(120),
            colours: false,
            utf8: true,
        };
        assert_eq!(of_terminal(&terminal), "120 columns, no colours, UTF-8");
    }
}
