//! A real SeaweedFS for tests, which speaks S3: on loopback, gone with the process that started it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::supervised::{LOOK_AGAIN, PATIENCE, Supervised, end_of, path_text, until_it_accepts};

/// Who may ask.
pub const ACCESS_KEY: &str = "tidemark";
/// What they sign with.
pub const SECRET_KEY: &str = "not-so-secret";
/// The bucket that is there.
pub const BUCKET: &str = "tidemark";
/// Its region.
pub const REGION: &str = "us-east-1";

/// The most that is read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// A SeaweedFS of one process with one bucket.
#[derive(Debug)]
pub struct Seaweedfs {
    // Before the directory, so that the server is gone before its files.
    running: Option<Supervised>,
    _directory: TempDir,
    s3: SocketAddr,
}

/// Where `cargo xtask test` puts the program: beside `tests`, which is what cargo gives tests to write in.
fn program_beside(tests: &str) -> PathBuf {
    Path::new(tests).with_file_name("seaweedfs/bin/weed")
}

impl Seaweedfs {
    /// Starts one with the program that `cargo xtask test` put beside `tests`, which is what cargo gives tests to write
    /// in, and waits until its bucket takes objects.
    ///
    /// # Errors
    ///
    /// When the program is missing or the server does not start.
    pub fn start_beside(tests: &str) -> anyhow::Result<Self> {
        let program = program_beside(tests);
        if !program.exists() {
            bail!("there is no SeaweedFS; `cargo xtask test` installs it");
        }
        let directory = TempDir::with_prefix("tidemark-seaweedfs-")?;
        let at = |name: &str| directory.path().join(name);
        let (log, keys, data) = (at("server.log"), at("keys.json"), at("data"));
        std::fs::create_dir(&data)?;
        std::fs::write(&keys, configured_keys())?;
        let ports = free_ports(8)?;
        let mut arguments: Vec<String> = [
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            // Nobody is told that a test runs.
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            "-volume.max=20",
            "-volume.preStopSeconds=0",
            "-filer",
            "-s3",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]
        .map(str::to_owned)
        .to_vec();
        let inside = ["master", "volume", "filer", "s3"];
        for (part, ports) in inside.iter().zip(ports.chunks_exact(2)) {
            arguments.push(format!("-{part}.port={}", ports[0]));
            arguments.push(format!("-{part}.port.grpc={}", ports[1]));
        }
        for (name, path) in [
            ("dir", &data),
            ("s3.config", &keys),
            ("s3.localSocket", &at("s3.sock")),
            ("filer.localSocket", &at("filer.sock")),
        ] {
            arguments.push(format!("-{name}={}", path_text(path)?));
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let running =
            Supervised::start(&program, &arguments, "KILL", directory.path(), &log, None)?;
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let server = Self {
            running: Some(running),
            _directory: directory,
            s3: address(ports[6]),
        };
        until_it_stores(address(ports[4]), &log)?;
        until_it_accepts(server.s3, &log)?;
        Ok(server)
    }

    /// Where it speaks S3, as a URL without the bucket.
    pub fn url(&self) -> String {
        format!("http://{}", self.s3)
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let running = self.running.take().context("the server does not run")?;
        running.stop("KILL")
    }
}

fn configured_keys() -> String {
    json!({
        "identities": [{
            "name": "tests",
            "credentials": [{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }],
    })
    .to_string()
}

/// Different ports of loopback that nobody uses now.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let listeners: Vec<_> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<_, _>>()?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    ports.collect()
}

/// Makes the bucket and puts something into it, until that goes: at first there is nowhere to put it.
fn until_it_stores(filer: SocketAddr, log: &Path) -> anyhow::Result<()> {
    let probe = format!("/buckets/{BUCKET}/probe");
    let deadline = Instant::now() + PATIENCE;
    while !ask(filer, "PUT", &probe).is_ok_and(|answer| answer.contains(" 201 ")) {
        if Instant::now() > deadline {
            bail!("SeaweedFS stores nothing:\n{}", end_of(log));
        }
        sleep(LOOK_AGAIN);
    }
    ask(filer, "DELETE", &probe)?;
    Ok(())
}

/// The first line of what it answers.
fn ask(filer: SocketAddr, method: &str, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(filer)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {filer}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nprobe"
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
