//! The crowds: who they are, and what each of their requests looks like.
//!
//! Rates and networks are alike, so that they differ only in what an attacker chooses: tools, targets, rhythm.

use super::Kind;
use crate::crowd::{Rhythm, Script};
use crate::population::{bots, browser, homes, page, posting, rented, shuffled, tool};
use crate::stage::Stage;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// A crowd's name, which is its site's first label too, and how it asks.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) rhythm: Rhythm,
    /// Requests a second, where it is not as many as the others make.
    pub(super) rate: Option<u32>,
    /// Addresses and requests of a crowd that attacks this host; the number keeps its dice apart.
    pub(super) make: fn(&Stage, u64, &str) -> (Vec<Ipv4Addr>, Script),
}

type Make = fn(&Stage, u64, &str) -> (Vec<Ipv4Addr>, Script);

const fn family(name: &'static str, make: Make) -> Family {
    Family { name, kind: Kind::Hostile, rhythm: Rhythm::Even, rate: None, make }
}

/// Machines that were taken over, and how each of their requests is made.
fn botnet(
    stage: &Stage,
    dice: u64,
    host: &str,
    make: fn(&vocabulary::SeededRandom, usize, &str) -> Vec<u8>,
) -> (Vec<Ipv4Addr>, Script) {
    let host = host.to_owned();
    (bots(&stage.dice(dice), 200), Arc::new(move |dice, number| make(dice, number, &host)))
}

/// The same of people.
fn people(
    stage: &Stage,
    dice: u64,
    host: &str,
    make: fn(&vocabulary::SeededRandom, usize, &str) -> Vec<u8>,
) -> (Vec<Ipv4Addr>, Script) {
    let host = host.to_owned();
    (homes(&stage.dice(dice), 300), Arc::new(move |dice, number| make(dice, number, &host)))
}

pub(super) const FAMILIES: &[Family] = &[
    family("one-tool", |stage, dice, host| {
        botnet(stage, dice, host, |_, _, host| tool("python-requests/2.32", "GET", host, "/news/1"))
    }),
    family("random-agents", |stage, dice, host| {
        botnet(stage, dice, host, |dice, _, host| {
            tool(&format!("Mozilla/5.0 ({:x})", dice.next_u64()), "GET", host, "/news/1")
        })
    }),
    family("past-the-cache", |stage, dice, host| {
        botnet(stage, dice, host, |dice, _, host| {
            tool("Go-http-client/1.1", "GET", host, &format!("/cached/1?v={:x}", dice.next_u64()))
        })
    }),
    family("one-network", |stage, dice, host| {
        let host = host.to_owned();
        let script: Script = Arc::new(move |dice, number| browser(number, &host, &page(dice), None));
        (rented(&stage.dice(dice), 100), script)
    }),
    family("posts", |stage, dice, host| {
        botnet(stage, dice, host, |_, _, host| {
            tool("Mozilla/5.0 (compatible; Update/1.0)", "POST", host, "/login")
        })
    }),
    Family {
        rhythm: Rhythm::Pulses(Duration::from_secs(3), Duration::from_secs(3)),
        ..family("pulses", |stage, dice, host| {
            botnet(stage, dice, host, |_, _, host| tool("curl/8.15.0", "GET", host, "/news/2"))
        })
    },
    family("shuffled", |stage, dice, host| {
        botnet(stage, dice, host, |dice, _, host| shuffled(dice, host, "/news/3"))
    }),
    family("copied-queries", |stage, dice, host| {
        botnet(stage, dice, host, |dice, number, host| {
            browser(number, host, &format!("/cached/1?q={:x}", dice.next_u64()), None)
        })
    }),
    family("copied-paths", |stage, dice, host| {
        botnet(stage, dice, host, |dice, number, host| {
            browser(number, host, &format!("/{:x}", dice.next_u64()), None)
        })
    }),
    family("stuffing", |stage, dice, host| {
        botnet(stage, dice, host, |dice, number, host| {
            let content = format!("user=u{}&password={:x}", dice.below(1_000_000), dice.next_u64());
            posting(number, (host, "/login"), None, &content)
        })
    }),
    Family {
        rhythm: Rhythm::Grows(Duration::from_secs(8)),
        ..family("growing", |stage, dice, host| {
            botnet(stage, dice, host, |_, _, host| tool("libwww-perl/6.78", "GET", host, "/news/4"))
        })
    },
    // No more than visitors make, but each costs the origin much.
    Family {
        rate: Some(40),
        ..family("expensive", |stage, dice, host| {
            botnet(stage, dice, host, |dice, _, host| {
                tool("okhttp/4.12.0", "GET", host, &format!("/expensive?from={}", dice.below(365)))
            })
        })
    },
    Family {
        kind: Kind::Framing,
        ..family("framing", |stage, dice, host| {
            botnet(stage, dice, host, |dice, _, host| browser(0, host, &page(dice), None))
        })
    },
    Family {
        kind: Kind::Benign,
        ..family("flash-crowd", |stage, dice, host| {
            people(stage, dice, host, |dice, number, host| {
                let click = format!("/cached/story?utm_source=social&fbclid={:x}", dice.next_u64());
                browser(number, host, &click, Some("https://social.invalid/today"))
            })
        })
    },
    Family {
        kind: Kind::Benign,
        ..family("more-people", |stage, dice, host| {
            people(stage, dice, host, |dice, number, host| browser(number, host, &page(dice), None))
        })
    },
    Family {
        kind: Kind::Benign,
        ..family("voting", |stage, dice, host| {
            people(stage, dice, host, |dice, number, host| {
                if dice.below(2) == 0 {
                    return browser(number, host, "/cached/vote", Some("https://social.invalid/today"));
                }
                let own = format!("http://{host}/cached/vote");
                posting(number, (host, "/vote"), Some(&own), &format!("choice={}", dice.below(4)))
            })
        })
    },
];
