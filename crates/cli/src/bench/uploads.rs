//! Whether messages feel that files are uploaded, and how much memory files of any size take.
//!
//! The same load of messages is measured twice in one run: without uploads, and while clients upload one file after the
//! other. The uploads are made by a thread of their own, so that they do not delay the generator of messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::header::CONTENT_LENGTH;
use serde::Serialize;
use tidemark_client::{Http, Wanted};
use tidemark_core::UploadId;
use tidemark_protocol::body::NewUpload;
use tidemark_protocol::wire::Secret;
use tokio::runtime::Builder;
use tokio::time::{sleep, sleep_until};

use super::Run;
use super::course::per_second;
use super::people::{People, token_of};
use super::rate;
use super::report::Report;
use super::target::Target;
use crate::failure::Failure;

/// How much of a file is sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
const MIB: u64 = 1024 * 1024;
/// How long to wait for the server to have looked at a file that is to be fetched.
const LOOK_PATIENCE: Duration = Duration::from_mins(5);

/// Messages at a constant rate, without and with clients that upload files.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Clients that upload, each one file after the other
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    clients: u16,
    /// The size of a file
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    file_mib: u32,
    /// The most that one client sends in a second, as its way to the server allows; 0 for no limit
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    client_kb_per_second: u32,
    /// Whether one of the files is fetched at the end
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    messages: rate::Arguments,
}

#[derive(Serialize)]
struct Results {
    without_uploads: rate::Results,
    with_uploads: rate::Results,
    /// The 99th percentile of acks with uploads, by that without.
    ack_p99_ratio: f64,
    files: u64,
    uploaded_bytes: u64,
    uploaded_bytes_per_second: f64,
    fetched_bytes: u64,
    server_rss_before_bytes: u64,
    server_rss_after_bytes: u64,
    server_rss_peak_bytes: u64,
}

/// What the thread that uploads is told, and tells.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
}

/// How one client uploads.
#[derive(Clone)]
struct Client {
    http: Http,
    size: u64,
    bytes_per_second: Option<u64>,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let target = Target::open(&run.options.target).await?;
    let (without_uploads, _) = rate::measure(run, &arguments.messages, &target).await?;
    let before = target.usage();
    let people = People::of_a_new_run();
    let mut clients = Vec::new();
    for number in 0..usize::from(arguments.clients) {
        let token = token_of(&target, &people.user("uploader", number))?;
        clients.push(client(&target, token, arguments)?);
    }
    let shared = Arc::new(Shared::default());
    let began = Instant::now();
    let uploading = std::thread::spawn({
        let (shared, clients) = (Arc::clone(&shared), clients.clone());
        move || upload_all(clients, &shared)
    });
    let measured = rate::measure(run, &arguments.messages, &target).await;
    shared.is_over.store(true, Ordering::Relaxed);
    while !uploading.is_finished() {
        sleep(Duration::from_millis(50)).await;
    }
    let last = uploading
        .join()
        .map_err(|_| Failure::failed("what uploads has failed"))??;
    let took = began.elapsed();
    let (with_uploads, measured) = measured?;
    let mut fetched_bytes = 0;
    if arguments.fetch {
        fetched_bytes = fetch(&clients[0].http, last).await?;
    }
    let after = target.usage();
    let uploaded_bytes = shared.bytes.load(Ordering::Relaxed);
    let results = Results {
        ack_p99_ratio: with_uploads.ack_latency.p99_ms / without_uploads.ack_latency.p99_ms,
        without_uploads,
        with_uploads,
        files: shared.files.load(Ordering::Relaxed),
        uploaded_bytes,
        uploaded_bytes_per_second: per_second(uploaded_bytes, took),
        fetched_bytes,
        server_rss_before_bytes: before.map_or(0, |usage| usage.rss_bytes),
        server_rss_after_bytes: after.map_or(0, |usage| usage.rss_bytes),
        server_rss_peak_bytes: after.map_or(0, |usage| usage.rss_peak_bytes),
    };
    target.close().await?;
    let report = Report {
        scenario: "uploads",
        settings: arguments,
        machine: &run.machine,
        results,
        server: measured.server,
        generator: measured.generator,
    };
    report.print(run.options.json)
}

fn client(target: &Target, token: Secret, arguments: &Arguments) -> Result<Client, Failure> {
    let http = Http::new(target.any_url().clone(), Some(token));
    let kb = u64::from(arguments.client_kb_per_second);
    Ok(Client {
        http: http.map_err(failed)?,
        size: u64::from(arguments.file_mib) * MIB,
        bytes_per_second: (kb > 0).then_some(kb * 1_000),
    })
}

/// Uploads until it is over, and at least a file by each. The last upload of the first client.
fn upload_all(clients: Vec<Client>, shared: &Arc<Shared>) -> Result<UploadId, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let uploads = clients.into_iter().map(async |client| {
            loop {
                let id = client.upload(shared).await?;
                if shared.is_over.load(Ordering::Relaxed) {
                    return Ok::<_, Failure>(id);
                }
            }
        });
        let all = futures_util::future::try_join_all(uploads).await?;
        all.into_iter()
            .next()
            .ok_or_else(|| Failure::failed("nobody uploads"))
    })
}

impl Client {
    async fn upload(&self, shared: &Arc<Shared>) -> Result<UploadId, Failure> {
        let new = NewUpload {
            name: "bench.bin".to_owned(),
            size: self.size,
            content_type: "application/octet-stream".to_owned(),
            sha256: None,
        };
        let begun = self.http.announce_upload(&new).await.map_err(failed)?;
        let start = tokio::time::Instant::now();
        let (size, pace, told) = (self.size, self.bytes_per_second, Arc::clone(shared));
        let chunk = Bytes::from(vec![0x5a; CHUNK_BYTES]);
        let chunks = stream::unfold(0u64, move |sent| {
            let (chunk, told) = (chunk.clone(), Arc::clone(&told));
            async move {
                if sent == size {
                    return None;
                }
                if let Some(pace) = pace {
                    let due = Duration::from_secs_f64(sent as f64 / pace as f64);
                    sleep_until(start + due).await;
                }
                let left = usize::try_from(size - sent).unwrap_or(CHUNK_BYTES);
                let piece = chunk.slice(..left.min(CHUNK_BYTES));
                told.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                let sent = sent + piece.len() as u64;
                Some((Ok::<_, std::io::Error>(piece), sent))
            }
        });
        let mut request = reqwest::Client::new()
            .put(&begun.request.url)
            .header(CONTENT_LENGTH, size);
        for (name, value) in &begun.request.headers {
            request = request.header(name, value);
        }
        let body = reqwest::Body::wrap_stream(chunks);
        let answer = request.body(body).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            let status = answer.status();
            return Err(Failure::failed(format!("an upload was answered {status}")));
        }
        shared.files.fetch_add(1, Ordering::Relaxed);
        Ok(begun.upload_id.0)
    }
}

/// Fetches the bytes of an upload and keeps none of them.
async fn fetch(http: &Http, id: UploadId) -> Result<u64, Failure> {
    let began = Instant::now();
    let request = loop {
        match http.upload_url(id, Wanted::Original).await {
            Ok(request) => break request,
            Err(_) if began.elapsed() < LOOK_PATIENCE => sleep(Duration::from_millis(100)).await,
            Err(error) => return Err(failed(error)),
        }
    };
    let answer = reqwest::get(&request.url).await.map_err(failed)?;
    let mut pieces = answer.bytes_stream();
    let mut fetched = 0;
    while let Some(piece) = pieces.next().await {
        fetched += piece.map_err(failed)?.len() as u64;
    }
    Ok(fetched)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}
