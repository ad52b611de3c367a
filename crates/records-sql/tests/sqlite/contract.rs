//! The ports' contract, run by SQLite.

use async_trait::async_trait;
use records::Records;
use records::contract::Rig;
use records_sql::SqliteRecords;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct SqliteRig {
    pub(crate) directory: TempDir,
    open: Option<Arc<SqliteRecords>>,
}

impl SqliteRig {
    pub(crate) async fn fresh() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut rig = Self { directory, open: None };
        rig.open = Some(Arc::new(SqliteRecords::open(&rig.path()).await.expect("a new database")));
        rig
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("records.sqlite")
    }

    pub(crate) async fn close(&mut self) {
        if let Some(records) = self.open.take() {
            records.close().await;
        }
    }
}

#[async_trait]
impl Rig for SqliteRig {
    fn records(&self) -> Arc<dyn Records> {
        self.open.clone().expect("the store is open")
    }

    async fn reopen(&mut self) {
        self.close().await;
        self.open = Some(Arc::new(SqliteRecords::open(&self.path()).await.expect("the same database")));
    }
}

records::contract_suite!(SqliteRig::fresh);
