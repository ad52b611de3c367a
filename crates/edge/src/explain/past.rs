//! The chain of an answer that was given.

use super::ring::Footprint;
use super::{Explanation, Step, Unexplained};
use crate::insight::Insight;
use crate::ray::Ray;
use crate::reasons::{Outcome, Reason};
use caching::{CacheStatus, StaleGround};

impl Insight {
    /// Why the request with a ray was answered as it was.
    pub fn explain_ray(&self, ray: &str) -> Result<Explanation, Unexplained> {
        let wanted = Ray::parse(ray).ok_or_else(|| Unexplained::NoRay(ray.to_owned()))?;
        let print = self.workers.iter().find_map(|worker| worker.footprints.find(wanted));
        print.map(|print| told(&print)).ok_or_else(|| Unexplained::Forgotten(ray.to_owned()))
    }
}

fn told(print: &Footprint) -> Explanation {
    let Footprint { method, address, reason, status, bytes, .. } = print;
    let mut steps = vec![Step::new("request", format!("{method} {address}"))];
    if let Some(decision) = print.decision {
        steps.push(Step::new("measure", format!("decision {decision} is in force for this host")));
    } else if let Some(site) = print.site {
        steps.push(Step::new("site", format!("no measure stands against it; it belongs to site {site}")));
    }
    if let Some(found) = &print.shield {
        steps.push(Step::new("shield", found.to_string()));
    }
    if let Some(cache) = &print.cache {
        cache_steps(cache, print.from_disk, &mut steps);
    }
    let entry = reason.entry();
    let why = match entry.text {
        "" => String::new(),
        text => format!(": {text}"),
    };
    let text = match status {
        0 => format!("nothing was answered{why}"),
        status => format!("{status} with {bytes} bytes of content{why}"),
    };
    steps.push(Step { step: "answer", reason: Some(entry.name), text });
    Explanation {
        asked: print.ray.to_string(),
        at: print.started,
        verdict: verdict(print),
        site: print.site,
        steps,
        stored: None,
    }
}

fn verdict(print: &Footprint) -> &'static str {
    match (print.reason, print.reason.outcome(), &print.cache) {
        (Reason::UnknownHost, ..) => "unknown-host",
        (_, Outcome::Blocked, _) => "blocked",
        (_, Outcome::Refused, _) => "refused",
        (.., Some(CacheStatus::Hit { .. })) => "hit",
        (.., Some(CacheStatus::Stale { .. })) => "stale",
        (.., Some(CacheStatus::Forwarded { why, .. })) if why.forward() == "bypass" => "bypass",
        _ => "miss",
    }
}

fn cache_steps(cache: &CacheStatus, from_disk: bool, steps: &mut Vec<Step>) {
    let place = if from_disk { "on disk" } else { "in memory" };
    match *cache {
        CacheStatus::Hit { ttl } => {
            steps.push(Step::new("cache", format!("held {place}, and fresh for {ttl} more seconds")));
        }
        CacheStatus::Stale { ttl, ground } => {
            let why = match ground {
                StaleGround::WhileRevalidate => "it is being revalidated meanwhile".to_owned(),
                StaleGround::Error(status) => format!("the origin answered {}", status.as_u16()),
                StaleGround::Unreachable => "the origin could not be reached".to_owned(),
            };
            let stale = ttl.unsigned_abs();
            steps.push(Step::new("cache", format!("held {place} and stale for {stale} seconds; {why}")));
        }
        CacheStatus::Forwarded { why, status, kept } => {
            steps.push(Step::because("cache", why));
            steps.extend(status.map(|status| Step::new("origin", format!("answered {}", status.as_u16()))));
            match kept {
                Ok(ttl) => steps.push(Step::new("kept", format!("stored, fresh for {ttl} seconds"))),
                Err(Some(reason)) => steps.push(Step::because("kept", reason)),
                Err(None) => steps.push(Step::new("kept", "not stored")),
            }
        }
        CacheStatus::Collapsed { why, status } => {
            steps.push(Step::because("cache", why));
            let status = status.map_or(String::new(), |status| format!(" {}", status.as_u16()));
            let text = format!("shared the answer{status} that another request was fetching already");
            steps.push(Step::new("origin", text));
        }
        CacheStatus::Local { why } => steps.push(Step::because("cache", why)),
    }
}
