//! PostgreSQL with `sslmode=require`.

use tidemark_simulator::certificates::Authority;
use tidemark_simulator::node::Node;
use tidemark_simulator::postgres::Postgres;

use crate::{launch, refusal};

const DATABASE: &str = "chat";

fn database(server: &Postgres, mode: &str) -> String {
    let url = server.url(DATABASE);
    format!("[store]\nurl = \"{url}?sslmode={mode}\"\n")
}

fn encrypted(authority: &Authority) -> Postgres {
    let certificate = authority.issue("server").unwrap();
    let server = Postgres::start_encrypted(&certificate).unwrap();
    server.create_database(DATABASE).unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_trusted_authority_is_accepted_and_all_is_encrypted() {
    let authority = Authority::create().unwrap();
    let server = encrypted(&authority);
    let config = database(&server, "require");
    let node = Node::start(launch(&config, Some(&authority.certificate()))).await;
    let node = node.unwrap_or_else(|error| panic!("{error:#}"));
    let ways = "SELECT DISTINCT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid)
        WHERE a.application_name = 'tidemark'";
    assert_eq!(server.query(DATABASE, ways).unwrap(), "t", "{}", node.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_with_what_to_do() {
    let (authority, other) = (Authority::create().unwrap(), Authority::create().unwrap());
    let server = encrypted(&authority);
    let config = database(&server, "require");
    let said = refusal(launch(&config, Some(&other.certificate()))).await;
    for part in ["certificate", "UnknownIssuer", "SSL_CERT_FILE"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_encrypt_is_refused() {
    let authority = Authority::create().unwrap();
    let server = Postgres::start().unwrap();
    server.create_database(DATABASE).unwrap();
    let config = database(&server, "require");
    let said = refusal(launch(&config, Some(&authority.certificate()))).await;
    assert!(said.contains("does not support TLS"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_named() {
    let authority = Authority::create().unwrap();
    let server = encrypted(&authority);
    let config = database(&server, "require");
    let missing = std::path::Path::new("/nonexistent/authority.pem");
    let said = refusal(launch(&config, Some(missing))).await;
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_there_is_elsewhere_is_explained() {
    let server = "postgres://ann:hunter2@127.0.0.1:1/chat?sslmode=verify-full";
    let said = refusal(launch(&format!("[store]\nurl = \"{server}\"\n"), None)).await;
    assert!(said.contains("sslmode=require"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
