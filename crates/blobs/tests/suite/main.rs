//! Every promise of `Blobs`, kept by local files and by a real S3, over real HTTP; and what each of them promises
//! beside that.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod local_browser;
mod local_durable;
mod local_files;
mod local_full;
mod local_ranges;
mod local_urls;
mod parts;
mod reading;
mod s3_alone;
mod whole;
mod world;

/// Runs each promise at both places.
macro_rules! at_both_places {
    ($($promise:path as $name:ident;)*) => {
        mod local {
            $(#[tokio::test]
            async fn $name() {
                $promise(crate::world::World::local().await).await;
            })*
        }

        mod s3 {
            $(#[tokio::test]
            async fn $name() {
                $promise(crate::world::World::s3().await).await;
            })*
        }
    };
}

at_both_places! {
    crate::whole::what_was_stored_is_given_back as what_was_stored_is_given_back;
    crate::whole::a_blob_may_be_empty as a_blob_may_be_empty;
    crate::whole::what_is_there_never_changes as what_is_there_never_changes;
    crate::whole::a_url_is_good_for_one_thing as a_url_is_good_for_one_thing;
    crate::whole::a_url_expires as a_url_expires;
    crate::whole::no_url_is_good_for_ever as no_url_is_good_for_ever;
    crate::reading::names_and_types_are_made_harmless as names_and_types_are_made_harmless;
    crate::reading::ranges_are_given as ranges_are_given;
    crate::reading::what_a_client_has_is_not_sent_again as what_a_client_has_is_not_sent_again;
    crate::whole::files_are_stored_and_fetched as files_are_stored_and_fetched;
    crate::whole::what_is_deleted_is_gone as what_is_deleted_is_gone;
    crate::whole::pages_of_a_list_have_everything_once as pages_of_a_list_have_everything_once;
    crate::parts::parts_come_in_any_order as parts_come_in_any_order;
    crate::parts::a_part_is_what_was_asked_for as a_part_is_what_was_asked_for;
    crate::parts::another_instance_goes_on as another_instance_goes_on;
    crate::parts::what_was_given_up_is_gone as what_was_given_up_is_gone;
    crate::parts::a_blob_that_is_there_stays as a_blob_that_is_there_stays;
}
