//! The wardmote command: command line, configuration, supervision; nothing else.
//!
//! Owns what only a process can own: its arguments, its environment, its signals, its exit code.
//! Every duty behind a verb lies in another crate.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its terminal")]

mod ambient;
mod archive;
mod client;
mod command_line;
mod config;
mod demo;
mod exit;
mod log_source;
mod output;
mod up;
mod verbs;

use clap::Parser;
use command_line::CommandLine;
use std::process::ExitCode;

/// Every request that is passed on allocates some dozen times; this allocator does it for less than the
/// system's (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    match verbs::run(line) {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("wardmote: {failure}");
            failure.exit().into()
        }
    }
}
