//! Who may depend on whom: the direction of dependencies is what keeps the parts apart.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

use super::Finding;

/// A crate of ours and those of ours that it may use.
type Allowed = (&'static str, &'static [&'static str]);

/// What the crates may use, in programs and libraries.
const NORMAL: &[Allowed] = &[
    ("tidemark-core", &[]),
    ("tidemark-protocol", &["tidemark-core"]),
    ("tidemark-store", &["tidemark-core"]),
    ("tidemark-client", &["tidemark-core", "tidemark-protocol"]),
    (
        "tidemark-server",
        &[
            "tidemark-blobs",
            "tidemark-core",
            "tidemark-media",
            "tidemark-pipeline",
            "tidemark-protocol",
            "tidemark-store",
            "tidemark-webhooks",
        ],
    ),
    (
        "tidemark-simulator",
        &["tidemark-client", "tidemark-core", "tidemark-protocol"],
    ),
    (
        "tidemark",
        &[
            "tidemark-client",
            "tidemark-core",
            "tidemark-media",
            "tidemark-pipeline",
            "tidemark-protocol",
            "tidemark-server",
            "tidemark-store",
        ],
    ),
    ("xtask", &[]),
    ("tidemark-media", &[]),
    ("tidemark-blobs", &[]),
    ("tidemark-pipeline", &["tidemark-core", "tidemark-store"]),
    ("tidemark-webhooks", &[]),
];

/// What their tests may use beside that, and beside the crate itself with other features.
const IN_TESTS: &[Allowed] = &[
    ("tidemark-client", &["tidemark-server", "tidemark-store"]),
    ("tidemark-server", &["tidemark-simulator"]),
    ("tidemark-store", &["tidemark-simulator"]),
    ("tidemark", &["tidemark-simulator"]),
    ("tidemark-media", &["tidemark-simulator"]),
    ("tidemark-blobs", &["tidemark-simulator"]),
];

/// All that the core may use of others: small types, no clock, no I/O, no serialisation.
const CORE_OUTSIDE: &[&str] = &[
    "smol_str",
    "unicode-normalization",
    "unicode-segmentation",
    "uuid",
];

/// One crate of ours that names another crate as a dependency.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    from: String,
    to: String,
    to_ours: bool,
    in_tests: bool,
}

/// The dependencies that the manifests of the workspace name.
pub(super) fn edges_of(metadata: &Metadata) -> Vec<Edge> {
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut edges = Vec::new();
    for package in &packages {
        for dependency in &package.dependencies {
            edges.push(Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                to_ours: ours.contains(dependency.name.as_str()),
                in_tests: dependency.kind == DependencyKind::Development,
            });
        }
    }
    edges
}

/// Finds edges that the tables do not have.
pub(super) fn check(edges: &[Edge]) -> Vec<Finding> {
    edges
        .iter()
        .filter(|edge| !is_allowed(edge))
        .map(|edge| Finding {
            path: edge.from.clone(),
            line: None,
            problem: format!("may not depend on {}", edge.to),
        })
        .collect()
}

fn is_allowed(edge: &Edge) -> bool {
    let has = |table: &[Allowed]| {
        table
            .iter()
            .any(|(from, to)| *from == edge.from && to.contains(&edge.to.as_str()))
    };
    if edge.to_ours {
        let itself = edge.to == edge.from;
        return has(NORMAL) || (edge.in_tests && (itself || has(IN_TESTS)));
    }
    edge.from != "tidemark-core" || edge.in_tests || CORE_OUTSIDE.contains(&edge.to.as_str())
}

#[cfg(test)]
mod tests {
    use super::{Edge, check};

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            to_ours: to.starts_with("tidemark"),
            in_tests: false,
        }
    }

    fn problems(edge: Edge) -> usize {
        check(&[edge]).len()
    }

    #[test]
    fn a_server_that_uses_the_client_is_found() {
        assert_eq!(problems(edge("tidemark-server", "tidemark-client")), 1);
        assert_eq!(problems(edge("tidemark-server", "tidemark-store")), 0);
    }

    #[test]
    fn a_crate_that_is_in_no_table_uses_nothing_of_ours() {
        assert_eq!(problems(edge("tidemark-new", "tidemark-core")), 1);
    }

    #[test]
    fn what_is_allowed_in_tests_is_found_elsewhere() {
        let in_program = edge("tidemark", "tidemark-simulator");
        let in_tests = Edge {
            in_tests: true,
            ..in_program.clone()
        };
        assert_eq!(problems(in_program), 1);
        assert_eq!(problems(in_tests), 0);
    }

    #[test]
    fn tests_may_ask_for_other_features_of_their_own_crate() {
        let itself = edge("tidemark-store", "tidemark-store");
        let in_tests = Edge {
            in_tests: true,
            ..itself
        };
        assert_eq!(problems(in_tests), 0);
    }

    #[test]
    fn a_core_that_serialises_is_found() {
        assert_eq!(problems(edge("tidemark-core", "serde")), 1);
        assert_eq!(problems(edge("tidemark-store", "serde")), 0);
    }
}
