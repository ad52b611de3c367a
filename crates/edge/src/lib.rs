//! The data plane: accept, TLS, framing, the exchange and its answers.
