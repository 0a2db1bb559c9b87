//! Boxes and labels drawn onto a picture, for people: snapshots, annotated copies.

use std::convert::Infallible;

// embedded-graphics: lines and a bitmap font without any system library, for packed RGB of our own.
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{
    Line, PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, StrokeAlignment,
};
use embedded_graphics::text::{Baseline, Text};

use crate::perceive::frame::Picture;
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;

/// A line of text at the lower edge, for the place, the time, and whether the scene is simulated.
pub fn caption(picture: &mut Picture, text: &str) {
    let font = font(picture);
    let height = font.font.character_size.height as i32 + 2;
    let top = picture.height as i32 - height;
    label(picture, Point::new(0, top), text, Rgb888::BLACK, Rgb888::WHITE);
}

/// A line of text at the upper edge, for what nobody must overlook.
pub fn banner(picture: &mut Picture, text: &str) {
    label(picture, Point::zero(), text, colour(Class::Bear), Rgb888::BLACK);
}

/// One box with its label ("bear 0.87").
pub fn mark(picture: &mut Picture, class: Class, score: f32, bbox: Rect) {
    let [x, y, w, h] = bbox.clipped().to_pixels(picture.width, picture.height);
    let area = Rectangle::new(Point::new(x as i32, y as i32), Size::new(w.ceil() as u32, h.ceil() as u32));
    let colour = colour(class);
    let width = (picture.width.max(picture.height) / 320).clamp(1, 6);
    let style = PrimitiveStyleBuilder::new()
        .stroke_color(colour)
        .stroke_width(width)
        .stroke_alignment(StrokeAlignment::Outside)
        .build();
    let Ok(()) = area.into_styled(style).draw(&mut Canvas(picture));
    let text = format!("{class} {score:.2}");
    let above = area.top_left.y - font(picture).font.character_size.height as i32 - 2;
    label(picture, Point::new(area.top_left.x.max(0), above.max(0)), &text, colour, Rgb888::BLACK);
}

/// The four corners of a part of the picture: whole edges of many parts would hide what is between them.
pub fn brackets(picture: &mut Picture, part: Rect) {
    let [x, y, w, h] = part.clipped().to_pixels(picture.width, picture.height);
    let (left, top) = (x as i32, y as i32);
    let (right, low) = ((x + w) as i32 - 1, (y + h) as i32 - 1);
    let arm = (w.min(h) / 8.0).ceil() as i32;
    let style = PrimitiveStyle::with_stroke(Rgb888::new(0xf0, 0xf0, 0xf0), 1);
    for (at, aside, along) in [(left, arm, top), (right, -arm, top), (left, arm, low), (right, -arm, low)] {
        let upright = if along == top { arm } else { -arm };
        let corner = Point::new(at, along);
        for end in [corner + Point::new(aside, 0), corner + Point::new(0, upright)] {
            let Ok(()) = Line::new(corner, end).into_styled(style).draw(&mut Canvas(picture));
        }
    }
}

fn label(picture: &mut Picture, at: Point, text: &str, back: Rgb888, front: Rgb888) {
    let style = MonoTextStyle::new(font(picture).font, front);
    let letters = Text::with_baseline(text, at + Point::new(2, 1), style, Baseline::Top);
    let size = letters.bounding_box().size + Size::new(4, 2);
    let mut canvas = Canvas(picture);
    let Ok(()) = Rectangle::new(at, size).into_styled(PrimitiveStyle::with_fill(back)).draw(&mut canvas);
    let Ok(_) = letters.draw(&mut canvas);
}

/// Legible at the size at which the whole picture fits a telephone.
fn font(picture: &Picture) -> MonoTextStyle<'static, Rgb888> {
    let font = if picture.width >= 500 { &FONT_10X20 } else { &FONT_6X10 };
    MonoTextStyle::new(font, Rgb888::WHITE)
}

/// Distinguishable by people with any colour vision (Okabe and Ito 2008).
fn colour(class: Class) -> Rgb888 {
    match class {
        Class::Bear => Rgb888::new(0xe6, 0x9f, 0x00),
        Class::Person => Rgb888::new(0x56, 0xb4, 0xe9),
        Class::Animal => Rgb888::new(0x00, 0x9e, 0x73),
    }
}

/// A picture as a target of embedded-graphics; what lies outside is left out.
struct Canvas<'a>(&'a mut Picture);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.0.width, self.0.height)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let bounds = Rectangle::new(Point::zero(), self.size());
        for Pixel(at, colour) in pixels {
            if bounds.contains(at) {
                let start = (at.y as usize * self.0.width as usize + at.x as usize) * 3;
                self.0.data[start..start + 3].copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_of_a_box_takes_the_colour_of_its_class_and_the_inside_is_left_alone() {
        let mut picture = Picture::new(640, 360);
        mark(&mut picture, Class::Bear, 0.9, Rect::from_pixels([100.0, 100.0, 200.0, 100.0], 640, 360));
        assert_eq!(picture.pixel(99, 150), [0xe6, 0x9f, 0x00]);
        assert_eq!(picture.pixel(200, 150), [0, 0, 0]);
    }

    #[test]
    fn the_corners_of_a_part_are_marked_and_its_edges_are_not() {
        let mut picture = Picture::new(640, 360);
        brackets(&mut picture, Rect::from_pixels([100.0, 100.0, 200.0, 100.0], 640, 360));
        let drawn = |x, y| picture.pixel(x, y) != [0; 3];
        assert!(
            [(100, 100), (299, 100), (100, 199), (299, 199), (110, 100), (100, 190)]
                .iter()
                .all(|&(x, y)| drawn(x, y))
        );
        assert!(![(200, 100), (100, 150), (200, 150)].iter().any(|&(x, y)| drawn(x, y)));
    }

    #[test]
    fn boxes_at_every_edge_and_of_a_single_pixel_are_drawn_without_panic() {
        for size in [(1, 1), (3, 200), (640, 360)] {
            let mut picture = Picture::new(size.0, size.1);
            mark(&mut picture, Class::Person, 1.0, Rect::WHOLE);
            mark(
                &mut picture,
                Class::Animal,
                0.0,
                Rect::from_pixels([-5.0, -5.0, 4.0, 900.0], size.0, size.1),
            );
            brackets(&mut picture, Rect::WHOLE);
            caption(&mut picture, "campsite 1 · 2026");
        }
    }
}
