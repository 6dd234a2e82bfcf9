//! Whom a call may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// IPv4 networks that are no part of the public internet, and multicast:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>.
const NOT_PUBLIC_V4: [Ipv4Net; 14] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast, what is reserved, and broadcast.
    v4([224, 0, 0, 0], 3),
];

/// All of public IPv6 is in here: <https://www.iana.org/assignments/ipv6-unicast-address-assignments>.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0], 3);

/// But not these: <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    // Of protocols, with Teredo, which has IPv4 addresses in it, and benchmarks.
    v6([0x2001, 0], 23),
    // Documentation.
    v6([0x2001, 0xdb8], 32),
    v6([0x3fff, 0], 20),
    // 6to4, which has IPv4 addresses in it.
    v6([0x2002, 0], 16),
];

/// IPv4 behind a translator: <https://www.rfc-editor.org/rfc/rfc6052>.
const TRANSLATED: Ipv6Net = v6([0x64, 0xff9b], 96);

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b]: [u16; 2], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

/// Which addresses are connected to: those of the public internet, and what was allowed beside them.
///
/// A name says nothing about where it leads, and may lead elsewhere a moment later. So it is the address that is about to be connected to
/// that is looked at, each time.
#[derive(Clone, Debug, Default)]
pub struct Reach(Arc<[IpNet]>);

/// A call does not go there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The URL is not one that can be called.
    #[error("a webhook is called at http:// or https://, without a user name")]
    NotCallable,
    /// It leads to where nobody may be called.
    #[error("{0} is not a public address, and was not allowed")]
    NotPublic(IpAddr),
}

impl Reach {
    /// The public internet, and these networks.
    pub fn public_and(allowed: impl IntoIterator<Item = IpNet>) -> Self {
        Self(allowed.into_iter().collect())
    }

    /// Whether what a URL says can be called. A name is looked up only when it is.
    ///
    /// # Errors
    ///
    /// If it can not.
    pub fn check(&self, url: &Url) -> Result<(), Unreachable> {
        let is_callable = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none();
        match url.host().filter(|_| is_callable) {
            None => Err(Unreachable::NotCallable),
            Some(Host::Ipv4(address)) => self.check_address(address.into()),
            Some(Host::Ipv6(address)) => self.check_address(address.into()),
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    fn check_address(&self, address: IpAddr) -> Result<(), Unreachable> {
        let address = address.to_canonical();
        if is_public(address) || self.0.iter().any(|allowed| allowed.contains(&address)) {
            return Ok(());
        }
        Err(Unreachable::NotPublic(address))
    }
}

/// Resolves names as the system does, and leaves out what is not reached.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            // The port is put in by whoever asked.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut refused = None;
            let mut reached = Vec::new();
            for address in found {
                match reach.check_address(address.ip()) {
                    Ok(()) => reached.push(address),
                    Err(unreachable) => refused = Some(unreachable),
                }
            }
            match refused {
                Some(refused) if reached.is_empty() => Err(refused.into()),
                _ => Ok(Box::new(reached.into_iter()) as Addrs),
            }
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) if TRANSLATED.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the public internet")?;
        self.0
            .iter()
            .try_for_each(|net| write!(formatter, ", {net}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(url: &str) -> Result<(), Unreachable> {
        Reach::default().check(&url.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for host in [
            "1.1.1.1",
            "93.184.215.14",
            "[2606:4700::1111]",
            "[64:ff9b::101:101]",
            "example.com",
        ] {
            assert_eq!(check(&format!("https://{host}/hook")), Ok(()), "{host}");
        }
    }

    #[test]
    fn the_own_network_is_not_however_it_is_written() {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[2001:0:7f00:1::]",
        ];
        for host in hosts {
            let refused = check(&format!("http://{host}:80/"));
            assert!(
                matches!(refused, Err(Unreachable::NotPublic(_))),
                "{host}: {refused:?}"
            );
        }
    }

    #[test]
    fn only_what_can_be_called_is() {
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://user@example.com/",
            "https://user:word@example.com/",
            "data:,x",
        ] {
            assert_eq!(check(url), Err(Unreachable::NotCallable), "{url}");
        }
    }

    #[test]
    fn what_was_allowed_is_reached() {
        let reach = Reach::public_and(["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let check = |url: &str| reach.check(&url.parse().unwrap()).is_ok();
        assert!(
            check("http://10.9.8.7/")
                && check("http://[::ffff:10.9.8.7]/")
                && check("http://[::1]/")
        );
        assert!(!check("http://127.0.0.1/") && !check("http://[::2]/"));
    }

    #[tokio::test]
    async fn names_are_looked_at_after_they_were_resolved() {
        let name = || "localhost".parse().unwrap();
        let refused = Reach::default().resolve(name()).await;
        assert!(
            refused
                .err()
                .unwrap()
                .downcast_ref::<Unreachable>()
                .is_some()
        );
        let reach = Reach::public_and(["127.0.0.0/8".parse().unwrap()]);
        let reached: Vec<_> = reach.resolve(name()).await.unwrap().collect();
        assert!(!reached.is_empty() && reached.iter().all(SocketAddr::is_ipv4));
    }

    proptest! {
        /// The standard library knows most of the networks, too.
        #[test]
        fn nothing_private_is_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let is_known = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified()
                || address.is_multicast();
            prop_assert!(!(is_known && is_public(address.into())));
            // In every way to write it in IPv6.
            let translated = Ipv6Addr::from_bits((0x0064_ff9b << 96) | u128::from(bits));
            prop_assert_eq!(is_public(translated.into()), is_public(address.into()));
        }
    }
}
