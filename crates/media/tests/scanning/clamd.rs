use std::time::Duration;

use tidemark_media::scan::{Clamd, ClamdAddress, Scanner, Verdict};
use tidemark_simulator::clamav::{self, EICAR_NAME, eicar};

use super::{PATIENCE, missing, silent, verdict};

const STREAM_BYTES_MAX: u64 = 1024 * 1024;

/// The same scanner, over both ways.
fn started() -> (clamav::Clamd, [Clamd; 2]) {
    let running = clamav::Clamd::start(STREAM_BYTES_MAX).unwrap();
    let tcp = ClamdAddress::Tcp(running.address().to_string());
    let unix = ClamdAddress::Unix(running.socket());
    let clients = [tcp, unix].map(|address| Clamd::new(address, PATIENCE));
    (running, clients)
}

#[tokio::test]
async fn a_harmful_file_is_found_and_named_and_a_harmless_one_is_clean() {
    let (_running, clients) = started();
    for clamd in clients {
        assert_eq!(verdict(&clamd, b"hello").await, Ok(Verdict::Clean));
        assert_eq!(verdict(&clamd, b"").await, Ok(Verdict::Clean));
        let found = verdict(&clamd, &eicar()).await;
        let Ok(Verdict::Infected { name }) = found else {
            panic!("{found:?}");
        };
        assert!(name.starts_with(EICAR_NAME), "{name}");
    }
}

#[tokio::test]
async fn what_lies_deep_in_a_file_is_found_too() {
    let (_running, clients) = started();
    let deep = [vec![b' '; 700_000], eicar()].concat();
    for clamd in clients {
        let found = verdict(&clamd, &deep).await;
        assert!(matches!(found, Ok(Verdict::Infected { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_larger_than_it_takes_is_too_large() {
    let (_running, clients) = started();
    for bytes in [STREAM_BYTES_MAX + 1, 20 * STREAM_BYTES_MAX] {
        let large = vec![b' '; usize::try_from(bytes).unwrap()];
        for clamd in &clients {
            assert_eq!(verdict(clamd, &large).await, Ok(Verdict::TooLarge));
        }
    }
}

#[tokio::test]
async fn a_scanner_that_is_gone_gives_no_verdict_and_one_that_is_back_does() {
    let (mut running, clients) = started();
    running.kill().unwrap();
    for clamd in &clients {
        assert!(verdict(clamd, b"hello").await.is_err());
    }
    running.restart().unwrap();
    for clamd in &clients {
        assert_eq!(verdict(clamd, b"hello").await, Ok(Verdict::Clean));
    }
}

#[tokio::test]
async fn a_scanner_that_says_nothing_is_given_up_on() {
    let (_listener, address) = silent().await;
    let clamd = Clamd::new(ClamdAddress::Tcp(address), Duration::from_millis(100));
    assert!(verdict(&clamd, b"hello").await.is_err());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_no_verdict() {
    let (_running, clients) = started();
    for clamd in clients {
        assert!(clamd.scan(missing()).await.is_err());
    }
}
