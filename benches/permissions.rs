//! What one person may do in one channel: asked for each message, each listener of an event, each
//! request. A guild with many members, where everybody has a few roles.

use std::cell::Cell;

use divan::Bencher;
use divan::black_box;
use model::id::ChannelId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::Guild;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::guild::command::RolePatch;

const OWNER: UserId = Id::new(1);
const CHANNEL: ChannelId = Id::new(202);
const ROLES: u64 = 20;
/// Roles of each member.
const ROLES_EACH: u64 = 4;
const MEMBERS: u64 = 1_000;
/// Unix milliseconds.
const NOW: u64 = 1_790_000_000_000;

fn main() {
    divan::main();
}

fn done(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
    let plan = guild.plan(actor, command, NOW).expect("an allowed command");
    guild.apply(&plan).0
}

fn guild(overwrites: u64) -> Guild {
    let now = Timestamp::from_secs(NOW as i64 / 1_000).expect("a time");
    let draft = GuildDraft {
        id: Id::new(50),
        name: "Harbour".to_owned(),
        owner: OWNER,
        icon: None,
        now,
        channel_ids: [201, 202, 203, 204].map(Id::new),
    };
    let role = |index: u64| -> RoleId { Id::new(100 + index % ROLES) };
    let mut guild = Guild::found(draft).expect("a valid draft");
    for index in 0..ROLES {
        let permissions = Some(Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        let patch = RolePatch { permissions, ..RolePatch::default() };
        guild = done(&guild, OWNER, &GuildCommand::CreateRole(role(index), patch));
    }
    for index in 0..MEMBERS {
        let user = Id::new(1_000 + index);
        let roles = (0..ROLES_EACH).map(|nth| role(index + nth * 5)).collect();
        guild = done(&guild, user, &GuildCommand::Join { user, now, roles });
    }
    for index in 0..overwrites {
        let overwrite = PermissionOverwrite {
            allow: Permissions::ADD_REACTIONS,
            deny: Permissions::ATTACH_FILES,
            id: role(index).cast(),
            kind: PermissionOverwriteType::Role,
        };
        guild = done(&guild, OWNER, &GuildCommand::SetOverwrite(CHANNEL, overwrite));
    }
    guild
}

#[divan::bench(args = [0, 5, 20])]
fn in_a_channel_with_overwrites(bencher: Bencher<'_, '_>, overwrites: u64) {
    let guild = guild(overwrites);
    let turn = Cell::new(0);
    bencher.bench_local(|| {
        turn.set((turn.get() + 1) % MEMBERS);
        guild.permissions_in(black_box(Id::new(1_000 + turn.get())), CHANNEL, NOW)
    });
}

#[divan::bench]
fn in_the_guild(bencher: Bencher<'_, '_>) {
    let guild = guild(0);
    let turn = Cell::new(0);
    bencher.bench_local(|| {
        turn.set((turn.get() + 1) % MEMBERS);
        guild.permissions(black_box(Id::new(1_000 + turn.get())), NOW)
    });
}
