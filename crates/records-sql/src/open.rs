//! Opening the database: its lock, its age, its soundness, its connections.

use crate::error::{code, commit_failed, failed, primary_code};
use crate::integrity;
use records::StoreError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "WMR1", in the file's header: this is one of ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x574d_5231;
const READERS: u32 = 4;
/// What the file of reports' keys has behind the name of the records.
const KEYS_SUFFIX: &str = ".keys";
/// How long a statement waits for somebody else's lock on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The records in one SQLite database. Cheap to share behind an `Arc`; the last one dropped gives the
/// file's lock back.
pub struct SqliteRecords {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Keys of reports, in a file of their own.
    keys: SqlitePool,
    path: PathBuf,
    lock: File,
}

/// The database was not opened, and nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its directory cannot be used.
    #[error("cannot use the records in {}: {source}", path.display())]
    Unusable {
        /// The database file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the records in {} are in use by another process; stop that one first, or give this one its own data_dir",
        .0.display()
    )]
    Locked(PathBuf),
    /// The file is no SQLite database, or its pages or its log do not hold together.
    #[error("the records in {} are damaged: {reason}; restore a backup with `wardmote restore`", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A SQLite database of some other program.
    #[error("{} is a database, but not one of Wardmote's records; name another data_dir", .0.display())]
    Foreign(PathBuf),
    /// A later version of this program made it.
    #[error(
        "the records in {} have schema {found}, this version knows up to {known}; run the newer version, \
         or restore a backup from before the upgrade",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema in the file.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Another error, as SQLite words it.
    #[error("cannot open the records in {}: {reason}", path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
}

impl SqliteRecords {
    /// Opens the database at `path`, making it when it is not there, and brings its schema up to date.
    ///
    /// Checks first: the lock, the header, the schema's age, SQLite's own quick check (large files of
    /// evidence left out), and that the log has no gap and agrees with its checkpoints.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let is_new = prepare_file(path)?;
        let writer = pool(connect_options(path), 1).await.map_err(|error| open_error(path, error))?;
        let mut connection = writer.acquire().await.map_err(|error| open_error(path, error))?;
        if !is_new {
            check(path, &mut connection, integrity::Depth::Quick).await?;
        }
        drop(connection);
        migrator().run(&writer).await.map_err(|error| migration_error(path, error))?;
        let readers = pool(connect_options(path).read_only(true), READERS)
            .await
            .map_err(|error| open_error(path, error))?;
        let keys = open_keys(&with_suffix(path, KEYS_SUFFIX)).await?;
        Ok(Self { writer, readers, keys, path: path.to_owned(), lock })
    }

    /// Closes all connections after the work under way and gives the lock back; every later call fails.
    /// The file is then complete without its companions.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.keys.close().await;
        // Should this fail, the lock goes with the value.
        let _ = self.lock.unlock();
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn keys(&self) -> &SqlitePool {
        &self.keys
    }

    /// A transaction for writing: it has the write lock from its beginning.
    pub(crate) async fn begin(
        &self,
        during: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(during))
    }

    /// A transaction for reading: all its statements see one state.
    pub(crate) async fn snapshot(
        &self,
        during: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.readers.begin().await.map_err(failed(during))
    }
}

impl std::fmt::Debug for SqliteRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteRecords").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes a transaction's work durable.
pub(crate) async fn commit(
    transaction: Transaction<'static, Sqlite>,
    during: &'static str,
) -> Result<(), StoreError> {
    transaction.commit().await.map_err(commit_failed(during))
}

/// Opens a database that nobody else may have open, only to look at it, and checks it whole.
pub(crate) async fn inspect(path: &Path) -> Result<(), OpenError> {
    check_header(path)?;
    let options = SqliteConnectOptions::new().filename(path).read_only(true).foreign_keys(true);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(|error| open_error(path, error))?;
    let sound = check(path, &mut connection, integrity::Depth::Full).await;
    connection.close().await.map_err(|error| open_error(path, error))?;
    sound
}

/// Takes the lock beside the database; the system gives it back when the process ends, however it ends.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let file = private().create(true).truncate(false).open(with_suffix(path, ".lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// The path with something added to its file name, as SQLite names a database's companions.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Options for a file that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Makes the file if needed, and makes it private; SQLite gives its companions the same mode. Whether
/// there is nothing in it yet.
fn prepare_file(path: &Path) -> Result<bool, OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let file = private().create(true).truncate(false).open(path).map_err(unusable)?;
    let metadata = file.metadata().map_err(unusable)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
    }
    if metadata.len() == 0 {
        return Ok(true);
    }
    check_header(path)?;
    Ok(false)
}

fn check_header(path: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let mut header = Vec::new();
    File::open(path).map_err(unusable)?.take(16).read_to_end(&mut header).map_err(unusable)?;
    if header == b"SQLite format 3\0" {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        reason: "it does not begin as a database does".to_owned(),
    })
}

/// Opens the file of reports' keys, making it when it is not there. It has no write-ahead log, in which a destroyed
/// key would outlive its destruction.
async fn open_keys(path: &Path) -> Result<SqlitePool, OpenError> {
    prepare_file(path)?;
    let failed = |error| open_error(path, error);
    let options = connect_options(path).journal_mode(SqliteJournalMode::Truncate);
    let keys = pool(options, 1).await.map_err(failed)?;
    sqlx::query(crate::report_keys::SCHEMA).execute(&keys).await.map_err(failed)?;
    Ok(keys)
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // What is erased must be gone from the file as well.
        .pragma("secure_delete", "ON")
        // A damaged or hostile schema must not run functions with side effects.
        .pragma("trusted_schema", "OFF")
}

async fn pool(options: SqliteConnectOptions, connections: u32) -> sqlx::Result<SqlitePool> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

/// Whether this is one of our databases, of a schema known here, and sound.
async fn check(
    path: &Path,
    connection: &mut SqliteConnection,
    depth: integrity::Depth,
) -> Result<(), OpenError> {
    let failed = |error| open_error(path, error);
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if tables == 0 {
        return Ok(());
    }
    let application: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let migrated: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
    // The first start may have ended between SQLite's own steps, before our schema was there.
    let only_begun = tables == 1 && migrated == 1;
    if application != APPLICATION_ID && !only_begun {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let found: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let known = migrator().iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if only_begun {
        return Ok(());
    }
    let faults = integrity::faults(connection, depth).await.map_err(failed)?;
    match faults.first() {
        None => Ok(()),
        Some(_) => Err(OpenError::Damaged { path: path.to_owned(), reason: faults.join("; ") }),
    }
}

fn migrator() -> Migrator {
    let step = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "records", include_str!("../migrations/0001_records.sql")),
        step(2, "purges", include_str!("../migrations/0002_purges.sql")),
        step(3, "reports", include_str!("../migrations/0003_reports.sql")),
        step(4, "host names", include_str!("../migrations/0004_host_names.sql")),
        step(6, "queue of allegations", include_str!("../migrations/0006_queue_of_allegations.sql")),
        step(7, "outbox", include_str!("../migrations/0007_outbox.sql")),
        step(8, "authorities", include_str!("../migrations/0008_authorities.sql")),
        step(12, "subscriptions", include_str!("../migrations/0012_subscriptions.sql")),
    ])
}

fn migration_error(path: &Path, error: sqlx::migrate::MigrateError) -> OpenError {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => open_error(path, error),
        other => OpenError::Failed { path: path.to_owned(), reason: other.to_string() },
    }
}

fn open_error(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match primary_code(&error) {
        Some(code::BUSY | code::LOCKED) => OpenError::Locked(path),
        Some(code::CORRUPT | code::NOTADB) => OpenError::Damaged { path, reason: error.to_string() },
        _ => OpenError::Failed { path, reason: error.to_string() },
    }
}
