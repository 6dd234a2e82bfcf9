//! A place for blobs, and a client that has nothing but URLs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{Client, Method, Response};
use tempfile::TempDir;
use tidemark_blobs::{
    BlobKey, Blobs, ContentType, Expected, LocalBlobs, LocalConfig, S3Blobs, S3Config, Shown,
    Signed, Yielding, local,
};
use tidemark_simulator::seaweedfs::{self, Seaweedfs};
use url::Url;

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_mins(10);

pub(crate) struct World {
    pub(crate) blobs: Arc<dyn Blobs>,
    /// Where a server is that gives out URLs.
    pub(crate) base: Url,
    pub(crate) http: Client,
    /// For files of the test, and of local blobs.
    pub(crate) files: Arc<TempDir>,
    /// What a client was said to have stored, at a local place.
    pub(crate) arrived: Arc<Mutex<Vec<BlobKey>>>,
    /// Before the names of this test's blobs.
    own: String,
    s3: Option<S3Config>,
}

impl World {
    pub(crate) async fn local() -> Self {
        Self::local_in(Arc::new(TempDir::new().unwrap())).await
    }

    /// Another instance on the same directory, as after a kill.
    async fn local_in(files: Arc<TempDir>) -> Self {
        Self::local_at(&files.path().join("blobs"), Arc::clone(&files), &[]).await
    }

    pub(crate) async fn local_for(origins: &[&str]) -> Self {
        let files = Arc::new(TempDir::new().unwrap());
        Self::local_at(&files.path().join("blobs"), Arc::clone(&files), origins).await
    }

    pub(crate) async fn local_at(directory: &Path, files: Arc<TempDir>, origins: &[&str]) -> Self {
        let config = LocalConfig {
            directory: directory.to_owned(),
            secret: [7; 32],
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            yielding: Yielding::default(),
        };
        let blobs = Arc::new(LocalBlobs::open(config).unwrap());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&arrived);
        let router = local::router(
            Arc::clone(&blobs),
            Arc::new(move |key| heard.lock().unwrap().push(key.clone())),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1/uploads?x#y", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self::of(blobs, &base, files, arrived, None)
    }

    pub(crate) async fn s3() -> Self {
        static SERVER: OnceLock<Seaweedfs> = OnceLock::new();
        let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(started)).await;
        Self::s3_at(config(&server.unwrap().url()))
    }

    pub(crate) fn s3_at(config: S3Config) -> Self {
        let blobs = Arc::new(S3Blobs::new(config.clone()).unwrap());
        let files = Arc::new(TempDir::new().unwrap());
        Self::of(
            blobs,
            "http://127.0.0.1:1",
            files,
            Arc::default(),
            Some(config),
        )
    }

    fn of(
        blobs: Arc<dyn Blobs>,
        base: &str,
        files: Arc<TempDir>,
        arrived: Arc<Mutex<Vec<BlobKey>>>,
        s3: Option<S3Config>,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self {
            blobs,
            base: base.parse().unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
            files,
            arrived,
            own: format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            s3,
        }
    }

    /// Another instance on the same place, which knows nothing of what this one did.
    pub(crate) async fn again(&self) -> Self {
        let again = match &self.s3 {
            Some(config) => Self::s3_at(config.clone()),
            None => Self::local_in(Arc::clone(&self.files)).await,
        };
        Self {
            own: self.own.clone(),
            ..again
        }
    }

    /// The same bucket, asked by somebody who does not know the secret.
    pub(crate) fn with_secret(&self, secret_key: &str) -> Self {
        let config = self.s3.clone().unwrap();
        Self::s3_at(S3Config {
            secret_key: secret_key.to_owned(),
            ..config
        })
    }

    /// What all keys of this test begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.own)
    }

    pub(crate) fn key(&self, name: &str) -> BlobKey {
        BlobKey::parse(format!("{}/{name}", self.own)).unwrap()
    }

    /// Where local blobs are.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.files.path().join("blobs").join(name)
    }

    pub(crate) async fn upload_url(
        &self,
        key: &BlobKey,
        size: usize,
        content_type: &str,
    ) -> Signed {
        let expected = expected(size, content_type);
        let signed = self
            .blobs
            .sign_upload(key, &expected, LONG, &self.base)
            .await;
        signed.unwrap()
    }

    pub(crate) async fn download_url(&self, key: &BlobKey) -> Signed {
        let shown = Shown {
            file_name: "a.png".to_owned(),
            content_type: content_type("image/png"),
            inline: true,
        };
        let signed = self
            .blobs
            .sign_download(key, &shown, LONG, &self.base)
            .await;
        signed.unwrap()
    }

    /// Does what a URL says.
    pub(crate) async fn send(&self, signed: &Signed, body: impl Into<reqwest::Body>) -> Response {
        let method = Method::from_bytes(signed.method.as_bytes()).unwrap();
        let mut request = self.http.request(method, signed.url.clone()).body(body);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn store(&self, key: &BlobKey, bytes: &[u8]) {
        let signed = self.upload_url(key, bytes.len(), "image/png").await;
        let answer = self.send(&signed, bytes.to_vec()).await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    pub(crate) async fn get(&self, signed: &Signed, headers: &[(&str, &str)]) -> Response {
        assert_eq!((signed.method, signed.headers.len()), ("GET", 0));
        let mut request = self.http.get(signed.url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// What is under a key, as a client reads it.
    pub(crate) async fn read(&self, key: &BlobKey) -> Vec<u8> {
        let answer = self.get(&self.download_url(key).await, &[]).await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn is_there(&self, key: &BlobKey) -> bool {
        self.blobs.head(key).await.unwrap().is_some()
    }
}

/// A server of a test's own.
pub(crate) fn started() -> Seaweedfs {
    Seaweedfs::start_beside(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error:#}"))
}

pub(crate) fn config(url: &str) -> S3Config {
    S3Config {
        endpoint: url.parse().unwrap(),
        endpoint_for_clients: None,
        bucket: seaweedfs::BUCKET.to_owned(),
        region: seaweedfs::REGION.to_owned(),
        access_key: seaweedfs::ACCESS_KEY.to_owned(),
        secret_key: seaweedfs::SECRET_KEY.to_owned(),
        conditional_writes: true,
    }
}

pub(crate) fn content_type(text: &str) -> ContentType {
    ContentType::parse(text).unwrap()
}

pub(crate) fn expected(size: usize, text: &str) -> Expected {
    Expected {
        size: size as u64,
        content_type: content_type(text),
    }
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The code of a problem, whose words say nothing about files.
pub(crate) async fn code(answer: Response) -> String {
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!(
        !text.contains("blobs/") && !text.contains("stored"),
        "{text}"
    );
    let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    let code = problem["code"].as_str().unwrap();
    assert_eq!(problem["type"], format!("urn:tidemark:problem:{code}"));
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    format!("{status} {code}")
}

/// Bytes that differ from place to place.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| index.wrapping_mul(2_654_435_761).to_be_bytes()[5])
        .collect()
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Waits until something holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .expect("it does not come to hold");
}
