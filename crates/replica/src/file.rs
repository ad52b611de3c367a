//! The directory and the file under LMDB: made private, made long enough, refused when damaged.

use crate::error::OpenError;
use crate::structure::{self, Fault};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// LMDB's name for its file.
const FILE: &str = "data.mdb";

/// Makes the directory if needed, and makes sure that LMDB can map its file without harm: it is as long as it
/// states, and what leads to the values, whose keys are `known`, is sound.
pub(crate) fn prepare(dir: &Path, known: &[&str]) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { dir: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unusable)?;
    let file = match OpenOptions::new().read(true).write(true).open(dir.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    let length = file.metadata().map_err(unusable)?.len();
    if length == 0 {
        return Ok(());
    }
    let refuse = |fault| match fault {
        Fault::Io(source) => unusable(source),
        Fault::Damaged(reason) => OpenError::Damaged { dir: dir.to_owned(), reason },
    };
    let stated = structure::stated_length(&file, crate::FILE_BYTES_MAX as u64).map_err(refuse)?;
    if stated > length {
        // An access past the file's end would kill the process. Zeros there are seen as damage instead;
        // and LMDB itself may leave out last pages that it does not use.
        file.set_len(stated).map_err(unusable)?;
    }
    // A second look, in case another process was just writing.
    structure::check(&file, known).or_else(|_| structure::check(&file, known)).map_err(refuse)
}
