//! Memory of the shield: a million sites that were asked for, five thousand of them busy at once, ten million keys of an
//! attacker. Prints MiB after each step, and fails where they are over the bound.
//!
//! `cargo run --release -p guard --example memory`

#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use guard::{Asked, Driver, Guard, Watch};
use http::{HeaderMap, HeaderValue, header};
use shield::challenge::ChallengeSecret;
use shield::rates::RateAction;
use shield::{BotClass, Request, Source};
use snapshot::{Gate, OperatorShield, RateTerms, RuleAction, ShieldRule, ShieldSettings, SiteShield};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use vocabulary::{SeededRandom, SiteId, Timestamp};

const SITES: u64 = 1_000_000;
const HOT: u64 = 5_000;
const KEYS: u64 = 10_000_000;
const MIB_MAX: u64 = 600;
const MIB_OF_KEYS_MAX: u64 = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut at_ms = 1_795_000_000_000;
    let now = Timestamp::from_millis(at_ms);
    let guard = Arc::new(Guard::new(Arc::new(SeededRandom::new(1)), ChallengeSecret::new([1; 32]), now));
    let (desk, mut driver) = (guard.desk(), Driver::new(Arc::clone(&guard)));
    let before = told("with its tables empty", 0)?;
    let usual = SiteShield::check(&ShieldSettings::default(), 1, &OperatorShield::default())?;
    let limited = SiteShield::check(&rated(), 1, &OperatorShield::default())?;
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, HeaderValue::from_static("tool/1"));
    let gate = Gate::default();
    let ask = |watch: &Arc<Watch>, settings: &SiteShield, client: u64, at_ms: i64| {
        let address = IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) | (u128::from(client) << 72)));
        let at = Timestamp::from_millis(at_ms);
        let request = request(address, &fields, at);
        let asked =
            Asked { request, locate: &Source::at, watch, settings, gate: &gate, ray: &"00", is_proof: false };
        drop(guard.judge(&desk, &asked));
    };
    let watches: Vec<_> = (0..SITES).map(|number| Watch::new(site(number))).collect();
    for (number, watch) in (0..).zip(&watches) {
        ask(watch, &usual, number, at_ms);
        if number % 2_000 == 0 {
            at_ms += 100;
            driver.turn(Timestamp::from_millis(at_ms));
        }
    }
    told(&format!("{SITES} sites asked for"), before)?;
    for second in 0..30 {
        for round in 0..10 {
            for watch in watches.iter().take(HOT as usize) {
                for n in 0..4 {
                    ask(watch, &usual, second * 1_000 + round * 10 + n, at_ms);
                }
            }
            at_ms += 100;
            driver.turn(Timestamp::from_millis(at_ms));
        }
    }
    let hot = told(&format!("{HOT} of them busy at once"), before)?;
    for key in 0..KEYS {
        ask(&watches[0], &limited, key, at_ms);
        if key % 10_000 == 0 {
            at_ms += 10;
            driver.turn(Timestamp::from_millis(at_ms));
        }
    }
    let keys = told(&format!("{KEYS} keys of an attacker"), before)?;
    if keys > MIB_MAX || keys > hot + MIB_OF_KEYS_MAX {
        return Err(format!("{keys} MiB are more than {MIB_MAX}, or than {hot} and {MIB_OF_KEYS_MAX}").into());
    }
    Ok(())
}

/// Prints and returns the memory in use, in MiB; `less` is what was there before.
fn told(what: &str, less: u64) -> std::io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default();
    let mib = (resident * 4096) >> 20;
    println!("{mib:5} MiB  {what} ({} more than at the start)", mib - less.min(mib));
    Ok(mib)
}

fn site(number: u64) -> SiteId {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    SiteId::from_bytes(bytes)
}

fn rated() -> ShieldSettings {
    let terms = RateTerms {
        by: vec!["ip.src".to_owned()],
        counting: None,
        requests: 100,
        period_seconds: 60,
        mitigation_seconds: 0,
        over: RateAction::Refuse,
    };
    let rule = ShieldRule {
        name: "each".to_owned(),
        when: "not ssl".to_owned(),
        action: RuleAction::RateLimit(terms),
    };
    ShieldSettings { rules: vec![rule], ..ShieldSettings::default() }
}

fn request(client: IpAddr, fields: &HeaderMap, at: Timestamp) -> Request<'_> {
    Request {
        method: "GET",
        host: "a.test",
        target: "/",
        secure: false,
        version: "HTTP/1.1",
        fields,
        source: Source::at(client),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at,
        response: None,
    }
}
