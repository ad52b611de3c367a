//! `wardmote check`: is what would be started sound? Offline; every mistake with its line.

use super::configuration;
use crate::ambient::SystemClock;
use crate::command_line::Check;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output;
use certificates::Certificate;
use control::sites_toml::{self, Document};
use serde_json::json;
use std::path::Path;
use vocabulary::Clock as _;

pub(crate) fn run(arguments: &Check, json: bool) -> Result<Exit, Failure> {
    let config = configuration(arguments.config.as_deref(), None).map_err(|failure| failure.to_string());
    let sites = arguments.apply.as_deref().map(sites);
    let mut mistakes: Vec<String> = Vec::new();
    mistakes.extend(config.as_ref().err().cloned());
    mistakes.extend(sites.as_ref().and_then(|sites| sites.as_ref().err()).cloned());
    mistakes.extend(config.iter().flat_map(unreadable_places));
    let mistakes: Vec<&str> = mistakes.iter().flat_map(|text| text.lines()).collect();
    if json {
        output::json(&json!({ "ok": mistakes.is_empty(), "mistakes": mistakes }));
    } else if mistakes.is_empty() {
        let count = sites.as_ref().and_then(|sites| sites.as_ref().ok());
        print!("{}", summary(config.as_ref().ok(), count));
    } else {
        for mistake in &mistakes {
            eprintln!("{mistake}");
        }
    }
    Ok(if mistakes.is_empty() { Exit::Done } else { Exit::BadUse })
}

/// Files of places that the edge would start without.
fn unreadable_places(config: &Config) -> Vec<String> {
    let (_, _, troubles) = geo::open(&config.edge.geoip);
    troubles.into_iter().map(|trouble| format!("edge.geoip: {trouble}")).collect()
}

/// Reads a sites.toml and the certificates it names.
pub(crate) fn sites(path: &Path) -> Result<Document, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{}: cannot read it: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let document = sites_toml::parse(&text, folder).map_err(|error| {
        let lines = error.mistakes.iter().map(|m| format!("{}:{}: {}", path.display(), m.line, m.message));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    let problems = certificates(&document);
    let lines = problems.iter().map(|problem| format!("{}: {problem}", path.display()));
    if problems.is_empty() { Ok(document) } else { Err(lines.collect::<Vec<_>>().join("\n")) }
}

/// Every certificate on disk that its site could not use, with the reason.
fn certificates(document: &Document) -> Vec<String> {
    let mut problems = Vec::new();
    for site in document.accounts.iter().flat_map(|account| &account.sites) {
        let Some(files) = &site.certificate else { continue };
        if let Err(error) = Certificate::load(&files.chain, &files.key, &site.hosts, SystemClock.now()) {
            let host = site.hosts.first().map(ToString::to_string).unwrap_or_default();
            problems.push(format!("certificate of {host}: {error}"));
        }
    }
    problems
}

fn summary(config: Option<&Config>, sites: Option<&Document>) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, text: String| rows.push([name.into(), text]);
    if let Some(config) = config {
        let list = |addresses: &[std::net::SocketAddr]| {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        row("data", config.data_dir.display().to_string());
        row("http", list(&config.edge.http));
        row("https", list(&config.edge.https));
        row("console", config.control.listen.to_string());
        row("record", config.control.public_url.to_string());
    }
    if let Some(sites) = sites {
        let count: usize = sites.accounts.iter().map(|account| account.sites.len()).sum();
        row("sites", format!("{count} of {} accounts", sites.accounts.len()));
    }
    row("result", "ok".into());
    output::table(&rows)
}
