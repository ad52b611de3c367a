//! One file per verb: what it asks, what it prints, how it ends.

pub(crate) mod apply;
mod attack_lab;
mod backup;
pub(crate) mod check;
mod defence;
mod doctor;
mod drill;
mod explain;
mod export;
mod hosts;
mod log;
mod monitor;
mod prewarm;
mod purge;
mod record;
mod report;
mod roster;
mod sign;
mod status;
mod suspend_all;
mod verify;
mod witness;

use crate::client::Client;
use crate::command_line::{CommandLine, Local, NotBuilt, Verb};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::up;
use std::future::Future;
use std::path::Path;

/// Runs the verb of a command line.
pub(crate) fn run(line: CommandLine) -> Result<Exit, Failure> {
    let json = line.json;
    match line.verb {
        Verb::Up(arguments) => up::run(&arguments, json),
        Verb::Check(arguments) => check::run(&arguments, json),
        Verb::Apply(arguments) => apply::run(&arguments, json),
        Verb::Export(local) => export::run(&local, json),
        Verb::Status(local) => status::run(&local, json),
        Verb::Hosts(arguments) => hosts::run(&arguments, json),
        Verb::Token(arguments) => hosts::token(&arguments, json),
        Verb::Purge(arguments) => purge::run(&arguments, json),
        Verb::Sign(arguments) => sign::run(&arguments, json),
        Verb::SuspendAll(arguments) => suspend_all::run(&arguments, json),
        Verb::Verify(arguments) => verify::run(&arguments, json),
        Verb::Log(arguments) => log::run(&arguments, json),
        Verb::Witness(arguments) => witness::run(&arguments, json),
        Verb::Monitor(arguments) => monitor::run(&arguments, json),
        Verb::Explain(arguments) => explain::run(&arguments, json),
        Verb::Ban(arguments) => defence::source("ban", &arguments, json),
        Verb::Allow(arguments) => defence::source("allow", &arguments, json),
        Verb::Events(arguments) => defence::events(&arguments, json),
        Verb::UnderAttack(arguments) => defence::under_attack(&arguments, json),
        Verb::Rules(arguments) => defence::rules(&arguments, json),
        Verb::Prewarm(arguments) => prewarm::run(&arguments, json),
        Verb::Record(arguments) => record::run(&arguments, json),
        Verb::Report(arguments) => report::run(&arguments, json),
        Verb::Backup(arguments) => backup::backup(&arguments, json),
        Verb::Restore(arguments) => backup::restore(&arguments, json),
        Verb::Doctor(arguments) => doctor::run(&arguments, json),
        Verb::Roster(arguments) => roster::run(&arguments.verb, json),
        Verb::Drill(arguments) => drill::run(&arguments, json),
        Verb::AttackLab(arguments) => attack_lab::run(&arguments, json),
        Verb::NotBuilt(verb) => Ok(not_built(&verb)),
    }
}

fn not_built(verb: &NotBuilt) -> Exit {
    eprintln!("wardmote: `{}` is not built yet; nothing was done", verb.name());
    Exit::NotBuilt
}

/// The configuration from a file, the environment and the folder's flag.
pub(crate) fn configuration(file: Option<&Path>, data_dir: Option<&Path>) -> Result<Config, Failure> {
    Config::read(file, environment()?.into_iter(), data_dir).map_err(Failure::bad_use)
}

#[allow(clippy::disallowed_methods, reason = "the binary's configuration is what reads the environment")]
fn environment() -> Result<Vec<(String, String)>, Failure> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => variables.push((name, value)),
            Err(_) if name.starts_with("WARDMOTE_") => {
                return Err(Failure::bad_use(format!("{name}: its value is no UTF-8 text")));
            }
            Err(_) => {}
        }
    }
    Ok(variables)
}

/// The control plane that runs on this machine.
fn control_plane(local: &Local) -> Result<Client, Failure> {
    let config = configuration(local.config.as_deref(), local.data_dir.as_deref())?;
    Client::of(&config.data_dir)
}

/// Runs a conversation of the command line to its end.
fn block_on<T>(conversation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    runtime.block_on(conversation)
}
