//! A guild of very many members in a running server, from outside: what a member takes in memory with
//! their account, how soon a member list answers a range, and how long everything else that touches
//! members takes, and lets a message wait meanwhile.
//!
//! Everybody is written into the data folder before the server opens it. Who is online has a session of
//! their own on the gateway; who scrolls is a person's client.

mod folk;
mod looker;
mod present;
mod pulse;
mod report;
mod rest;

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use indicatif::ProgressBar;

use self::folk::Folk;
use self::looker::Looker;
use self::present::Present;
use self::pulse::Pulse;
use self::report::Report;
use self::report::Row;
use self::rest::Desk;
use super::chat::post::Client;
use super::pace;
use super::voice::histogram::Times;
use super::voice::line::Door;
use super::voice::process;
use super::voice::stage::OwnServer;

/// What is measured.
#[derive(Debug, Args)]
pub struct Options {
    /// Members of the guild
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    members: u32,
    /// How many of them are online, each with a session of their own
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u16).range(10..=20_000))]
    online: u16,
    /// People who scroll through the list at once
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    lookers: u16,
    /// Seconds for which they scroll through the list
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=50))]
    seconds: u16,
    /// A folder to make the guild in; it stays, and is used again by a run with as many members
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Another build of the server, to be measured by the same load
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Descriptors and connections beside those of sessions: requests, the database, the runtime.
const REQUESTS: usize = 2_000;
/// Until a server that came up, or sessions that came, have settled.
const SETTLE: Duration = Duration::from_secs(2);
/// How often each who scrolls asks for other rows.
const SCROLL: Duration = Duration::from_millis(200);
/// Questions by op 8 of each kind that each of them asks; a session may send 120 messages a minute
/// (Discord: Gateway/Rate Limiting).
const REQUESTED: u32 = 8;
/// Requests of each kind by HTTP.
const ASKED: u32 = 200;
/// Changes of each kind; half as many people come, and are put out again.
const CHANGED: u32 = 100;
/// Settings of roles that are changed: all lists are made anew after each.
const ROLES: u32 = 20;

/// Measures and prints.
///
/// # Errors
///
/// When the guild cannot be made, or the server refuses something.
pub(super) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let needed = usize::from(options.online) + REQUESTS;
    let allowed = process::raise_descriptors();
    anyhow::ensure!(needed <= allowed, "{needed} descriptors are needed and {allowed} are allowed");
    let most = options.members.saturating_sub(folk::MODERATORS + 1);
    anyhow::ensure!(u32::from(options.online) <= most, "at most {most} members can be online");
    let own = std::env::temp_dir().join(format!("guildhall-bench-members-{}", std::process::id()));
    let data = std::path::absolute(options.keep.as_deref().unwrap_or(&own))?;
    let measured = super::report(json, async |bar| measure(&options, &data, bar).await).await;
    if options.keep.is_none() {
        let _ = std::fs::remove_dir_all(&own);
    }
    measured.map(drop)
}

async fn measure(options: &Options, data: &Path, bar: &ProgressBar) -> anyhow::Result<Report> {
    let folk = Folk { members: options.members, online: options.online.into() };
    crate::private_file::create_dir(data)
        .with_context(|| format!("cannot make {}", data.display()))?;
    if !folk.live_in(data) {
        let empty = std::fs::read_dir(data)?.next().is_none();
        anyhow::ensure!(empty, "{} holds something else", data.display());
        folk.settle(data, bar).await?;
    }
    let mut report = Report::new(options);

    bar.set_message("starting a server without members");
    let program = match &options.program {
        Some(program) => std::path::absolute(program)?,
        None => std::env::current_exe()?,
    };
    let server = OwnServer::start_on((&program, None), Ipv4Addr::LOCALHOST, Vec::new()).await?;
    tokio::time::sleep(SETTLE).await;
    let before = resident(&server)?;
    drop(server);
    bar.set_message("opening the guild");
    let connections = (usize::from(options.online) + REQUESTS).to_string();
    let connections = ("GUILDHALL__SERVER__MAX_CONNECTIONS", connections);
    let began = super::now();
    let place = (&*program, Some(data));
    let server = OwnServer::start_on(place, Ipv4Addr::LOCALHOST, vec![connections]).await?;
    report.opened_s = began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let after = resident(&server)?;
    let per_member = |resident: u64| (resident as f64 - before as f64) / f64::from(options.members);
    report.bytes_when_opened = per_member(after);
    report.peak_mib = process::peak(id(&server)?).unwrap_or_default() as f64 / MIB;

    let door = Door { host: format!("127.0.0.1:{}", server.listen().port()), tls: None };
    let client = Client::new(server.listen());
    let began = super::now();
    let present = Present::arrive(folk, &door, bar).await?;
    report.identified_ms = began.elapsed().as_secs_f64() * 1e3 / f64::from(options.online);
    tokio::time::sleep(SETTLE).await;

    bar.set_message("looking at the list for the first time");
    let mut looker = Looker::open(&door, folk, 0).await?;
    let [asked, came] = looker.look(0).await?;
    report.first_list_ms = (came - asked).as_secs_f64() * 1e3;
    let mut lookers = vec![looker];
    for nth in 1..usize::from(options.lookers.min(options.online)) {
        lookers.push(Looker::open(&door, folk, nth).await?);
    }
    let pulse = Pulse::begin(&door, &client, folk).await?;
    let desk = Desk::new(client, folk);
    let rows = rows(options, bar, (&present, lookers), &pulse, &desk).await;
    // Who threw somebody out is told why.
    let rows = rows.with_context(|| format!("{} people were thrown out", present.lost()))?;
    report.rows = rows;
    let in_the_end = resident(&server)?;
    report.bytes_per_member = per_member(in_the_end);
    report.with_use_mib = in_the_end as f64 / MIB;
    pulse.end().await;
    anyhow::ensure!(present.lost() == 0, "{} people were thrown out", present.lost());
    present.leave().await;
    Ok(report.judged())
}

const MIB: f64 = 1024.0 * 1024.0;

/// Everything that is asked and done, one kind after the other, while messages are said beside it.
async fn rows(
    options: &Options,
    bar: &ProgressBar,
    (present, lookers): (&Present, Vec<Looker>),
    pulse: &Pulse,
    desk: &Desk,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let span = Duration::from_secs(options.seconds.into());
    let mut note = |what, mut times: Times| {
        pace::settle();
        rows.push(Row::new(what, &mut times, pulse.take()));
    };

    bar.set_message("listening to messages alone");
    pulse.take();
    tokio::time::sleep(span / 4).await;
    note("nothing", Times::default());

    bar.set_message("scrolling while people come, go and are renamed");
    let scroll = looker::scroll(lookers, span, SCROLL);
    let others = async { tokio::try_join!(present.churn(), desk.rename()).map(drop) };
    let (mut lookers, times) = beside(scroll, others).await?;
    note("range of the member list", times);

    bar.set_message("asking by op 8");
    let times =
        looker::each(&mut lookers, REQUESTED, async |looker, chance| looker.by_ids(chance).await);
    note("members by 100 ids (op 8)", times.await?);
    let times = looker::each(&mut lookers, REQUESTED, async |looker, chance| {
        looker.by_prefix(chance).await
    });
    note("members by a prefix (op 8)", times.await?);

    bar.set_message("asking by HTTP");
    note("page of 1,000 members", repeated(ASKED, async |nth| desk.page(nth).await).await?);
    note(
        "search for a rare name",
        repeated(ASKED, async |nth| desk.search(nth, true).await).await?,
    );
    note(
        "search for a common name",
        repeated(ASKED, async |nth| desk.search(nth, false).await).await?,
    );

    bar.set_message("changing members and roles");
    note("a role given or taken", repeated(CHANGED, async |nth| desk.give(nth).await).await?);
    note("a role's own settings", repeated(ROLES, async |nth| desk.recolor(nth).await).await?);
    note("a join", repeated(folk::STRANGERS, async |nth| desk.join(nth).await).await?);
    note("a kick", repeated(folk::STRANGERS, async |nth| desk.kick(nth).await).await?);
    for looker in lookers {
        looker.leave().await;
    }
    Ok(rows)
}

/// Does one thing until another is done.
async fn beside<T>(
    main: impl Future<Output = anyhow::Result<T>>,
    other: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = main => done,
        ended = other => {
            ended?;
            anyhow::bail!("nobody came and went any more")
        }
    }
}

/// Does something again and again, each after the one before; how long each took.
async fn repeated(
    times: u32,
    mut one: impl AsyncFnMut(u32) -> anyhow::Result<Took>,
) -> anyhow::Result<Times> {
    let mut took = Times::default();
    for nth in 0..times {
        let [asked, came] = one(nth).await?;
        took.record(asked, came);
    }
    Ok(took)
}

/// When something was asked, and when it was there.
type Took = [Instant; 2];

/// How long it takes until something is done.
async fn timed<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(Took, T)> {
    let began = super::now();
    let done = what.await?;
    Ok(([began, super::now()], done))
}

fn id(server: &OwnServer) -> anyhow::Result<u32> {
    server.process().context("the server ended")
}

fn resident(server: &OwnServer) -> anyhow::Result<u64> {
    process::resident(id(server)?).context("the memory of the server is not known")
}
