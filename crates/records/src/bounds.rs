//! How much of each thing is kept.

/// The most items one page holds.
pub const PAGE_MAX: u32 = 200;

/// The longest name (account, actor, register, media type, subject of the log), in bytes.
pub const NAME_BYTES_MAX: usize = 300;

/// The longest note on a revision, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_000;

/// The largest site, in bytes of its JSON.
pub const SITE_BYTES_MAX: usize = 1024 * 1024;

/// The largest case, in bytes of its JSON.
pub const CASE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest decision, in bytes of its JSON: its scope may list thousands of sites.
pub const DECISION_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest file of evidence, in bytes.
pub const EVIDENCE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most files one case's list, and the most readings one file's list, gives.
pub const EVIDENCE_LIST_MAX: u32 = 1_000;

/// The largest leaf, in bytes (tlog-tiles: its length has two bytes).
pub const LEAF_BYTES_MAX: usize = 65_535;

/// The largest checkpoint note, in bytes.
pub const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;

/// The most leaves one append takes.
pub const LEAVES_PER_APPEND_MAX: usize = 10_000;

/// The most leaves one read gives; a longer range is cut off at its end.
pub const LEAVES_PER_READ_MAX: u64 = 1_024;

/// The largest document, in bytes, and the most bytes one page of documents holds beyond its first.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest register, in bytes.
pub const REGISTER_BYTES_MAX: usize = 1024 * 1024;

/// The largest report, in bytes of its JSON: its sealed text and a full thread.
pub const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest allegation, in bytes of its JSON.
pub const ALLEGATION_BYTES_MAX: usize = 256 * 1024;

/// The longest wrapped key of a report, in bytes.
pub const REPORT_KEY_BYTES_MAX: usize = 256;

/// The largest claim to a host name, in bytes of its JSON.
pub const HOST_CLAIM_BYTES_MAX: usize = 8 * 1024;

/// The most tokens of one account.
pub const ACCOUNT_TOKENS_MAX: usize = 50;

/// The largest entry of the directory of authorities, in bytes of its JSON.
pub const AUTHORITY_BYTES_MAX: usize = 512 * 1024;

/// The most authorities in the directory, those that were retired too.
pub const AUTHORITIES_MAX: usize = 2_000;

/// The largest order, in bytes of its JSON: its text stands in it as a string.
pub const ORDER_BYTES_MAX: usize = 1024 * 1024;

/// The largest mail, in bytes of its JSON: each letter of its text may be written as an escape.
pub const MAIL_BYTES_MAX: usize = 2 * post::BODY_BYTES_MAX + 8 * 1024;

/// The most mails that wait to be sent.
pub const MAILS_WAITING_MAX: usize = 100_000;

/// How long a mail is kept after it was sent or given up.
pub const MAIL_KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3_600);

/// The largest subscription, in bytes of its JSON.
pub const SUBSCRIPTION_BYTES_MAX: usize = 4 * 1024;

/// The most subscribers of the public record.
pub const SUBSCRIBERS_MAX: usize = 10_000;

/// The most subscriptions that were asked for and wait for their letter, or for the use of its link.
pub const SUBSCRIPTIONS_ASKED_MAX: usize = 1_000;

/// The most sessions kept; when full, opening one ends the one opened longest ago.
pub const SESSIONS_MAX: u64 = 1_000;

/// The most idempotency keys kept; when full, the one claimed longest ago goes.
pub const IDEMPOTENCY_KEYS_MAX: u64 = 100_000;

/// The largest answer kept under an idempotency key, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The most purges kept, and the most one window holds; the oldest are forgotten.
pub const PURGES_KEPT_MAX: u64 = 4_096;

/// The most purges one append takes.
pub const PURGES_PER_APPEND_MAX: usize = 1_000;

/// The longest target of a purge, in bytes of its JSON.
pub const PURGE_TARGET_BYTES_MAX: usize = 16 * 1024;
