//! What an edge keeps on disk to boot alone: generations and rollback counters in LMDB.
