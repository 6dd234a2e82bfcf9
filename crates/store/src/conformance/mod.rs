//! One suite that certifies every engine: what a gateway relies on, one case for each promise.
//!
//! A test target names an engine and gets one test for each case:
//!
//! ```text
//! mod memory {
//!     use super::MemoryEngine;
//!     tidemark_store::certify!(MemoryEngine);
//! }
//! ```
//!
//! A case panics where the engine breaks the contract. It has a [`World`] of its own, and asks only
//! through [`Store`] and [`Directory`], so it holds for any engine, whatever its files look like.
//!
//! To add a case: a function in the file of its theme, and its name in the list in [`certify!`].

#![allow(
    clippy::missing_panics_doc,
    reason = "a case says that the engine fails it by a panic"
)]

pub mod access;
pub mod amending;
pub mod blocking;
pub mod bot_endpoints;
pub mod comparison;
pub mod consumers;
pub mod convergence;
pub mod counting;
pub mod crowd;
pub mod directory;
pub mod durability;
pub mod feed;
pub mod horizon;
pub mod idempotency;
pub mod inbox;
pub mod leases;
pub mod log;
pub mod mentions;
mod naive;
pub mod pages;
pub mod personal;
pub mod roles;
mod snapshot;
pub mod threads;
pub mod uploads;
pub mod webhooks;
mod world;

use crate::{Directory, Store};

pub use self::snapshot::{ConversationSnapshot, PersonSnapshot, Snapshot};
pub use self::world::World;

/// An engine under test, and the place where one store of it lives.
pub trait Engine: Sized + 'static {
    /// The engine.
    type Store: Store + Directory;

    /// A place of its own, and the new, empty store in it, with the default limits.
    fn create() -> (Self, Self::Store);

    /// Opens what `closed`, which was closed, left in this place.
    fn reopen(&mut self, closed: &Self::Store) -> Self::Store;

    /// Opens what would be found if the process of `running` were killed now.
    fn reopen_killed(&mut self, running: &Self::Store) -> Self::Store;
}

/// Runs one case on a new store.
pub fn run<E: Engine>(case: impl AsyncFnOnce(World<E>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test can start threads");
    runtime.block_on(async { case(World::create()).await });
}

/// Makes one test for each case of the suite, for the engine with this name in scope.
#[macro_export]
macro_rules! certify {
    ($engine:ident) => {
        $crate::certify! { @themes $engine;
            access: [
                who_may_not_see_a_conversation_hears_what_an_unknown_id_hears,
                former_members_of_a_public_channel_may_not_read,
                a_membership_follows_joining_and_leaving,
                a_role_counts_from_the_next_command_on,
                adding_members_adds_those_who_are_not_in,
                unknown_users_cannot_be_made_members,
                hiding_a_channel_hides_it_at_once,
                an_administrator_is_above_membership,
                an_administrator_makes_a_channel_without_members,
            ],
            amending: [
                an_amendment_is_read_back_as_it_was_returned,
                a_timeline_shows_messages_as_they_stand,
                a_deletion_takes_the_words_out_everywhere,
                a_list_of_mentions_shows_messages_as_they_stand,
                what_is_so_already_is_repeated,
                a_named_amendment_is_repeated,
                a_deleted_message_is_not_unread,
                amendments_count_for_nobody,
                amendments_of_one_batch_see_each_other,
                amendments_are_refused_to_others,
                pages_are_measured_by_what_messages_say_now,
                the_timeline_is_the_folded_log,
            ],
            comparison: [
                heads_are_those_of_the_conversations_that_exist,
                who_came_and_went_is_read_from_any_place,
                nobody_who_joins_is_missed_by_following,
                sessions_end_when_they_are_revoked,
                people_are_acquainted_while_they_share_a_conversation,
            ],
            convergence: [
                devices_that_miss_much_converge,
            ],
            counting: [
                counts_equal_a_recount_after_any_history,
                own_messages_are_never_unread,
                only_what_is_said_to_a_member_is_unread,
                mentions_are_counted_for_whom_they_mention,
                only_messages_are_counted,
                a_cursor_only_grows,
                a_cursor_beyond_the_log_is_refused,
                a_cursor_is_answered_as_of_its_place_in_the_batch,
            ],
            crowd: [
                each_of_a_crowd_reads_what_they_read_alone,
                nobody_of_a_crowd_learns_of_what_they_may_not_see,
                each_of_a_crowd_is_counted_as_alone,
            ],
            directory: [
                an_account_is_found_after_registration,
                a_name_is_taken_in_any_case,
                a_name_that_looks_like_another_is_taken,
                local_and_external_users_never_mix,
                an_external_user_has_no_password,
                display_names_of_external_users_change_only_on_request,
                a_profile_changes_field_by_field,
                who_hides_when_they_were_there_is_kept,
                users_are_found_by_prefix,
                a_prefix_means_itself,
                the_administrator_is_no_user,
                a_mention_makes_no_user,
                credentials_follow_the_password,
                a_token_stands_for_its_session_until_revoked,
                a_session_of_nobody_is_refused,
                api_keys_live_until_revoked,
                a_key_keeps_what_it_may_do,
                a_bot_is_a_user_without_a_password,
            ],
            durability: [
                all_that_was_acknowledged_is_there_after_reopening,
                all_that_was_acknowledged_is_there_after_a_kill,
                positions_keep_growing_after_reopening,
                an_epoch_names_one_history,
                the_directory_is_there_after_reopening,
                a_closed_store_is_unavailable,
                closing_finishes_what_was_handed_over,
            ],
            feed: [
                the_feed_holds_every_log_in_order,
                the_feed_is_in_commit_order,
                feed_pages_join_into_the_feed,
                a_consumer_that_follows_misses_nothing,
                after_the_last_event_the_feed_is_empty,
            ],
            idempotency: [
                a_retry_in_the_same_batch_is_repeated,
                a_retry_in_a_later_batch_is_repeated,
                a_retry_after_thousands_of_messages_is_repeated,
                a_retry_after_reopening_is_repeated,
                concurrent_retries_make_one_message,
                another_content_is_a_conflict,
                another_client_time_is_no_conflict,
                the_same_client_id_elsewhere_is_another_message,
                a_refused_message_leaves_its_client_id_free,
                a_retry_after_rejoining_is_repeated,
                a_creation_with_the_same_client_id_exists_already,
                a_message_and_a_conversation_may_share_a_client_id,
                a_pair_has_one_direct_conversation,
                a_pair_that_begins_at_once_has_one_direct_conversation,
            ],
            inbox: [
                an_inbox_visits_each_conversation_once,
                events_move_a_conversation_up_and_reading_does_not,
                an_inbox_follows_membership,
                an_inbox_entry_equals_the_conversation,
                memberships_equal_the_inbox,
                an_inbox_may_be_empty,
            ],
            leases: [
                a_lease_is_held_by_one,
                of_all_who_ask_at_once_one_is_granted,
                a_lease_ends_when_its_time_has_passed,
                a_renewed_lease_lasts,
                a_lost_lease_is_not_renewed,
                a_lease_that_ended_stays_ended,
                a_released_lease_is_free_at_once,
                a_holder_may_ask_again,
                a_former_holder_moves_no_position,
                a_position_only_grows,
                tokens_and_positions_outlive_the_process,
                a_closed_store_grants_nothing,
            ],
            log: [
                seqs_are_gapless_over_concurrent_commits,
                outcomes_have_the_order_and_number_of_commands,
                an_empty_batch_has_no_outcomes,
                a_command_sees_those_before_it_in_its_batch,
                a_refused_command_does_not_disturb_its_neighbours,
                an_event_is_read_back_as_it_was_returned,
                a_conversation_begins_with_created_and_its_members,
                settings_change_the_conversation,
                a_conversation_id_in_use_is_refused,
                text_up_to_the_limit_is_kept,
            ],
            mentions: [
                mentions_are_listed_for_whom_they_mention,
                mentions_follow_membership,
                pages_of_mentions_join_into_the_list,
            ],
            pages: [
                pages_of_events_hold_what_follows,
                at_and_above_the_head_a_page_of_events_is_empty,
                pages_of_messages_hold_what_is_beside,
                the_latest_page_is_the_one_before_the_end,
                a_page_around_a_place_has_it_in_the_middle,
                a_conversation_without_messages_has_empty_pages,
                pages_of_members_visit_each_once,
                readers_are_those_whose_cursor_came_so_far,
            ],
            personal: [
                a_change_leaves_what_it_does_not_name,
                only_members_keep_something,
                a_refused_change_changes_nothing,
                a_mark_ends_by_reading_or_writing,
                a_later_membership_begins_anew,
                pages_of_changes_join_into_all_of_them,
                changes_at_once_are_all_kept,
                what_is_kept_survives_a_kill,
            ],
            roles: [
                rules_are_what_settings_made_of_them,
                slow_mode_goes_by_the_last_message,
                a_ban_removes_and_is_listed,
                whoever_comes_back_has_not_read_less,
                the_last_use_of_an_invite_lets_one_in,
                an_invite_that_lets_nobody_in_is_like_an_unknown_one,
                invites_are_kept_and_counted,
                what_a_message_said_is_for_its_author_and_moderators,
                an_owner_stays_while_others_are_in,
            ],
            threads: [
                a_reply_names_the_first_message_of_its_thread,
                a_thread_is_part_of_the_content,
                replies_of_one_batch_see_each_other,
                pages_of_replies_hold_what_is_beside,
                threads_are_refused_to_others,
                a_thread_cursor_is_one_of_its_own,
                only_replies_to_a_member_are_unread,
                thread_counts_equal_a_recount_after_any_history,
                the_main_timeline_leaves_out_what_is_in_threads_only,
                threads_are_listed_for_those_who_take_part,
                what_was_fetched_is_shown_until_it_is_read,
            ],
            horizon: [
                events_begin_where_the_newcomer_came,
                messages_of_before_are_in_no_page,
                what_is_hidden_is_as_if_it_were_not_there,
                the_rule_counts_when_something_is_read,
            ],
            blocking: [
                blocks_are_listed_in_the_order_of_ids,
                a_block_is_of_somebody_else,
                a_direct_conversation_follows_the_blocks_of_its_pair,
                whoever_is_blocked_brings_the_blocker_nowhere,
                who_blocks_is_not_acquainted,
                blocks_and_beginnings_at_once_agree,
                a_blocked_pair_does_not_see_how_far_the_other_is,
            ],
            uploads: [
                an_upload_is_kept_as_it_was_announced,
                nobody_has_more_than_their_share,
                a_life_is_kept_step_by_step,
                a_message_says_what_becomes_of_what_it_shows,
                a_message_shows_what_is_its_senders,
                a_deletion_takes_what_was_shown_along,
                an_upload_is_for_those_who_see_it,
                the_same_bytes_are_kept_once,
                changes_and_messages_at_once_agree,
            ],
            consumers: [
                consumers_are_those_that_were_enrolled,
                a_pause_is_kept_until_it_ends,
                a_rewind_makes_whoever_works_begin_there,
                a_holder_that_lost_its_effects_goes_back,
                trouble_is_kept_until_it_is_over,
                dead_letters_are_replayed_or_dropped,
                dead_letters_are_bounded,
                a_forgotten_consumer_begins_anew,
                consumers_outlive_the_process,
            ],
            bot_endpoints: [
                what_a_bot_can_be_asked_for_is_kept,
                a_command_belongs_to_one_bot,
                endpoints_of_bots_are_bounded,
            ],
            webhooks: [
                a_webhook_is_kept_as_it_is,
                a_webhook_changes_field_by_field,
                what_a_webhook_was_told_is_kept,
                webhooks_are_bounded_and_go_away,
            ],
        }
    };
    (@themes $engine:ident; $($theme:ident: [$($case:ident,)+],)+) => {
        $(mod $theme {
            use super::$engine;

            $(#[test]
            fn $case() {
                $crate::conformance::run::<$engine>($crate::conformance::$theme::$case);
            })+
        })+
    };
}
