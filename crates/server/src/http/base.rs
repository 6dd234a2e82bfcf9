//! Where clients reach this server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;
use tidemark_store::{Directory, Store};
use url::Url;

use super::problem::Problem;
use crate::gateway::Gateway;

const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Where the client that asks reaches this server for files: as configured, or as it did just now.
pub(super) struct Base(pub(super) Url);

impl<S: Store + Directory> FromRequestParts<Arc<Gateway<S>>> for Base {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway<S>>,
    ) -> Result<Self, Problem> {
        if let Some(url) = &gateway.uploading.public_url {
            return Ok(Self(url.clone()));
        }
        let peer: Option<ConnectInfo<SocketAddr>> = parts.extract().await.ok();
        let peer = peer.map(|ConnectInfo(address)| address.ip());
        base(&parts.headers, peer, &gateway.config.trusted_proxies)
            .map(Self)
            .ok_or_else(|| Problem::invalid("the request has no Host that URLs can be made of"))
    }
}

/// A proxy is believed that it speaks to clients in another way.
fn base(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &[IpAddr]) -> Option<Url> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_trusted = peer.is_some_and(|peer| trusted.contains(&peer.to_canonical()));
    let forwarded = headers.get(FORWARDED_PROTO).filter(|_| is_trusted);
    let scheme = match forwarded.and_then(|value| value.to_str().ok()) {
        Some("https") => "https",
        _ => "http",
    };
    let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
    let is_plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (is_plain && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(host: &str, forwarded: Option<&str>, peer: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(forwarded) = forwarded {
            headers.insert(FORWARDED_PROTO, forwarded.parse().unwrap());
        }
        let trusted = ["127.0.0.1".parse().unwrap()];
        base(&headers, peer.parse().ok(), &trusted).map(|url| url.to_string())
    }

    #[test]
    fn urls_are_made_of_where_the_client_came() {
        let here = |host| seen(host, None, "127.0.0.1");
        assert_eq!(
            here("localhost:8080").as_deref(),
            Some("http://localhost:8080/")
        );
        assert_eq!(here("[::1]:8080").as_deref(), Some("http://[::1]:8080/"));
        for wrong in [
            "",
            "a b",
            "user@host",
            "host/path",
            "host?x",
            "host#x",
            "a\\b",
        ] {
            assert_eq!(here(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_it_is_encrypted() {
        let by = |peer| seen("chat.example", Some("https"), peer);
        assert_eq!(by("127.0.0.1").as_deref(), Some("https://chat.example/"));
        assert_eq!(by("192.0.2.1").as_deref(), Some("http://chat.example/"));
    }
}
