//! So many requests judged by the shield, and nothing else: what `tests/cost/run` counts the instructions of.
//!
//! `cargo run -p guard --example instructions CASE REQUESTS`. The same arguments take the same way: the clock and the
//! randomness are the example's own. Prints the cases where it is given none.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program of its own")]

use guard::{Asked, Guard, Watch};
use http::{HeaderMap, HeaderValue};
use shield::challenge::ChallengeSecret;
use shield::rates::RateAction;
use shield::{BotClass, Request, Source};
use snapshot::{
    Gate, OperatorShield, Profile, RateTerms, RuleAction, ShieldError, ShieldRule, ShieldSettings,
    SiteShield, UnderAttack,
};
use std::hint::black_box;
use std::sync::Arc;
use vocabulary::{SeededRandom, SiteId, Timestamp};

/// What is measured, by name.
const CASES: [&str; 5] = ["off", "balanced", "twenty-rules", "rate-rule", "challenged"];

fn main() -> Result<(), ShieldError> {
    let mut arguments = std::env::args().skip(1);
    let (case, requests) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok()));
    match (case, requests) {
        (Some(case), Some(requests)) if CASES.contains(&case.as_str()) => judge(&settings(&case), requests),
        _ => {
            println!("{}", CASES.join("\n"));
            Ok(())
        }
    }
}

fn settings(case: &str) -> ShieldSettings {
    let rule = |n: usize| ShieldRule {
        name: format!("rule-{n}"),
        when: format!(
            "http.request.uri.path contains \"/admin{n}\" and not ip.src in {{192.0.2.0/24}} and http.user_agent contains \"tool{n}\""
        ),
        action: RuleAction::Block,
    };
    let rate = RateTerms {
        by: vec!["ip.src".to_owned()],
        counting: None,
        requests: 1_000_000,
        period_seconds: 60,
        mitigation_seconds: 0,
        over: RateAction::Refuse,
    };
    let usual = ShieldSettings::default();
    match case {
        "off" => ShieldSettings { profile: Profile::Off, ..usual },
        "twenty-rules" => ShieldSettings { rules: (0..20).map(rule).collect(), ..usual },
        "rate-rule" => {
            let action = RuleAction::RateLimit(rate);
            let rule = ShieldRule { name: "each".to_owned(), when: "ssl".to_owned(), action };
            ShieldSettings { rules: vec![rule], ..usual }
        }
        "challenged" => ShieldSettings { under_attack: UnderAttack::On, ..usual },
        _ => usual,
    }
}

fn judge(settings: &ShieldSettings, requests: u32) -> Result<(), ShieldError> {
    let began = Timestamp::from_secs(1_795_348_800);
    let guard = Guard::new(Arc::new(SeededRandom::new(1)), ChallengeSecret::new([1; 32]), began);
    let desk = guard.desk();
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
    for n in 0..requests {
        let request = Request {
            method: "GET",
            host: "www.bench.test",
            target: "/assets/page/index.html?v=1",
            secure: true,
            version: "HTTP/1.1",
            fields: &fields,
            source: Source::at([198, 51, 100, (n % 256) as u8].into()),
            tls_fingerprint: None,
            http2_fingerprint: None,
            bot: BotClass::Unknown,
            at: began,
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
        drop(black_box(guard.judge(&desk, black_box(&asked))));
    }
    Ok(())
}
