//! The spans that due process runs by.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// How long a verdict of the gate holds.
pub const VERDICT_HOLDS: Duration = HOUR;
/// Oldest fact the gate reads.
pub const FACT_AGE_MAX: Duration = HOUR.saturating_mul(48);
/// Oldest posting or promotion that counts.
pub const POSTED_WITHIN: Duration = HOUR.saturating_mul(48);
/// Farthest horizon of a danger.
pub const HORIZON_MAX: Duration = HOUR.saturating_mul(72);
/// By when a report is looked at.
pub const TRIAGE: Duration = Duration::from_secs(15 * 60);
/// When an unacknowledged referral goes out on a second channel.
pub const SECOND_CHANNEL_AFTER: Duration = HOUR.saturating_mul(4);
/// When an authority that has not answered counts as silent, from the first delivery.
pub const SILENT_AFTER: Duration = HOUR.saturating_mul(8);
/// How long an objection closes the gate.
pub const OBJECTION_HOLDS: Duration = HOUR.saturating_mul(24);
/// How fresh the verification of a duty line must be when it is called.
pub const DUTY_LINE_VERIFIED_WITHIN: Duration = HOUR.saturating_mul(24 * 90);
/// What the customer has at least, to cure or answer.
pub const HEARING_MIN: Duration = HOUR;
/// Within what time of being told (or of posting, untold) a removal is prompt.
pub const PROMPT_REMOVAL: Duration = HOUR;
/// By when an appeal against a provisional measure is decided.
pub const EXPEDITED_APPEAL: Duration = HOUR.saturating_mul(24);
/// By when any other appeal is decided.
pub const APPEAL: Duration = HOUR.saturating_mul(24 * 7);
/// Longest lease by the gate.
pub const LEASE_MAX: Duration = HOUR.saturating_mul(48);
/// How long a customer has to appeal once it was told, before its service may be ended for good.
pub const APPEAL_WINDOW: Duration = HOUR.saturating_mul(24 * 14);
/// How long after another case a customer's service is not ended for payment or technical abuse.
pub const QUIET_AFTER_CASE: Duration = HOUR.saturating_mul(24 * 90);
/// How long before edges stop telling of a termination the settings of the sites are deleted: the site must not come
/// back when they do.
pub const SETTINGS_GO_BEFORE: Duration = HOUR.saturating_mul(24);
/// The span over which provisional blocks of one customer are counted.
pub const PROVISIONAL_WINDOW: Duration = HOUR.saturating_mul(24 * 90);
/// Longest that provisional blocks of one customer last together within [`PROVISIONAL_WINDOW`].
pub const PROVISIONAL_MAX: Duration = HOUR.saturating_mul(96);
/// Longest lease where the horizon did not leave time to wait for authorities.
pub const SHORT_LEASE_MAX: Duration = HOUR.saturating_mul(12);
