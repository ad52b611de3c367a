//! Problem documents (RFC 9457).

use super::Reason;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use records::{PutError, StoreError, WriteOnceError};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A refusal on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    reason: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    more: Map<String, Value>,
}

impl Problem {
    /// A refusal from the table.
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            status: reason.status(),
            reason: reason.name().into(),
            title: reason.text().into(),
            detail: None,
            more: Map::new(),
        }
    }

    /// A refusal of the domain under its own stable name: 409, because the request was understood and
    /// contradicts the state or the rules.
    pub(crate) fn refused(name: &'static str, why: impl ToString) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            reason: name.into(),
            title: why.to_string().into(),
            detail: None,
            more: Map::new(),
        }
    }

    /// The particulars of this one case.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// A further member, such as the list of closed conditions.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The stable name of the reason.
    #[cfg(test)]
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// What people read first.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Everything there is to read, on one line.
    pub(crate) fn words(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{} {detail}", self.title),
            None => self.title.clone().into_owned(),
        }
    }

    /// The single reasons that it lists, each in a line: of a closed gate, by condition.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let listed = self.more.get("reasons").and_then(Value::as_array);
        let word = |reason: &Value, name: &str| reason[name].as_str().unwrap_or_default().to_owned();
        let line = |reason: &Value| format!("{}: {}", word(reason, "condition"), word(reason, "text"));
        listed.into_iter().flatten().map(line).collect()
    }

    /// The particulars, or else what people read first.
    pub(crate) fn said(&self) -> String {
        self.detail.clone().unwrap_or_else(|| self.title.clone().into_owned())
    }

    /// The status it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let reason = match &error {
            StoreError::Full { .. } => Reason::DiskFull,
            StoreError::TooLarge { .. } => Reason::TooLarge,
            StoreError::Damaged { .. } => Reason::Broken,
            _ => Reason::RecordsBusy,
        };
        Self::new(reason).detail(error)
    }
}

impl From<PutError> for Problem {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Store(error) => error.into(),
            error => Self::new(Reason::VersionChanged).detail(error),
        }
    }
}

impl From<WriteOnceError> for Problem {
    fn from(error: WriteOnceError) -> Self {
        match error {
            WriteOnceError::Store(error) => error.into(),
            error => Self::new(Reason::WrongState).detail(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = self.more;
        document.insert("type".into(), format!("/api/v1/reasons#{}", self.reason).into());
        document.insert("title".into(), self.title.into());
        document.insert("status".into(), json!(self.status.as_u16()));
        document.insert("reason".into(), self.reason.into());
        if let Some(detail) = self.detail {
            document.insert("detail".into(), detail.into());
        }
        let mut response = (self.status, Value::Object(document).to_string()).into_response();
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            fields.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"wardmote\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
