//! The one writer: takes the writes that wait, commits them together, then answers them all.
//!
//! One `fsync` carries as many writes as came while the last one ran, so throughput grows with
//! load and a lone write waits for nobody. Each write has a savepoint of its own: one that fails
//! does not fail its neighbours. Nothing is answered before the commit that made it durable.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use sqlx::Connection;
use sqlx::SqliteConnection;
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteConnectOptions;
use state::repo::RepoError;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::messages::NewMessage;
use super::purge;
use super::row::failed;
use super::together;

/// What a write does with the connection, inside a transaction that it neither opens nor ends.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, RepoError>> + Send + 'c>>;

/// The door to the writer's queue.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Write>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the writer on `connection`; `options` open another when that one breaks.
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        let (queue, writes) = mpsc::channel(QUEUE);
        #[expect(clippy::disallowed_methods, reason = "the writer owns this task: close ends it")]
        let task = tokio::spawn(run(writes, connection, options));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
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
        self.queue(operation, (false, None), work).await
    }

    /// As [`write`](Self::write), of work that opens and releases the savepoint `write` itself, in
    /// the same statement as all that it changes, and fails in nothing else. When it does no more than
    /// insert a message, `plain` is that message and what the work would say: it may be inserted in one
    /// statement with others then.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) async fn write_whole<T, F>(
        &self,
        operation: &'static str,
        plain: Option<(Arc<NewMessage>, T)>,
        work: F,
    ) -> Result<T, RepoError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.queue(operation, (true, plain), work).await
    }

    async fn queue<T, F>(
        &self,
        operation: &'static str,
        (whole, plain): (bool, Option<(Arc<NewMessage>, T)>),
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
        let job = Job { work: Some(work), whole, plain, result: None, reply };
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

/// A queued write, whatever it answers.
trait Write: Send {
    /// Runs the write; whether it wants to be kept.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>>;
    /// Whether it opens and releases its savepoint itself.
    fn is_whole(&self) -> bool;
    /// The message that it inserts, if it does nothing else.
    fn plain(&self) -> Option<&NewMessage>;
    /// Its message was inserted with others: it need not run.
    fn is_inserted(&mut self);
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Answers: with the write's own result, or with the failure of the whole commit.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Job<T, F> {
    work: Option<F>,
    /// Whether it opens and releases its savepoint itself.
    whole: bool,
    plain: Option<(Arc<NewMessage>, T)>,
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
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(connection).await;
            let kept = result.is_ok();
            self.result = Some(result);
            kept
        })
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn plain(&self) -> Option<&NewMessage> {
        self.plain.as_ref().map(|(message, _)| &**message)
    }

    fn is_inserted(&mut self) {
        self.result = self.plain.take().map(|(_, answer)| Ok(answer));
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

async fn run(
    mut writes: mpsc::Receiver<Box<dyn Write>>,
    connection: SqliteConnection,
    options: SqliteConnectOptions,
) {
    let mut connection = Some(connection);
    // A purge may have been cut short by the end of the last process.
    let mut purging = true;
    loop {
        let first = if purging && !writes.is_closed() {
            match writes.try_recv() {
                Ok(first) => Some(first),
                Err(mpsc::error::TryRecvError::Disconnected) => None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    purging = match connection.as_mut() {
                        Some(connection) => purge::step(connection).await,
                        None => false,
                    };
                    continue;
                }
            }
        } else {
            writes.recv().await
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
        commit(&mut connection, &options, batch).await;
        purging = true;
    }
    if let Some(mut connection) = connection {
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) = checkpoint.execute(&mut connection).await {
            tracing::warn!(%error, "the last checkpoint failed; the next start makes up for it");
        }
        let _ = connection.close().await;
    }
}

/// Runs a batch in one transaction and answers it.
async fn commit(
    slot: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    mut batch: Vec<Box<dyn Write>>,
) {
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    metrics::histogram!("storage_commit_batch_size").record(batch.len() as f64);
    let outcome = match open(slot, options).await {
        Ok(connection) => transact(connection, &mut batch).await,
        Err(error) => Err(error),
    };
    let failure = outcome.err().map(|error| failed(error).to_string());
    if failure.is_some() {
        // After a failed commit or fsync nobody knows what this connection still believes.
        slot.take();
    }
    for write in batch {
        write.answer(failure.as_deref());
    }
}

async fn open<'s>(
    slot: &'s mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
) -> Result<&'s mut SqliteConnection, sqlx::Error> {
    let connection = match slot.take() {
        Some(connection) => connection,
        None => SqliteConnection::connect_with(options).await?,
    };
    Ok(slot.insert(connection))
}

async fn transact(
    connection: &mut SqliteConnection,
    batch: &mut [Box<dyn Write>],
) -> Result<(), sqlx::Error> {
    let plain: Vec<&NewMessage> = batch.iter().filter_map(|write| write.plain()).collect();
    if plain.len() == batch.len() {
        match together::insert(connection, &plain).await {
            Ok(()) => {
                batch.iter_mut().for_each(|write| write.is_inserted());
                return Ok(());
            }
            // One of them may not be: each by itself tells which, and does not fail its neighbours.
            Err(error) if is_refusal(&error) => {
                sqlx::query("ROLLBACK").execute(&mut *connection).await?;
            }
            Err(error) => return Err(error),
        }
    }
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    for write in batch {
        let whole = write.is_whole();
        if !whole {
            sqlx::query("SAVEPOINT write").execute(&mut *connection).await?;
        }
        let kept = write.run(connection).await;
        if !kept {
            // Fails when SQLite has already rolled everything back (disk full, IO error): then
            // the savepoint is gone, and so are the neighbours' writes.
            sqlx::query("ROLLBACK TO write").execute(&mut *connection).await?;
        }
        if !(whole && kept) {
            sqlx::query("RELEASE write").execute(&mut *connection).await?;
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(())
}

/// Whether SQLite refuses a row, rather than that it could not write.
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| !matches!(error.kind(), ErrorKind::Other))
}

/// Writes that wait at most; whoever comes later waits for room. Each holds one message at most.
const QUEUE: usize = 4_096;
/// Writes in one commit at most: more make the first of them wait longer.
const BATCH: usize = 512;
