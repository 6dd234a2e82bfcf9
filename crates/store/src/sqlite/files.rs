//! The database file and its connections.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use crate::OpenError;

use super::lock::sync_directory;
use super::schema;

const DATABASE_FILE: &str = "tidemark.db";
const WAL_FILE: &str = "tidemark.db-wal";

/// A row of 200 bytes of text fills an 8 KiB page to a few percent, and a transaction of many small
/// conversations touches fewer pages than with larger ones.
const PAGE_BYTES: u32 = 8192;

/// More statements than the engine has, so that none is ever prepared twice.
const STATEMENTS_MAX: usize = 128;

/// Nobody else writes, so waiting means that a checkpoint and a commit met: they are short.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Where the store is, and how to open it.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    writer_cache_kib: u32,
    reader_cache_kib: u32,
}

impl Files {
    pub(crate) fn new(directory: PathBuf, writer_cache_kib: u32, reader_cache_kib: u32) -> Self {
        Self {
            directory,
            writer_cache_kib,
            reader_cache_kib,
        }
    }

    /// Opens the writer's connection, with everything that recovery finds made durable before anybody
    /// sees it. Also returns the epoch.
    ///
    /// No other connection may be open: only then does SQLite read the write-ahead log anew.
    pub(crate) fn open_writer(&self) -> Result<(Connection, Uuid), OpenError> {
        self.rewrite_wal().map_err(|source| OpenError::Io {
            path: self.directory.clone(),
            source,
        })?;
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_CREATE, self.writer_cache_kib)?;
        let epoch = schema::prepare(&mut connection)?;
        checkpoint(&connection, "TRUNCATE")?;
        sync_directory(&self.directory).map_err(|source| OpenError::Io {
            path: self.directory.clone(),
            source,
        })?;
        Ok((connection, epoch))
    }

    /// Opens a connection that cannot write.
    pub(crate) fn open_reader(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::empty(), self.reader_cache_kib)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Opens the connection that moves the log into the database file.
    pub(crate) fn open_checkpointer(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::empty(), self.reader_cache_kib)
    }

    fn connect(&self, extra: OpenFlags, cache_kib: u32) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
        let connection = Connection::open_with_flags(self.directory.join(DATABASE_FILE), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Closing after a failed flush must not move what may not be durable into the database file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // A plan that looks at bound values, as it may where an index is partial, is made anew at every use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        connection
            .pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))
            .or_else(none_is_fine)?;
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(connection)
    }

    /// Writes the write-ahead log over itself and flushes it.
    ///
    /// When a flush fails, Linux drops the dirty mark of the pages that it could not write: they read
    /// as if they were on disk, and a second flush has nothing to do and succeeds. Recovery reads
    /// those pages. Writing the same bytes again makes them dirty again, so that what recovery goes by is
    /// what the disk holds, before anything of it reaches the database file.
    fn rewrite_wal(&self) -> io::Result<()> {
        let path = self.directory.join(WAL_FILE);
        let mut file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut chunk = vec![0; 1 << 20];
        let mut offset = 0;
        loop {
            let length = file.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&chunk[..length])?;
            offset += length as u64;
        }
        file.sync_all()
    }
}

fn none_is_fine(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    }
}

/// Moves the log into the database file; an error if somebody was in the way.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    let busy: bool =
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            row.get(0)
        })?;
    if busy {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    Ok(())
}
