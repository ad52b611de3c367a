//! Certificates of sites and the local authority that signs for loopback.
