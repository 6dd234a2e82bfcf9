use uuid::Uuid;

use super::*;
use crate::RefusalCode::{Invalid, TooLarge};

fn new(name: &str, content_type: &str, size: u64) -> NewUpload {
    NewUpload {
        id: UploadId(Uuid::from_u128(1)),
        owner: UserId::parse("ann").unwrap(),
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        size,
        sha256: None,
        at: Timestamp(5),
        expires_at: Timestamp(10),
    }
}

fn begun(name: &str, content_type: &str) -> Result<Upload, Refusal> {
    begin(
        new(name, content_type, 9),
        Held::default(),
        None,
        &Limits::default(),
    )
}

#[test]
fn a_name_is_never_a_path() {
    for (given, kept) in [
        ("cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        (r"C:\fakepath\cat.png", "cat.png"),
        ("a\u{202e}gnp.exe", "agnp.exe"),
        ("  two   words .txt ", "two words .txt"),
        (".profile", ".profile"),
    ] {
        assert_eq!(begun(given, "image/png").unwrap().name, kept);
    }
    for given in ["", " ", "a/", "..", "a/..", "a\0b", "a\r\nb: c", "\u{202e}"] {
        let refusal = begun(given, "image/png").unwrap_err();
        assert_eq!(
            refusal,
            Refusal::invalid("name is no name of a file"),
            "{given:?}"
        );
    }
    assert!(begun(&"x".repeat(256), "image/png").is_err());
}

#[test]
fn a_content_type_is_kept_without_what_else_it_says() {
    for (given, kept) in [
        ("image/png", "image/png"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("application/vnd.api+json", "application/vnd.api+json"),
    ] {
        assert_eq!(begun("x", given).unwrap().content_type, kept);
    }
    for given in [
        "",
        "png",
        "image/",
        "/png",
        "image/p ng",
        "image/png\r\nx: y",
        "a/b/c",
    ] {
        assert!(begun("x", given).is_err(), "{given:?}");
    }
}

#[test]
fn nobody_has_more_than_their_share() {
    let limits = Limits {
        upload_bytes_max: 10,
        upload_quota_bytes: 25,
        uploads_max: 3,
        ..Limits::default()
    };
    let begin = |size, count, bytes| {
        begin(new("x", "a/b", size), Held { count, bytes }, None, &limits).map_err(|it| it.code)
    };
    assert!(begin(10, 2, 15).is_ok());
    assert_eq!(begin(0, 0, 0), Err(Invalid));
    assert_eq!(begin(11, 0, 0), Err(TooLarge));
    assert_eq!(begin(10, 2, 16), Err(TooLarge));
    assert_eq!(begin(1, 3, 0), Err(TooLarge));
    assert_eq!(begin(1, 0, u64::MAX), Err(TooLarge));
}

#[test]
fn a_life_goes_one_way() {
    let scanning = [
        UploadChange::Arrived {
            expires_at: Timestamp(20),
        },
        UploadChange::ScanBegan,
        UploadChange::Identified([1; 32]),
    ];
    let mut upload = begun("x", "a/b").unwrap();
    let unused = UploadUse::default();
    assert!(change(&upload, UploadChange::ScanBegan, unused).is_err());
    for step in scanning {
        upload = change(&upload, step, unused).unwrap().unwrap();
    }
    assert_eq!(
        (upload.state, upload.sha256),
        (UploadState::Scanning, Some([1; 32]))
    );
    let ready = UploadChange::Ready {
        content_type: "image/png".to_owned(),
        facts: MediaFacts::default(),
    };
    let refused = UploadChange::Refused {
        reason: "harmful".to_owned(),
    };
    let ready_one = change(&upload, ready.clone(), unused).unwrap().unwrap();
    let refused_one = change(&upload, refused.clone(), unused).unwrap().unwrap();
    for end in [&ready_one, &refused_one] {
        for late in [ready.clone(), refused.clone(), UploadChange::ScanBegan] {
            assert_eq!(change(end, late, unused), Ok(None));
        }
        let shown = UploadUse {
            is_shown: true,
            twin: None,
        };
        assert!(change(end, UploadChange::Deleting, shown).is_err());
        let deleting = change(end, UploadChange::Deleting, unused)
            .unwrap()
            .unwrap();
        assert_eq!(deleting.state, UploadState::Deleting);
        assert_eq!(
            change(&deleting, ready.clone(), unused),
            Err(Refusal::no_such_upload())
        );
    }
}

#[test]
fn the_same_bytes_of_the_same_owner_are_kept_once() {
    let unused = UploadUse::default();
    let mut twin = begun("first.png", "image/png").unwrap();
    twin.state = UploadState::Ready;
    twin.sha256 = Some([7; 32]);
    twin.facts.width = Some(3);
    let mut second = new("second.png", "image/png", 9);
    second.id = UploadId(Uuid::from_u128(2));
    second.sha256 = Some([7; 32]);
    let limits = Limits::default();
    let known = begin(second.clone(), Held::default(), Some(&twin), &limits).unwrap();
    assert_eq!((known.state, known.content), (UploadState::Ready, twin.id));
    assert_eq!((&*known.name, known.facts.width), ("second.png", Some(3)));

    // Nobody gets another's bytes by naming their digest.
    second.owner = UserId::parse("bob").unwrap();
    let foreign = begin(second.clone(), Held::default(), Some(&twin), &limits).unwrap();
    assert_eq!(
        (foreign.state, foreign.content),
        (UploadState::Waiting, second.id)
    );

    // What was announced without a digest is found out when its bytes are there.
    let mut unknown = begun("third.png", "image/png").unwrap();
    unknown.state = UploadState::Scanning;
    let with_twin = UploadUse {
        is_shown: false,
        twin: Some(&twin),
    };
    let found = change(&unknown, UploadChange::Identified([7; 32]), with_twin);
    assert_eq!(found.unwrap().unwrap().content, twin.content);
    // And whoever announced other bytes than came has lied.
    unknown.sha256 = Some([8; 32]);
    let lied = change(&unknown, UploadChange::Identified([7; 32]), unused);
    assert_eq!(lied.unwrap().unwrap().state, UploadState::Refused);
}
