//! A model of a bundle, ready to run on pictures: the network, held to what the card says.

use super::bundle::{Bundle, ModelError};
use super::graph::levels::Levels;
use super::graph::network::{Network, NetworkError, Operators};
use super::int8::isa::Isa;
use crate::perceive::model::{InputSpec, ModelSpec};

/// Runs a model. Shared by the threads that run regions side by side: a run keeps nothing.
pub struct Engine {
    network: Network,
    pixels: Pixels,
    spec: ModelSpec,
}

/// How the bytes of a picture become the network's input.
enum Pixels {
    /// As they are.
    Same,
    /// By a table for each channel.
    Bytes(Box<[[u8; 256]; 3]>),
    /// Planes of floats, by a table for each channel.
    Floats(Box<[[f32; 256]; 3]>),
}

/// The model failed on an input, which no input should bring about: the frame is skipped, the error logged and counted.
#[derive(Debug, thiserror::Error)]
#[error("model could not be run: {0}")]
pub struct RunError(String);

impl RunError {
    /// A thread that ran the model beside the others ended by a bug.
    pub(super) fn panicked() -> RunError {
        RunError("its thread panicked".into())
    }
}

impl From<NetworkError> for RunError {
    fn from(error: NetworkError) -> RunError {
        RunError(error.to_string())
    }
}

impl Engine {
    /// Loads the graph, optimises it, and checks its shapes against the card: input 1 × 3 × height × width float32, output
    /// 1 × anchors × (5 + channels) float32. Its quantised part runs by the fastest kernels of this processor.
    ///
    /// # Errors
    /// [`ModelError::Unsuitable`].
    pub fn load(bundle: &Bundle) -> Result<Engine, ModelError> {
        Engine::load_for(bundle, Isa::best())
    }

    /// The same by the kernels of `isa`.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load_for(bundle: &Bundle, isa: Isa) -> Result<Engine, ModelError> {
        let spec = &bundle.spec;
        let shape = [1, 3, spec.input.height as usize, spec.input.width as usize];
        let unsuitable = |what: String| ModelError::Unsuitable { path: bundle.path.clone(), what };
        let network = Network::load(&bundle.onnx, shape, Operators::Ours(isa))
            .map_err(|error| unsuitable(format!("tract cannot load it: {error}")))?;
        let expected = [1, spec.anchors()];
        let found = network.output();
        let columns = found.get(2).copied().unwrap_or(0);
        if found.len() != 3 || found[..2] != expected || columns < 5 + spec.channels {
            let least = 5 + spec.channels;
            return Err(unsuitable(format!(
                "its output is {found:?}, the card speaks of [1, {}, at least {least}]",
                expected[1]
            )));
        }
        let pixels = Pixels::new(&spec.input, network.input());
        Ok(Engine { network, pixels, spec: ModelSpec { channels: columns - 5, ..spec.clone() } })
    }

    /// The card's specification with the number of class channels that the output really has.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The network within.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Runs one input (height × width × 3 bytes, as [`crate::perceive::regions::Resampler`] lays them out) and writes anchors × columns
    /// numbers.
    pub fn run(&self, input: &[u8], output: &mut Vec<f32>) -> Result<(), RunError> {
        match &self.pixels {
            Pixels::Same => self.network.run_bytes(input, output)?,
            Pixels::Bytes(tables) => {
                let byte = |(i, &byte): (usize, &u8)| tables[i % 3][usize::from(byte)];
                let bytes: Vec<u8> = input.iter().enumerate().map(byte).collect();
                self.network.run_bytes(&bytes, output)?;
            }
            Pixels::Floats(tables) => {
                let plane =
                    |c: usize| input.iter().skip(c).step_by(3).map(move |&b| tables[c][usize::from(b)]);
                self.network.run_planes(&(0..3).flat_map(plane).collect::<Vec<f32>>(), output)?;
            }
        }
        debug_assert_eq!(output.len(), self.spec.anchors() * (5 + self.spec.channels));
        Ok(())
    }
}

impl Pixels {
    fn new(spec: &InputSpec, levels: Option<&Levels>) -> Pixels {
        let value = |c: usize, byte: usize| (byte as f32 - spec.mean[c]) / spec.std[c];
        let Some(levels) = levels else {
            return Pixels::Floats(Box::new([0, 1, 2].map(|c| std::array::from_fn(|byte| value(c, byte)))));
        };
        let tables = [0, 1, 2].map(|c| std::array::from_fn(|byte| levels.byte(c, value(c, byte))));
        let same = tables.iter().all(|table: &[u8; 256]| (0..=255).eq(table.iter().copied()));
        if same { Pixels::Same } else { Pixels::Bytes(Box::new(tables)) }
    }
}
