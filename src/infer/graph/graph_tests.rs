//! What becomes of graphs: those of one pattern each, and the embedded model, compared with tract's own operators.

use std::sync::LazyLock;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto,
    ValueInfoProto,
};

use super::network::{Network, Operators};
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::infer::bundle::Bundle;
use crate::infer::int8::isa::Isa;
use crate::perceive::frame::Picture;

const SIDE: usize = 12;
const SHAPE: [usize; 4] = [1, 3, SIDE, SIDE];

/// An ONNX graph from "x" to "y", a node at a time.
struct Graph {
    graph: GraphProto,
    random: Pcg64Mcg,
}

impl Graph {
    fn new() -> Graph {
        let float = Tensor { elem_type: DataType::Float as i32, shape: None };
        let kind = TypeProto { value: Some(Value::TensorType(float)), ..Default::default() };
        let value = |name: &str| ValueInfoProto {
            name: name.into(),
            r#type: Some(kind.clone()),
            ..Default::default()
        };
        let (input, output) = (vec![value("x")], vec![value("y")]);
        Graph {
            graph: GraphProto { input, output, ..Default::default() },
            random: Pcg64Mcg::seed_from_u64(5),
        }
    }

    fn node(mut self, kind: &str, inputs: &str, output: &str, attributes: &[(&str, &[i64])]) -> Graph {
        let attribute = |&(name, ints): &(&str, &[i64])| AttributeProto {
            name: name.into(),
            // A list, or a number by itself.
            r#type: if matches!(name, "axis" | "group") { 2 } else { 7 },
            i: ints[0],
            ints: ints.to_vec(),
            ..Default::default()
        };
        self.graph.node.push(NodeProto {
            name: output.into(),
            op_type: kind.into(),
            input: inputs.split(' ').map(|name| name.trim_matches('-').into()).collect(),
            output: vec![output.into()],
            attribute: attributes.iter().map(attribute).collect(),
            ..Default::default()
        });
        self
    }

    fn tensor(mut self, name: &str, kind: DataType, dims: &[i64], raw: Vec<u8>) -> Graph {
        let (dims, data_type) = (dims.to_vec(), kind as i32);
        let tensor = TensorProto { name: name.into(), dims, data_type, raw_data: raw, ..Default::default() };
        self.graph.initializer.push(tensor);
        self
    }

    fn floats(self, name: &str, values: &[f32]) -> Graph {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let dims = [values.len() as i64];
        self.tensor(name, DataType::Float, if values.len() == 1 { &[] } else { &dims }, raw)
    }

    /// QuantizeLinear and DequantizeLinear: `from` becomes `to`, `to` and "8".
    fn pair(self, from: &str, to: &str, scale: f32, zero: u8, kind: DataType) -> Graph {
        let [s, z, q] = ["s", "z", "8"].map(|end| format!("{to}{end}"));
        self.floats(&s, &[scale])
            .tensor(&z, kind, &[], vec![zero])
            .node("QuantizeLinear", &format!("{from} {s} {z}"), &q, &[])
            .node("DequantizeLinear", &format!("{q} {s} {z}"), to, &[])
    }

    fn bytes(self, from: &str, to: &str, scale: f32, zero: u8) -> Graph {
        self.pair(from, to, scale, zero, DataType::Uint8)
    }

    /// A convolution with quantised weights of random values and a bias.
    fn conv(mut self, from: &str, to: &str, dims: [i64; 4], attributes: &[(&str, &[i64])]) -> Graph {
        let count: i64 = dims.iter().product();
        let weights = (0..count).map(|_| self.random.random_range(-127..=127i8) as u8).collect();
        let scales: Vec<f32> = (0..dims[0]).map(|_| self.random.random_range(0.001..0.01)).collect();
        let bias: Vec<f32> = (0..dims[0]).map(|_| self.random.random_range(-1.0..1.0)).collect();
        let [w, s, z, f, b] = ["w", "ws", "wz", "wf", "b"].map(|end| format!("{to}{end}"));
        self.tensor(&w, DataType::Int8, &dims, weights)
            .tensor(&z, DataType::Int8, &[dims[0]], vec![0; dims[0] as usize])
            .floats(&s, &scales)
            .floats(&b, &bias)
            .node("DequantizeLinear", &format!("{w} {s} {z}"), &f, &[("axis", &[0])])
            .node("Conv", &format!("{from} {f} {b}"), to, attributes)
    }

    fn load(&self, operators: Operators) -> Network {
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 13 }];
        let graph = Some(self.graph.clone());
        let model = ModelProto { ir_version: 8, opset_import, graph, ..Default::default() };
        Network::plan(&model, SHAPE, operators).unwrap()
    }

    /// Runs on a picture of noise; every instruction set gives the same, and tract's own operators nearly: a difference of one byte, here and
    /// there, where a value lies between two. Returns the names of our plan's operators.
    fn agrees(&self, step: f32) -> Vec<String> {
        let mut random = Pcg64Mcg::seed_from_u64(6);
        let planes: Vec<f32> = (0..SHAPE.iter().product()).map(|_| random.random_range(-2.0..2.0)).collect();
        let run = |operators| {
            let network = self.load(operators);
            let mut output = vec![];
            match network.to_bytes(&planes).unwrap() {
                Some(bytes) => network.run_bytes(&bytes, &mut output).unwrap(),
                None => network.run_planes(&planes, &mut output).unwrap(),
            }
            output
        };
        let expected = run(Operators::Tracts);
        let ours = run(Operators::Ours(Isa::best()));
        assert_eq!(ours.len(), expected.len());
        let off = |(a, b): (&f32, &f32)| (a - b).abs();
        let worst = ours.iter().zip(&expected).map(off).fold(0.0, f32::max);
        assert!(worst <= 1.01 * step, "{worst} apart, a byte is {step}");
        let apart = ours.iter().zip(&expected).filter(|pair| off(*pair) > 0.01 * step).count();
        assert!(apart <= ours.len() / 50, "{apart} of {} differ", ours.len());
        for isa in Isa::available() {
            assert_eq!(run(Operators::Ours(isa)), ours, "{isa:?}");
        }
        self.load(Operators::Ours(Isa::best())).operators()
    }
}

fn with_input() -> Graph {
    Graph::new().bytes("x", "in", 0.02, 128)
}

#[test]
fn a_convolution_with_its_activation_is_one_operator() {
    let graph = with_input()
        .conv("in", "c", [20, 3, 3, 3], &[("strides", &[2, 2]), ("pads", &[1, 1, 1, 1])])
        .bytes("c", "p", 0.05, 120)
        .node("Sigmoid", "p", "s", &[])
        .node("Mul", "p s", "a", &[])
        .bytes("a", "y", 0.04, 10);
    assert_eq!(graph.agrees(0.04), ["Source", "Int8Conv", "Int8Leave"]);
}

#[test]
fn an_activation_with_a_quantised_inner_part_is_still_one_table() {
    let graph = with_input()
        .conv("in", "c", [8, 3, 1, 1], &[])
        .bytes("c", "p", 0.05, 120)
        .node("Sigmoid", "p", "s", &[])
        .bytes("s", "t", 1.0 / 255.0, 0)
        .node("Mul", "p t", "a", &[])
        .bytes("a", "y", 0.04, 10);
    assert_eq!(graph.agrees(0.04), ["Source", "Int8Conv", "Int8Leave"]);
}

#[test]
fn a_clamp_is_part_of_the_convolution() {
    let graph = with_input()
        .conv("in", "c", [33, 3, 3, 3], &[])
        .node("Relu", "c", "r", &[])
        .bytes("r", "d", 0.02, 0)
        .conv("d", "e", [33, 1, 3, 3], &[("group", &[33]), ("pads", &[1, 1, 1, 1])])
        .bytes("e", "y", 0.05, 100);
    assert_eq!(graph.agrees(0.05), ["Source", "Int8Conv", "Int8Depthwise", "Int8Leave"]);
}

#[test]
fn signed_bytes_are_as_good() {
    let graph = Graph::new()
        .pair("x", "in", 0.02, 3, DataType::Int8)
        .conv("in", "c", [16, 3, 3, 3], &[("pads", &[1, 1, 1, 1])])
        .pair("c", "p", 0.05, 250, DataType::Int8)
        .node("Sigmoid", "p", "a", &[])
        .pair("a", "y", 0.004, 130, DataType::Int8);
    assert_eq!(graph.agrees(0.004), ["Source", "Int8Conv", "Int8Leave"]);
}

#[test]
fn sums_joins_and_the_greatest_of_windows_stay_in_bytes() {
    let pads: &[(&str, &[i64])] = &[("kernel_shape", &[5, 5]), ("pads", &[2, 2, 2, 2]), ("strides", &[1, 1])];
    let graph = with_input()
        .conv("in", "a", [8, 3, 1, 1], &[])
        .bytes("a", "aq", 0.0307, 90)
        .conv("in", "b", [8, 3, 3, 3], &[("pads", &[1, 1, 1, 1])])
        .bytes("b", "bq", 0.05, 120)
        .node("Add", "aq bq", "sum", &[])
        .bytes("sum", "sq", 0.0613, 110)
        .node("MaxPool", "sq", "m", pads)
        .bytes("m", "mq", 0.0613, 110)
        .node("Concat", "mq aq", "j", &[("axis", &[1])])
        .bytes("j", "y", 0.0613, 110);
    let operators = graph.agrees(0.0613);
    for name in ["Int8Add", "Int8MaxPool", "Int8Concat", "Int8Table"] {
        assert_eq!(operators.iter().filter(|o| *o == name).count(), 1, "{name} in {operators:?}");
    }
    assert!(operators.iter().all(|o| o == "Source" || o.starts_with("Int8")), "{operators:?}");
}

#[test]
fn slices_and_enlargement_move_bytes() {
    let words = |values: &[i64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let mut graph = Graph::new();
    for (name, values) in [("zero", [0]), ("one", [1]), ("two", [2]), ("three", [3]), ("end", [i64::MAX])] {
        graph = graph.tensor(name, DataType::Int64, &[1], words(&values));
    }
    let graph = graph
        .floats("scales", &[1.0, 1.0, 2.0, 2.0])
        .node("Slice", "x zero end two two", "even", &[])
        .node("Slice", "even one end three two", "left", &[])
        .node("Slice", "x one end two two", "odd", &[])
        .node("Slice", "odd zero end three two", "right", &[])
        .node("Concat", "left right", "deep", &[("axis", &[1])])
        .bytes("deep", "in", 0.02, 128)
        .conv("in", "c", [16, 6, 3, 3], &[("pads", &[1, 1, 1, 1])])
        .bytes("c", "cq", 0.05, 128)
        .node("Resize", "cq - scales", "r", &[])
        .bytes("r", "y", 0.05, 128);
    let operators = graph.agrees(0.05);
    assert!(operators.iter().all(|o| o == "Source" || o.starts_with("Int8")), "{operators:?}");
}

#[test]
fn what_is_not_recognised_is_left_to_tract() {
    // Two groups of channels, a mean over windows, a float input of a convolution.
    let pads: &[(&str, &[i64])] = &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])];
    let graph = with_input()
        .conv("in", "c", [8, 3, 3, 3], &[])
        .bytes("c", "cq", 0.05, 128)
        .conv("cq", "d", [8, 4, 1, 1], &[("group", &[2])])
        .bytes("d", "dq", 0.05, 128)
        .node("AveragePool", "dq", "m", pads)
        .bytes("m", "mq", 0.05, 128)
        .node("Exp", "m", "e", &[])
        .conv("e", "y", [4, 8, 1, 1], &[]);
    let operators = graph.agrees(0.5);
    assert!(operators.iter().any(|o| o == "Int8Conv") && operators.iter().any(|o| o == "Int8Enter"));
    assert!(operators.iter().any(|o| !o.starts_with("Int8")));
}

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| Bundle::open(None).unwrap());

fn embedded(operators: Operators) -> Network {
    Network::load(&BUNDLE.onnx, [1, 3, 416, 416], operators).unwrap()
}

#[test]
fn the_embedded_model_stays_in_bytes_from_its_first_convolution_to_its_heads() {
    let network = embedded(Operators::Ours(Isa::best()));
    let operators = network.operators();
    let of = |names: &[&str]| operators.iter().filter(|o| names.contains(&o.as_str())).count();
    assert_eq!(of(&["Int8Conv", "Int8Depthwise", "Int8Head"]), 113, "every convolution of the file");
    assert_eq!(of(&["Int8Head"]), 9, "three for each of three strides");
    let last = operators.iter().rposition(|o| o.starts_with("Int8"));
    let heads = operators.iter().position(|o| o == "Int8Head");
    let between = &operators[1..heads.unwrap()];
    assert!(network.input().is_some() && operators[0] == "Source", "pictures go in as bytes");
    assert!(between.iter().all(|o| o.starts_with("Int8")), "float before the first head: {between:?}");
    assert!(last.is_some() && of(&["Int8Enter", "Int8Leave", "Int8Table"]) == 0, "{operators:?}");
    let left: Vec<&String> = operators.iter().filter(|o| !o.starts_with("Int8")).collect();
    let known = ["Source", "Sigmoid", "Concat", "MoveAxis", "IntoShape"];
    assert!(left.iter().all(|o| known.contains(&o.as_str())), "after the heads: {left:?}");
}

/// Bytes of a drawn picture with a bear, in the model's order.
fn drawn() -> Vec<u8> {
    let settings = SceneSettings { seed: 8, width: 416, height: 416, ..SceneSettings::default() };
    let mut picture = Picture::new(416, 416);
    let mut scene = Scene::new(&settings);
    let begin = scene.visits()[0];
    scene.draw((begin.enters_s + begin.leaves_s) / 2.0, &mut picture);
    picture.data.as_chunks::<3>().0.iter().flat_map(|&[red, green, blue]| [blue, green, red]).collect()
}

#[test]
fn every_instruction_set_gives_the_embedded_models_very_numbers_and_tract_nearly() {
    let bytes = drawn();
    let run = |isa| {
        let mut output = vec![];
        embedded(Operators::Ours(isa)).run_bytes(&bytes, &mut output).unwrap();
        output
    };
    let ours = run(Isa::best());
    for isa in Isa::available() {
        assert_eq!(run(isa), ours, "{isa:?}");
    }
    let planes: Vec<f32> =
        (0..3).flat_map(|c| bytes.iter().skip(c).step_by(3).map(|&b| f32::from(b))).collect();
    let mut tracts = vec![];
    embedded(Operators::Tracts).run_planes(&planes, &mut tracts).unwrap();
    // Nearly: tract computes in float between casts, so here and there a value that lies between two bytes goes to the other one, and the
    // layers behind make that as much as the rounding to bytes itself is worth. (onnxruntime's whole numbers are ours to the last byte:
    // docs/performance.md.)
    let rows: Vec<(&[f32], &[f32])> = ours.chunks_exact(8).zip(tracts.chunks_exact(8)).collect();
    let mean = rows.iter().map(|(a, b)| (a[4] - b[4]).abs()).sum::<f32>() / rows.len() as f32;
    assert!(mean < 0.002, "objectness is {mean} off on the average");
    let seen: Vec<_> = rows.iter().filter(|(_, tracts)| tracts[4] > 0.5).collect();
    assert!(!seen.is_empty(), "nothing in the picture");
    for (ours, tracts) in seen {
        let off = ours[..4].iter().zip(&tracts[..4]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(ours[4] > 0.3 && off < 0.3, "{tracts:?} is {ours:?}");
    }
}
