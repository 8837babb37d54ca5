//! A public account in few bytes, and out of them again.

use model::id::UserId;

use crate::packed::Packed;
use crate::packed::Reader;
use crate::packed::Writer;
use crate::record::UserRecord;

/// The bytes of a record. The names come first: they are asked for most.
pub(super) fn packed(user: &UserRecord) -> Vec<u8> {
    let hash = user.avatar.as_deref().map(Hash::of);
    let bit = |holds: bool, bit: u8| if holds { bit } else { 0 };
    let mut writer = Writer::default();
    writer.byte(
        bit(user.global_name.is_some(), GLOBAL)
            | bit(user.bot, BOT)
            | bit(user.flags != 0, FLAGS)
            | match hash {
                None => 0,
                Some(Hash::Bytes(_)) => HASH,
                Some(Hash::Text(_)) => TEXT,
            },
    );
    writer.bytes(user.username.as_bytes());
    if let Some(name) = &user.global_name {
        writer.bytes(name.as_bytes());
    }
    if user.flags != 0 {
        writer.number(user.flags);
    }
    match hash {
        None => {}
        Some(Hash::Bytes(hash)) => writer.0.extend_from_slice(&hash.to_be_bytes()),
        Some(Hash::Text(text)) => writer.bytes(text.as_bytes()),
    }
    writer.0
}

/// The record of that id.
pub(super) fn of(kept: &Packed, id: UserId) -> Option<UserRecord> {
    let mut reader = Reader(kept.get(id.get())?);
    let bits = reader.byte();
    let has = |bit: u8| bits & bit != 0;
    Some(UserRecord {
        id,
        username: reader.text().to_owned(),
        global_name: has(GLOBAL).then(|| reader.text().to_owned()),
        flags: if has(FLAGS) { reader.number() } else { 0 },
        avatar: if has(HASH) {
            let mut hash = [0; 16];
            hash.copy_from_slice(reader.take(16));
            Some(format!("{:032x}", u128::from_be_bytes(hash)))
        } else {
            has(TEXT).then(|| reader.text().to_owned())
        },
        bot: has(BOT),
    })
}

/// The username and the other name of that account.
pub(super) fn names(kept: &Packed, id: UserId) -> Option<(&str, Option<&str>)> {
    let mut reader = Reader(kept.get(id.get())?);
    let bits = reader.byte();
    let username = reader.text();
    Some((username, (bits & GLOBAL != 0).then(|| reader.text())))
}

/// The name of a picture: of ours, sixteen bytes as lower hexadecimal.
enum Hash<'a> {
    Bytes(u128),
    Text(&'a str),
}

impl<'a> Hash<'a> {
    fn of(text: &'a str) -> Self {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let bytes = (text.len() == 32 && text.bytes().all(digits))
            .then(|| u128::from_str_radix(text, 16).ok());
        bytes.flatten().map_or(Self::Text(text), Self::Bytes)
    }
}

const GLOBAL: u8 = 1;
const BOT: u8 = 1 << 1;
const FLAGS: u8 = 1 << 2;
const HASH: u8 = 1 << 3;
const TEXT: u8 = 1 << 4;

#[cfg(test)]
mod tests {
    use model::wire::id::Id;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_account_comes_out_as_it_went_in(
            username in "\\PC{0,32}",
            global_name in prop::option::of("\\PC{0,32}"),
            avatar in prop::option::of("(a_)?[0-9a-fA-F]{31,32}|[a-z]{0,9}|0{32}"),
            flags in prop_oneof![Just(0), any::<u64>()],
            bot: bool,
        ) {
            let user = UserRecord { id: Id::new(7), username, global_name, avatar, bot, flags };
            let mut kept = Packed::default();
            kept.insert(7, &packed(&user));

            let names = names(&kept, user.id);
            prop_assert_eq!(names, Some((&*user.username, user.global_name.as_deref())));
            prop_assert_eq!(of(&kept, user.id), Some(user));
        }
    }
}
