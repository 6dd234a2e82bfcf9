//! Calls of a real server.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use tidemark_webhooks::{Call, CallError, Caller, Limits, Reach, Secret, Signature, Unreachable};
use tokio::net::TcpListener;
use url::Url;

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

const LIMITS: Limits = Limits {
    time: Duration::from_millis(500),
    answer_bytes_max: 1_000,
};

async fn listen(heard: Heard) -> SocketAddr {
    let hear = move |headers: HeaderMap, body: Bytes| async move {
        heard.lock().unwrap().push((headers, body));
        "heard"
    };
    let endless = || async {
        let chunks =
            std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 900])));
        Body::from_stream(futures_util::stream::iter(chunks))
    };
    let router = Router::new()
        .route("/hook", post(hear))
        .route("/endless", post(endless))
        .route("/gone", post(|| async { StatusCode::GONE }))
        .route(
            "/elsewhere",
            post(|| async { Redirect::temporary("/hook") }),
        )
        .route("/never", post(std::future::pending::<()>))
        .route(
            "/later",
            post(|| async {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, "7")],
                )
                    .into_response()
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn local() -> Caller {
    Caller::new(Reach::public_and(["127.0.0.0/8".parse().unwrap()]), LIMITS).unwrap()
}

fn call() -> Call {
    Call {
        id: "17".to_owned(),
        body: Bytes::from_static(b"{}"),
    }
}

fn url(address: SocketAddr, path: &str) -> Url {
    format!("http://{address}/{path}").parse().unwrap()
}

#[tokio::test]
async fn whoever_is_called_can_tell_whom_from() {
    let heard = Heard::default();
    let address = listen(Arc::clone(&heard)).await;
    let secrets = [Secret::generate().unwrap(), Secret::generate().unwrap()];
    let answer = local()
        .call(&url(address, "hook"), &secrets, &call())
        .await
        .unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"heard"[..]));
    let (headers, body) = heard.lock().unwrap().pop().unwrap();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signature = Signature {
        id: text("webhook-id"),
        timestamp_s: text("webhook-timestamp").parse().unwrap(),
        signatures: text("webhook-signature"),
    };
    assert_eq!(
        (signature.id.as_str(), text("content-type").as_str()),
        ("17", "application/json")
    );
    for secret in &secrets {
        let verified = secret.verify(&signature, &body, signature.timestamp_s, Duration::ZERO);
        assert_eq!(verified, Ok(()));
    }
}

#[tokio::test]
async fn the_own_network_is_not_called_by_address_nor_by_name() {
    let heard = Heard::default();
    let address = listen(Arc::clone(&heard)).await;
    let caller = Caller::new(Reach::default(), LIMITS).unwrap();
    let by_name = format!("http://localhost:{}/hook", address.port());
    for url in [url(address, "hook"), by_name.parse().unwrap()] {
        let refused = caller.call(&url, &[], &call()).await;
        assert!(
            matches!(
                refused,
                Err(CallError::Unreachable(Unreachable::NotPublic(_)))
            ),
            "{url}: {refused:?}"
        );
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_failure_says_what_it_is() {
    let heard = Heard::default();
    let address = listen(Arc::clone(&heard)).await;
    let caller = local();
    let fails = async |path: &str| {
        caller
            .call(&url(address, path), &[], &call())
            .await
            .unwrap_err()
    };
    assert_eq!(fails("gone").await, CallError::Gone);
    let refused = |status, retry_after| CallError::Refused {
        status,
        retry_after,
    };
    assert_eq!(
        fails("later").await,
        refused(503, Some(Duration::from_secs(7)))
    );
    assert_eq!(fails("nowhere").await, refused(404, None));
    assert_eq!(fails("elsewhere").await, refused(307, None));
    assert!(
        heard.lock().unwrap().is_empty(),
        "a redirect is not followed"
    );
    assert_eq!(
        fails("never").await.to_string().split(':').next(),
        Some("there was no answer in time")
    );
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = caller
        .call(&url(closed, "hook"), &[], &call())
        .await
        .unwrap_err();
    assert!(
        nobody
            .to_string()
            .starts_with("it cannot be connected to: "),
        "{nobody}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let address = listen(Heard::default()).await;
    let answer = local()
        .call(&url(address, "endless"), &[], &call())
        .await
        .unwrap();
    assert_eq!(answer.body.len(), LIMITS.answer_bytes_max);
}
