//! The wardmote command: command line, configuration, supervision.

fn main() {}
