//! The verbs of the defence.

use super::Local;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct Source {
    /// An address, a network such as 192.0.2.0/24, or a system such as AS64500; without it, those that stand are shown
    #[arg(value_name = "SOURCE", requires = "reason")]
    pub(crate) source: Option<String>,
    /// Only at the site with this host
    #[arg(long, value_name = "HOST", requires = "source")]
    pub(crate) site: Option<String>,
    /// After how long it ends: 30m, 4h, 7d
    #[arg(long = "for", value_name = "SPAN", default_value = "4h", value_parser = span)]
    pub(crate) lasts: Duration,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS", requires = "source")]
    pub(crate) reason: Option<String>,
    /// End the one of this number before its time
    #[arg(long, value_name = "NUMBER", conflicts_with = "source")]
    pub(crate) end: Option<u64>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Only of the site with this host
    #[arg(long, value_name = "HOST")]
    pub(crate) site: Option<String>,
    /// Only of this kind: blocked, challenged, limited, allowed, logged, closed, passed, signature, under-attack,
    /// rule-disabled
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only those of the last while: 30s, 10m, 4h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) last: Option<Duration>,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) limit: u16,
    /// Show the signatures that are acted upon instead
    #[arg(long, conflicts_with_all = ["site", "kind", "last", "undo"])]
    pub(crate) signatures: bool,
    /// Stop acting upon a signature, at the site of --site
    #[arg(long, value_name = "ID", requires = "site", conflicts_with_all = ["kind", "last"])]
    pub(crate) undo: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct UnderAttack {
    /// A host of the site
    #[arg(value_name = "HOST")]
    pub(crate) site: String,
    /// After how long it ends; 3 h in 24 at most
    #[arg(long = "for", value_name = "SPAN", default_value = "30m", value_parser = span)]
    pub(crate) lasts: Duration,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS", required_unless_present = "off")]
    pub(crate) reason: Option<String>,
    /// End it now
    #[arg(long, conflicts_with = "reason")]
    pub(crate) off: bool,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    pub(crate) verb: RulesVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesVerb {
    /// Show a site's profile, switch, rules and lists, as a text that `put` takes
    List(RulesList),
    /// Say what putting a text would change, and what is wrong with it
    Check(RulesPut),
    /// Replace a site's profile, switch, rules and lists
    Put(RulesPut),
}

#[derive(Debug, Args)]
pub(crate) struct RulesList {
    /// A host of the site
    #[arg(long, value_name = "HOST")]
    pub(crate) site: String,
    #[command(flatten)]
    pub(crate) local: Local,
}

#[derive(Debug, Args)]
pub(crate) struct RulesPut {
    /// A host of the site
    #[arg(long, value_name = "HOST")]
    pub(crate) site: String,
    /// What would stand under [account.site.shield] of a sites file, as a whole file
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The customer's request in its own words, where visitors are kept out or defence is taken away; it is logged
    #[arg(long, value_name = "WORDS")]
    pub(crate) customer_request: Option<String>,
    #[command(flatten)]
    pub(crate) local: Local,
}

/// `45s`, `30m`, `4h`, `7d`.
fn span(text: &str) -> Result<Duration, String> {
    let mistaken = || format!("{text:?} is no span such as 45s, 30m, 4h or 7d");
    let unit = text.chars().last().ok_or_else(mistaken)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(mistaken()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| mistaken())?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::{CommandLine, Verb};
    use clap::Parser as _;

    #[test]
    fn spans_are_read_in_their_units() {
        for (text, seconds) in [("45s", 45), ("30m", 1_800), ("4h", 14_400), ("7d", 604_800)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "h", "4", "-4h", "4w", "4h ", "ч", "99999999999h"] {
            assert!(span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_ban_needs_a_reason_and_none_at_all_shows_what_stands() {
        for (line, fine) in [
            ("wardmote ban", true),
            ("wardmote ban 192.0.2.1", false),
            ("wardmote ban 192.0.2.1 --reason flood", true),
            ("wardmote allow AS64500 --site a.test --for 7d --reason partner", true),
            ("wardmote ban --end 7", true),
            ("wardmote ban 192.0.2.1 --reason x --end 7", false),
            ("wardmote ban --site a.test", false),
            ("wardmote events --undo 00ff --site a.test", true),
            ("wardmote events --undo 00ff", false),
            ("wardmote under-attack a.test", false),
            ("wardmote under-attack a.test --off", true),
            ("wardmote under-attack a.test --reason flood --for 1h", true),
            ("wardmote rules put --site a.test -f x.toml", true),
        ] {
            assert_eq!(CommandLine::try_parse_from(line.split(' ')).is_ok(), fine, "{line}");
        }
        let parsed = CommandLine::try_parse_from("wardmote ban 192.0.2.1 --reason flood".split(' '));
        let Verb::Ban(ban) = parsed.expect("a line").verb else { panic!("a ban") };
        assert_eq!(ban.lasts, Duration::from_secs(4 * 3_600));
    }
}
