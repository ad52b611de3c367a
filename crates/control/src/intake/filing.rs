//! Filing a report: sealed, recognised, joined to its allegation, in one write.

use super::{Intake, lock};
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use records::{Filed, Fleet, PutError};
use reports::{Allegation, Code, Contents, Heed, Outcome, Report, ReportState, Submission};
use std::collections::BTreeSet;
use vault::{Slot, VaultError};
use vocabulary::{AllegationId, Digest, ReportId, SiteId, Timestamp};

/// How often filing is repeated when the allegation was changed meanwhile.
const ATTEMPTS: usize = 5;

/// By what a report is known when it is sent again.
pub(crate) enum Repeat<'a> {
    /// A form: its one-time token with its content. Sent again, the same person gets the same code again.
    Form {
        /// The token's random part.
        nonce: &'a [u8],
    },
    /// A machine's document: its bytes. Sent again, it is known, and nobody gets a code for it.
    Document {
        /// The whole document.
        bytes: &'a [u8],
    },
}

/// What a reporter gets.
pub(crate) struct Receipt {
    /// The code; none for a document that was sent again.
    pub(crate) code: Option<Code>,
    /// Whether it was new.
    pub(crate) is_new: bool,
    /// Whether the reporter is to be told that many earlier reports had no basis.
    pub(crate) is_warned: bool,
}

impl Plane {
    /// Files a report. When this returns, it is on disk, sealed.
    pub(crate) async fn file_report(&self, sent: Submission, repeat: Repeat<'_>) -> Result<Receipt, Problem> {
        let intake = &self.intake;
        let plaintext = sent.text.to_plaintext();
        let (repeat, code) = match repeat {
            Repeat::Form { nonce } => {
                let input = [nonce, plaintext.as_slice()].concat();
                let code = intake.vault.derive("form-code", &input);
                let code = Code::from_bytes(std::array::from_fn(|place| code[place]));
                (intake.vault.derive("form-repeat", &input), code)
            }
            Repeat::Document { bytes } => {
                (intake.vault.derive("document-repeat", bytes), Code::from_bytes(self.random.bytes()))
            }
        };
        let repeat = Digest::from_bytes(*repeat);
        let is_form = sent.channel == reports::Channel::Form;
        if self.records.report_by_repeat(&repeat).await?.is_some() {
            return Ok(Receipt { code: is_form.then_some(code), is_new: false, is_warned: false });
        }
        let reporter = intake.reporter(&sent);
        let is_warned = intake.heed(reporter.as_ref(), sent.danger, self.clock.now())?;
        let broken = || Problem::new(Reason::Broken);
        let receipt = intake.receipt(&code).await.ok_or_else(broken)?;
        let id = ReportId::random(&*self.random);
        let (key, wrapped) = intake.vault.new_record(id).map_err(cipher)?;
        let sealed = key.seal(Slot::Contents, &plaintext).map_err(cipher)?;
        // The key first: one without a report is harmless, a report without its key is lost.
        self.records.put_report_key(id, &wrapped.0).await?;
        let report = Report {
            id,
            received_at: self.clock.now(),
            channel: sent.channel,
            category: sent.category,
            danger: sent.danger,
            language: sent.language.clone(),
            allegation: AllegationId::random(&*self.random),
            state: ReportState::Received,
            receipt,
            repeat,
            reporter,
            may_forward: sent.may_forward,
            wants_mail: sent.wants_mail,
            contents: Contents::Kept {
                key: key.public(),
                sealed,
                fingerprints: intake.fingerprints(&sent.text),
                trace: Box::new(intake.similarity.trace(&sent)),
            },
            thread: Vec::new(),
        };
        let filed = self.join(report, &sent).await;
        // After an error the report may be there all the same, so its key stays; one too many does no harm.
        let is_new = filed?;
        if !is_new {
            self.records.destroy_report_key(id).await?;
        } else if let Some(reporter) = reporter {
            lock(&intake.standings).filed(reporter, self.clock.now());
        }
        Ok(Receipt { code: (is_new || is_form).then_some(code), is_new, is_warned })
    }

    /// Joins a report to the allegation that it claims, and keeps both. Whether it was new.
    async fn join(&self, mut report: Report, sent: &Submission) -> Result<bool, Problem> {
        let Contents::Kept { trace, fingerprints, .. } = report.contents.clone() else {
            return Err(Problem::new(Reason::Broken));
        };
        let sites = sites_of(&self.fleet().await?, sent);
        let mut clusters = self.intake.clusters.lock().await;
        for _ in 0..ATTEMPTS {
            let found = clusters.find(sent.category, &sent.hosts, &trace);
            let held = match found {
                Some(id) => self.records.allegation(id).await?.filter(|held| held.value.closed_at.is_none()),
                None => None,
            };
            let (mut allegation, version) = match held {
                Some(held) => (held.value, held.version),
                None => {
                    if let Some(stale) = found {
                        clusters.forget(stale);
                    }
                    let id = AllegationId::random(&*self.random);
                    (Allegation::open(id, sent.category, sent.danger, report.received_at), 0)
                }
            };
            report.allegation = allegation.id;
            let joined = allegation.join(sent.danger, (&sent.hosts, &sites), &trace, report.received_at);
            joined.map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
            if version > 0 {
                report.state = ReportState::Clustered;
            }
            match self.records.file_report(&report, &allegation, version).await {
                Ok(Filed::New) => {
                    clusters.learn(allegation.id, allegation.category, &allegation.hosts, &trace);
                    lock(&self.intake.guard).learn(&fingerprints);
                    return Ok(true);
                }
                Ok(Filed::Known(_)) => return Ok(false),
                Err(PutError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Problem::new(Reason::Contended))
    }
}

impl Intake {
    /// By what a reporter is known again: the address or name given, keyed so that nobody can try addresses against it.
    fn reporter(&self, sent: &Submission) -> Option<Digest> {
        let given = [&sent.text.contact, &sent.text.reporter];
        let given =
            given.iter().map(|text| text.expose().trim().to_lowercase()).find(|text| !text.is_empty())?;
        Some(Digest::from_bytes(*self.vault.derive("reporter", given.as_bytes())))
    }

    /// Whether a reporter is to be told of earlier reports; a refusal where it has to wait. Whoever says that somebody is in
    /// danger never waits.
    fn heed(&self, reporter: Option<&Digest>, danger: bool, now: Timestamp) -> Result<bool, Problem> {
        let heed = reporter.map_or(Heed::None, |reporter| lock(&self.standings).heed(reporter, now));
        match heed {
            Heed::None => Ok(false),
            Heed::Wait(wait) if !danger => {
                let seconds = serde_json::json!(wait.as_secs().max(1));
                Err(Problem::new(Reason::ReporterSlowed).with("wait_seconds", seconds))
            }
            Heed::Warn | Heed::Wait(_) => Ok(true),
        }
    }

    /// A report of a known reporter ended.
    pub(super) fn ended(&self, report: &Report, outcome: Outcome, now: Timestamp) {
        if let Some(reporter) = report.reporter {
            lock(&self.standings).ended(reporter, outcome, now);
        }
    }

    /// Forgets what an erased report was recognised and guarded by.
    pub(super) fn forget(&self, report: &Report) {
        lock(&self.guard).forget(report.fingerprints());
    }

    /// Forgets a closed allegation: the same claim later is a new one.
    pub(crate) async fn forget_allegation(&self, id: AllegationId) {
        self.clusters.lock().await.forget(id);
    }
}

/// Those of our sites that a report is about.
fn sites_of(fleet: &Fleet, sent: &Submission) -> BTreeSet<SiteId> {
    let about = |site: &&snapshot::Site| {
        site.hosts.iter().any(|pattern| sent.hosts.iter().any(|host| pattern.matches(host)))
    };
    fleet.sites.iter().filter(about).map(|site| site.id).collect()
}

/// The vault's failures never say what they were about.
pub(super) fn cipher(error: VaultError) -> Problem {
    tracing::error!(%error, "the vault of reports failed");
    Problem::new(Reason::Broken)
}
