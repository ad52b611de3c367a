//! What proves that somebody rules a name.

use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Hasher, Hostname, Random, SitePattern, Timestamp};

/// What the holder of a name is asked to show. Each claim has its own, so that what one account has put up, or a
/// name that was left pointing here, proves nothing for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(String);

impl Challenge {
    /// A fresh one: 128 bits as hex digits, which a DNS label and a path both take.
    pub fn fresh(random: &dyn Random) -> Self {
        let seed: [u8; 32] = random.bytes();
        let text = Digest::of(&seed).to_string();
        Self(text.chars().take(32).collect())
    }

    /// The text to show.
    pub fn token(&self) -> &str {
        &self.0
    }

    /// Where the TXT record stands, or the CNAME that delegates: at the name that was claimed, for a wildcard at
    /// the name below which it falls.
    pub fn record_name(pattern: &SitePattern) -> String {
        format!("_wardmote-challenge.{}", pattern.base())
    }

    /// The path of the file over HTTP, whose whole content is the token. It ends in 128 bits of a digest of the token,
    /// from which nobody can tell the token: a server that sends back the path it was asked for proves nothing.
    pub fn http_path(&self) -> String {
        let digest = Hasher::domain("wardmote/host-name-file/v1").part(self.0.as_bytes()).finish();
        let name: String = digest.to_string().chars().take(32).collect();
        format!("/.well-known/wardmote-challenge/{name}")
    }

    /// The name under the operator's own that a CNAME leads to. None where the operator has no public name.
    pub fn delegation(&self, operator: &Hostname) -> Option<String> {
        let public = operator.ip().is_none() && !operator.is_reserved();
        public.then(|| format!("{}.{operator}", self.0))
    }

    /// Judges what was seen. `by` is what proved the claim the last time: only where that is gone for certain is the
    /// proof absent. A file over HTTP speaks for its own name alone, so no wildcard is proved by it.
    pub fn judge(
        &self,
        pattern: &SitePattern,
        operator: &Hostname,
        observed: &Observed,
        by: Option<Method>,
        now: Timestamp,
    ) -> Verdict {
        let target = self.delegation(operator);
        let is_token = |value: &str| value.trim() == self.0;
        let leads_here = |name: &str| {
            target.as_deref().is_some_and(|target| name.trim_end_matches('.').eq_ignore_ascii_case(target))
        };
        let by_file = matches!(pattern, SitePattern::Exact(_));
        let file = if by_file { seen(&observed.file, is_token) } else { Seen::No };
        let channels = [
            (Method::Txt, agreed(&observed.views, |view| seen(&view.texts, is_token))),
            (Method::Delegation, agreed(&observed.views, |view| seen(&view.aliases, leads_here))),
            (Method::Http, file),
        ];
        if let Some((method, _)) = channels.iter().find(|(_, seen)| *seen == Seen::Yes) {
            return Verdict::Proved(Proof { method: *method, at: now });
        }
        let unknown =
            |(method, seen): &(Method, Seen)| *seen == Seen::Unknown && by.is_none_or(|by| by == *method);
        if channels.iter().any(unknown) { Verdict::Unknown } else { Verdict::Absent }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Yes,
    No,
    Unknown,
}

fn seen(answer: &Answer, fits: impl Fn(&str) -> bool) -> Seen {
    match answer {
        Answer::Values(values) if values.iter().any(|value| fits(value)) => Seen::Yes,
        Answer::Values(_) => Seen::No,
        Answer::Unknown => Seen::Unknown,
    }
}

/// More than half of the resolvers have to answer, and those that answer have to say the same: one that lies, or is
/// lied to, neither gives a name away nor takes it.
fn agreed(views: &[View], look: impl Fn(&View) -> Seen) -> Seen {
    let told: Vec<Seen> = views.iter().map(look).filter(|seen| *seen != Seen::Unknown).collect();
    match told.first() {
        Some(first) if told.len() * 2 > views.len() && told.iter().all(|seen| seen == first) => *first,
        _ => Seen::Unknown,
    }
}

/// What one place says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These are there; none: there is nothing.
    Values(Vec<String>),
    /// It could not be looked up.
    Unknown,
}

/// What one resolver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The texts of the TXT records at [`Challenge::record_name`].
    pub texts: Answer,
    /// The targets of the CNAME records there and at the name itself.
    pub aliases: Answer,
}

/// What was seen of a name at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// By each resolver.
    pub views: Vec<View>,
    /// The content of the file at [`Challenge::http_path`].
    pub file: Answer,
}

/// How a name was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A TXT record.
    Txt,
    /// A file over HTTP.
    Http,
    /// A CNAME record.
    Delegation,
    /// Nothing was asked: the name is reserved and nobody's.
    Reserved,
}

impl Method {
    /// Whether it was shown in DNS, which is its owner's whoever is served now.
    pub fn is_dns(self) -> bool {
        matches!(self, Self::Txt | Self::Delegation)
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Txt => "a TXT record",
            Self::Http => "a file over HTTP",
            Self::Delegation => "a CNAME record",
            Self::Reserved => "a reserved name, which needs no proof",
        }
    }
}

/// That a name was proved; made by [`Challenge::judge`], and for reserved names by the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub(crate) method: Method,
    pub(crate) at: Timestamp,
}

impl Proof {
    /// How.
    pub fn method(&self) -> Method {
        self.method
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// What an observation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The name is proved.
    Proved(Proof),
    /// What would prove the name is not there.
    Absent,
    /// Nobody can tell.
    Unknown,
}
