//! `guildhall bench`: figures of this machine, measured here and now.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use indicatif::ProgressBar;
use model::id::ChannelId;
use model::id::UserId;
use model::snowflake::SnowflakeGenerator;
use signaling::parts::now_ms;
use state::record::MessageRecord;
use std::sync::Mutex;

/// How many messages a second the embedded store acknowledges, each on disk, from `writers` at
/// once; beside it the bare durable writes a second that the disk does, one by one.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
pub(crate) async fn store(writers: usize, run: Duration, json: bool) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("guildhall-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let floor = syncs_per_second(&folder)?;
    let repos = storage::open_sqlite(&folder).await?;
    let progress = if json { ProgressBar::hidden() } else { ProgressBar::new(run.as_secs()) };
    let ids = Arc::new(Mutex::new(SnowflakeGenerator::new(0)));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers.max(1) {
        let (messages, ids) = (Arc::clone(&repos.messages), Arc::clone(&ids));
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < run {
                let id = ids.lock().map(|mut ids| ids.next(now_ms())).unwrap_or(1);
                let one = Instant::now();
                messages.insert(&message(id, writer)).await?;
                latencies.push(one.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
        progress.set_position(began.elapsed().as_secs());
    }
    let took = began.elapsed();
    progress.finish_and_clear();
    repos.close().await;
    std::fs::remove_dir_all(&folder)?;
    latencies.sort_unstable();
    let quantile = |q: usize| latencies.get(latencies.len() * q / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench")]
    let rate = latencies.len() as f64 / took.as_secs_f64();
    if json {
        let figures = serde_json::json!({
            "writers": writers,
            "acknowledged_per_second": rate,
            "single_syncs_per_second": floor,
            "ratio_to_single_syncs": rate / floor,
            "p50_ms": quantile(50).as_secs_f64() * 1e3,
            "p99_ms": quantile(99).as_secs_f64() * 1e3,
        });
        println!("{figures}");
    } else {
        println!("acknowledged writes   {rate:>10.0} /s with {writers} writers");
        println!("disk, one by one      {floor:>10.0} /s");
        println!("ratio                 {:>10.1}", rate / floor);
        println!("latency p50 / p99     {:>10.1?} / {:.1?}", quantile(50), quantile(99));
    }
    Ok(())
}

/// Durable writes a second, one after the other, for a second.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn syncs_per_second(folder: &std::path::Path) -> anyhow::Result<f64> {
    use std::io::Write as _;
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path)?;
    let (began, mut done) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 512])?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

fn message(id: u64, writer: usize) -> MessageRecord {
    MessageRecord {
        id: model::wire::id::Id::new(id.max(1)),
        channel: ChannelId::new(writer as u64 + 1),
        guild: None,
        author: UserId::new(1),
        kind: 0,
        content: "The guild hall opens at dusk.".to_owned(),
        edited_at: None,
        attachments: Vec::new(),
        embeds: Vec::new(),
        components: Vec::new(),
        mentions: Vec::new(),
        mention_roles: Vec::new(),
        mention_everyone: false,
        reference: None,
        pinned: false,
        pinned_at: None,
        tts: false,
        flags: 0,
        nonce: None,
    }
}
