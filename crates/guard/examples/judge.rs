//! Measures what the shield costs a request: `cargo run --release -p guard --example judge`.
//!
//! Prints nanoseconds per request, single-threaded, for a site whose shield is off, for one with the usual settings, and
//! for one with twenty rules of which none holds.

#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use guard::{Asked, Driver, Guard, Ruling, Watch};
use http::{HeaderMap, HeaderValue};
use shield::challenge::ChallengeSecret;
use shield::{BotClass, Request, Source};
use snapshot::{
    Gate, OperatorShield, Profile, RuleAction, ShieldError, ShieldRule, ShieldSettings, SiteShield,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use vocabulary::{SeededRandom, SiteId, Timestamp};

const REQUESTS: u32 = 2_000_000;
/// The driver's turn: ten times a second at 20,000 requests a second.
const TURN_EVERY: u32 = 2_000;

fn main() -> Result<(), ShieldError> {
    let rule = |n: usize| ShieldRule {
        name: format!("rule-{n}"),
        when: format!(
            "http.request.uri.path contains \"/admin{n}\" and not ip.src in {{192.0.2.0/24}} and http.user_agent contains \"tool{n}\""
        ),
        action: RuleAction::Block,
    };
    let rules: Vec<_> = (0..20).map(rule).collect();
    for (name, settings) in [
        ("off", ShieldSettings { profile: Profile::Off, ..ShieldSettings::default() }),
        ("balanced", ShieldSettings::default()),
        ("twenty rules", ShieldSettings { rules, ..ShieldSettings::default() }),
    ] {
        println!("{name:>14}: {:6.0} ns a request", measured(&settings)?);
    }
    Ok(())
}

fn measured(settings: &ShieldSettings) -> Result<f64, ShieldError> {
    let began = Timestamp::from_secs(1_795_348_800);
    let guard = Arc::new(Guard::new(Arc::new(SeededRandom::new(1)), ChallengeSecret::new([1; 32]), began));
    let (desk, mut driver) = (guard.desk(), Driver::new(Arc::clone(&guard)));
    let settings = SiteShield::check(settings, 1, &OperatorShield::default())?;
    let (watch, gate) = (Watch::new(SiteId::from_bytes([1; 16])), Gate::default());
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0"),
        ("accept", "text/html,application/xhtml+xml"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    let timer = Instant::now();
    for n in 0..REQUESTS {
        let at = Timestamp::from_millis(began.as_millis() + i64::from(n / 20));
        let request = Request {
            method: "GET",
            host: "www.bench.test",
            target: "/assets/page/index.html?v=1",
            secure: true,
            version: "HTTP/1.1",
            fields: &fields,
            source: Source::at([198, 51, 100, n as u8].into()),
            tls_fingerprint: None,
            http2_fingerprint: None,
            bot: BotClass::Unknown,
            at,
            response: None,
        };
        let asked = Asked {
            request,
            locate: &Source::at,
            watch: &watch,
            settings: &settings,
            gate: &gate,
            ray: &n,
            is_proof: false,
        };
        assert!(matches!(black_box(guard.judge(&desk, black_box(&asked))).ruling, Ruling::Pass(_)));
        if n % TURN_EVERY == 0 {
            driver.turn(at);
        }
    }
    Ok(timer.elapsed().as_nanos() as f64 / f64::from(REQUESTS))
}
