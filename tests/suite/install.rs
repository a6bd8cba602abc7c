//! What comes with the program: completions, the manual, the page on installing it.

use std::fs;
use std::process::Command;

use crate::support::{Golden, Lab, has_program, outcome, repository};

/// The commands that `--help` lists.
fn commands(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let help = lab.cnn(&[arguments, &["--help"]].concat()).ok().stdout;
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What goes on in a second line stands further to the right.
    let lines = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn help_of_what_comes_with_the_program_reads_as_it_should() {
    let lab = Lab::new();
    let mut golden = Golden::new();
    for command in ["completions", "man", "doctor"] {
        let help = lab.cnn(&[command, "--help"]).ok().stdout;
        let path = repository("tests/snapshots").join(format!("help-{command}.txt"));
        golden.check(&path, &format!("$ cnn {command} --help\n{help}"));
    }
    golden.finish();
}

#[test]
fn every_shell_completes_every_command() {
    let lab = Lab::new();
    let commands = commands(&lab, &[]);
    assert!(commands.contains(&"doctor".to_owned()), "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lab.cnn(&["completions", shell]).ok().stdout;
        for command in &commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("batch-size"), "{shell}");
    }
    lab.cnn(&["completions", "tcsh"]).code(2);
}

#[test]
#[cfg(unix)]
fn bash_completes_commands_and_options() {
    if !has_program("bash") {
        return;
    }
    let lab = Lab::new();
    lab.write("cnn.bash", lab.cnn(&["completions", "bash"]).ok().stdout);
    let completed = |words: &str, at: usize, current: &str, before: &str| {
        let script = format!(
            "source ./cnn.bash; COMP_WORDS=({words} '{current}'); COMP_CWORD={at}; \
             _cnn cnn '{current}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        bash.args(["-u", "-c", &script]).current_dir(lab.path(""));
        outcome(&mut bash).ok().stdout
    };
    assert_eq!(completed("cnn", 1, "doc", "cnn"), "doctor\n");
    assert_eq!(completed("cnn data", 2, "f", "data"), "fetch\n");
    assert_eq!(completed("cnn train", 2, "--see", "train"), "--seed\n");
}

/// Asserts what every page of the manual has; returns its text.
#[track_caller]
fn check_page(page: &str, name: &str) {
    assert!(
        page.contains(&format!("\n.TH {name} 1 \" \" \"cnn ")),
        "{name}: {page}"
    );
    for section in [
        ".SH NAME\n",
        ".SH SYNOPSIS\n",
        ".SH DESCRIPTION\n",
        ".SH OPTIONS\n",
    ] {
        assert_eq!(page.matches(section).count(), 1, "{name}: {section}");
    }
    assert_eq!(
        page.matches("\n.nf\n").count(),
        page.matches("\n.fi\n").count(),
        "{name}"
    );
}

#[test]
fn every_command_has_a_page() {
    let lab = Lab::new();
    lab.cnn(&["man", "--dir", "share/man1"]).ok();
    let mut expected = vec!["cnn.1".to_owned()];
    for command in commands(&lab, &[]) {
        let inner = commands(&lab, &[&command]);
        expected.extend(inner.iter().map(|inner| format!("cnn-{command}-{inner}.1")));
        expected.push(format!("cnn-{command}.1"));
    }
    expected.sort();
    assert_eq!(lab.names("share/man1"), expected);
    for file in &expected {
        let name = file.trim_end_matches(".1");
        let page = lab.text(format!("share/man1/{file}"));
        check_page(&page, name);
        if has_program("groff") {
            let mut groff = Command::new("groff");
            groff.args(["-k", "-man", "-Tutf8", "-wall", "-z", file]);
            let said = outcome(groff.current_dir(lab.path("share/man1"))).ok();
            assert_eq!(said.stderr, "", "{file}");
        }
    }
}

#[test]
fn pages_are_written_one_by_one_too() {
    let lab = Lab::new();
    let page = |words: &[&str]| lab.cnn(&[&["man"], words].concat()).ok().stdout;
    check_page(&page(&[]), "cnn");
    assert!(page(&[]).contains(".SH \"EXIT STATUS\"\n"));
    check_page(&page(&["data", "fetch"]), "cnn-data-fetch");
    let folds = page(&["crossval"]);
    let help = lab.cnn(&["crossval", "--help"]).ok().stdout;
    let example = help.split("Example: ").nth(1).unwrap().trim();
    let example = format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", example.replace('-', "\\-"));
    assert!(folds.contains(&example), "{example}\n{folds}");

    lab.write("file", "");
    let outcome = lab.cnn(&["man", "--dir", "file/below"]).code(5);
    assert!(outcome.stderr.contains("file/below"), "{outcome:?}");
}

#[test]
fn pages_that_there_are_not_are_told() {
    let lab = Lab::new();
    let mut golden = Golden::new();
    for (name, words) in [
        ("man_misspelt", &["trian"][..]),
        ("man_misspelt_within", &["data", "fetsh"]),
        ("man_unknown", &["data", "elephants"]),
        ("man_of_no_group", &["train", "fast"]),
    ] {
        let said = lab.cnn(&[&["man"], words].concat()).code(2);
        assert_eq!(said.stdout, "", "{name}");
        let path = repository("tests/errors/commands").join(format!("{name}.txt"));
        let command = words.join(" ");
        golden.check(
            &path,
            &format!("$ cnn man {command}\n{}exit 2\n", said.stderr),
        );
    }
    golden.finish();
}

#[test]
fn the_commands_of_the_page_on_installing_run() {
    let text = fs::read_to_string(repository("docs/install.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let lab = Lab::new();
    let mut count = 0;
    for command in lines.filter_map(|line| line.strip_prefix("cnn ")) {
        let ends = [" >", " |", " #"];
        let typed = ends
            .iter()
            .fold(command, |line, end| line.split(end).next().unwrap());
        let arguments: Vec<&str> = typed.split_whitespace().collect();
        lab.cnn(&arguments).ok();
        count += 1;
    }
    assert_eq!(count, 9);
    let shown = text.split("$ cnn doctor\n").nth(1).unwrap();
    let said = lab.cnn(&["doctor"]).ok().stdout;
    for line in shown.lines().take_while(|line| !line.is_empty()) {
        let subject = line.get(9..23).unwrap().trim();
        let is_there = |other: &str| {
            other
                .get(9..23)
                .is_some_and(|other| other.trim() == subject)
        };
        assert!(
            subject.starts_with("help:") || said.lines().any(is_there),
            "{line}\n{said}"
        );
    }
}
