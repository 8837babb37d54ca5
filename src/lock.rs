//! One process at a time on a data folder.

use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use crate::private_file;

/// Holds the data folder; let go when dropped, and by the system when the process dies.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

/// Why the data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process has it.
    #[error(
        "another guildhall ({holder}) is using the data folder {path}; stop it first, or choose another --data-dir"
    )]
    Held {
        /// The folder.
        path: PathBuf,
        /// Who.
        holder: String,
    },
    /// It cannot be made or written.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataLock {
    /// Takes the folder, making it if needed.
    ///
    /// # Errors
    ///
    /// [`LockError`].
    pub(crate) fn take(dir: &Path) -> Result<Self, LockError> {
        let fault = |source| LockError::Folder { path: dir.to_owned(), source };
        private_file::create_dir(dir).map_err(fault)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("lock"))
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = format!("process {}", holder.trim());
                return Err(LockError::Held { path: dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(fault)?;
        writeln!(file, "{}", std::process::id()).map_err(fault)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_and_free_after() {
        let dir = tempfile::tempdir().expect("a folder");
        let held = DataLock::take(dir.path()).expect("free");

        let second = DataLock::take(dir.path()).expect_err("held");

        assert!(
            second.to_string().contains(&format!("process {}", std::process::id())),
            "{second}"
        );
        drop(held);
        DataLock::take(dir.path()).expect("free again");
    }
}
