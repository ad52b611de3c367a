//! From a report to a decision: cases, findings, referrals, the gate, proposals and leases.
