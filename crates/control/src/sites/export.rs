//! What is stored, as a sites file that `apply` reads back to the same.

mod origins;

use super::export_front::write_front;
use super::export_shield::write_shield;
use caching::{QueryRule, Rules};
use error_pages::Pages;
use records::Fleet;
use snapshot::{CacheMode, Service, Site, Trusted};
use std::fmt::Write as _;
use std::net::IpAddr;
use vocabulary::{AccountId, Hostname};

/// What is stored of one customer, as it may be handed to it: without the places of files on the operator's machine.
pub(crate) fn export_account(fleet: &Fleet, account: AccountId) -> Option<String> {
    let own = fleet.accounts.iter().filter(|known| known.id == account).cloned().collect::<Vec<_>>();
    let sites = fleet.sites.iter().filter(|site| site.account == account).cloned();
    let sites = sites.map(without_files).collect();
    (!own.is_empty()).then(|| export(&Fleet { revision: fleet.revision, accounts: own, sites }))
}

/// Certificates, keys, authorities and secrets stand in files whose places are the operator's affair.
fn without_files(mut site: Site) -> Site {
    site.certificate = None;
    site.origin_policy.tls.client = None;
    site.origin_policy.secret = None;
    if matches!(site.origin_policy.tls.trust, Trusted::Authorities(_)) {
        site.origin_policy.tls.trust = Trusted::default();
    }
    site
}

/// The whole fleet as text.
pub(crate) fn export(fleet: &Fleet) -> String {
    let mut text = format!("# Revision {} of the sites behind this edge.\n", fleet.revision);
    for account in &fleet.accounts {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n[[account]]\nname = {}\n", quoted(&account.name));
        if let Some(mail) = &account.mail {
            let _ = writeln!(text, "mail = {}", quoted(mail.as_str()));
        }
        for site in fleet.sites.iter().filter(|site| site.account == account.id) {
            write_site(&mut text, site);
        }
    }
    text
}

fn write_site(text: &mut String, site: &Site) {
    let _ = writeln!(text, "  [[account.site]]  # {}", site.id);
    let _ = writeln!(text, "  hosts = {}", list(site.hosts.iter().map(ToString::to_string)));
    origins::write_keys(text, site);
    if let Some(files) = &site.certificate {
        let (chain, key) = (files.chain.to_string_lossy(), files.key.to_string_lossy());
        let _ = writeln!(text, "  certificate = {{ chain = {}, key = {} }}", quoted(&chain), quoted(&key));
    }
    let _ = writeln!(text, "  services = {}", list(site.services.iter().copied().map(service)));
    let cache = if site.cache == CacheMode::Origin { "origin" } else { "guarded" };
    let _ = writeln!(text, "  cache = \"{cache}\"");
    if let Some(page) = &site.error_page {
        let _ = writeln!(text, "  error_page = {}", quoted(page));
    }
    write_front(text, "  ", &site.front);
    write_pages(text, &site.pages);
    // Last: keys after a table's header belong to the table.
    origins::write_tables(text, site);
    write_rules(text, &site.cache_rules);
    write_shield(text, "account.site.shield", &site.shield);
}

fn write_rules(text: &mut String, rules: &Rules) {
    if *rules == Rules::default() {
        return;
    }
    let _ = writeln!(text, "    [account.site.cache_rules]");
    if !rules.ttl.is_empty() {
        let _ = writeln!(text, "    ttl = [");
        for rule in &rules.ttl {
            let status = rule.status.map_or_else(String::new, |range| match range.from == range.to {
                true => format!(", status = {}", range.from),
                false => format!(", status = \"{}-{}\"", range.from, range.to),
            });
            let (path, seconds) = (quoted(&rule.path), rule.ttl_seconds);
            let _ = writeln!(text, "      {{ path = {path}{status}, seconds = {seconds} }},");
        }
        let _ = writeln!(text, "    ]");
    }
    if !rules.bypass_cookies.is_empty() {
        let _ = writeln!(text, "    bypass_cookies = {}", list(rules.bypass_cookies.iter().cloned()));
    }
    if !rules.languages.is_empty() {
        let _ = writeln!(text, "    languages = {}", list(rules.languages.iter().cloned()));
    }
    if rules.query != QueryRule::default() {
        let (ignore, sort) = (list(rules.query.ignore.iter().cloned()), rules.query.sort);
        let _ = writeln!(text, "    query = {{ ignore = {ignore}, sort = {sort} }}");
    }
    if let Some(agree) = rules.agree_content_type {
        let _ = writeln!(text, "    agree_content_type = {agree}");
    }
}

fn service(service: Service) -> String {
    match service {
        Service::Cache => "cache",
        Service::Shield => "shield",
        Service::Errors => "errors",
    }
    .to_owned()
}

fn in_url(host: &Hostname) -> String {
    match host.ip() {
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => host.to_string(),
    }
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}

/// Pages are named by digest: their files are the customer's.
fn write_pages(text: &mut String, pages: &Pages) {
    let held = pages.by_class.iter().map(|(class, digest)| format!("{class} = \"sha256:{digest}\""));
    let contact = pages.contact.iter().map(|contact| format!("contact = {}", quoted(contact)));
    let keys: Vec<_> = held.chain(contact).collect();
    if !keys.is_empty() {
        let _ = writeln!(text, "  pages = {{ {} }}", keys.join(", "));
    }
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
