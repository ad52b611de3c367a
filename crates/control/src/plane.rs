//! What all handlers and reconcilers share.

use crate::alarms::Alarms;
use crate::appeals::AppealCodes;
use crate::bundles::Bundles;
use crate::defence::Feeds;
use crate::docket::Docket;
use crate::error_pages::Shelf;
use crate::host_names::HostNames;
use crate::intake::Intake;
use crate::live::Live;
use crate::mail::Post;
use crate::policies::Policies;
use crate::purges::Purging;
use crate::reconcile::{CountedDays, SealedEntries};
use crate::record::{Mechanism, Reports, Turns};
use crate::sequencer::Sequencer;
use crate::subscriptions::Askers;
use crate::{DataDir, PublicUrl, Telemetry};
use certificates::CertificateStore;
use feed::Publisher;
use ledger::Entry;
use outbound::Web;
use policy::{DuressKeys, Footprint, Roster};
use records::Records;
use std::sync::Arc;
use tokio::sync::Notify;
use vocabulary::{Clock, Random};

/// One control plane.
pub(crate) struct Plane {
    /// Now.
    pub(crate) clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub(crate) random: Arc<dyn Random>,
    /// Everything that is kept.
    pub(crate) records: Arc<dyn Records>,
    /// The way to the edges.
    pub(crate) publisher: Publisher,
    /// The data plane beside it.
    pub(crate) telemetry: Arc<dyn Telemetry>,
    /// The certificates of the data plane beside it.
    pub(crate) certificates: Option<Arc<CertificateStore>>,
    /// The way to the public web, for what customers' pages refer to.
    pub(crate) web: Arc<dyn Web>,
    /// Customers' error pages.
    pub(crate) shelf: Shelf,
    /// Host names that customers add.
    pub(crate) host_names: HostNames,
    /// What was founded, secrets left out.
    pub(crate) founded: Founded,
    /// Where visitors reach the public record.
    pub(crate) public_url: PublicUrl,
    /// The way to the log.
    pub(crate) sequencer: Sequencer,
    /// Decisions, with those that still move in memory.
    pub(crate) docket: Docket,
    /// Bundles assembled lately.
    pub(crate) bundles: Bundles,
    /// What the log adds up to.
    pub(crate) reports: Reports,
    /// What cases add up to.
    pub(crate) mechanism: Mechanism,
    /// Whose turn it is to read much of the record.
    pub(crate) turns: Turns,
    /// Entries with fields that are sealed until a date.
    pub(crate) sealed_entries: SealedEntries,
    /// The counts of days that are not in the log yet.
    pub(crate) counted_days: CountedDays,
    /// What somebody must look at.
    pub(crate) alarms: Arc<Alarms>,
    /// Figures second by second.
    pub(crate) live: Live,
    /// Where purges hold.
    pub(crate) purging: Purging,
    /// Lists that are fed from outside.
    pub(crate) feeds: Feeds,
    /// The addresses on which customers appeal.
    pub(crate) appeal_codes: AppealCodes,
    /// The desk where reports come in.
    pub(crate) intake: Intake,
    /// The way of outgoing mail.
    pub(crate) post: Post,
    /// How often networks asked for subscriptions.
    pub(crate) subscribing: Askers,
    /// Wakes the reconcilers.
    pub(crate) wake: Arc<Notify>,
}

/// The public part of what a deployment was founded on, as the log holds it.
#[derive(Debug)]
pub(crate) struct Founded {
    /// The log's name.
    pub(crate) origin: String,
    /// Who may decide.
    pub(crate) roster: Roster,
    /// The roster's canonical text.
    pub(crate) roster_text: String,
    /// Its entry in the log.
    pub(crate) roster_entry: Placed,
    /// The keys that officers use under duress.
    pub(crate) duress: DuressKeys,
    /// The policy, in all its versions.
    pub(crate) policies: Policies,
    /// Log and witness keys with the quorum.
    pub(crate) tlog_policy: String,
    /// Where the files lie.
    pub(crate) files: DataDir,
}

/// An entry and its place in the log.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// The entry.
    pub(crate) entry: Entry,
    /// Its index, from 0.
    pub(crate) index: u64,
}

impl Plane {
    /// Whom the public may write to: the mailbox that RFC 2142 §4 reserves for it.
    pub(crate) fn contact(&self) -> String {
        format!("abuse@{}", self.public_url.host())
    }

    /// How large the operator is.
    pub(crate) fn footprint(&self, sites: usize) -> Footprint {
        Footprint { sites: sites as u64 }
    }
}
