//! Where a request really comes from, when a proxy stands before the server.

use std::net::IpAddr;

use axum::http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client: the peer, unless that is a proxy of ours, which then says whom it speaks for.
///
/// Each proxy adds the address that it sees at the end, so the list is read backwards, and only as far as it
/// was written by proxies that are trusted: what a client puts there itself is never believed.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let mut forwarded: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    while trusted.contains(&address) {
        let Some(Ok(before)) = forwarded.pop().map(|text| text.trim().parse::<IpAddr>()) else {
            break;
        };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str]) -> String {
        let trusted = ["127.0.0.1", "10.0.0.1"].map(|text| text.parse().unwrap());
        let headers = lines
            .iter()
            .map(|line| (FORWARDED_FOR.parse().unwrap(), line.parse().unwrap()))
            .collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn whoever_connects_directly_is_whom_we_see() {
        assert_eq!(seen("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_says_whom_it_speaks_for() {
        assert_eq!(seen("127.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(seen("::ffff:127.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(
            seen("127.0.0.1", &["198.51.100.9, 10.0.0.1"]),
            "198.51.100.9"
        );
        assert_eq!(
            seen("127.0.0.1", &["198.51.100.9", "10.0.0.1"]),
            "198.51.100.9"
        );
    }

    #[test]
    fn what_a_client_claims_before_that_is_not_believed() {
        assert_eq!(
            seen("127.0.0.1", &["1.2.3.4, 198.51.100.9"]),
            "198.51.100.9"
        );
        assert_eq!(seen("127.0.0.1", &["nonsense"]), "127.0.0.1");
    }
}
