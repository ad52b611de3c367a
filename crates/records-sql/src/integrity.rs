//! Whether a database holds together: SQLite's own check, and that the log agrees with itself.

use sqlx::SqliteConnection;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Everything but the large files of evidence, which have their own digests, and the order of index
    /// entries: quick enough for every start.
    Quick,
    /// Everything, bit by bit.
    Full,
}

const FAULTS_MAX: usize = 5;

/// What is wrong; empty when all is well. At most a few faults: one is enough to refuse.
pub(crate) async fn faults(connection: &mut SqliteConnection, depth: Depth) -> sqlx::Result<Vec<String>> {
    let mut faults = pages(connection, depth).await?;
    if faults.is_empty() {
        faults = agreement(connection).await?;
    }
    faults.truncate(FAULTS_MAX);
    Ok(faults)
}

async fn pages(connection: &mut SqliteConnection, depth: Depth) -> sqlx::Result<Vec<String>> {
    let reports: Vec<String> = match depth {
        Depth::Full => sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(connection).await?,
        Depth::Quick => {
            sqlx::query_scalar(
                "SELECT report.quick_check
                   FROM sqlite_schema AS held, pragma_quick_check(held.name) AS report
                  WHERE held.type = 'table' AND held.name <> 'evidence_files'",
            )
            .fetch_all(connection)
            .await?
        }
    };
    Ok(reports.into_iter().filter(|report| report != "ok").collect())
}

/// What the records say of themselves; each statement gives the faults it finds.
async fn agreement(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let rules: [&'static str; 6] = [
        "SELECT 'the log has ' || count(*) || ' entries, its last is number ' || max(idx) FROM leaves
          HAVING count(*) IS NOT coalesce(max(idx) + 1, 0)",
        "SELECT 'the log has ' || size.leaves || ' entries, its last checkpoint covers ' || coalesce(size.staged, 'none')
           FROM (SELECT (SELECT count(*) FROM leaves) AS leaves, (SELECT max(size) FROM staged) AS staged) AS size
          WHERE size.leaves <> coalesce(size.staged, 0)",
        "SELECT 'checkpoint ' || published_size || ' is published, but was never staged' FROM log_state
          WHERE published_size IS NOT NULL AND published_size NOT IN (SELECT size FROM staged)",
        "SELECT 'subject ' || subject || ' has a gap in its entries' FROM leaves
          GROUP BY subject HAVING count(*) <> max(sequence) OR min(sequence) <> 1 LIMIT 3",
        "SELECT 'the revisions have a gap'
          WHERE (SELECT count(*) FROM revisions) <> (SELECT coalesce(max(revision), 0) FROM revisions)",
        "SELECT 'evidence ' || evidence.id || ' has lost its file' FROM evidence
          WHERE id NOT IN (SELECT id FROM evidence_files) LIMIT 3",
    ];
    let mut faults = Vec::new();
    for rule in rules {
        faults.extend(sqlx::query_scalar::<_, String>(rule).fetch_all(&mut *connection).await?);
    }
    Ok(faults)
}
