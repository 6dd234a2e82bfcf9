//! The API's description of itself agrees with the API, and with the copy in `docs/`.
//!
//! After a change of the API, `TIDEMARK_GOLDEN=write cargo test -p tidemark-server --test http` writes the copy
//! anew.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::world::World;

#[test]
fn the_copy_in_docs_is_what_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let served = format!("{}\n", tidemark_server::openapi_json());
    if std::env::var("TIDEMARK_GOLDEN").is_ok_and(|it| it == "write") {
        std::fs::write(&path, &served).unwrap();
    }
    let copy = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        copy == served,
        "docs/openapi.json is not what the server serves; write it anew with TIDEMARK_GOLDEN=write"
    );
}

#[tokio::test]
async fn every_call_of_the_document_is_there() {
    let world = World::new().await;
    let stranger = world.stranger();
    let document = stranger.get("/v1/openapi.json").await.body;
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let id = "01a2139e-52d1-72b3-8161-190b7d811fab";
            let path = path.replace("{id}", id).replace("{user}", "ann");
            let method: Method = method.to_uppercase().parse().unwrap();
            let response = stranger.request(method.clone(), &path, None).await;
            let status = response.status().as_u16();
            assert!(![404, 405].contains(&status), "{method} {path}: {status}");
            calls += 1;
        }
    }
    assert_eq!(calls, 89);
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let world = World::new().await;
    let document = world.stranger().get("/v1/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.push(reference.to_owned());
            }
            fields.values().for_each(|it| collect_references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| collect_references(it, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_shows_every_path_and_loads_nothing() {
    let world = World::new().await;
    let stranger = world.stranger();
    let document = stranger.get("/v1/openapi.json").await.body;
    let page = stranger.get("/v1/docs").await;
    let page = page.body.as_str().unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    for loads in ["<script", "<link", "<img", "https://"] {
        assert!(!page.contains(loads), "{loads}");
    }
}
