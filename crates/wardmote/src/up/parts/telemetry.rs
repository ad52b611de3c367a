//! The edge as the control plane sees it: figures, metrics, readiness.

use super::defence::Defended;
use super::questions::Asked;
use control::{Defence, Figures, Questions, SiteFigures, Telemetry, TopMiss};
use edge::{Edge, Insight};
use std::sync::{Arc, OnceLock};

/// Empty until the edge has started, for the control plane starts first.
#[derive(Default)]
pub(super) struct Beside(OnceLock<Insight>);

impl Beside {
    pub(super) fn attach(&self, edge: &Edge) {
        // There is one edge, attached once.
        let _ = self.0.set(edge.insight());
    }
}

impl Telemetry for Beside {
    fn figures(&self) -> Figures {
        self.0.get().map(|edge| translate(&edge.figures())).unwrap_or_default()
    }

    fn prometheus(&self) -> String {
        self.0.get().map(|edge| edge.figures().prometheus()).unwrap_or_default()
    }

    fn ready(&self) -> Result<(), String> {
        match self.0.get() {
            Some(edge) if edge.is_ready() => Ok(()),
            Some(_) => Err("the edge has no sites yet".into()),
            None => Err("the edge has not started yet".into()),
        }
    }

    fn questions(&self) -> Option<Arc<dyn Questions>> {
        self.0.get().map(|insight| Arc::new(Asked(insight.clone())) as Arc<dyn Questions>)
    }

    fn defence(&self) -> Option<Arc<dyn Defence>> {
        self.0.get().map(|insight| Arc::new(Defended(insight.clone())) as Arc<dyn Defence>)
    }
}

fn translate(edge: &edge::Figures) -> Figures {
    let [_, by_class @ ..] = edge.classes;
    let sites = edge.sites.iter().map(|site| SiteFigures {
        site: site.site,
        requests: site.requests,
        hits: site.hits,
        stale: site.stale,
        misses: site.misses(),
        bytes: site.sent_bytes,
        memory_bytes: site.memory_bytes,
        disk_bytes: site.disk_bytes,
        origin_bytes: site.origin_bytes,
        blocked: site.blocked,
        reasons: site.reasons.clone(),
        top_misses: site.top_misses.iter().map(told).collect(),
    });
    Figures {
        requests: edge.requests,
        by_class,
        hits: edge.hits,
        misses: edge.requests.saturating_sub(edge.hits).saturating_sub(edge.blocked),
        bytes: edge.sent_bytes,
        blocked: edge.blocked,
        open_connections: edge.open_connections,
        sites: sites.collect(),
    }
}

fn told(miss: &edge::TopMiss) -> TopMiss {
    TopMiss { target: miss.target.clone(), reason: miss.reason, count: miss.count }
}
