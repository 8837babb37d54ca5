//! Objects as files: whole or not there, and never outside their folder.
//!
//! A new object is written beside its place, made durable, and renamed into it. Blocking file
//! calls run on tokio's threads for them.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use state::repo::ObjectRepo;
use state::repo::RepoError;

use crate::key;

/// See the module.
pub(crate) struct FileObjects {
    folder: Arc<Folder>,
}

struct Folder {
    root: PathBuf,
    next_draft: AtomicU64,
}

impl FileObjects {
    /// Objects in `root`, which is made if need be. Drafts of an earlier process are deleted.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let drafts = root.join(DRAFTS);
        fs::create_dir_all(&drafts)?;
        for draft in fs::read_dir(&drafts)? {
            fs::remove_file(draft?.path())?;
        }
        let folder = Folder { root: root.to_owned(), next_draft: AtomicU64::new(0) };
        Ok(Self { folder: Arc::new(folder) })
    }

    /// Runs file calls where they may block.
    async fn block<T: Send + 'static>(
        &self,
        operation: &'static str,
        calls: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> Result<T, RepoError> {
        let folder = Arc::clone(&self.folder);
        let done = tokio::task::spawn_blocking(move || calls(&folder)).await;
        let done = done.map_err(|error| RepoError::Unavailable(error.to_string()))?;
        done.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RepoError::NotFound,
            _ => {
                metrics::counter!("storage_errors_total", "operation" => operation).increment(1);
                tracing::error!(operation, %error, "an object could not be read or written");
                RepoError::Unavailable(error.to_string())
            }
        })
    }
}

impl Folder {
    fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.root.join(key);
        let parent = place.parent().unwrap_or(&self.root);
        self.make_folders(parent)?;
        let number = self.next_draft.fetch_add(1, Ordering::Relaxed);
        let draft = self.root.join(DRAFTS).join(number.to_string());
        let written = write_durably(&draft, bytes).and_then(|()| fs::rename(&draft, &place));
        if written.is_err() {
            // Of no use to anyone; if it cannot be deleted now, the next start does.
            let _ = fs::remove_file(&draft);
        }
        written?;
        sync_folder(parent)
    }

    /// Makes the folders from the root to `folder`; each new one is durable in its parent.
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folders(parent)?;
            match fs::create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                made => made?,
            }
            sync_folder(parent)?;
        }
        Ok(())
    }

    fn read(&self, key: &str, range: &Range<u64>) -> io::Result<Bytes> {
        let mut file = open_file(&self.root.join(key))?;
        let end = range.end.min(file.metadata()?.len());
        let start = range.start.min(end);
        file.seek(SeekFrom::Start(start))?;
        let length = usize::try_from(end - start).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename or a new file is durable only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens an object; a folder on the way to others is none.
fn open_file(path: &Path) -> io::Result<File> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => io::ErrorKind::NotFound.into(),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[async_trait]
impl ObjectRepo for FileObjects {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), RepoError> {
        if !key::is_valid(key) {
            return Err(key::invalid());
        }
        let key = key.to_owned();
        self.block("object_put", move |folder| folder.put(&key, &bytes)).await
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, RepoError> {
        if !key::is_valid(key) {
            return Ok(None);
        }
        let key = key.to_owned();
        let size = self.block("object_size", move |folder| {
            Ok(open_file(&folder.root.join(key))?.metadata()?.len())
        });
        match size.await {
            Err(RepoError::NotFound) => Ok(None),
            size => size.map(Some),
        }
    }

    async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, RepoError> {
        if !key::is_valid(key) {
            return Err(RepoError::NotFound);
        }
        let key = key.to_owned();
        self.block("object_read", move |folder| folder.read(&key, &range)).await
    }

    async fn remove(&self, key: &str) -> Result<(), RepoError> {
        if !key::is_valid(key) {
            return Ok(());
        }
        let key = key.to_owned();
        let removed = self.block("object_remove", move |folder| {
            let path = folder.root.join(key);
            open_file(&path)?;
            fs::remove_file(&path)
        });
        match removed.await {
            Err(RepoError::NotFound) => Ok(()),
            removed => removed,
        }
    }
}

/// Where objects are written first. `~` is in no key, so no key can name it.
const DRAFTS: &str = "~drafts";
