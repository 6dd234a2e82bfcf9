//! How loud a sound is from its begin to its end.

use std::ffi::OsString;
use std::io::{BufReader, Read};

use super::tool::{Ended, Tool};
use crate::{Facts, MediaError};

/// Samples a second that are looked at.
const RATE: u64 = 8000;
/// How many stretches are remembered at most. Then two become one.
const STRETCHES_MAX: usize = 4096;

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) waveform: Option<Vec<u8>>,
    pub(super) duration_ms: Option<u64>,
}

/// Decodes all of it.
pub(super) fn listen(tool: &Tool<'_>) -> Result<Heard, MediaError> {
    let rate = RATE.to_string();
    let wanted = [
        "-map",
        "0:a:0",
        "-ac",
        "1",
        "-ar",
        &rate,
        "-c:a",
        "pcm_s16le",
        "-f",
        "s16le",
        "pipe:1",
    ];
    let wanted: Vec<OsString> = wanted.iter().map(OsString::from).collect();
    let (ended, loudness) = tool.ffmpeg(None, &wanted, |stdout| {
        let mut loudness = Loudness::default();
        let mut samples = BufReader::new(stdout);
        let mut sample = [0; 2];
        while samples.read_exact(&mut sample).is_ok() {
            loudness.add(i16::from_le_bytes(sample));
        }
        loudness
    })?;
    match ended {
        Ended::TooLate => Err(MediaError::TimedOut),
        Ended::Well => Ok(Heard {
            waveform: loudness.waveform(),
            duration_ms: loudness.duration_ms(),
        }),
        Ended::Badly | Ended::TooMuch => Ok(Heard::default()),
    }
}

/// The loudest sample of each of many stretches, however long the sound is.
#[derive(Debug)]
struct Loudness {
    /// Each of the same length, but for the last.
    stretches: Vec<u16>,
    /// How many samples are in each.
    samples_each: u64,
    /// How many samples are in the last.
    samples_last: u64,
    samples: u64,
}

impl Default for Loudness {
    fn default() -> Self {
        Self {
            stretches: Vec::new(),
            samples_each: 1,
            samples_last: 1,
            samples: 0,
        }
    }
}

impl Loudness {
    fn add(&mut self, sample: i16) {
        self.samples += 1;
        if self.samples_last == self.samples_each {
            if self.stretches.len() == STRETCHES_MAX {
                let (pairs, _) = self.stretches.as_chunks::<2>();
                self.stretches = pairs.iter().map(|[one, other]| *one.max(other)).collect();
                self.samples_each *= 2;
            }
            self.stretches.push(0);
            self.samples_last = 0;
        }
        self.samples_last += 1;
        if let Some(last) = self.stretches.last_mut() {
            *last = (*last).max(sample.unsigned_abs());
        }
    }

    fn duration_ms(&self) -> Option<u64> {
        (self.samples > 0).then(|| self.samples * 1000 / RATE)
    }

    fn waveform(&self) -> Option<Vec<u8>> {
        let loudest = u32::from(*self.stretches.iter().max()?).max(1);
        let count = self.stretches.len();
        let peak = |place: usize| {
            let begin = place * count / Facts::PEAKS;
            let end = ((place + 1) * count / Facts::PEAKS)
                .max(begin + 1)
                .min(count);
            let peak = self.stretches.get(begin..end)?.iter().max()?;
            u8::try_from(u32::from(*peak) * 255 / loudest).ok()
        };
        (0..Facts::PEAKS).map(peak).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Loudness, RATE};

    fn heard(samples: impl Iterator<Item = i16>) -> Loudness {
        let mut loudness = Loudness::default();
        samples.for_each(|sample| loudness.add(sample));
        loudness
    }

    #[test]
    fn a_sound_that_grows_is_a_row_that_grows() {
        for seconds in [1_u64, 7, 300] {
            let samples = RATE * seconds;
            let growing =
                heard((0..samples).map(|place| i16::try_from(place * 30_000 / samples).unwrap()));
            let waveform = growing.waveform().unwrap();
            assert_eq!(waveform.len(), 64);
            assert!(waveform.is_sorted(), "{waveform:?}");
            assert!(waveform[0] < 8 && waveform[63] == 255, "{waveform:?}");
            assert_eq!(growing.duration_ms(), Some(seconds * 1000));
        }
    }

    #[test]
    fn silence_is_zero_and_nothing_is_nothing() {
        assert_eq!(heard([0; 100].into_iter()).waveform(), Some(vec![0; 64]));
        assert_eq!(
            heard([i16::MIN].into_iter()).waveform(),
            Some(vec![255; 64])
        );
        assert_eq!(heard([].into_iter()).waveform(), None);
    }
}
