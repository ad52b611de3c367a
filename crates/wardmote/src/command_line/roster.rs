//! The arguments of `wardmote roster`.

use super::Local;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct RosterArguments {
    #[command(subcommand)]
    pub(crate) verb: RosterVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RosterVerb {
    /// Make an officer's key, and beside it the member's line to hand on
    Key(NewKey),
    /// Put members together to the roster of this data folder, before its first start
    Found(NewRoster),
}

#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// The name the officer acts under, such as assessor-1
    #[arg(long, value_name = "NAME")]
    pub(crate) pseudonym: String,
    /// intake, assessor, legal, duty-officer, authority-liaison, victim-liaison, reviewer, key-custodian or auditor
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// Who employs the officer, or swore them in
    #[arg(long, value_name = "NAME")]
    pub(crate) organisation: String,
    /// For a further key of the same person: the member's file of the first one
    #[arg(long, value_name = "FILE")]
    pub(crate) person: Option<PathBuf>,
    /// Where the secret key goes; the member's line goes to FILE.member
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct NewRoster {
    /// solo, ward or full
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: String,
    /// The members' files
    #[arg(required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<PathBuf>,
    /// Say what they could do together, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}
