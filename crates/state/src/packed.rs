//! A persistent map from ids to a few bytes each, for what a server has a million of.
//!
//! Entries lie packed in chunks, so that one costs its bytes and twelve more, not an allocation and a place
//! in a table. Chunks are shared between clones: a clone costs nothing, and a change copies one chunk and
//! the way to it. Pure; what the bytes mean is its callers' business.

use std::sync::Arc;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    nodes: Arc<Vec<Arc<Node>>>,
    len: usize,
}

/// Chunks in order, never none.
#[derive(Clone)]
struct Node {
    /// The first id in it.
    first: u64,
    chunks: Vec<Chunk>,
}

/// How many entries (two bytes), their ids in order (eight bytes each), where the bytes of each end (four
/// bytes each), and the bytes. Never without entries.
#[derive(Clone)]
struct Chunk(Arc<[u8]>);

impl Chunk {
    fn len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[0], self.0[1]]))
    }

    fn id(&self, nth: usize) -> u64 {
        let at = HEAD + ID * nth;
        let mut id = [0; ID];
        id.copy_from_slice(&self.0[at..at + ID]);
        u64::from_le_bytes(id)
    }

    /// Where the bytes of an entry end, counted from where those of the first begin.
    fn end(&self, nth: usize) -> usize {
        let at = HEAD + ID * self.len() + END * nth;
        let mut end = [0; END];
        end.copy_from_slice(&self.0[at..at + END]);
        u32::from_le_bytes(end) as usize
    }

    fn value(&self, nth: usize) -> &[u8] {
        let values = HEAD + (ID + END) * self.len();
        let start = if nth == 0 { 0 } else { self.end(nth - 1) };
        &self.0[values + start..values + self.end(nth)]
    }

    /// The place of an id, or where it would be.
    fn find(&self, id: u64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.id(middle) < id {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low < self.len() && self.id(low) == id { Ok(low) } else { Err(low) }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, &[u8])> + Clone {
        (0..self.len()).map(|nth| (self.id(nth), self.value(nth)))
    }

    /// A chunk of these, at least one.
    fn of<'a>(entries: impl Iterator<Item = (u64, &'a [u8])> + Clone) -> Self {
        let count = entries.clone().count();
        let values: usize = entries.clone().map(|(_, value)| value.len()).sum();
        let mut bytes = Vec::with_capacity(HEAD + (ID + END) * count + values);
        bytes.extend_from_slice(&(count as u16).to_le_bytes());
        for (id, _) in entries.clone() {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        let mut end = 0_u32;
        for (_, value) in entries.clone() {
            end += value.len() as u32;
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        for (_, value) in entries {
            bytes.extend_from_slice(value);
        }
        Self(bytes.into())
    }

    fn is_too_large(&self) -> bool {
        self.len() > MOST || (self.len() > 1 && self.0.len() > LARGE)
    }
}

impl Packed {
    /// How many entries.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The bytes of an entry.
    pub(crate) fn get(&self, id: u64) -> Option<&[u8]> {
        let (node, chunk) = self.seek(id)?;
        let chunk = &self.nodes[node].chunks[chunk];
        chunk.find(id).ok().map(|nth| chunk.value(nth))
    }

    /// Puts an entry, or replaces the one of that id.
    pub(crate) fn insert(&mut self, id: u64, value: &[u8]) {
        let Some((at, within)) = self.seek(id) else {
            let chunks = vec![Chunk::of(std::iter::once((id, value)))];
            self.nodes = Arc::new(vec![Arc::new(Node { first: id, chunks })]);
            self.len = 1;
            return;
        };
        let nodes = Arc::make_mut(&mut self.nodes);
        let last = at + 1 == nodes.len();
        let node = Arc::make_mut(&mut nodes[at]);
        let chunk = &node.chunks[within];
        let last = last && within + 1 == node.chunks.len();
        match chunk.find(id) {
            Ok(nth) => {
                let with = chunk.entries().enumerate();
                let with = with.map(|(at, entry)| if at == nth { (id, value) } else { entry });
                node.chunks[within] = Chunk::of(with);
            }
            // Whoever is new has the greatest id mostly: chunks that are full stay so.
            Err(nth) if last && nth == chunk.len() && nth >= MOST => {
                node.chunks.push(Chunk::of(std::iter::once((id, value))));
                self.len += 1;
            }
            Err(nth) => {
                let before = chunk.entries().take(nth);
                let with = before.chain(std::iter::once((id, value)));
                node.chunks[within] = Chunk::of(with.chain(chunk.entries().skip(nth)));
                self.len += 1;
            }
        }
        if node.chunks[within].is_too_large() {
            let whole = node.chunks[within].clone();
            let half = whole.len() / 2;
            node.chunks[within] = Chunk::of(whole.entries().take(half));
            node.chunks.insert(within + 1, Chunk::of(whole.entries().skip(half)));
        }
        node.first = node.chunks[0].id(0);
        if node.chunks.len() > CHUNKS {
            let half = if last { CHUNKS } else { CHUNKS / 2 };
            let chunks = node.chunks.split_off(half);
            nodes.insert(at + 1, Arc::new(Node { first: chunks[0].id(0), chunks }));
        }
    }

    /// Takes an entry out; whether it was there.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some((at, within)) = self.seek(id) else { return false };
        let Ok(nth) = self.nodes[at].chunks[within].find(id) else { return false };
        self.len -= 1;
        let nodes = Arc::make_mut(&mut self.nodes);
        let node = Arc::make_mut(&mut nodes[at]);
        let chunk = node.chunks[within].clone();
        let left = chunk.entries().enumerate().filter(|(at, _)| *at != nth).map(|(_, entry)| entry);
        if chunk.len() > 1 {
            node.chunks[within] = Chunk::of(left);
            node.join(within);
        } else {
            node.chunks.remove(within);
        }
        match node.chunks.first() {
            Some(chunk) => node.first = chunk.id(0),
            None => drop(nodes.remove(at)),
        }
        true
    }

    /// Entries from that id on, in order.
    pub(crate) fn from(&self, id: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let (node, chunk) = self.seek(id).unwrap_or_default();
        let nodes = self.nodes.iter().enumerate().skip(node);
        let chunks = nodes
            .flat_map(move |(at, of)| of.chunks.iter().skip(if at == node { chunk } else { 0 }));
        chunks.flat_map(Chunk::entries).skip_while(move |(other, _)| *other < id)
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.from(0)
    }

    /// The node, and the chunk in it, where an id is or would be; none while nothing is there.
    fn seek(&self, id: u64) -> Option<(usize, usize)> {
        let node = self.nodes.partition_point(|node| node.first <= id).saturating_sub(1);
        let chunks = &self.nodes.get(node)?.chunks;
        Some((node, chunks.partition_point(|chunk| chunk.id(0) <= id).saturating_sub(1)))
    }
}

impl Node {
    /// Joins a chunk of few with the next one, so that those that emptied do not stay.
    fn join(&mut self, nth: usize) {
        let nth = nth.min(self.chunks.len().saturating_sub(2));
        let [one, other, ..] = &self.chunks[nth..] else { return };
        let together = one.len() + other.len();
        if together <= MOST / 2 && one.0.len() + other.0.len() <= LARGE {
            self.chunks[nth] = Chunk::of(one.entries().chain(other.entries()));
            self.chunks.remove(nth + 1);
        }
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.nodes, &other.nodes)
            || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

/// Writes bytes that a [`Reader`] reads.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    /// A number that is small mostly: seven bits a byte (LEB128).
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

/// Reads what a [`Writer`] wrote, in the same order. Panics on anything else: it never left this process.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    pub(crate) const fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub(crate) fn word(&mut self) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(self.take(8));
        u64::from_le_bytes(word)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= (byte as u64 & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    pub(crate) const fn bytes(&mut self) -> &'a [u8] {
        let count = self.number();
        self.take(count as usize)
    }

    pub(crate) fn text(&mut self) -> &'a str {
        // Only text is written as such.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

const HEAD: usize = 2;
const ID: usize = 8;
const END: usize = 4;
/// Entries of a chunk at most. More makes a change copy more; fewer makes more allocations.
const MOST: usize = 64;
/// Bytes of a chunk from which it is divided.
const LARGE: usize = 16 * 1_024;
/// Chunks of a node at most: a change copies as many references, and as many as there are nodes.
const CHUNKS: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn check(map: &Packed, model: &BTreeMap<u64, Vec<u8>>) {
        assert_eq!(map.len(), model.len());
        let all: Vec<_> = map.iter().map(|(id, value)| (id, value.to_vec())).collect();
        let wanted: Vec<_> = model.iter().map(|(id, value)| (*id, value.clone())).collect();
        assert_eq!(all, wanted);
        for node in &**map.nodes {
            assert_eq!(node.first, node.chunks[0].id(0));
            assert!(node.chunks.len() <= CHUNKS);
            assert!(node.chunks.iter().all(|chunk| chunk.len() > 0 && !chunk.is_too_large()));
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order_and_clones_stay_as_they_were(
            steps in prop::collection::vec((0..4_u8, 0..900_u64, 0..40_usize), 0..2_500),
        ) {
            let (mut map, mut model) = (Packed::default(), BTreeMap::new());
            let mut kept = None;
            for (nth, (kind, id, size)) in steps.into_iter().enumerate() {
                if kind == 0 {
                    prop_assert_eq!(map.remove(id), model.remove(&id).is_some());
                } else {
                    let value = vec![nth as u8; size];
                    map.insert(id, &value);
                    model.insert(id, value);
                }
                prop_assert_eq!(map.get(id), model.get(&id).map(Vec::as_slice));
                if nth == 1_000 {
                    kept = Some((map.clone(), model.clone()));
                }
            }
            check(&map, &model);
            if let Some((map, model)) = kept {
                check(&map, &model);
            }
            for id in [0, 1, 450, 899, 900] {
                let there: Vec<_> = map.from(id).map(|(id, _)| id).collect();
                let wanted: Vec<_> = model.range(id..).map(|(id, _)| *id).collect();
                prop_assert_eq!(there, wanted);
            }
        }

        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(any::<u64>(), 0..20), text in ".*") {
            let mut writer = Writer::default();
            for number in &numbers {
                writer.number(*number);
                writer.word(*number);
            }
            writer.bytes(text.as_bytes());

            let mut reader = Reader(&writer.0);

            for number in numbers {
                prop_assert_eq!((reader.number(), reader.word()), (number, number));
            }
            prop_assert_eq!(reader.text(), text);
            prop_assert!(reader.0.is_empty());
        }
    }

    #[test]
    fn many_in_order_are_packed_tightly_and_can_all_go() {
        let (mut map, mut model) = (Packed::default(), BTreeMap::new());
        for id in 0..20_000_u64 {
            map.insert(id * 7, &id.to_le_bytes());
            model.insert(id * 7, id.to_le_bytes().to_vec());
        }

        check(&map, &model);
        let chunks: usize = map.nodes.iter().map(|node| node.chunks.len()).sum();
        assert_eq!(chunks, 20_000_usize.div_ceil(MOST));
        for id in 0..20_000_u64 {
            assert!(map.remove((id * 7_919 % 20_000) * 7));
        }
        assert!(map.len() == 0 && map.nodes.is_empty());
    }

    #[test]
    fn large_entries_have_chunks_of_their_own() {
        let (mut map, mut model) = (Packed::default(), BTreeMap::new());
        for id in 0..300_u64 {
            let value = vec![1; 10_000];
            map.insert(id * 13 % 300, &value);
            model.insert(id * 13 % 300, value);
        }

        check(&map, &model);
    }

    #[test]
    fn those_who_are_equal_are_so_however_they_came_about() {
        let (mut one, mut other) = (Packed::default(), Packed::default());
        for id in 0..500 {
            one.insert(id, b"x");
            other.insert(499 - id, b"x");
        }

        assert!(one == other);
        other.insert(7, b"y");
        assert!(one != other);
    }
}
