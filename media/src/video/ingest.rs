//! What a publisher sends: which SSRC is which layer of which track, and who watches it.
//!
//! SSRCs are the browser's choice. It names their line and layer in its first packets (RFC 8852,
//! RFC 8843), until it knows by a report that they are known. HOT: a search among a few.

use std::time::Instant;

use crate::peer::PeerKey;
use crate::video::LAYERS;
use crate::video::Track;
use crate::video::VideoPacket;
use crate::video::arrivals::Arrivals;
use crate::video::codec::Codec;
use crate::video::layer::Layer;
use crate::video::offer::VideoOffer;
use crate::video::uplink::Uplink;

/// SSRCs that are known of one publisher: each layer of each track, and its retransmission.
const SOURCES: usize = 2 * LAYERS * Track::ALL.len();

/// What a publisher sends.
#[derive(Debug, Default)]
pub(crate) struct Ingest {
    sources: Vec<Source>,
    tracks: [TrackIn; Track::ALL.len()],
    /// When its packets came, of whatever stream.
    pub(crate) arrivals: Arrivals,
    /// What its line carries, where only we can tell.
    pub(crate) uplink: Uplink,
    generations: u32,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    place: Place,
}

/// Which stream a packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) track: Track,
    pub(crate) layer: u8,
    /// Whether it is the retransmission of that layer.
    pub(crate) repairs: bool,
}

/// One track.
#[derive(Debug, Default)]
pub(crate) struct TrackIn {
    /// Whether its publisher may send it and said that it does.
    pub(crate) is_announced: bool,
    pub(crate) layers: [Option<Box<Layer>>; LAYERS],
    /// Whom it is sent to.
    pub(crate) watchers: Vec<PeerKey>,
    /// Other shards where it is wanted, and how well, 1 to 100.
    pub(crate) afar: Vec<(u16, u8)>,
    /// The best quality that anybody wants, as its publisher was told, and since when it is lower.
    pub(crate) told: u8,
    pub(crate) lower_since: Option<Instant>,
}

impl Ingest {
    /// Which stream a packet belongs to. None when nothing says so.
    pub(crate) fn place(
        &mut self,
        offer: &VideoOffer,
        packet: &VideoPacket<'_>,
        repairs: bool,
    ) -> Option<Place> {
        let ssrc = packet.header.ssrc;
        if let Some(source) = self.sources.iter().find(|source| source.ssrc == ssrc) {
            return (source.place.repairs == repairs).then_some(source.place);
        }
        // Where there is one line, OBS and its like do not name it.
        let track = match packet.mid {
            Some(mid) => offer.track(mid)?,
            None => offer.only_track()?,
        };
        let rid = if repairs { packet.repaired.or(packet.rid) } else { packet.rid };
        let place = Place { track, layer: offer.layer(track, rid)?, repairs };
        // A new SSRC takes the place of the one before.
        self.sources.retain(|source| source.place != place);
        if self.sources.len() < SOURCES {
            self.sources.push(Source { ssrc, place });
        }
        Some(place)
    }

    /// The SSRC of a layer's own packets.
    pub(crate) fn ssrc_of(&self, track: Track, layer: u8) -> Option<u32> {
        let place = Place { track, layer, repairs: false };
        self.sources.iter().find(|source| source.place == place).map(|source| source.ssrc)
    }

    pub(crate) fn track(&self, track: Track) -> &TrackIn {
        &self.tracks[track as usize]
    }

    pub(crate) fn track_mut(&mut self, track: Track) -> &mut TrackIn {
        &mut self.tracks[track as usize]
    }

    /// The layer that packets of this SSRC and codec belong to; a new one if they are new.
    pub(crate) fn layer(
        &mut self,
        now: Instant,
        place: Place,
        ssrc: u32,
        codec: Codec,
    ) -> Option<&mut Layer> {
        let slot = self.tracks[place.track as usize].layers.get_mut(usize::from(place.layer))?;
        if slot.as_ref().is_none_or(|layer| layer.ssrc != ssrc || layer.codec != codec) {
            self.generations = self.generations.wrapping_add(1);
            *slot = Some(Box::new(Layer::new(now, ssrc, self.generations, codec)));
        }
        slot.as_deref_mut()
    }

    /// The layer of this SSRC, with its track.
    pub(crate) fn find(&mut self, ssrc: u32) -> Option<&mut Layer> {
        let layers = self.tracks.iter_mut().flat_map(|track| track.layers.iter_mut());
        layers.flatten().map(|layer| &mut **layer).find(|layer| layer.ssrc == ssrc)
    }

    /// Every layer that was ever sent and not forgotten.
    pub(crate) fn layers(&mut self) -> impl Iterator<Item = &mut Layer> {
        let layers = self.tracks.iter_mut().flat_map(|track| track.layers.iter_mut());
        layers.flatten().map(|layer| &mut **layer)
    }

    /// Whether anything is announced.
    pub(crate) fn is_active(&self) -> bool {
        self.tracks.iter().any(|track| track.is_announced)
    }

    /// Forgets SSRCs: another transport begins anew.
    pub(crate) fn restart(&mut self) {
        self.sources.clear();
        (self.arrivals, self.uplink) = Default::default();
        for track in &mut self.tracks {
            track.layers = Default::default();
        }
    }
}

impl TrackIn {
    /// On that shard it is wanted so well from now on, 0 to 100.
    pub(crate) fn note_afar(&mut self, shard: u16, quality: u8) {
        self.afar.retain(|(of, _)| *of != shard);
        if quality > 0 {
            self.afar.push((shard, quality.min(100)));
        }
    }

    /// The bits a second of each layer that is being sent.
    pub(crate) fn rates(&mut self, now: Instant) -> [Option<u64>; LAYERS] {
        let mut rates = [None; LAYERS];
        for (rate, layer) in rates.iter_mut().zip(&mut self.layers) {
            *rate = layer
                .as_mut()
                .filter(|layer| layer.is_live(now))
                .map(|layer| layer.meter.rate(now));
        }
        rates
    }
}
