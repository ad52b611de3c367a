//! One look at a name from outside: what several resolvers say, and what its own web server shows.

use super::HostNames;
use names::Said;
use outbound::{Fetched, Limits, Unfetched};
use ownership::{Answer, Challenge, Claim, Observed, View};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;
use vocabulary::SitePattern;

/// One look, whatever it waits for.
const LOOK_TIME_MAX: Duration = Duration::from_secs(30);
/// The file is the token; whatever is much longer is something else. It speaks for its own host, so a redirect is none.
const FILE: Limits = Limits { bytes: 1024, time: Duration::from_secs(10), redirects: false };

/// Looks at everything that could prove a claim.
pub(super) async fn observe(host_names: &HostNames, claim: &Claim) -> Observed {
    let nobody = || vec![View { texts: Answer::Unknown, aliases: Answer::Unknown }];
    let looking = async {
        let (views, file) = tokio::join!(views(host_names, claim), file(host_names, claim));
        Observed { views, file }
    };
    let looked = timeout(LOOK_TIME_MAX, looking).await;
    looked.unwrap_or_else(|_| Observed { views: nobody(), file: Answer::Unknown })
}

async fn views(host_names: &HostNames, claim: &Claim) -> Vec<View> {
    let (resolvers, pattern) = (&host_names.resolvers, claim.pattern());
    let record = Challenge::record_name(pattern);
    let own = async {
        match pattern {
            SitePattern::Exact(name) => resolvers.aliases(name.as_str()).await,
            SitePattern::Wildcard(_) => vec![Said::Records(Vec::new()); resolvers.count()],
        }
    };
    let (texts, aliases, own) = tokio::join!(resolvers.texts(&record), resolvers.aliases(&record), own);
    let aliases = aliases.into_iter().zip(own).map(|(one, other)| both(one, other));
    texts.into_iter().zip(aliases).map(|(texts, aliases)| View { texts: answer(texts), aliases }).collect()
}

fn answer(said: Said) -> Answer {
    match said {
        Said::Records(records) => Answer::Values(records),
        Said::Nothing => Answer::Unknown,
    }
}

/// What stands at either of two names.
fn both(one: Said, other: Said) -> Answer {
    match (one, other) {
        (Said::Records(mut one), Said::Records(other)) => {
            one.extend(other);
            Answer::Values(one)
        }
        (Said::Records(some), Said::Nothing) | (Said::Nothing, Said::Records(some)) if !some.is_empty() => {
            Answer::Values(some)
        }
        _ => Answer::Unknown,
    }
}

/// The file over plain HTTP, and over TLS where it is not there.
async fn file(host_names: &HostNames, claim: &Claim) -> Answer {
    let SitePattern::Exact(name) = claim.pattern() else { return Answer::Values(Vec::new()) };
    let (mut contents, mut unclear) = (Vec::new(), false);
    for scheme in ["http", "https"] {
        let address = format!("{scheme}://{name}{}", claim.challenge().http_path());
        let Ok(url) = Url::parse(&address) else { continue };
        match host_names.web.get(&url, &FILE).await {
            Ok(Fetched { status: 200, bytes, .. }) => {
                contents.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            // Another answer, no address, a private one: there is no such file on the public web.
            Ok(_) => {}
            Err(Unfetched::Wire(_) | Unfetched::TooSlow(_)) => unclear = true,
            Err(_) => {}
        }
    }
    if contents.is_empty() && unclear { Answer::Unknown } else { Answer::Values(contents) }
}
