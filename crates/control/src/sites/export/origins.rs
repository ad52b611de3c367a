//! A site's origins and their use, as a sites file says them. Only what differs from the defaults is written.

use super::{in_url, list, quoted};
use snapshot::{
    Balance, Ejection, HealthCheck, Origin, OriginPolicy, OriginProtocol, OriginSecret, OriginTls, Probe,
    Retries, Scheme, Site, Timeouts, Trusted,
};
use std::fmt::Write as _;

/// The keys of the site's own table.
pub(super) fn write_keys(text: &mut String, site: &Site) {
    // Writing to a String cannot fail, here and below.
    if !has_tables(site) {
        let _ = writeln!(text, "  origins = {}", list(site.origins.iter().map(url)));
    }
    let OriginPolicy { balance, health, ejection, retries, timeouts, tls, host, secret } =
        &site.origin_policy;
    if *balance != Balance::default() {
        let _ = writeln!(text, "  balance = {}", quoted(&balance_word(balance)));
    }
    if let Some(health) = health {
        let _ = writeln!(text, "  health = {{ {} }}", health_keys(health));
    }
    if *ejection != Ejection::default() {
        let Ejection { after, base_ms, max_ms, slow_return_ms, panic_percent } = ejection;
        let _ = writeln!(
            text,
            "  ejection = {{ after = {after}, base = \"{base_ms}ms\", max = \"{max_ms}ms\", \
             slow_return = \"{slow_return_ms}ms\", panic_percent = {panic_percent} }}"
        );
    }
    if *retries != Retries::default() {
        let Retries { attempts, budget_percent, statuses } = retries;
        let _ = writeln!(
            text,
            "  retries = {{ attempts = {attempts}, budget_percent = {budget_percent}, statuses = {statuses:?} }}"
        );
    }
    if *timeouts != Timeouts::default() {
        let Timeouts { connect_ms, first_byte_ms, between_bytes_ms, total_ms } = timeouts;
        let total = total_ms.map_or_else(String::new, |total_ms| format!(", total = \"{total_ms}ms\""));
        let _ = writeln!(
            text,
            "  timeouts = {{ connect = \"{connect_ms}ms\", first_byte = \"{first_byte_ms}ms\", \
             between_bytes = \"{between_bytes_ms}ms\"{total} }}"
        );
    }
    write_towards(text, tls, host.as_deref(), secret.as_ref());
}

fn write_towards(text: &mut String, tls: &OriginTls, host: Option<&str>, secret: Option<&OriginSecret>) {
    let OriginTls { trust, server_name, client } = tls;
    let mut keys = match trust {
        Trusted::System => Vec::new(),
        Trusted::Authorities(path) => vec![format!("ca = {}", quoted(&path.to_string_lossy()))],
        Trusted::Pinned(pins) => vec![format!("pin = {}", list(pins.iter().map(ToString::to_string)))],
        Trusted::Unverified => vec!["verify = false".to_owned()],
    };
    keys.extend(server_name.as_ref().map(|name| format!("server_name = {}", quoted(name.as_str()))));
    keys.extend(client.as_ref().map(|files| {
        let (chain, key) = (files.chain.to_string_lossy(), files.key.to_string_lossy());
        format!("certificate = {{ chain = {}, key = {} }}", quoted(&chain), quoted(&key))
    }));
    if !keys.is_empty() {
        let _ = writeln!(text, "  origin_tls = {{ {} }}", keys.join(", "));
    }
    if let Some(host) = host {
        let _ = writeln!(text, "  origin_host = {}", quoted(host));
    }
    if let Some(OriginSecret { name, file }) = secret {
        let (name, file) = (quoted(name), quoted(&file.to_string_lossy()));
        let _ = writeln!(text, "  origin_secret = {{ name = {name}, file = {file} }}");
    }
}

/// The tables below the site's own.
pub(super) fn write_tables(text: &mut String, site: &Site) {
    for origin in site.origins.iter().filter(|_| has_tables(site)) {
        let _ = writeln!(text, "    [[account.site.origin]]\n    url = {}", quoted(&url(origin)));
        if origin.weight != 1 {
            let _ = writeln!(text, "    weight = {}", origin.weight);
        }
        if let Some(name) = &origin.server_name {
            let _ = writeln!(text, "    server_name = {}", quoted(name.as_str()));
        }
        match origin.protocol {
            OriginProtocol::Auto => {}
            OriginProtocol::Http1 => text.push_str("    protocol = \"http1\"\n"),
            OriginProtocol::Http2 => text.push_str("    protocol = \"http2\"\n"),
        }
    }
}

/// Whether the plain list is not enough.
fn has_tables(site: &Site) -> bool {
    let plain =
        |origin: &Origin| origin.weight == 1 && origin.server_name.is_none() && origin.protocol.is_auto();
    !site.origins.iter().all(plain)
}

fn url(origin: &Origin) -> String {
    let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
    format!("{scheme}://{}:{}", in_url(&origin.host), origin.port)
}

fn balance_word(balance: &Balance) -> String {
    match balance {
        Balance::RoundRobin => "round-robin".to_owned(),
        Balance::LeastOutstanding => "least-outstanding".to_owned(),
        Balance::Failover => "failover".to_owned(),
        Balance::HashAddress => "hash:address".to_owned(),
        Balance::HashUrl => "hash:url".to_owned(),
        Balance::HashCookie(name) => format!("hash:cookie:{name}"),
    }
}

fn health_keys(health: &HealthCheck) -> String {
    let HealthCheck { probe, interval_ms, timeout_ms, fall, rise } = health;
    let probe = match probe {
        Probe::Tcp => "check = \"tcp\"".to_owned(),
        Probe::Http { path, host, status_min, status_max } => {
            let host = host.as_ref().map_or_else(String::new, |host| format!(", host = {}", quoted(host)));
            let path = quoted(path);
            format!("check = \"http\", path = {path}{host}, status = \"{status_min}-{status_max}\"")
        }
    };
    format!(
        "{probe}, interval = \"{interval_ms}ms\", timeout = \"{timeout_ms}ms\", fall = {fall}, rise = {rise}"
    )
}
