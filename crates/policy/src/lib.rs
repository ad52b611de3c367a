//! Who may decide what: measures, grounds, roster, matrix, floor and the check of approvals.
