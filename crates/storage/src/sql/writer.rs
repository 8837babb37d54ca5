//! The one writer: takes the writes that wait, commits them together, then answers them all.
//!
//! One `fsync` carries as many writes as came while the last one ran, so throughput grows with
//! load and a lone write waits for nobody. Messages are inserted by one statement; any other write has a
//! savepoint of its own: one that fails does not fail its neighbours. Nothing is answered before the commit
//! that made it durable.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sqlx::Connection;
use sqlx::SqliteConnection;
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteConnectOptions;
use state::repo::RepoError;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::purge;
use super::row::failed;
use super::together;
use super::together::NewMessage;
use super::unsearched;
use super::unsearched::Put;
use super::unsearched::Unsearched;

/// What a write does with the connection, inside a transaction that it neither opens nor ends.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, RepoError>> + Send + 'c>>;

/// The door to the writer's queue.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Write>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Whether messages wait until they can be searched.
    behind: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the writer on `connection`; `options` open another when that one breaks.
    pub(super) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        unsearched: Unsearched,
    ) -> Self {
        let (queue, writes) = mpsc::channel(QUEUE);
        let behind = Arc::new(AtomicBool::new(false));
        let keeper = Keeper {
            connection: Some(connection),
            options,
            unsearched,
            behind: Arc::clone(&behind),
        };
        #[expect(clippy::disallowed_methods, reason = "the writer owns this task: close ends it")]
        let task = tokio::spawn(run(writes, keeper));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)), behind }
    }

    /// Queues `work` and waits until it is committed.
    ///
    /// # Errors
    ///
    /// What `work` says; [`RepoError::Unavailable`] when the commit failed or the store is closed.
    pub(super) async fn write<T, F>(&self, operation: &'static str, work: F) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.queue(operation, What::Anything, work).await
    }

    /// As [`write`](Self::write), of work that changes no message.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) async fn write_apart<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.queue(operation, What::Apart, work).await
    }

    /// As [`write`](Self::write), of work that inserts a message, if it may be, by one statement and changes
    /// nothing else. With what that is answered, for it may be inserted together with others instead.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) async fn write_message<T, F>(
        &self,
        operation: &'static str,
        (message, answer): (Arc<NewMessage>, T),
        work: F,
    ) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.queue(operation, What::Message(message, Some(answer)), work).await
    }

    /// Waits until every message can be searched that was acknowledged before.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) async fn searched(&self) -> Result<(), RepoError> {
        if !self.behind.load(Ordering::Acquire) {
            return Ok(());
        }
        // Whatever may change a message finds all that waited put in before.
        self.write("search_catch_up", |_| Box::pin(async { Ok(()) })).await
    }

    async fn queue<T, F>(
        &self,
        operation: &'static str,
        what: What<T>,
        work: F,
    ) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let closed = || RepoError::Unavailable("the store is closed".to_owned());
        let queue = lock(&self.queue).clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let started = now();
        let job = Job { work: Some(work), what, result: None, reply };
        queue.send(Box::new(job)).await.map_err(|_| closed())?;
        drop(queue);
        let answer = answer.await.unwrap_or_else(|_| Err(closed()));
        metrics::histogram!("storage_write_duration_seconds", "operation" => operation)
            .record(now().duration_since(started));
        if let Err(RepoError::Unavailable(cause)) = &answer {
            metrics::counter!("storage_errors_total", "operation" => operation).increment(1);
            tracing::error!(operation, cause, "storage did not write");
        }
        answer
    }

    /// Refuses new writes and waits for those queued.
    pub(super) async fn close(&self) {
        lock(&self.queue).take();
        let task = lock(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer ended badly");
        }
    }
}

fn lock<T>(slot: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "durations for metrics; nothing depends on them")]
fn now() -> Instant {
    Instant::now()
}

/// What a write does, as far as others depend on it.
enum What<T> {
    /// Anything: what it fails in is undone, and all that can be searched is where its triggers expect it.
    Anything,
    /// Nothing to messages.
    Apart,
    /// Inserts this one.
    Message(Arc<NewMessage>, Option<T>),
}

/// How a write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    /// What it did is to be kept.
    Well,
    /// It refuses, or was refused.
    Badly,
    /// SQLite cannot write, and may have undone everything.
    Broken,
}

/// A queued write, whatever it answers.
trait Write: Send {
    /// Runs the write.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send + 'c>>;
    /// The message that it inserts, if it does nothing else.
    fn message(&self) -> Option<&Arc<NewMessage>>;
    /// Whether it may change a message that is there.
    fn is_anything(&self) -> bool;
    /// Its message was inserted with others: it need not run.
    fn is_inserted(&mut self);
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Answers: with the write's own result, or with the failure of the whole commit.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Job<T, F> {
    work: Option<F>,
    what: What<T>,
    result: Option<Result<T, RepoError>>,
    reply: oneshot::Sender<Result<T, RepoError>>,
}

impl<T, F> Write for Job<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
{
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Ran> + Send + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ran::Badly };
            let result = work(connection).await;
            let ran = match &result {
                Ok(_) => Ran::Well,
                Err(RepoError::Unavailable(_)) => Ran::Broken,
                Err(_) => Ran::Badly,
            };
            self.result = Some(result);
            ran
        })
    }

    fn message(&self) -> Option<&Arc<NewMessage>> {
        if let What::Message(message, _) = &self.what { Some(message) } else { None }
    }

    fn is_anything(&self) -> bool {
        matches!(self.what, What::Anything)
    }

    fn is_inserted(&mut self) {
        if let What::Message(_, answer) = &mut self.what {
            self.result = answer.take().map(Ok);
        }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let answer = match (failure, self.result) {
            (None, Some(result)) => result,
            // What the write itself refused needed no commit.
            (Some(_), Some(Err(error))) => Err(error),
            (failure, _) => {
                Err(RepoError::Unavailable(failure.unwrap_or("the write did not run").to_owned()))
            }
        };
        // Whoever hung up does not care.
        let _ = self.reply.send(answer);
    }
}

/// The writer's own.
struct Keeper {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    unsearched: Unsearched,
    behind: Arc<AtomicBool>,
}

async fn run(mut writes: mpsc::Receiver<Box<dyn Write>>, mut keeper: Keeper) {
    // A purge may have been cut short by the end of the last process.
    let mut purging = true;
    loop {
        let first = match writes.try_recv() {
            Ok(first) => Some(first),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) if purging => {
                purging = keeper.purge().await;
                continue;
            }
            Err(TryRecvError::Empty) => match keeper.unsearched.left(now()) {
                Some(left) => match tokio::time::timeout(left, writes.recv()).await {
                    Ok(first) => first,
                    Err(_) => {
                        keeper.commit(Vec::new()).await;
                        continue;
                    }
                },
                None => writes.recv().await,
            },
        };
        let Some(first) = first else { break };
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = writes.try_recv()
        {
            batch.push(next);
        }
        batch.retain(|write| !write.is_abandoned());
        if batch.is_empty() {
            continue;
        }
        purging |= batch.iter().any(|write| write.is_anything());
        keeper.commit(batch).await;
    }
    keeper.close().await;
}

impl Keeper {
    /// Runs a batch in one transaction and answers it. An empty one puts in what waits to be searched.
    async fn commit(&mut self, mut batch: Vec<Box<dyn Write>>) {
        if !batch.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "batches are small")]
            metrics::histogram!("storage_commit_batch_size").record(batch.len() as f64);
        }
        let outcome = match self.open().await {
            Ok((connection, unsearched)) => transact(connection, &mut batch, unsearched).await,
            Err(error) => Err(error),
        };
        let failure = match outcome {
            Ok(put) => {
                let messages = batch.iter().filter_map(|write| write.message());
                self.unsearched.committed(put, messages, now());
                // Before anybody hears that it is stored.
                self.behind.store(self.unsearched.is_behind(), Ordering::Release);
                None
            }
            Err(error) => {
                // After a failed commit or fsync nobody knows what this connection still believes.
                self.connection.take();
                self.unsearched.put_off(now());
                Some(failed(error).to_string())
            }
        };
        for write in batch {
            write.answer(failure.as_deref());
        }
    }

    /// The connection, if need be a new one.
    async fn open(&mut self) -> Result<(&mut SqliteConnection, &mut Unsearched), sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = SqliteConnection::connect_with(&self.options).await?;
                // A commit that failed may have come about nevertheless.
                let empty = unsearched::catch_up(&mut connection).await?;
                self.unsearched = Unsearched::caught_up(empty);
                connection
            }
        };
        Ok((self.connection.insert(connection), &mut self.unsearched))
    }

    /// Deletes a little of what is to be purged; whether there is more.
    async fn purge(&mut self) -> bool {
        if self.unsearched.is_behind() {
            // What is put in after it was purged would stay.
            self.commit(Vec::new()).await;
        }
        match self.connection.as_mut() {
            Some(connection) if !self.unsearched.is_behind() => purge::step(connection).await,
            _ => false,
        }
    }

    async fn close(mut self) {
        if self.unsearched.is_behind() {
            self.commit(Vec::new()).await;
        }
        let Some(mut connection) = self.connection else { return };
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) = checkpoint.execute(&mut connection).await {
            tracing::warn!(%error, "the last checkpoint failed; the next start makes up for it");
        }
        let _ = connection.close().await;
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    batch: &mut [Box<dyn Write>],
    unsearched: &mut Unsearched,
) -> Result<Put, sqlx::Error> {
    let messages: Vec<_> = batch.iter().filter_map(|write| write.message().cloned()).collect();
    let messages: Vec<&NewMessage> = messages.iter().map(|message| &**message).collect();
    let repeated = together::repeated(connection, &messages).await?;
    let first = |message: &NewMessage| !repeated.contains(&message.record.id);
    let plain: Vec<_> = messages.iter().copied().filter(|message| first(message)).collect();
    let putting =
        batch.is_empty() || unsearched.is_due() || batch.iter().any(|write| write.is_anything());
    let putting = putting && unsearched.is_behind();
    let alone = !putting && plain.len() == batch.len() && plain.len() <= together::MOST;
    if alone {
        unsearched.mark(plain.iter().copied(), Put::Nothing);
        // A statement is a transaction of its own.
        if are_inserted(together::insert(connection, &plain).await)? {
            batch.iter_mut().for_each(|write| write.is_inserted());
            return Ok(Put::Nothing);
        }
    }
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let put = if putting { unsearched.put(connection).await? } else { Put::Nothing };
    unsearched.mark(messages.iter().copied(), put);
    let mut together = false;
    if plain.len() > 1 && !alone {
        sqlx::query("SAVEPOINT together").execute(&mut *connection).await?;
        together = are_inserted(together::insert(connection, &plain).await)?;
        let end =
            if together { "RELEASE together" } else { "ROLLBACK TO together; RELEASE together" };
        sqlx::query(end).execute(&mut *connection).await?;
    }
    for write in batch {
        if together && write.message().is_some_and(|message| first(message)) {
            write.is_inserted();
            continue;
        }
        // One statement is whole by itself.
        let whole = write.message().is_some();
        if !whole {
            sqlx::query("SAVEPOINT write").execute(&mut *connection).await?;
        }
        match write.run(connection).await {
            Ran::Well | Ran::Badly if whole => {}
            Ran::Broken if whole => return Err(undone()),
            Ran::Well => {
                sqlx::query("RELEASE write").execute(&mut *connection).await?;
            }
            // Fails when SQLite has already rolled everything back (disk full, IO error): then
            // the savepoint is gone, and so are the neighbours' writes.
            Ran::Badly | Ran::Broken => {
                let undo = sqlx::query("ROLLBACK TO write; RELEASE write");
                undo.execute(&mut *connection).await?;
            }
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(put)
}

/// What is told those whose neighbour found SQLite unable to write.
fn undone() -> sqlx::Error {
    sqlx::Error::Protocol("a write of the same commit failed".to_owned())
}

/// Whether messages were inserted together. One of them may not be: then each by itself tells which, and
/// does not fail its neighbours.
fn are_inserted(outcome: Result<(), sqlx::Error>) -> Result<bool, sqlx::Error> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if is_refusal(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether SQLite refuses a row, rather than that it could not write.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| !matches!(error.kind(), ErrorKind::Other))
}

/// Writes that wait at most; whoever comes later waits for room. Each holds one message at most.
const QUEUE: usize = 4_096;
/// Writes in one commit at most: more make the first of them wait longer.
const BATCH: usize = 512;
