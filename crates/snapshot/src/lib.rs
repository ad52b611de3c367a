//! What an edge serves from: sites, measures in force and their proofs, verified offline.
