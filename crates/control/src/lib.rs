//! The control plane: API, console, reconcilers, sequencer and the public record.
