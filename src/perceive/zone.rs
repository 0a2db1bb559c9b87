//! Areas that a person has drawn on the picture: what must not be seen, what must be watched, and what a bear must not come near to.

use std::fmt;

use super::frame::Picture;
use super::geometry::Rect;

/// A polygon of fractions of the frame that does not cross itself. Written as it is read: `tents: 0,0.6 0.3,0.6 0.3,1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// What people call the place; empty where nobody has named it.
    name: String,
    corners: Vec<[f32; 2]>,
}

/// Smaller polygons are slips of the pen, fractions of the frame.
const LEAST_AREA: f32 = 1e-4;
/// Longest name, characters.
const NAME: usize = 40;

impl Polygon {
    /// Reads `x,y x,y x,y …`: fractions of the frame's width and height from the top left, three corners at least; before them, a name with a
    /// colon, or nothing.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Polygon, String> {
        let (name, text) = text.rsplit_once(':').unwrap_or(("", text));
        let name = name.trim();
        if name.chars().count() > NAME || name.chars().any(char::is_control) {
            return Err(format!("has a name that is no line of {NAME} characters or fewer"));
        }
        let corners = text.split_whitespace().map(corner).collect::<Result<Vec<_>, _>>()?;
        if corners.len() < 3 {
            return Err(format!("has {} corners; an area has three at least", corners.len()));
        }
        let polygon = Polygon { name: name.to_owned(), corners };
        if let Some((first, second)) = polygon.crossing() {
            return Err(format!("crosses itself: side {} and side {}", first + 1, second + 1));
        }
        if polygon.area() < LEAST_AREA {
            return Err("has no area: its corners lie on a line".into());
        }
        Ok(polygon)
    }

    /// Whether a point lies inside.
    pub fn contains(&self, (x, y): (f32, f32)) -> bool {
        self.crossings(y).filter(|&at| at > x).count() % 2 == 1
    }

    /// The rectangle around it.
    pub fn bounds(&self) -> Rect {
        let low = |i: usize| self.corners.iter().map(|corner| corner[i]).fold(1.0, f32::min);
        let high = |i: usize| self.corners.iter().map(|corner| corner[i]).fold(0.0, f32::max);
        Rect { x: low(0), y: low(1), w: high(0) - low(0), h: high(1) - low(1) }
    }

    /// Blackens the pixels that lie inside, wholly or in part, as far as three lines a row can tell. `crossings` is a buffer.
    pub fn black_out(&self, picture: &mut Picture, crossings: &mut Vec<f32>) {
        let (width, height) = (picture.width as f32, picture.height as f32);
        let bounds = self.bounds();
        let rows = (bounds.y * height) as usize..((bounds.y + bounds.h) * height).ceil() as usize;
        let stride = picture.width as usize * 3;
        for (row, line) in picture.data.chunks_exact_mut(stride).enumerate().take(rows.end).skip(rows.start) {
            for within in [1e-3, 0.5, 1.0 - 1e-3] {
                crossings.clear();
                crossings.extend(self.crossings((row as f32 + within) / height));
                crossings.sort_unstable_by(f32::total_cmp);
                for pair in crossings.chunks_exact(2) {
                    let (first, last) = ((pair[0] * width) as usize, (pair[1] * width).ceil() as usize);
                    line[first * 3..(last * 3).min(stride)].fill(0);
                }
            }
        }
    }

    /// Where the sides cross a horizontal line, in no order.
    fn crossings(&self, y: f32) -> impl Iterator<Item = f32> {
        self.sides().filter_map(move |([ax, ay], [bx, by])| {
            // Half open, so that a corner belongs to one of its two sides.
            let crosses = (ay <= y) != (by <= y);
            crosses.then(|| ax + (y - ay) / (by - ay) * (bx - ax))
        })
    }

    fn sides(&self) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
        self.corners.iter().copied().zip(self.corners.iter().copied().cycle().skip(1))
    }

    /// Share of the frame (Gauss's formula).
    pub fn area(&self) -> f32 {
        let doubled: f32 = self.sides().map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
        doubled.abs() / 2.0
    }

    /// Two sides, counted from 0, that cross or touch without being neighbours.
    fn crossing(&self) -> Option<(usize, usize)> {
        let sides: Vec<_> = self.sides().collect();
        let pairs = (0..sides.len()).flat_map(|i| (i + 2..sides.len()).map(move |j| (i, j)));
        let apart = |&(i, j): &(usize, usize)| i != 0 || j + 1 != sides.len();
        pairs.filter(apart).find(|&(i, j)| meet(sides[i], sides[j]))
    }
}

impl fmt::Display for Polygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corners: Vec<String> = self.corners.iter().map(|[x, y]| format!("{x},{y}")).collect();
        let (name, corners) = (&self.name, corners.join(" "));
        if name.is_empty() { f.write_str(&corners) } else { write!(f, "{name}: {corners}") }
    }
}

fn corner(text: &str) -> Result<[f32; 2], String> {
    let fraction = |text: &str| text.parse::<f32>().ok().filter(|f| (0.0..=1.0).contains(f));
    let pair = text.split_once(',').and_then(|(x, y)| Some([fraction(x)?, fraction(y)?]));
    pair.ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        format!("\"{shown}\" is no corner; write x,y with both from 0 to 1, as in \"0,0 0.3,0 0.3,1\"")
    })
}

/// Whether two sides share a point.
fn meet(a: ([f32; 2], [f32; 2]), b: ([f32; 2], [f32; 2])) -> bool {
    let turn =
        |p: [f32; 2], q: [f32; 2], r: [f32; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let across = |p, q, r, s| turn(p, q, r) * turn(p, q, s) <= 0.0;
    let near = |i: usize| {
        let (a0, a1) = (a.0[i].min(a.1[i]), a.0[i].max(a.1[i]));
        let (b0, b1) = (b.0[i].min(b.1[i]), b.0[i].max(b.1[i]));
        a0 <= b1 && b0 <= a1
    };
    near(0) && near(1) && across(a.0, a.1, b.0, b.1) && across(b.0, b.1, a.0, a.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn polygon(text: &str) -> Polygon {
        Polygon::parse(text).unwrap()
    }

    #[test]
    fn an_l_holds_what_lies_in_it() {
        let l = polygon("0,0 0.5,0 0.5,0.5 1,0.5 1,1 0,1");
        for (point, inside) in
            [((0.25, 0.25), true), ((0.75, 0.75), true), ((0.75, 0.25), false), ((1.5, 0.7), false)]
        {
            assert_eq!(l.contains(point), inside, "{point:?}");
        }
        assert_eq!(l.bounds(), Rect::WHOLE);
    }

    #[test]
    fn an_area_has_a_name_or_none_and_is_written_as_it_was_read() {
        for text in ["0,0.25 0.5,0 1,1", "tents: 0,0.25 0.5,0 1,1", "path: to the lake: 0,0 0.5,0 1,1"] {
            assert_eq!(polygon(text).to_string(), text);
        }
        assert_eq!(polygon("  tents :0,0 1,0 1,1").to_string(), "tents: 0,0 1,0 1,1");
        assert!(Polygon::parse(&format!("{}: 0,0 1,0 1,1", "ü".repeat(40))).is_ok());
        for name in ["ü".repeat(41), "a\nb".into()] {
            assert!(Polygon::parse(&format!("{name}: 0,0 1,0 1,1")).unwrap_err().contains("40 characters"));
        }
    }

    #[test]
    fn what_is_drawn_wrongly_is_refused_in_words() {
        let wrong = [
            ("0,0 1,1", "three at least"),
            ("", "three at least"),
            ("0,0 1,1 1,0 0,1", "crosses itself: side 1 and side 3"),
            ("0,0 0.5,0.5 1,1", "has no area"),
            ("0.2,0.2 0.2,0.2 0.2,0.2", "has no area"),
            ("0,0 1.2,0 1,1", "\"1.2,0\" is no corner"),
            ("0,0 nan,0 1,1", "\"nan,0\" is no corner"),
            ("0;0 1,0 1,1", "\"0;0\" is no corner"),
        ];
        for (text, what) in wrong {
            let refused = Polygon::parse(text).unwrap_err();
            assert!(refused.contains(what), "{text}: {refused}");
        }
    }

    #[test]
    fn what_is_blackened_is_what_lies_inside_with_its_edges() {
        let mut picture = Picture::new(8, 4);
        picture.data.fill(200);
        polygon("0.26,0.3 0.7,0.3 0.7,0.7 0.26,0.7").black_out(&mut picture, &mut Vec::new());
        let black: Vec<(u32, u32)> = (0..4)
            .flat_map(|y| (0..8).map(move |x| (x, y)))
            .filter(|&(x, y)| picture.pixel(x, y) == [0; 3])
            .collect();
        let wanted: Vec<(u32, u32)> = (1..3).flat_map(|y| (2..6).map(move |x| (x, y))).collect();
        assert_eq!(black, wanted);
        polygon("0,0 1,0 1,1 0,1").black_out(&mut picture, &mut Vec::new());
        assert!(picture.data.iter().all(|&byte| byte == 0));
    }

    proptest! {
        #[test]
        fn no_pixel_inside_escapes(corners in proptest::collection::vec([0.0f32..=1.0, 0.0f32..=1.0], 3..8), width in 1u32..40, height in 1u32..40) {
            let text: Vec<String> = corners.iter().map(|[x, y]| format!("{x},{y}")).collect();
            let Ok(polygon) = Polygon::parse(&text.join(" ")) else { return Ok(()) };
            let mut picture = Picture::new(width, height);
            picture.data.fill(255);
            polygon.black_out(&mut picture, &mut Vec::new());
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let centre = ((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
                prop_assert!(!polygon.contains(centre) || picture.pixel(x, y) == [0; 3], "{x} {y}");
            }
        }
    }
}
