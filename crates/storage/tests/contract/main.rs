//! What every adapter of storage promises: one suite, run on memory, on memory behind what remembers the
//! newest messages, and on SQLite with files.

mod accounts;
mod apps;
mod audit;
mod commands;
mod fixtures;
mod grants;
mod guilds;
mod invites;
mod join_requests;
mod messages;
mod objects;
mod polls;
mod privates;
mod reactions;
mod reads;
mod relationships;
mod scheduled;
mod search;
mod settings;
mod stream_keys;
mod templates;
mod threads;
mod webhooks;

/// Makes a test of each named function for each adapter.
macro_rules! on_every_adapter {
    ($($port:ident: $($behaviour:ident),+ $(,)?;)+) => {
        mod memory {
            $(mod $port {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    crate::$port::$behaviour(&storage::memory()).await;
                })+
            })+
        }

        mod pages {
            $(mod $port {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let mut repos = storage::memory();
                    let pages = state::pages::Pages::before(repos.messages, repos.polls);
                    repos.messages = std::sync::Arc::new(pages.clone());
                    repos.polls = std::sync::Arc::new(pages);
                    crate::$port::$behaviour(&repos).await;
                })+
            })+
        }

        mod sqlite {
            $(mod $port {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let dir = tempfile::tempdir().expect("a temporary folder");
                    let repos = storage::open_sqlite(dir.path()).await.expect("a new store opens");
                    crate::$port::$behaviour(&repos).await;
                    repos.close().await;
                })+
            })+
        }
    };
}

on_every_adapter! {
    guilds:
        a_guild_comes_back_whole,
        a_guild_is_created_once,
        a_plan_changes_its_rows_and_the_version,
        a_plan_on_an_old_version_changes_nothing,
        of_conflicting_commits_exactly_one_wins,
        a_plan_for_an_unknown_guild_is_not_found,
        a_deleted_channel_takes_its_invites_along,
        a_deleted_guild_takes_its_invites_along_and_no_others;
    audit:
        a_plan_that_commits_leaves_its_entry_and_one_that_does_not_leaves_none,
        entries_are_paged_in_both_directions_and_by_who_and_what,
        entries_end_after_their_time_and_with_their_guild;
    accounts:
        an_account_comes_back_by_id_and_by_name_in_any_case,
        a_username_is_taken_once_whatever_its_case,
        an_update_replaces_the_account_but_not_anothers_name,
        users_leaves_unknown_ids_out,
        accounts_are_listed_oldest_first,
        of_racing_registrations_one_gets_the_name,
        who_had_a_session_lately_is_known,
        a_token_is_found_until_it_is_revoked,
        revoking_all_tokens_of_one_spares_the_others,
        applications_are_stored_and_replaced;
    apps:
        an_applications_emojis_have_names_of_their_own,
        what_an_application_keeps_ends_with_it;
    grants:
        a_grant_is_found_by_its_secrets_until_it_is_removed,
        a_secret_that_is_shown_twice_ends_all_of_its_grant,
        of_many_who_show_a_secret_one_at_most_gets_tokens,
        grants_end_after_their_time_and_with_their_application,
        grants_of_one_person_and_their_secrets_are_bounded;
    invites:
        an_invite_comes_back_and_can_be_removed_once,
        an_invite_counts_its_uses_up_to_the_last,
        an_old_invite_cannot_be_used,
        at_the_last_use_exactly_one_of_many_succeeds,
        invites_are_listed_by_guild_and_by_instance,
        an_invite_is_for_those_whom_it_names_last;
    join_requests:
        open_requests_come_back_with_their_guild_until_something_comes_of_them,
        requests_are_paged_and_counted_by_what_came_of_them,
        an_open_request_ends_with_its_membership_and_a_decided_one_does_not,
        a_decided_request_is_forgotten_when_it_is_old;
    stream_keys:
        a_stream_key_is_found_by_its_hash_until_it_is_revoked,
        stream_keys_are_listed_by_channel_oldest_first,
        a_deleted_channel_takes_its_stream_keys_along,
        a_deleted_guild_takes_its_stream_keys_along;
    commands:
        a_command_is_replaced_by_id_and_taken_by_name,
        commands_of_a_place_are_replaced_at_once_or_not_at_all,
        what_a_guild_says_of_a_command_ends_with_the_command,
        a_deleted_guild_takes_its_commands_along;
    webhooks:
        a_webhook_moves_and_is_removed_once,
        deleted_channels_and_guilds_take_their_webhooks_along,
        followers_and_what_was_crossposted_end_with_the_channel_they_follow,
        what_is_owed_to_followers_is_known_until_it_is_settled;
    templates:
        a_template_comes_back_counts_its_uses_and_is_removed_once,
        a_deleted_guild_takes_its_templates_along;
    privates:
        a_pair_has_one_channel_whoever_opens_it,
        racing_openers_get_the_same_channel,
        a_private_channel_knows_its_newest_message,
        a_group_is_found_by_its_people_and_changes,
        an_empty_group_is_gone_with_what_was_said;
    threads:
        a_thread_comes_back_with_its_members,
        messages_of_a_thread_are_counted_but_for_the_first,
        whoever_leaves_the_guild_leaves_its_threads,
        a_deleted_thread_takes_its_messages_along;
    scheduled:
        an_event_comes_back_with_those_who_want_to_come,
        whoever_leaves_the_guild_comes_to_none_of_its_events;
    polls:
        a_vote_replaces_the_one_before,
        votes_are_counted_and_paged,
        a_poll_ends_once_with_its_counts,
        a_removed_message_has_no_poll;
    settings:
        settings_are_merged_and_bounded,
        notes_are_ones_own_and_bounded,
        a_profile_is_empty_until_it_is_written;
    relationships:
        a_request_is_accepted_and_a_friendship_ends_for_both,
        a_block_is_ones_own_and_stands_in_the_way,
        a_friend_is_called_what_one_likes,
        nobody_has_too_many_friends,
        of_two_who_ask_each_other_at_once_both_are_friends;
    reads:
        reading_goes_forward_and_is_each_ones_own,
        mentions_are_counted_from_where_one_stopped,
        notifications_are_replaced_and_end_with_their_guild,
        a_guild_knows_the_newest_message_of_each_channel;
    search:
        words_are_found_by_their_beginnings_and_phrases_whole,
        an_edit_is_found_and_what_it_replaced_is_not,
        people_roles_and_everyone_are_found,
        what_messages_have_is_found,
        results_are_ordered_paged_and_counted,
        only_the_channels_asked_for_are_searched;
    messages:
        a_message_comes_back_as_it_was,
        a_message_is_stored_once,
        a_nonce_makes_a_retry_idempotent,
        a_nonce_is_the_authors_own_and_the_channels_own,
        a_nonce_is_forgotten_after_five_minutes,
        of_racing_retries_one_is_new,
        an_edit_replaces_and_needs_the_message,
        removing_tells_what_was_there,
        latest_page_is_newest_first_across_buckets,
        before_and_after_exclude_the_message_they_name,
        after_chooses_the_oldest_of_the_newer,
        around_holds_both_sides_and_the_message_itself,
        pages_of_impossible_ids_are_answered,
        pins_are_newest_first_and_end_with_the_message,
        latest_names_the_newest_of_each_channel;
    reactions:
        a_reaction_is_given_once_and_taken_once,
        a_reaction_needs_a_message,
        counts_come_in_order_of_first_giving_and_know_me,
        an_emoji_keeps_its_place_when_its_first_giver_takes_it_back,
        clearing_spares_other_emoji_and_other_messages,
        a_custom_emoji_is_not_its_name,
        a_removed_message_has_no_reactions,
        reactors_are_paged_by_id,
        who_gave_what_comes_at_once_unless_it_is_too_much;
    objects:
        an_object_comes_back_byte_for_byte,
        an_object_is_replaced_whole,
        a_range_is_cut_at_the_end,
        what_is_not_there_is_not_found,
        removing_twice_is_fine,
        keys_that_leave_the_root_reach_nothing;
}
