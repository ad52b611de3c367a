//! Reports, allegations and keys in memory.

use super::{Memory, page_of};
use crate::bounds::{
    ALLEGATION_BYTES_MAX, EVIDENCE_LIST_MAX, NAME_BYTES_MAX, REPORT_BYTES_MAX, REPORT_KEY_BYTES_MAX,
};
use crate::{Cursor, Filed, Listing, Page, PutError, Reading, ReportDesk, ReportKeys, StoreError, Versioned};
use async_trait::async_trait;
use reports::{Allegation, Report};
use serde::Serialize;
use std::collections::BTreeMap;
use vocabulary::{AllegationId, Digest, ReportId};

#[derive(Default)]
pub(super) struct ReportShelf {
    reports: Vec<Versioned<Report>>,
    allegations: Vec<Versioned<Allegation>>,
    readings: Vec<(ReportId, Reading)>,
    /// No bytes: destroyed.
    keys: BTreeMap<ReportId, Option<Vec<u8>>>,
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

/// Where an allegation stands in the queue: by urgency, then by age.
fn queue_place(held: &Versioned<Allegation>, place: usize) -> u64 {
    ((held.value.urgency() as u64) << 48) + place as u64 + 1
}

fn checked(report: &Report) -> Result<(), StoreError> {
    StoreError::check_size("a report", length(report), REPORT_BYTES_MAX)
}

impl ReportShelf {
    fn put_allegation(&mut self, allegation: &Allegation, expected: u64) -> Result<u64, PutError> {
        StoreError::check_size("an allegation", length(allegation), ALLEGATION_BYTES_MAX)?;
        let place = self.allegations.iter().position(|held| held.value.id == allegation.id);
        let found = place.map_or(0, |place| self.allegations[place].version);
        if found != expected {
            return Err(PutError::Conflict { expected, found });
        }
        let held = Versioned { version: expected + 1, value: allegation.clone() };
        match place {
            Some(place) => self.allegations[place] = held,
            None => self.allegations.push(held),
        }
        Ok(expected + 1)
    }

    fn file(&mut self, report: &Report, allegation: &Allegation, expected: u64) -> Result<Filed, PutError> {
        if let Some(known) = self.reports.iter().find(|held| held.value.repeat == report.repeat) {
            return Ok(Filed::Known(known.value.id));
        }
        checked(report)?;
        if self.reports.iter().any(|held| held.value.id == report.id) {
            return Err(PutError::Conflict { expected: 0, found: 1 });
        }
        self.put_allegation(allegation, expected)?;
        self.reports.push(Versioned { version: 1, value: report.clone() });
        Ok(Filed::New)
    }

    fn put(&mut self, report: &Report, expected: u64) -> Result<u64, PutError> {
        checked(report)?;
        let held = self.reports.iter_mut().find(|held| held.value.id == report.id);
        let found = held.as_ref().map_or(0, |held| held.version);
        match held {
            Some(held) if found == expected => {
                *held = Versioned { version: expected + 1, value: report.clone() };
                Ok(expected + 1)
            }
            _ => Err(PutError::Conflict { expected, found }),
        }
    }
}

#[async_trait]
impl ReportDesk for Memory {
    async fn file_report(
        &self,
        report: &Report,
        allegation: &Allegation,
        expected: u64,
    ) -> Result<Filed, PutError> {
        self.act("filing a report", |state| state.reports.file(report, allegation, expected))
    }

    async fn report(&self, id: ReportId) -> Result<Option<Versioned<Report>>, StoreError> {
        self.act("reading a report", |state| {
            Ok(state.reports.reports.iter().find(|held| held.value.id == id).cloned())
        })
    }

    async fn report_by_locator(&self, locator: &[u8; 16]) -> Result<Option<Versioned<Report>>, StoreError> {
        self.act("looking for a report", |state| {
            Ok(state.reports.reports.iter().find(|held| held.value.receipt.locator() == *locator).cloned())
        })
    }

    async fn report_by_repeat(&self, repeat: &Digest) -> Result<Option<ReportId>, StoreError> {
        self.act("looking for a report", |state| {
            let found = state.reports.reports.iter().find(|held| held.value.repeat == *repeat);
            Ok(found.map(|held| held.value.id))
        })
    }

    async fn put_report(&self, report: &Report, expected: u64) -> Result<u64, PutError> {
        self.act("keeping a report", |state| state.reports.put(report, expected))
    }

    async fn list_reports(
        &self,
        allegation: Option<AllegationId>,
        page: Page,
    ) -> Result<Listing<Versioned<Report>>, StoreError> {
        self.act("listing reports", |state| {
            let all = state.reports.reports.iter().enumerate();
            let wanted =
                all.filter(|(_, held)| allegation.is_none_or(|wanted| held.value.allegation == wanted));
            let items: Vec<_> = wanted.map(|(place, held)| (place as u64 + 1, held.clone())).collect();
            Ok(page_of(items.into_iter(), page))
        })
    }

    async fn allegation(&self, id: AllegationId) -> Result<Option<Versioned<Allegation>>, StoreError> {
        self.act("reading an allegation", |state| {
            Ok(state.reports.allegations.iter().find(|held| held.value.id == id).cloned())
        })
    }

    async fn put_allegation(&self, allegation: &Allegation, expected: u64) -> Result<u64, PutError> {
        self.act("keeping an allegation", |state| state.reports.put_allegation(allegation, expected))
    }

    async fn list_allegations(
        &self,
        only_open: bool,
        page: Page,
    ) -> Result<Listing<Versioned<Allegation>>, StoreError> {
        self.act("listing allegations", |state| {
            let all = state.reports.allegations.iter().enumerate();
            let wanted = all.filter(|(_, held)| !only_open || held.value.closed_at.is_none());
            let items: Vec<_> = wanted.map(|(place, held)| (place as u64 + 1, held.clone())).collect();
            Ok(page_of(items.into_iter(), page))
        })
    }

    async fn allegation_queue(&self, page: Page) -> Result<Listing<Versioned<Allegation>>, StoreError> {
        self.act("listing the queue of allegations", |state| {
            let open = state.reports.allegations.iter().enumerate();
            let open = open.filter(|(_, held)| held.value.closed_at.is_none());
            let mut items: Vec<_> =
                open.map(|(place, held)| (queue_place(held, place), held.clone())).collect();
            items.sort_by_key(|(place, _)| *place);
            items.retain(|(place, _)| page.after.is_none_or(|after| *place > after.0));
            let limit = page.bounded_limit() as usize;
            let next = (items.len() > limit).then(|| Cursor(items[limit - 1].0));
            items.truncate(limit);
            Ok(Listing { items: items.into_iter().map(|(_, held)| held).collect(), next })
        })
    }

    async fn note_report_reading(&self, id: ReportId, reading: &Reading) -> Result<(), StoreError> {
        self.act("noting a reading of a report", |state| {
            StoreError::check_size("a reader's name", reading.reader.len(), NAME_BYTES_MAX)?;
            state.reports.readings.push((id, reading.clone()));
            Ok(())
        })
    }

    async fn report_readings(&self, id: ReportId) -> Result<Vec<Reading>, StoreError> {
        self.act("listing the readings of a report", |state| {
            let of_report = state.reports.readings.iter().filter(|(report, _)| *report == id);
            let mut readings: Vec<_> = of_report.map(|(_, reading)| reading.clone()).collect();
            readings.drain(..readings.len().saturating_sub(EVIDENCE_LIST_MAX as usize));
            Ok(readings)
        })
    }
}

#[async_trait]
impl ReportKeys for Memory {
    async fn put_report_key(&self, id: ReportId, wrapped: &[u8]) -> Result<(), StoreError> {
        self.act("keeping a report's key", |state| {
            StoreError::check_size("a report's key", wrapped.len(), REPORT_KEY_BYTES_MAX)?;
            state.reports.keys.entry(id).or_insert_with(|| Some(wrapped.to_vec()));
            Ok(())
        })
    }

    async fn report_key(&self, id: ReportId) -> Result<Option<Vec<u8>>, StoreError> {
        self.act("reading a report's key", |state| Ok(state.reports.keys.get(&id).cloned().flatten()))
    }

    async fn destroy_report_key(&self, id: ReportId) -> Result<(), StoreError> {
        self.act("destroying a report's key", |state| {
            state.reports.keys.insert(id, None);
            Ok(())
        })
    }
}
