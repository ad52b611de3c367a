//! The verbs and their arguments. What is written here keeps its name and meaning.

mod defence;
mod roster;

pub(crate) use defence::{Events, Rules, RulesList, RulesPut, RulesVerb, Source, UnderAttack};
pub(crate) use roster::{NewKey, NewRoster, RosterArguments, RosterVerb};

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A shared edge, and the mechanism by which its operator may switch something off.
#[derive(Debug, Parser)]
#[command(name = "wardmote", version, disable_help_subcommand = true)]
pub(crate) struct CommandLine {
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run everything in one process
    Up(Up),
    /// Check a configuration without starting anything
    Check(Check),
    /// Put the sites of a file behind the edge
    Apply(Apply),
    /// Print all sites as a file that apply reads
    Export(Local),
    /// Show what is served and what is in force
    Status(Local),
    /// Host names that customers add: what proves them, and how they stand
    Hosts(Hosts),
    /// Make a token with which a customer adds host names to its sites
    Token(Token),
    /// Take copies out of the cache of every edge
    Purge(Purge),
    /// Fetch the exact bytes of a decision, show them, sign and post the signature
    Sign(Sign),
    /// Set every measure without an order aside for an hour, once two officers have signed it
    SuspendAll(SuspendAll),
    /// Check a decision: entry, proof, signatures, approvals, floor, scope, statement
    Verify(Verify),
    /// Check a whole log: tree, signatures, chains, approvals, leases
    Log(Log),
    /// Run a witness: a process that cosigns a log only as long as it grows without change
    Witness(Witness),
    /// Follow a log and alarm on a fork, a rollback or a missed lapse
    Monitor(Monitor),
    /// Say why a request was answered as it was, or how it would be answered now
    Explain(Explain),
    /// Ban a source of traffic until an end, or show the bans
    Ban(Source),
    /// Allow a source of traffic until an end, whatever bans it, or show the allowances
    Allow(Source),
    /// Show what the shield did and why, and the signatures that it acts upon
    Events(Events),
    /// Have every visitor of a site challenged for a while
    UnderAttack(UnderAttack),
    /// Show, check or replace a site's rules and lists
    Rules(Rules),
    /// Fetch pages into the cache before visitors ask for them
    Prewarm(Prewarm),
    /// Copy the public record as files that any web server can serve
    Record(Record),
    /// File a report that came by mail or from another program
    Report(Report),
    /// Write everything kept into one file
    Backup(Backup),
    /// Put a backup into an empty data folder
    Restore(Restore),
    /// Say what the roster can do, and what it lacks
    Doctor(Doctor),
    /// Make an officer's key, or the roster that a deployment is founded with
    Roster(RosterArguments),
    /// Play a scenario on a simulated clock; never enforces
    Drill(Drill),
    /// Run the attack catalogue against a proxy on loopback
    AttackLab(AttackLab),
    #[command(flatten)]
    NotBuilt(NotBuilt),
}

#[derive(Debug, Args)]
pub(crate) struct AttackLab {
    /// Rows to run; `all`, `quick` (those that end within seconds), `list`, or `sites` (the sites to apply first)
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// The proxy to attack; only loopback is
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Its TLS listener
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) tls: Option<String>,
    /// Where the lab answers as the site's origin
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9009")]
    pub(crate) origin: SocketAddr,
    /// The site to ask for
    #[arg(long, value_name = "HOST", default_value = "lab.test")]
    pub(crate) host: String,
    /// The same seed makes the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Small and quick: enough for counts
    #[arg(long)]
    pub(crate) short: bool,
    /// The proxy's process, to watch its memory
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Requests a second of a flood
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// Write the table, and a plot for each row, into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SuspendAll {
    /// The officer who asks for it
    #[arg(long, value_name = "PSEUDONYM", required_unless_present = "withdraw")]
    pub(crate) by: Option<String>,
    /// Have the one that acts stay to the end of the leases; three sign that
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Take away the one that waits for signatures
    #[arg(long, conflicts_with_all = ["by", "confirm"])]
    pub(crate) withdraw: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The roster to look at [default: the one pinned in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Which scenario
    #[arg(default_value = "timeline")]
    pub(crate) name: String,
    /// How it ends
    #[arg(long, value_enum, default_value_t = DrillEnding::Lapse)]
    pub(crate) ending: DrillEnding,
    /// Another seed gives other ids and times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write log, bundles and events into this folder, which must be empty or new
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Leave one referral out: the story then stops at E4
    #[arg(long)]
    pub(crate) without_referral: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum DrillEnding {
    /// A court orders the block
    Order,
    /// An authority does not object, and the reviewer ratifies
    NonObjection,
    /// Nothing comes, and the sites are restored
    Lapse,
}

/// Verbs of the fixed surface that are not built yet. They say so and exit 69.
#[derive(Debug, Subcommand)]
pub(crate) enum NotBuilt {
    /// Run the data plane only (not built yet)
    Edge(Anything),
    /// Run the control plane only (not built yet)
    Control(Anything),
    /// Make this machine an edge of a control plane (not built yet)
    Join(Anything),
    /// Go back to an earlier revision (not built yet)
    Rollback(Anything),
    /// Move the records to another store (not built yet)
    Migrate(Anything),
}

impl NotBuilt {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Edge(_) => "edge",
            Self::Control(_) => "control",
            Self::Join(_) => "join",
            Self::Rollback(_) => "rollback",
            Self::Migrate(_) => "migrate",
        }
    }
}

/// Whatever follows a verb that is not built.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

/// Where this machine's Wardmote keeps its things.
#[derive(Debug, Args)]
pub(crate) struct Local {
    /// The configuration the process was started with
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where its data lies [default: ./wardmote-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// A host name to serve; needs --to
    #[arg(long, value_name = "HOST")]
    pub(crate) site: Vec<String>,
    /// The origin of the --site before it; the scheme may be left out
    #[arg(long, value_name = "URL")]
    pub(crate) to: Vec<String>,
    /// A sites.toml to apply at start
    #[arg(long, value_name = "FILE")]
    pub(crate) apply: Option<PathBuf>,
    /// Take over from the running process, without a lost request
    #[arg(long)]
    pub(crate) upgrade: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The wardmote.toml to check
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A sites.toml to check too
    #[arg(long, value_name = "FILE")]
    pub(crate) apply: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The sites.toml
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Say what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove sites that the file does not name
    #[arg(long)]
    pub(crate) prune: bool,
    /// The customer's request in its own words, where the file lowers its service; it is logged
    #[arg(long, value_name = "WORDS", conflicts_with = "decision")]
    pub(crate) customer_request: Option<String>,
    /// The decision in force that lowers the service
    #[arg(long, value_name = "ID")]
    pub(crate) decision: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Hosts {
    #[command(subcommand)]
    pub(crate) verb: HostsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostsVerb {
    /// Every name, with its state
    List(Local),
    /// One name, with what proves it
    Show(HostNamed),
    /// Add a name to a site; it is served once it is proved
    Add(HostAdd),
    /// Look for the proof of a name now
    Look(HostNamed),
    /// Let a name go
    Release(HostRelease),
}

#[derive(Debug, Args)]
pub(crate) struct HostNamed {
    /// The name, or *. and a name
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// Whose claim, by the account's id, where several accounts claim the name
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct HostRelease {
    #[command(flatten)]
    pub(crate) named: HostNamed,
    /// The customer's request in its own words, where the name is served; it is logged
    #[arg(long, value_name = "WORDS")]
    pub(crate) customer_request: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HostAdd {
    /// The name, or *. and a name for all below it
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// The id of the site that is to answer to it
    #[arg(long, value_name = "ID")]
    pub(crate) site: String,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The account's name or id
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// What the token is for; an earlier one of this name ends
    #[arg(long, value_name = "NAME", default_value = "api")]
    pub(crate) name: String,
    /// End it instead of making it
    #[arg(long)]
    pub(crate) end: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
#[group(id = "target", args = ["url", "tag", "prefix", "host", "everything"], required = true, multiple = false)]
pub(crate) struct Purge {
    /// A host of the site; may be repeated. Only --url needs none
    #[arg(long, value_name = "HOST")]
    pub(crate) site: Vec<String>,
    /// Every site; with --tag or --everything
    #[arg(long, conflicts_with = "site")]
    pub(crate) all_sites: bool,
    /// One address, with all its variants
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Everything the origin gave this tag (Cache-Tag, Surrogate-Key)
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// What begins so: HOST/PATH, or /PATH on every host of the site
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Everything of one host
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Everything of the site
    #[arg(long)]
    pub(crate) everything: bool,
    /// Keep the copies as stale ones: each is revalidated when it is next used
    #[arg(long)]
    pub(crate) soft: bool,
    /// Do not ask before purging every site
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The officer's key file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// What to sign: a decision's id, suspend-all, or erasure:INDEX
    #[arg(long, value_name = "ID", required_unless_present = "parcel")]
    pub(crate) proposal: Option<String>,
    /// Sign a parcel that the console's page saved, and print the signature in one line instead of posting it
    #[arg(long, value_name = "FILE", conflicts_with = "proposal")]
    pub(crate) parcel: Option<PathBuf>,
    /// Do not ask before signing
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The address of a decision, or a file with its JSON
    #[arg(value_name = "URL | FILE")]
    pub(crate) decision: String,
    /// The tlog-policy you trust: log key, witness keys, quorum
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The roster you trust; else the bundle's own, as the log proves it
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    pub(crate) verb: LogVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogVerb {
    /// Rebuild the tree and check everything that the log itself can show
    Verify(LogVerify),
}

#[derive(Debug, Args)]
pub(crate) struct LogVerify {
    /// A folder with a copy of the log, or the address of a log or of its server
    #[arg(value_name = "DIR | URL")]
    pub(crate) place: String,
    #[command(flatten)]
    pub(crate) trusted: Trusted,
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    #[command(subcommand)]
    pub(crate) verb: RecordVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordVerb {
    /// Write statements, proofs, reports and the whole log into a folder, or bring an earlier copy up to date
    Export(RecordExport),
}

#[derive(Debug, Args)]
pub(crate) struct RecordExport {
    /// The folder; made when missing
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Copy the record of this server, not of the one that runs here
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

/// What the reader of a log trusts.
#[derive(Debug, Args)]
pub(crate) struct Trusted {
    /// The tlog-policy you trust: log key, witness keys, quorum
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// A roster you trust, to judge approvals by; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Witness {
    /// Where its key and its state lie; made when missing
    #[arg(long, value_name = "DIR", default_value = "wardmote-witness")]
    pub(crate) data_dir: PathBuf,
    /// Its name, such as witness.example.org/w1; needed once, when the key is made
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where it answers add-checkpoint requests
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9093")]
    pub(crate) listen: SocketAddr,
    /// A file with the keys of logs to cosign (tlog-policy); may be repeated, is read again when it changes
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) logs: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// The address of the log or of its server, or a folder with a copy
    #[arg(value_name = "URL | DIR")]
    pub(crate) log: String,
    /// The tlog-policy you trust: log key, witness keys, quorum
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// Where it keeps what it saw; one log each
    #[arg(long, value_name = "DIR", default_value = "wardmote-monitor")]
    pub(crate) data_dir: PathBuf,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) every: u64,
    /// Look once and end
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An address, or the value of wardmote-ray of an answer
    #[arg(value_name = "URL | RAY")]
    pub(crate) asked: String,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
#[group(id = "list", args = ["urls", "sitemap"], required = true, multiple = false)]
pub(crate) struct Prewarm {
    /// The host that the pages belong to
    #[arg(long, value_name = "HOST")]
    pub(crate) site: String,
    /// A file with one address in each line; lines that begin with # are left out
    #[arg(long, value_name = "FILE")]
    pub(crate) urls: Option<PathBuf>,
    /// The site's sitemap, or an index of several
    #[arg(long, value_name = "URL")]
    pub(crate) sitemap: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A mail in the abuse reporting format (RFC 5965), or one that carries a XARF document; - reads standard input, so
    /// that a mail server may pipe into it
    #[arg(long, value_name = "FILE", required_unless_present = "xarf", conflicts_with = "xarf")]
    pub(crate) arf: Option<PathBuf>,
    /// A XARF v4 document; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) xarf: Option<PathBuf>,
    /// Take XARF that departs from its schema as far as its meaning is clear
    #[arg(long)]
    pub(crate) tolerant: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; must not exist
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup to read
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn verbs_not_built_take_any_arguments() {
        for line in ["wardmote edge --config x.toml", "wardmote rollback --help"] {
            let parsed = CommandLine::try_parse_from(line.split(' ')).unwrap();
            let Verb::NotBuilt(verb) = parsed.verb else { panic!("{line}") };
            assert_eq!(line.split(' ').nth(1), Some(verb.name()));
        }
    }
}
