//! What two readers could take differently, as a matrix: every flaw and every harmless spelling, on every kind
//! of request, with another request right behind it.
//!
//! The visitor sends exact bytes; a recording origin keeps exact bytes and reads them with a reader of its own
//! (`testkit::Reading`), which forgives nothing. Afterwards each case is held against what the origin heard: one
//! request with the same meaning for each that was accepted, nothing for one that was refused, never a whole
//! request for one that broke off.

mod downgrades;
mod drafts;
mod http1;

use crate::support::Stage;
use snapshot::OriginProtocol;
use std::collections::BTreeMap;
use testkit::{Heard, Origin, Reading, RecordingHttp2Origin, RecordingOrigin};

/// What is to become of one request, and of the one behind it.
#[derive(Debug, Clone)]
enum Verdict {
    /// The origin hears it as this; `tail`: and what comes behind it as well.
    Heard { meaning: Meaning, tail: bool },
    /// It ends with this status, or a reset of its stream, and the origin hears nothing.
    Refused(u16),
    /// Its head was passed on before its content broke the rules: the origin sees it break off.
    Broken,
}

/// What a request means to whoever reads it.
#[derive(Debug, Clone, Default)]
struct Meaning {
    method: String,
    target: String,
    host: String,
    body: Vec<u8>,
    /// A field that the origin has to see exactly once with exactly this value.
    field: Option<(&'static str, &'static str)>,
}

impl Meaning {
    fn is(&self, heard: &Heard) -> bool {
        let field = self.field.is_none_or(|(name, value)| {
            let mut values = heard.fields.iter().filter(|(key, _)| key == name);
            values.next().is_some_and(|(_, seen)| seen == value) && values.next().is_none()
        });
        let same = (&heard.method, &heard.target, &heard.host) == (&self.method, &self.target, &self.host);
        // Some origins read a line under a name as a hyphen in it, and framing is the edge's alone.
        let shadow = heard.fields.iter().any(|(name, _)| name.contains('_'));
        same && heard.body == self.body && field && !shadow
    }

    /// What the recording origin answers to it.
    fn echo(&self) -> String {
        format!("{} {} {} {}", self.method, self.target, self.host, self.body.len())
    }
}

/// A case that was played: its mark stands in its targets and nowhere else.
struct Played {
    name: String,
    mark: String,
    verdict: Verdict,
}

/// The protocol between the edge and the origin.
#[derive(Clone, Copy, PartialEq)]
enum Onwards {
    Http1,
    Http2,
}

/// An origin that keeps what it heard.
enum Recorder {
    Http1(RecordingOrigin),
    Http2(RecordingHttp2Origin),
}

impl Recorder {
    async fn readings(self) -> Vec<Reading> {
        match self {
            Self::Http1(origin) => origin.readings().await,
            Self::Http2(origin) => origin.readings().await,
        }
    }
}

/// An edge before an origin that keeps every byte, or every frame.
async fn recorded(onwards: Onwards) -> (Stage, Recorder) {
    let mut stage = Stage::set_with(
        |_| {},
        |site| {
            if onwards == Onwards::Http2 {
                site.origins[0].protocol = OriginProtocol::Http2;
            }
        },
    )
    .await;
    let origin = std::mem::replace(&mut stage.origin, Origin::listen().await);
    let recorder = match onwards {
        Onwards::Http1 => Recorder::Http1(origin.record()),
        Onwards::Http2 => Recorder::Http2(origin.record_http2()),
    };
    (stage, recorder)
}

/// Holds everything the origin heard against everything that was played: all that does not agree.
fn compare(played: &[Played], readings: &[Reading]) -> Vec<String> {
    let (mut faults, mut heard) = (Vec::new(), BTreeMap::<&str, Vec<&Heard>>::new());
    let marks = |text: &str| played.iter().find(|case| text.contains(&case.mark));
    for reading in readings {
        for one in &reading.whole {
            match marks(&one.target) {
                Some(case) => heard.entry(&case.mark).or_default().push(one),
                None => faults.push(format!("nobody sent {one:?}")),
            }
        }
        let rest = String::from_utf8_lossy(&reading.rest);
        let broken = marks(&rest).is_some_and(|case| matches!(case.verdict, Verdict::Broken));
        if reading.fault.is_some() || !(rest.is_empty() || broken) {
            faults.push(format!("the origin is left with {rest:?}: {:?}", reading.fault));
        }
    }
    for Played { name, mark, verdict } in played {
        let seen = heard.remove(mark.as_str()).unwrap_or_default();
        let right = match verdict {
            Verdict::Refused(_) | Verdict::Broken => seen.is_empty(),
            Verdict::Heard { meaning, tail } => {
                let real: Vec<_> = seen.iter().filter(|one| !one.target.contains("/tail")).collect();
                real.len() == 1 && meaning.is(real[0]) && seen.len() == 1 + usize::from(*tail)
            }
        };
        if !right {
            faults.push(format!("{name}: {verdict:?} was heard as {seen:?}"));
        }
    }
    faults
}
