//! Purges: what an owner takes out of the cache, and the window in which edges hear of it.

use serde::{Deserialize, Serialize};
use vocabulary::{Hostname, SiteId};

/// What a purge takes out. Hosts are in their stored form, lower-case A-labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PurgeTarget {
    /// One address, with both schemes and all variants.
    #[serde(rename_all = "kebab-case")]
    Url {
        /// The host.
        host: Hostname,
        /// The port; left out, every port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// Path and query as visitors' requests carry them.
        path_and_query: String,
    },
    /// Every response that carries this tag.
    Tag(String),
    /// Every address of a host, on any port, whose path and query begin with these characters:
    /// `/blog` takes `/blogger` too, `/blog/` does not.
    #[serde(rename_all = "kebab-case")]
    Prefix {
        /// The host.
        host: Hostname,
        /// What the path begins with; begins with `/` itself.
        path: String,
    },
    /// Every address of a host.
    Host(Hostname),
    /// Everything of the site.
    Everything,
}

/// One purge as edges hear of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Its place in the order of all purges, from 1.
    pub revision: u64,
    /// The site.
    pub site: SiteId,
    /// What goes.
    pub target: PurgeTarget,
    /// Soft: what is held turns stale and is revalidated. Hard: it is never sent again.
    pub soft: bool,
}

/// The latest purges, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeWindow {
    /// The revision before the first purge here. An edge that holds an earlier one has missed some and
    /// treats all it holds as purged softly.
    pub after: u64,
    /// Revisions `after + 1`, `after + 2` and so on.
    pub purges: Vec<Purge>,
}

impl PurgeWindow {
    /// The revision an edge holds once it has applied this window.
    pub fn revision(&self) -> u64 {
        self.purges.last().map_or(self.after, |purge| purge.revision.max(self.after))
    }
}
