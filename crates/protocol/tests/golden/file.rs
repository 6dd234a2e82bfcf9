//! One golden file: a list of cases, each with a name, what it means, and JSON as it goes over the wire.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;
use serde_json::value::RawValue;
use tidemark_protocol::frame::{ClientFrame, ParseLimits, ServerFrame};
use tidemark_protocol::wire::parse_object;

/// A file, and what has to be in it.
pub(crate) struct Golden {
    /// Where it is, from the folder of all of them.
    pub(crate) path: String,
    cases: Vec<Case>,
}

/// One entry of a file as the code would write it.
pub(crate) struct Case {
    name: String,
    /// The fields after the name, in order, as JSON on one line.
    fields: Vec<(&'static str, String)>,
    /// Looks at an entry that was read back.
    holds: Box<dyn Fn(&Entry)>,
}

/// One entry as it was read from a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The frame, the body, or whatever the file is about, exactly as it is written.
    pub(crate) text: String,
    fields: Vec<(String, String)>,
}

impl Golden {
    pub(crate) fn new(path: impl Into<String>, cases: Vec<Case>) -> Self {
        Self {
            path: path.into(),
            cases,
        }
    }

    /// Compares the file with the code.
    pub(crate) fn check(&self) {
        let entries = self.entries();
        let found: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let expected: Vec<&str> = self.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(found, expected, "the names in {}", self.path);
        for (case, entry) in self.cases.iter().zip(&entries) {
            let fields = case.fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, json)| ((*name).to_owned(), json.clone()))
                .collect();
            assert_eq!(entry.fields, fields, "{:?} in {}", case.name, self.path);
            (case.holds)(entry);
        }
    }

    /// What is in the file.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let path = folder().join(&self.path);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; see the README beside it for how it is written",
                self.path
            )
        });
        let list: Vec<Fields> = serde_json::from_str(&text).unwrap();
        list.into_iter().map(Entry::from).collect()
    }

    fn render(&self) -> String {
        let cases = self.cases.iter().map(|case| {
            let name = ("name", serde_json::to_string(&case.name).unwrap());
            let fields = [&name].into_iter().chain(&case.fields);
            let lines: Vec<String> = fields
                .map(|(name, json)| format!("    \"{name}\": {json}"))
                .collect();
            format!("  {{\n{}\n  }}", lines.join(",\n"))
        });
        let cases: Vec<String> = cases.collect();
        format!("[\n{}\n]\n", cases.join(",\n"))
    }
}

impl Case {
    pub(crate) fn new(
        name: &str,
        fields: Vec<(&'static str, String)>,
        holds: impl Fn(&Entry) + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            fields,
            holds: Box::new(holds),
        }
    }

    /// A value that `encode` writes and `parse` reads.
    pub(crate) fn value<T: PartialEq + Debug + 'static, E: Debug + 'static>(
        (name, means): (&str, &str),
        field: &'static str,
        value: T,
        encode: fn(&T) -> String,
        parse: fn(&str) -> Result<T, E>,
    ) -> Self {
        let fields = vec![
            ("means", serde_json::to_string(means).unwrap()),
            (field, encode(&value)),
        ];
        Self::new(name, fields, move |entry| {
            assert_eq!(parse(&entry.text).unwrap(), value, "{}", entry.name);
        })
    }

    pub(crate) fn client(name: &str, means: &str, frame: ClientFrame) -> Self {
        let parse = |text: &str| ClientFrame::parse(text, &ParseLimits::default());
        Self::value((name, means), "frame", frame, ClientFrame::encode, parse)
    }

    /// Frames of a server are encoded in one of two ways: by themselves, or as one of all.
    pub(crate) fn server(name: &str, means: &str, frame: impl Into<ServerFrame>) -> Self {
        let frame = frame.into();
        Self::value(
            (name, means),
            "frame",
            frame,
            ServerFrame::encode,
            ServerFrame::parse,
        )
    }

    pub(crate) fn body<T>(name: &str, means: &str, body: T) -> Self
    where
        T: serde::Serialize + for<'de> Deserialize<'de> + PartialEq + Debug + 'static,
    {
        let encode = |body: &T| serde_json::to_string(body).unwrap();
        let parse = |text: &str| parse_object::<T>(text);
        Self::value((name, means), "body", body, encode, parse)
    }
}

/// The fields of an entry, in the order in which they are written. `frame`, `body`, `text` or `sends` is what it is about.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl From<Fields> for Entry {
    fn from(Fields(fields): Fields) -> Self {
        let mut fields = fields
            .into_iter()
            .map(|(name, json)| (name, json.get().to_owned()));
        let (_, name) = fields.next().expect("an entry begins with its name");
        let fields: Vec<(String, String)> = fields.collect();
        let is_subject =
            |name: &String| ["frame", "body", "text", "sends"].contains(&name.as_str());
        let (_, text) = fields
            .iter()
            .find(|(name, _)| is_subject(name))
            .expect("an entry is about something");
        Self {
            name: serde_json::from_str(&name).unwrap(),
            text: text.clone(),
            fields,
        }
    }
}

/// Writes the files as the code has them, if the environment asks for it and not otherwise.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told to write its files"
)]
pub(crate) fn write_if_asked(files: &[Golden]) {
    if !env::var("TIDEMARK_GOLDEN").is_ok_and(|wish| wish == "write") {
        return;
    }
    for file in files {
        let path = folder().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.render()).unwrap();
    }
}

/// The files that there are.
pub(crate) fn found() -> BTreeSet<String> {
    let root = folder();
    let mut folders = vec![root.clone()];
    let mut files = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(&root).unwrap();
                files.insert(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}
