//! NATS with TLS, and with each way to say who we are.

use std::path::Path;

use tidemark_simulator::certificates::{Authority, Issued};
use tidemark_simulator::nats::Nats;
use tidemark_simulator::node::Node;

use crate::{eventually, launch, refusal};

const CONNECTED: &str = "the bus is connected";
const ACCOUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/encrypted/nats_accounts");

/// A NATS server of the test's own, with what it demands.
fn start_nats(arguments: &[&str]) -> Nats {
    let started = Nats::start_beside(env!("CARGO_TARGET_TMPDIR"), arguments);
    started.unwrap_or_else(|error| panic!("{error:#}"))
}

fn start_encrypted_nats(server: &Issued, clients_of: Option<&Authority>) -> Nats {
    let (certificate, key) = (text(&server.certificate), text(&server.key));
    let mut arguments = vec!["--tls", "--tlscert", certificate, "--tlskey", key];
    let authority = clients_of.map(Authority::certificate);
    if let Some(certificate) = &authority {
        arguments.extend(["--tlsverify", "--tlscacert", text(certificate)]);
    }
    start_nats(&arguments)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn quoted(path: &Path) -> String {
    format!("{:?}", text(path))
}

/// Starts a node whose bus is configured so, and waits until its log says this.
async fn says(bus: &str, words: &str) -> String {
    let config = format!("[bus]\n{bus}\n");
    let node = Node::start(launch(&config, None)).await;
    let node = node.unwrap_or_else(|error| panic!("{error:#}"));
    let what = format!("{words} with {bus}");
    eventually(&what, || node.log().contains(words)).await;
    node.log()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_configured_authority_is_accepted() {
    let authority = Authority::create().unwrap();
    let certificate = authority.issue("server").unwrap();
    let nats = start_encrypted_nats(&certificate, None);
    let ca = quoted(&authority.certificate());
    for scheme in ["tls", "nats"] {
        let address = nats.address();
        let bus = format!("url = \"{scheme}://{address}\"\ntls.ca_file = {ca}");
        says(&bus, CONNECTED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_with_what_to_do() {
    let (authority, other) = (Authority::create().unwrap(), Authority::create().unwrap());
    let certificate = authority.issue("server").unwrap();
    let nats = start_encrypted_nats(&certificate, None);
    let (address, ca) = (nats.address(), quoted(&other.certificate()));
    let bus = format!("url = \"tls://{address}\"\ntls.ca_file = {ca}");
    let log = says(&bus, "bus.tls.ca_file").await;
    assert!(log.contains("UnknownIssuer"), "{log}");
    assert!(!log.contains(CONNECTED), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_to_know_a_certificate_gets_ours() {
    let authority = Authority::create().unwrap();
    let certificate = authority.issue("server").unwrap();
    let nats = start_encrypted_nats(&certificate, Some(&authority));
    let ours = authority.issue("node").unwrap();
    let (ca, file, key) = (
        quoted(&authority.certificate()),
        quoted(&ours.certificate),
        quoted(&ours.key),
    );
    let address = nats.address();
    let without = format!("url = \"tls://{address}\"\ntls.ca_file = {ca}");
    let with = format!("{without}\ntls.certificate_file = {file}\ntls.key_file = {key}");
    says(&with, CONNECTED).await;
    let log = says(&without, "the bus cannot be reached").await;
    assert!(!log.contains(CONNECTED), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unencrypted_server_is_refused_where_encryption_is_asked_for() {
    let nats = start_nats(&[]);
    let bus = format!("url = \"tls://{}\"", nats.address());
    let log = says(&bus, "the bus cannot be reached").await;
    assert!(!log.contains(CONNECTED), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_and_another_one_does_not() {
    let nats = start_nats(&["--auth", "s3cr3t/token"]);
    let address = nats.address();
    let good = format!("url = \"nats://s3cr3t%2Ftoken@{address}\"");
    says(&good, CONNECTED).await;
    let bad = format!("url = \"nats://another@{address}\"");
    let log = says(&bad, "authorization violation").await;
    assert!(
        !log.contains(CONNECTED) && !log.contains("another"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_in_and_another_one_does_not() {
    let arguments = ["--user", "tidemark", "--pass", "p@ss"];
    let nats = start_nats(&arguments);
    let address = nats.address();
    says(
        &format!("url = \"nats://tidemark:p%40ss@{address}\""),
        CONNECTED,
    )
    .await;
    let bad = format!("url = \"nats://tidemark:hunter2@{address}\"");
    let log = says(&bad, "authorization violation").await;
    assert!(
        !log.contains(CONNECTED) && !log.contains("hunter2"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_file_lets_in() {
    let config = format!("{ACCOUNTS}/server.conf");
    let nats = start_nats(&["--config", &config]);
    let url = format!("url = \"nats://{}\"", nats.address());
    let file = format!("{ACCOUNTS}/tidemark.creds");
    let with = format!("{url}\ncredentials_file = \"{file}\"");
    says(&with, CONNECTED).await;
    let log = says(&url, "authorization violation").await;
    assert!(!log.contains(CONNECTED), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_of_no_use_are_a_reason_not_to_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("empty.pem");
    std::fs::write(&file, "nothing in it\n").unwrap();
    let empty = quoted(&file);
    for (key, value) in [
        ("tls.ca_file", empty.as_str()),
        ("tls.ca_file", "\"/nonexistent/ca.pem\""),
        ("credentials_file", empty.as_str()),
    ] {
        let config = format!("[bus]\nurl = \"nats://127.0.0.1:1\"\n{key} = {value}\n");
        let said = refusal(launch(&config, None)).await;
        assert!(said.contains(value.trim_matches('"')), "{key}: {said}");
    }
}
