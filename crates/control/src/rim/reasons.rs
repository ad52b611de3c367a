//! The one table of reasons for which the control plane itself refuses a request.
//!
//! Refusals of the domain (the gate, the floor, approvals, the roster) bring their own names and texts
//! and pass through [`super::Problem::refused`]; everything else is here.

use axum::http::StatusCode;
use serde::Serialize;

macro_rules! reasons {
    ($($variant:ident = $name:literal, $status:ident, $text:literal;)*) => {
        /// Why a request was refused, apart from the domain's own refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Reason {
            $(#[doc = $text] $variant,)*
        }

        impl Reason {
            /// Every reason, in the table's order.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name that programs match on.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The status it is answered with.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// What it says to people.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

reasons! {
    Malformed = "malformed", BAD_REQUEST, "The request cannot be understood.";
    NotJson = "not-json", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED,
        "Send `Authorization: Bearer` with the text of admin.token, or open the console by its setup link.";
    OperatorOnly = "operator-only", FORBIDDEN, "This is the operator's; the token of an account may work on its host names.";
    AnothersAccount = "anothers-account", FORBIDDEN, "The token is another account's.";
    CsrfMissing = "csrf-token-missing", FORBIDDEN,
        "A change from a browser session needs the session's token in the field X-CSRF-Token.";
    ForeignOrigin = "foreign-origin", FORBIDDEN, "The request was made by a page of another site.";
    SetupTokenRefused = "setup-token-refused", FORBIDDEN,
        "The setup link was used already or is older than 30 minutes; start the server again or run `wardmote status` for a fresh one.";
    NotFound = "not-found", NOT_FOUND, "There is nothing here.";
    NotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "This address does not take that method.";
    TooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "The body is over its bound.";
    SlowBody = "body-too-slow", REQUEST_TIMEOUT, "The body did not arrive in time.";
    ForeignHost = "foreign-host", MISDIRECTED_REQUEST,
        "Console and API answer to localhost and their own address only.";
    VersionChanged = "version-changed", PRECONDITION_FAILED,
        "It was changed meanwhile; read it again and repeat with its present ETag.";
    SettingsChanged = "settings-changed", CONFLICT,
        "The settings were changed since they were shown; look at them again before they are replaced.";
    Contended = "contended", CONFLICT, "Others change it at this moment; try again.";
    KeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY,
        "This Idempotency-Key belongs to another request.";
    KeyRunning = "idempotency-key-running", CONFLICT, "The same request is being worked on.";
    SitesMistaken = "sites-mistaken", UNPROCESSABLE_ENTITY, "The sites file has mistakes.";
    HostTaken = "host-taken", CONFLICT, "A host belongs to another site.";
    HostUnclaimable = "host-unclaimable", UNPROCESSABLE_ENTITY, "A customer cannot claim this name.";
    HostInQuarantine = "host-in-quarantine", CONFLICT, "The name was another account's a short while ago.";
    ClaimsFull = "claims-full", CONFLICT, "No more host names can be claimed.";
    LookedJustNow = "looked-just-now", TOO_MANY_REQUESTS, "The name was looked at just now; ask again in a moment.";
    AccountAmbiguous = "account-ambiguous", CONFLICT, "Several accounts claim the name; say which is meant (account).";
    CertificateUnfit = "certificate-unfit", UNPROCESSABLE_ENTITY, "A certificate cannot be used.";
    PageUnfit = "page-unfit", UNPROCESSABLE_ENTITY, "An error page cannot be used.";
    DefenceMistaken = "defence-mistaken", UNPROCESSABLE_ENTITY,
        "A rule, a list or an entry of the defence cannot be used.";
    MitigationCap = "mitigation-cap", CONFLICT,
        "The operator may lower a site's service by mitigations for 3 hours in 24 at most.";
    TenantRequestMissing = "tenant-request-missing", CONFLICT,
        "This lowers a customer's service: it needs the customer's recorded request (customer_request).";
    GateClosed = "gate-closed", CONFLICT, "The gate is closed; each condition says why.";
    WindowOver = "approval-window-over", CONFLICT,
        "The 60 minutes for approvals are over; propose again on fresh facts.";
    SuspendedSince = "suspended-since", CONFLICT,
        "Everything was set aside after this was proposed, so signed now it would not act; propose it anew.";
    WrongState = "wrong-state", CONFLICT, "That cannot follow the present state.";
    EvidenceUnknown = "evidence-unknown", UNPROCESSABLE_ENTITY, "A finding names evidence that this case does not hold.";
    ScopeUnknown = "scope-unknown", UNPROCESSABLE_ENTITY, "A scope names a site that is not served here.";
    SiteMissing = "site-missing", UNPROCESSABLE_ENTITY, "A purge by tag, prefix or host, or of everything, needs the site.";
    SiteUnknown = "site-unknown", UNPROCESSABLE_ENTITY, "A purge names a site that is not served here.";
    OutsideSite = "outside-site", UNPROCESSABLE_ENTITY, "A purge names a host that does not belong to the site.";
    PurgeMistaken = "purge-mistaken", UNPROCESSABLE_ENTITY, "A purge names nothing that can be purged.";
    AllSitesUnconfirmed = "all-sites-unconfirmed", CONFLICT,
        "This purges every customer's copies; repeat it with `confirmed` if that is meant.";
    ReportUnreadable = "report-refused", UNPROCESSABLE_ENTITY, "The report cannot be taken as it is.";
    ReportFormat = "report-format-unknown", UNSUPPORTED_MEDIA_TYPE,
        "A report is application/json (XARF v4 or plain) or message/rfc822 (a mail in the abuse reporting format).";
    ReporterSlowed = "reporter-slowed", TOO_MANY_REQUESTS,
        "Many of your earlier reports had no basis, so the next one waits a while. A report that somebody is in danger is taken at once.";
    VaultText = "vault-text", CONFLICT,
        "It repeats words or a name from a report; write it in words of your own.";
    RoleMayNot = "role-may-not", FORBIDDEN, "This role does not work on reports.";
    RecordsBusy = "records-busy", SERVICE_UNAVAILABLE, "The records are busy or away; try again in a moment.";
    DiskFull = "disk-full", INSUFFICIENT_STORAGE, "The disk is full.";
    EdgeAway = "edge-away", SERVICE_UNAVAILABLE, "The edge beside this control plane cannot answer now; try again in a moment.";
    LogStopped = "log-stopped", SERVICE_UNAVAILABLE, "The log takes no entries at the moment; the alarm on the console says why.";
    Stopping = "stopping", SERVICE_UNAVAILABLE, "The server is stopping.";
    Broken = "internal", INTERNAL_SERVER_ERROR, "Something that should not happen did; the server's log has the details.";
}

/// One line of the table, as `/api/v1/reasons` shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReasonLine {
    /// The stable name.
    pub(crate) reason: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What it says to people.
    pub(crate) text: &'static str,
}

/// The whole table.
pub(crate) fn table() -> Vec<ReasonLine> {
    let line = |reason: &Reason| ReasonLine {
        reason: reason.name(),
        status: reason.status().as_u16(),
        text: reason.text(),
    };
    Reason::ALL.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        assert!(Reason::ALL.iter().all(|r| r.status().is_client_error() || r.status().is_server_error()));
    }
}
