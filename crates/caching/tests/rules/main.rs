//! The rules of RFC 9111, 9110 and 9211, each as a table.

mod arbitrary;
mod attacks;
mod conditions;
mod freshness;
mod invalidation;
mod keeping;
mod oracle;
mod purging;
mod reusing;
mod revalidating;
mod site;
mod stale;
mod status;
mod storing;
mod targeted;
mod vary;

use caching::{CacheMode, Exchanged, Limits, Reason, Request, Storable, Stored, storable};
use http::{Method, StatusCode};
use vocabulary::Timestamp;

pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

/// Sun, 22 Nov 2026 12:00:00 GMT.
pub(crate) const NOON: i64 = 1_795_348_800;

pub(crate) fn at(seconds_after_noon: i64) -> Timestamp {
    Timestamp::from_secs(NOON + seconds_after_noon)
}

/// An HTTP date so many seconds after noon.
pub(crate) fn date(seconds_after_noon: i64) -> String {
    caching::http_date(at(seconds_after_noon))
}

/// The answer to a GET at noon that took no time.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) request: Lines<'a>,
    pub(crate) status: u16,
    pub(crate) response: Lines<'a>,
    pub(crate) mode: CacheMode,
    pub(crate) exchanged: Exchanged,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            method: Method::GET,
            request: &[],
            status: 200,
            response: &[],
            mode: CacheMode::Origin,
            exchanged: Exchanged { requested: at(0), received: at(0) },
        }
    }
}

impl Asked<'_> {
    pub(crate) fn storable(&self) -> Result<Storable, Reason> {
        let request = self.request.to_vec();
        let request = Request::read(&self.method, &request);
        let status = StatusCode::from_u16(self.status).expect("status");
        let response = self.response.to_vec();
        storable(&request, status, &response, self.mode, Limits::default(), self.exchanged)
    }

    pub(crate) fn stored(&self, length: u64) -> Stored {
        self.storable().and_then(|storable| storable.complete(length)).expect("stored")
    }
}

/// A response with the given lines besides a lifetime of an hour.
pub(crate) fn stored(response: Lines<'_>, length: u64) -> Stored {
    let lines = [&[("Cache-Control", "max-age=3600")], response].concat();
    Asked { response: &lines, ..Asked::default() }.stored(length)
}
