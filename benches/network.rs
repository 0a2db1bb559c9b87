//! A network alone: latency of one run, and its outputs. Any ONNX file with one float input, 1 × channels × height × width.
//!
//!     cargo bench --bench network -- --model FILE [--runs N] [--operators ours|tract] [--isa NAME] [--save OUT --input IN] [--serve]
//!
//! Prints JSON; IN and OUT are raw little-endian float32. With --serve it answers a line for each line read: "run" runs once, "infer IN OUT"
//! reads, runs and writes; the answer is the milliseconds of the run. So several programs can take turns on a machine.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bearwatch::infer::graph::network::{Network, Operators};
use bearwatch::infer::int8::isa::Isa;
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// ONNX file
    #[arg(long)]
    model: PathBuf,
    /// Timed runs
    #[arg(long, default_value_t = 30)]
    runs: usize,
    /// Untimed runs before them
    #[arg(long, default_value_t = 1)]
    warm: usize,
    /// "ours" or "tract"
    #[arg(long, default_value = "ours")]
    operators: String,
    /// Instruction set of our operators, by the name that is printed [default: the best here]
    #[arg(long)]
    isa: Option<String>,
    /// Input, raw float32 [default: grey]
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where the output goes, raw float32
    #[arg(long)]
    save: Option<PathBuf>,
    /// Height and width of an input that the file leaves open
    #[arg(long, default_value_t = 416)]
    side: usize,
    /// Answer lines
    #[arg(long)]
    serve: bool,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let onnx = std::fs::read(&args.model).unwrap();
    let isa = match &args.isa {
        None => Isa::best(),
        Some(name) => Isa::available().into_iter().find(|isa| isa.name() == name).unwrap(),
    };
    let operators = if args.operators == "tract" { Operators::Tracts } else { Operators::Ours(isa) };
    let shape = [1, 3, args.side, args.side];
    let network = Network::load(&onnx, shape, operators).unwrap();
    let planes = args.input.as_deref().map_or_else(|| vec![114.0; shape.iter().product()], floats);
    let input = Input::new(&network, planes);
    let mut output = vec![];
    if args.serve {
        return serve(&network, &input, &mut output);
    }
    let mut runs_ms = vec![];
    for run in 0..args.warm + args.runs {
        let ms = time(&network, &input, &mut output);
        if run >= args.warm {
            runs_ms.push(ms);
        }
    }
    if let Some(path) = &args.save {
        save(path, &output);
    }
    let report = serde_json::json!({
        "model": args.model, "operators": args.operators, "isa": isa.name(), "threads": 1, "runs_ms": runs_ms,
        "operators_in_plan": network.count(),
    });
    println!("{report}");
}

/// As in the daemon: where the network takes bytes, it is given bytes.
enum Input {
    Bytes(Vec<u8>),
    Planes(Vec<f32>),
}

impl Input {
    fn new(network: &Network, planes: Vec<f32>) -> Input {
        network.to_bytes(&planes).unwrap().map_or(Input::Planes(planes), Input::Bytes)
    }
}

/// Milliseconds of one run.
fn time(network: &Network, input: &Input, output: &mut Vec<f32>) -> f64 {
    let begin = Instant::now();
    match input {
        Input::Bytes(bytes) => network.run_bytes(bytes, output).unwrap(),
        Input::Planes(planes) => network.run_planes(planes, output).unwrap(),
    }
    begin.elapsed().as_secs_f64() * 1e3
}

fn serve(network: &Network, input: &Input, output: &mut Vec<f32>) {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["run"] => println!("{}", time(network, input, output)),
            ["infer", from, to] => {
                let ms = time(network, &Input::new(network, floats(Path::new(from))), output);
                save(Path::new(to), output);
                println!("{ms}");
            }
            _ => println!("not understood: {line}"),
        }
    }
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn save(path: &Path, values: &[f32]) {
    std::fs::write(path, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
}
