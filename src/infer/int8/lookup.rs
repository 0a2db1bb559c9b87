//! A function of one byte, as a table: any activation, and any change of scale, costs the same.

use super::isa::Isa;

/// 256 entries; one table for all channels, or one a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table(Vec<[u8; 256]>);

impl Table {
    /// The same for all channels.
    pub fn shared(entries: [u8; 256]) -> Table {
        Table(vec![entries])
    }

    /// By channel. One entry, or equal ones, are a shared table.
    pub fn by_channel(mut tables: Vec<[u8; 256]>) -> Table {
        if tables.windows(2).all(|pair| pair[0] == pair[1]) {
            tables.truncate(1);
        }
        Table(tables)
    }

    /// Entry of `byte` in channel `c`.
    pub fn entry(&self, c: usize, byte: u8) -> u8 {
        self.0[c % self.0.len()][usize::from(byte)]
    }

    /// Changes nothing.
    pub fn is_identity(&self) -> bool {
        self.0.iter().all(|table| table.iter().zip(0..=255u8).all(|(&entry, byte)| entry == byte))
    }

    /// Tables by channel: 1 where all channels share one.
    pub fn channels(&self) -> usize {
        self.0.len()
    }

    /// Replaces every byte; pixels × channels where the table is by channel.
    pub fn apply(&self, isa: Isa, bytes: &mut [u8]) {
        match (self.0.as_slice(), isa) {
            #[cfg(target_arch = "x86_64")]
            ([table], Isa::Vnni) => super::x86::look_up(table, bytes),
            #[cfg(target_arch = "aarch64")]
            ([table], Isa::Neon | Isa::Dot) => super::arm::look_up(table, bytes),
            ([table], _) => replace(table, bytes),
            (tables, _) => {
                for pixel in bytes.chunks_exact_mut(tables.len()) {
                    for (byte, table) in pixel.iter_mut().zip(tables) {
                        *byte = table[usize::from(*byte)];
                    }
                }
            }
        }
    }
}

/// The definition, and what is left over of whole registers.
pub(super) fn replace(table: &[u8; 256], bytes: &mut [u8]) {
    for byte in bytes {
        *byte = table[usize::from(*byte)];
    }
}
