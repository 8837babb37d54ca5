//! Acknowledged writes a second of the embedded store, by number of writers.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use model::id::ChannelId;
use model::id::UserId;
use serde::Serialize;
use signaling::parts::Ids;
use state::record::MessageRecord;
use state::repo::MessageRepo;
use tokio::task::JoinSet;

/// What is measured.
#[derive(Debug, Args)]
pub struct Options {
    /// Where to write; a folder of its own is made in it and removed again
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,
    /// Seconds of each row
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Writers at once, one row each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64], value_name = "N,N")]
    writers: Vec<u16>,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    writers: u16,
    writes: usize,
    writes_per_second: f64,
    median_ms: f64,
    p99_ms: f64,
}

/// Measures and prints.
///
/// # Errors
///
/// When the folder cannot be used, or the store fails.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let Options { dir, seconds, writers } = options;
    let folder = dir.join(format!(".guildhall-bench-{}", std::process::id()));
    crate::private_file::create_dir(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let measured = store(&folder, Duration::from_secs(seconds), &writers).await;
    let _ = std::fs::remove_dir_all(&folder);
    let rows = measured?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{:>8} {:>10} {:>10} {:>10}", "writers", "writes/s", "median ms", "p99 ms");
    for row in rows {
        println!(
            "{:>8} {:>10.0} {:>10.2} {:>10.2}",
            row.writers, row.writes_per_second, row.median_ms, row.p99_ms
        );
    }
    Ok(())
}

async fn store(folder: &Path, span: Duration, writers: &[u16]) -> anyhow::Result<Vec<Row>> {
    let repos = storage::open_sqlite(folder).await?;
    let ids = Arc::new(Ids::new(0));
    let mut rows = Vec::new();
    for &count in writers {
        let began = super::now();
        let mut running = JoinSet::new();
        for _ in 0..count {
            running.spawn(write(Arc::clone(&repos.messages), Arc::clone(&ids), began + span));
        }
        let mut times = Vec::new();
        while let Some(done) = running.join_next().await {
            times.extend(done??);
        }
        let took = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |part: f64| {
            let index = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
            times.get(index).map_or(0.0, |time: &Duration| time.as_secs_f64() * 1e3)
        };
        rows.push(Row {
            writers: count,
            writes: times.len(),
            writes_per_second: times.len() as f64 / took,
            median_ms: at(0.5),
            p99_ms: at(0.99),
        });
    }
    repos.close().await;
    Ok(rows)
}

/// What is written: as long as people's messages are.
const TEXT: &str = "The quick brown fox jumps over the lazy dog, as always.";

/// Writes one message after the other until `end`; how long each took to be acknowledged.
async fn write(
    messages: Arc<dyn MessageRepo>,
    ids: Arc<Ids>,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let (channel, author): (ChannelId, UserId) = (ids.next(), ids.next());
    let mut times = Vec::new();
    while super::now() < end {
        let message = MessageRecord::said(ids.next(), channel, author, TEXT.to_owned());
        let began = super::now();
        messages.insert(&message).await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_counted_write_is_in_the_store() {
        let folder = tempfile::tempdir().expect("a folder");

        let rows = store(folder.path(), Duration::from_millis(50), &[2]).await.expect("measured");

        assert!(rows[0].writes > 0);
        assert!(rows[0].p99_ms >= rows[0].median_ms);
    }
}
