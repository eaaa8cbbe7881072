//! The command line of carrylane: parses what was typed, runs it, and turns the answer into an exit
//! code.
#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
