use tidemark_media::Variant;

use super::samples::{SECRET, ffmpeg};
use super::{Seen, holds};

/// A second of silence, then a second of a tone.
fn sound(codec: &str, kind: &str) -> Vec<u8> {
    let tone = "aevalsrc='if(lt(t,1),0,sin(t*2000))':d=2:s=48000";
    let title = format!("title={SECRET}");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            tone,
            "-c:a",
            codec,
            "-metadata",
            &title,
        ],
        kind,
    )
}

#[tokio::test]
async fn a_sound_has_a_length_and_a_shape() {
    let seen = Seen::of(&sound("pcm_s16le", "wav")).await;
    let facts = &seen.examined.facts;
    assert_eq!(facts.duration_ms, Some(2000));
    assert_eq!((facts.width, facts.height), (None, None));
    let waveform = facts.waveform.as_ref().unwrap();
    assert_eq!(waveform.len(), 64);
    assert!(waveform[..30].iter().all(|peak| *peak < 5), "{waveform:?}");
    assert!(
        waveform[34..].iter().all(|peak| *peak > 200),
        "{waveform:?}"
    );
}

#[tokio::test]
async fn what_every_browser_plays_stays_and_the_rest_is_encoded() {
    for (codec, kind, content_type, is_played) in [
        ("libmp3lame", "mp3", "audio/mpeg", true),
        ("aac", "ipod", "audio/mp4", true),
        ("libopus", "ogg", "audio/ogg", true),
        ("aac", "adts", "audio/aac", true),
        ("libvorbis", "ogg", "audio/ogg", false),
        ("libopus", "webm", "audio/webm", false),
        ("flac", "flac", "audio/flac", false),
        ("pcm_s16le", "wav", "audio/wav", false),
    ] {
        let seen = Seen::of(&sound(codec, kind)).await;
        assert_eq!(seen.examined.content_type, content_type, "{codec}");
        let rendition = seen.made(Variant::Rendition);
        assert_eq!(rendition.is_none(), is_played, "{codec} in {kind}");
        if let Some(rendition) = rendition {
            assert_eq!(rendition.content_type, "audio/mp4");
            let again = Seen::of(&seen.bytes(Variant::Rendition)).await;
            assert_eq!(again.examined.content_type, "audio/mp4");
            assert_eq!(again.made(Variant::Rendition), None);
        }
    }
}

#[tokio::test]
async fn the_words_of_a_sound_are_gone() {
    for (codec, kind) in [
        ("libmp3lame", "mp3"),
        ("aac", "ipod"),
        ("libopus", "ogg"),
        ("flac", "flac"),
    ] {
        let bytes = sound(codec, kind);
        assert!(holds(&bytes, SECRET), "{kind}");
        let seen = Seen::of(&bytes).await;
        let clean = seen.bytes(Variant::Clean);
        assert!(!holds(&clean, SECRET), "{kind}");
        let again = Seen::of(&clean).await;
        assert_eq!(
            again.made(Variant::Clean),
            None,
            "{kind}: there is more to remove"
        );
    }
}

#[tokio::test]
async fn a_recording_that_does_not_know_its_length_is_measured() {
    // As browsers record: written while it goes on, so that nothing at the begin says how long it is.
    let tone = "sine=duration=2";
    let arguments = ["-f", "lavfi", "-i", tone, "-c:a", "libopus", "-live", "1"];
    let seen = Seen::of(&ffmpeg(&arguments, "webm")).await;
    let duration = seen.examined.facts.duration_ms.unwrap();
    assert!(duration.abs_diff(2000) < 50, "{duration}");
}
