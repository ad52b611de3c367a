//! Repository ports for everything the control plane keeps, with their contract suite.
