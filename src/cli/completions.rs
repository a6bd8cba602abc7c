//! `cnn completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::diagnostic::Result;
use crate::report::Output;

/// Write what completes commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cnn completions bash > ~/.local/share/bash-completion/completions/cnn
  cnn completions zsh > ~/.zfunc/_cnn
  cnn completions fish > ~/.config/fish/completions/cnn.fish")]
pub(super) struct Arguments {
    /// The shell that reads it
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "cnn", &mut script);
    Output::default().write(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
