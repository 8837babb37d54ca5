//! How media is told to carry a voice: at which bitrate, and before whom.

use super::*;

#[test]
fn media_is_told_of_the_channel_s_bitrate_when_someone_comes_and_when_it_changes() {
    let mut hall = Hall::new();
    let ben = hall.join(BEN);
    let patch = |bits| {
        let bitrate = Some(bits);
        let patch = state::guild::command::ChannelPatch { bitrate, ..Default::default() };
        GuildCommand::UpdateChannel(STAIRS, patch)
    };

    hall.change(&patch(384_000));
    hall.look();
    hall.look();
    assert_eq!(hall.media.take(), [format!("{}: bitrate 384000", ben.peer.0)]);

    hall.guild = joined(&hall.guild, CAI, STAIRS);
    hall.give(Duration::ZERO, CAI, "t").unwrap();
    let cai = hall.redeem(Duration::ZERO, &identify(CAI, "t")).unwrap();
    assert_eq!(hall.media.take()[1..], [format!("{}: bitrate 384000", cai.peer.0)]);
    let too_much = hall.guild.plan(ANA, &patch(384_001), 0);
    assert!(too_much.is_err() && hall.guild.plan(ANA, &patch(7_999), 0).is_err());
}

#[test]
fn priority_is_for_whoever_has_its_permission_and_goes_with_it() {
    let mut hall = Hall::new();
    let mut cai = hall.join(CAI);
    let ben = hall.join(BEN);
    cai.news();
    let flags = |news: Vec<News>| match &news[..] {
        [News::Is(other)] => other.speaking,
        other => panic!("{other:?}"),
    };
    let overwrite = |allow| {
        let kind = PermissionOverwriteType::Member;
        let deny = Permissions::empty();
        let overwrite = PermissionOverwrite { allow, deny, id: BEN.cast(), kind };
        GuildCommand::SetOverwrite(STAIRS, overwrite)
    };

    hall.board.speaking(ben.peer, 5);
    assert_eq!(flags(cai.news()), Some(1), "he may not");
    assert_eq!(hall.media.take(), [""; 0]);

    hall.change(&overwrite(Permissions::PRIORITY_SPEAKER));
    hall.look();
    hall.board.speaking(ben.peer, 5);
    assert_eq!(flags(cai.news()), Some(5));
    assert_eq!(hall.media.take(), [format!("{}: priority true", ben.peer.0)]);

    hall.change(&overwrite(Permissions::empty()));
    hall.look();
    assert_eq!(flags(cai.news()), Some(1));
    assert_eq!(hall.media.take(), [format!("{}: priority false", ben.peer.0)]);
}
