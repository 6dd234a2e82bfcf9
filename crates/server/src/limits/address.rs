//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr};

/// What most providers give to one customer (RFC 6177): whoever has it can use every address in it.
const IPV6_CUSTOMER_BITS: u32 = 64;

/// The address that stands for all that one customer can choose among.
pub(super) fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !(u128::MAX >> IPV6_CUSTOMER_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}
