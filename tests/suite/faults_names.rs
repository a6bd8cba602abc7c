//! Names of files, classes and runs that are orders to a terminal, markup, paths out, or without end.

use std::fs;

use crate::support::{Lab, Outcome, bar_png, has_program, names};

/// An order to clear the screen, one to rename the window, a bell, and one that turns the direction of writing.
const ORDERS: [&str; 4] = [
    "\u{1b}[2J",
    "\u{1b}]0;mine\u{7}",
    "a\u{9b}31m",
    "\u{202e}gnp",
];

/// Asserts that nothing said is an order to a terminal.
#[track_caller]
fn assert_plain(said: &Outcome, what: &str) {
    let orders = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains(orders), "{what}: {said:?}");
    }
}

/// A lab whose classes and pictures are called by orders, and a run `run` on them.
fn trained() -> Lab {
    let lab = Lab::with_bars();
    let classes = names(&lab.path("bars"));
    let markup = format!("<img src=x onerror=alert(1)>{}", ORDERS[0]);
    for (class, name) in classes.iter().zip([&markup, ORDERS[1], ORDERS[3]]) {
        let folder = lab.path("bars").join(name);
        fs::rename(lab.path("bars").join(class), &folder).unwrap();
        let picture = format!("{}.png", ORDERS[2]);
        fs::rename(folder.join("00.png"), folder.join(picture)).unwrap();
    }
    lab.train("run", &[]);
    lab
}

#[test]
#[cfg(unix)]
fn names_give_no_orders_to_a_terminal() {
    let lab = trained();
    lab.write("\u{1b}[2J.png", "no picture");
    lab.write("\u{1b}[2J.toml", "[model]\ninput = \"\u{1b}[2J\"\n");
    let odd = ORDERS[1];
    for (code, command) in [
        (0, vec!["train", "bars.toml"]),
        (0, vec!["eval", "run"]),
        (0, vec!["predict", "bars", "--model", "run"]),
        (0, vec!["data", "check", "bars"]),
        (0, vec!["data", "stats", "bars"]),
        (
            0,
            vec!["data", "show", "bars", "--out", "\u{1b}[2Jsheet.png"],
        ),
        (0, vec!["runs", "list"]),
        (0, vec!["runs", "show", "run"]),
        (
            0,
            vec!["show", "run", "filters", "--out", "\u{1b}[2Jfolder"],
        ),
        (3, vec!["predict", "\u{1b}[2J.png", "--model", "run"]),
        (3, vec!["filter", "\u{1b}[2J.png", "--kernel", "sobel_x"]),
        (2, vec!["filter", "bars", "--kernel", odd]),
        (2, vec!["inspect", "\u{1b}[2J.toml"]),
        (2, vec!["inspect", odd]),
        (2, vec!["inspect", "bars.toml", "--set", odd]),
        (
            2,
            vec!["inspect", "bars.toml", "--set", "model.\u{1b}[2J=1"],
        ),
        (
            2,
            vec!["inspect", "bars.toml", "--set", "model.name=\"\\u001b[2J\""],
        ),
        (2, vec!["inspect", "bars.toml", "--explain", odd]),
        (3, vec!["train", "bars.toml", "--data", odd]),
        (2, vec!["train", "bars.toml", "--run", odd]),
        (4, vec!["eval", odd]),
        (4, vec!["runs", "rm", odd]),
        (5, vec!["import", odd, "--into", "bars.toml"]),
        (2, vec!["new", odd]),
        (2, vec!["new", "x", "--template", odd]),
        (2, vec!["data", "fetch", odd]),
        (2, vec![odd]),
        (2, vec!["train", "bars.toml", "--\u{1b}[2J"]),
        (2, vec!["predict", "a.png", "--top-k", odd]),
    ] {
        let said = lab.cnn(&command);
        let name = format!("{command:?}");
        assert_plain(&said, &name);
        said.code(code);
    }
}

/// What is typed is repeated on a terminal with colours, which come from orders themselves.
#[test]
#[cfg(target_os = "linux")]
fn what_was_typed_gives_no_orders_to_a_real_terminal() {
    let lab = Lab::new();
    if !has_program("script") {
        return;
    }
    let said = |argument: &str| {
        let line = format!("{} predict '{argument}'", env!("CARGO_BIN_EXE_cnn"));
        let mut script = std::process::Command::new("script");
        script
            .args(["-qc", &line, "/dev/null"])
            .current_dir(lab.path(""))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(std::process::Stdio::null());
        String::from_utf8(script.output().unwrap().stdout).unwrap()
    };
    let plain = said("--topk=3");
    assert!(
        plain.contains("\u{1b}[") && plain.contains("--topk"),
        "{plain:?}"
    );
    let odd = said("--\u{1b}]0;mine\u{7}");
    assert!(odd.contains("error: unexpected argument"), "{odd:?}");
    assert!(!odd.contains('\u{1b}') && !odd.contains('\u{7}'), "{odd:?}");
}

#[test]
#[cfg(unix)]
fn names_are_text_in_every_page_and_whole_in_json() {
    let lab = trained();
    for page in ["report.html", "curves.svg"] {
        let page = lab.text(format!("runs/run/{page}"));
        let orders = |c: char| c.is_control() && c != '\n';
        assert!(!page.contains("<img src=x") && !page.contains(orders));
    }
    let report = lab.text("runs/run/report.html");
    assert!(
        report.contains("&lt;img src=x onerror=alert(1)&gt;"),
        "{report}"
    );
    let document = lab.cnn(&["eval", "run", "--json"]).ok().json();
    let classes = document["classes"].as_array().unwrap();
    let mut names: Vec<&str> = classes
        .iter()
        .filter_map(|class| class["name"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, crate::support::names(&lab.path("bars")));
}

#[test]
fn names_of_runs_lead_nowhere_else() {
    let lab = Lab::with_bars();
    let long = "n".repeat(300);
    for name in [
        "", ".", "..", "../up", "a/b", "/tmp/x", "a\nb", "latest", &long,
    ] {
        lab.cnn(&["train", "bars.toml", "--run", name]).code(2);
        lab.cnn(&["crossval", "bars.toml", "--name", name]).code(2);
        let network = format!("model.name={name:?}");
        if name != "latest" {
            let said = lab.cnn(&["train", "bars.toml", "--set", &network]).code(2);
            assert!(
                said.stderr.contains("`name` takes a name of letters"),
                "{said:?}"
            );
        }
    }
    assert_eq!(lab.names(""), ["bars", "bars.toml"]);
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "one",
        "--epochs",
        "1",
        "--quiet",
    ])
    .ok();
    for name in ["..", ".", "/", "", "../..", "one/checkpoints", "one/.."] {
        lab.cnn(&["runs", "rm", name]).code(4);
    }
    assert!(lab.path("runs/one/model.safetensors").is_file());
}

#[test]
fn names_without_end_are_errors_of_their_kind() {
    let lab = Lab::with_bars();
    let (long, deep) = ("n".repeat(5000), "n/".repeat(60_000));
    for (code, command) in [
        (2, ["inspect", &deep, "--quiet", "--json"]),
        (3, ["filter", &deep, "--kernel", "sobel"]),
        (5, ["import", &deep, "--into", "bars.toml"]),
        (2, ["inspect", &long, "--quiet", "--json"]),
        (4, ["eval", &long, "--quiet", "--json"]),
        (3, ["train", "bars.toml", "--data", &long]),
        (2, ["train", "bars.toml", "--set", &long]),
        (3, ["data", "check", &long, "--json"]),
    ] {
        let said = lab.cnn(&command).code(code);
        assert!(said.stderr.starts_with("error: "), "{said:?}");
    }
    // The longest name that a file can have, of a class and of a picture.
    let (class, picture) = ("c".repeat(255), format!("{}.png", "p".repeat(251)));
    fs::rename(lab.path("bars/down"), lab.path("bars").join(&class)).unwrap();
    lab.write(format!("bars/{class}/{picture}"), bar_png(1, 1));
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    let said = lab.cnn(&["eval", "--json"]).ok();
    assert_eq!(said.json()["classes"][1]["name"], class);
}

#[test]
fn the_environment_is_not_needed() {
    let lab = Lab::with_bars();
    // No home, no path, no terminal, and another alphabet than UTF-8.
    for locale in ["C", "tr_TR.ISO-8859-9", "none"] {
        for command in [
            &["train", "bars.toml", "--run", locale][..],
            &["eval", locale],
            &["predict", "bars/down/03.png", "--model", locale],
            &["runs", "list"],
            &["data", "list"],
        ] {
            let mut bare = lab.command(command);
            bare.env_clear().env("LC_ALL", locale).env("LANG", locale);
            let said = crate::support::outcome(&mut bare).ok();
            assert_plain(&said, locale);
        }
    }
    let model = |run: &str| lab.read(format!("runs/{run}/model.safetensors"));
    assert!(model("C") == model("none") && model("C") == model("tr_TR.ISO-8859-9"));
}
