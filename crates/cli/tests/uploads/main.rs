//! Files through the real program: pictures and films in its own worker, real scanners, a real bucket, real kills. The same
//! tests run on files and on SeaweedFS.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod kills;
mod life;
mod looks;
mod scanned;
mod world;

macro_rules! on_both {
    ($($theme:ident: [$($case:ident,)+],)+) => {
        mod files {
            $(mod $theme {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$theme::$case(crate::world::Place::Files).await;
                })+
            })+
        }

        mod bucket {
            $(mod $theme {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$theme::$case(crate::world::Place::Bucket).await;
                })+
            })+
        }
    };
}

on_both! {
    life: [
        a_file_reaches_those_who_see_the_message,
        a_large_file_goes_on_after_a_cut,
        what_is_deleted_is_gone_with_all_that_was_made_of_it,
    ],
    looks: [
        a_picture_loses_its_maker_and_gains_a_thumbnail,
        what_is_no_picture_is_never_shown_as_one,
        a_bomb_harms_nobody,
        a_film_has_a_poster_and_plays_everywhere,
    ],
    scanned: [
        a_harmful_file_reaches_nobody,
        without_the_scanner_uploads_wait,
    ],
    kills: [
        kills_lose_and_show_nothing_half,
    ],
}
