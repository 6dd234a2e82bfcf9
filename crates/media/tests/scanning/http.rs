use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use tidemark_media::scan::{HttpScanner, Scanner, ScannerDown, Verdict};
use tidemark_simulator::clamav::eicar;

use super::{PATIENCE, missing, silent, verdict};

const SECRET: &str = "a secret";
const BYTES_MAX: usize = 1024 * 1024;

/// What somebody would write who wants to be asked.
async fn judge(headers: HeaderMap, body: Bytes) -> Response {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    if authorization != Some(format!("Bearer {SECRET}").as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let length = headers.get(header::CONTENT_LENGTH).unwrap();
    assert_eq!(length.to_str().unwrap(), body.len().to_string());
    let answer = if body == eicar() {
        r#"{"verdict":"infected","name":"a\u0007 test","more":1}"#
    } else {
        r#"{"verdict":"clean"}"#
    };
    answer.into_response()
}

async fn serve() -> String {
    let router = Router::new()
        .route("/judge", post(judge))
        .route("/elsewhere", post(async || Redirect::temporary("/judge")))
        .route("/unsure", post(async || r#"{"verdict":"unsure"}"#))
        .route("/long", post(async || " ".repeat(1024 * 1024)))
        .route("/broken", post(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(axum::extract::DefaultBodyLimit::max(BYTES_MAX));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn scanner(url: &str, secret: &str, deadline: Duration) -> HttpScanner {
    HttpScanner::new(url.parse().unwrap(), secret.to_owned(), deadline).unwrap()
}

async fn says(place: &str, bytes: &[u8]) -> Result<Verdict, ScannerDown> {
    let url = serve().await + place;
    verdict(&scanner(&url, SECRET, PATIENCE), bytes).await
}

#[tokio::test]
async fn its_verdict_is_believed() {
    assert_eq!(says("/judge", b"hello").await, Ok(Verdict::Clean));
    let name = "a test".to_owned();
    assert_eq!(
        says("/judge", &eicar()).await,
        Ok(Verdict::Infected { name })
    );
}

#[tokio::test]
async fn a_large_file_arrives_whole_and_a_larger_one_is_too_large() {
    assert_eq!(
        says("/judge", &vec![7; BYTES_MAX]).await,
        Ok(Verdict::Clean)
    );
    assert_eq!(
        says("/judge", &vec![7; BYTES_MAX + 1]).await,
        Ok(Verdict::TooLarge)
    );
}

#[tokio::test]
async fn whatever_else_it_says_is_no_verdict() {
    for place in ["/elsewhere", "/unsure", "/long", "/broken", "/nowhere"] {
        assert!(says(place, b"hello").await.is_err(), "{place}");
    }
    let url = serve().await + "/judge";
    let stranger = scanner(&url, "another secret", PATIENCE);
    assert!(verdict(&stranger, b"hello").await.is_err());
}

#[tokio::test]
async fn one_that_says_nothing_is_given_up_on() {
    let (_listener, address) = silent().await;
    let silent = scanner(
        &format!("http://{address}/"),
        SECRET,
        Duration::from_millis(100),
    );
    let down = verdict(&silent, b"hello").await.unwrap_err();
    assert_eq!(down, ScannerDown("no answer in time".to_owned()));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_no_verdict() {
    let url = serve().await + "/judge";
    assert!(
        scanner(&url, SECRET, PATIENCE)
            .scan(missing())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn neither_its_secret_nor_its_address_is_printed() {
    let scanner = scanner("http://127.0.0.1:9/path?key=hidden", SECRET, PATIENCE);
    let down = verdict(&scanner, b"hello").await.unwrap_err();
    for printed in [format!("{scanner:?}"), format!("{down:?} {down}")] {
        assert!(
            !printed.contains(SECRET) && !printed.contains("hidden"),
            "{printed}"
        );
    }
}
