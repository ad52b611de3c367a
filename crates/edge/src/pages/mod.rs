//! The pages that the edge itself writes: errors and the block page, for people and for programs.
//!
//! Owns their words and their look. Pure: a view goes in, one self-contained document comes out; no
//! clock, no socket; no asset and no script but those of a challenge. Knows nothing of connections, sites or proofs.
//!
//! Invariants, held by the tests below:
//! - text from outside can never become markup: [`markup::Markup`] takes markup only from the source;
//! - whatever goes in, a block page stays under 15 KB and an error page under 12 KB;
//! - every page passes under [`CONTENT_SECURITY_POLICY`], which permits its one style sheet and its icon, both
//!   inside the page, and nothing else.

mod accept;
mod block;
mod challenge;
mod error;
mod icons;
mod markup;
mod site_page;
#[cfg(test)]
mod tests;
mod warning;

pub use accept::Form;
pub use block::{BlockView, Closed, DemandView, block_page};
pub use challenge::{CHALLENGE_POLICY, ChallengeView, WORK_SCRIPT, challenge_page, refresh};
pub use error::{ErrorView, Side, error_page};
pub use site_page::{SiteTokens, render_site_page};
pub use warning::{WARNING_POLICY, WarningView, warning_page};

/// The style sheet inside every page; its digest stands in [`CONTENT_SECURITY_POLICY`].
const STYLE: &str = include_str!("page.css");

/// The `Content-Security-Policy` to send with [`error_page`] and [`block_page`]: nothing is loaded, nothing
/// runs, no form is sent, no frame embeds it; only the page's own style sheet and icon apply.
///
/// Not for a site's own error page ([`render_site_page`]): that one is the site's to restrict.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src data:; \
     style-src 'sha256-XsTW7hop+j+GB07dvD+VMNd+UcNZxZiicrfv4LUrRyE='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The media type of the HTML pages.
pub const HTML: &str = "text/html; charset=utf-8";

/// The media type of the problem documents (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
