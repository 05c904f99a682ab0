//! Dots to pixels: sprites blitted into one RGBA buffer, put on the screen once a frame.
//!
//! Without a graphics card this is by far the cheapest way to draw thousands of moving marks. Only
//! what was drawn on is cleared and put again.

use super::camera::Point;
use super::dots::Mark;

/// Pixels, four bytes each: red, green, blue, opacity.
#[derive(Clone, Debug, Default)]
pub struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    touched: Option<Patch>,
    sprites: [Sprite; 4],
}

/// A box of pixels that was drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// One beyond the right edge.
    pub right: usize,
    /// One beyond the bottom edge.
    pub bottom: usize,
}

/// A colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Reads `#rrggbb`.
    pub fn from_hex(text: &str) -> Option<Colour> {
        let digits = text.trim().strip_prefix('#')?;
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Colour([red, green, blue]))
    }
}

/// A small picture of one mark: its opacity per pixel.
#[derive(Clone, Debug, Default)]
struct Sprite {
    size: usize,
    cover: Vec<u8>,
    colour: Colour,
}

impl Patch {
    /// The smallest box around both.
    pub fn around(self, other: Patch) -> Patch {
        Patch {
            x: self.x.min(other.x),
            y: self.y.min(other.y),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

impl Raster {
    /// Sets the size in device pixels; everything is clear then.
    pub fn resize(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.pixels.clear();
        self.pixels.resize(width * height * 4, 0);
        self.touched = None;
    }

    /// Sets how marks look: radius in device pixels, and the colours of request, answer, failure
    /// and check.
    pub fn set_look(&mut self, radius: f64, colours: [Colour; 4]) {
        let [request, answer, failure, check] = colours;
        self.sprites = [
            Sprite::new(radius, request, circle(radius)),
            Sprite::new(radius, answer, circle(radius * 0.62)),
            Sprite::new(radius, failure, cross(radius)),
            Sprite::new(radius, check, ring(radius * 0.72)),
        ];
    }

    /// Its width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Clears what was drawn, and says where that was.
    pub fn clear(&mut self) -> Option<Patch> {
        let touched = self.touched.take()?;
        for y in touched.y..touched.bottom {
            let row = y * self.width;
            self.pixels[(row + touched.x) * 4..(row + touched.right) * 4].fill(0);
        }
        Some(touched)
    }

    /// What was drawn on since the last clear.
    pub fn touched(&self) -> Option<Patch> {
        self.touched
    }

    /// Draws a mark with its middle at a point in device pixels; `opacity` is 0 to 255.
    pub fn draw(&mut self, mark: Mark, at: Point, opacity: u8) {
        let sprite = match mark {
            Mark::Request => 0,
            Mark::Answer => 1,
            Mark::Failure => 2,
            Mark::Check => 3,
        };
        let Raster { width, height, pixels, touched, sprites } = self;
        let sprite = &sprites[sprite];
        let half = sprite.size as f64 / 2.0;
        let (left, top) = ((at.x - half).round(), (at.y - half).round());
        let fits = |low: f64, size: usize| low > -(sprite.size as f64) && low < size as f64;
        if !fits(left, *width) || !fits(top, *height) {
            return;
        }
        let (left, top) = (left as i64, top as i64);
        let visible = |low: i64, size: usize| {
            (low.max(0) as usize, (low + sprite.size as i64).clamp(0, size as i64) as usize)
        };
        let ((x, right), (y, bottom)) = (visible(left, *width), visible(top, *height));
        for row in y..bottom {
            let from = (row as i64 - top) as usize * sprite.size;
            for column in x..right {
                let cover = sprite.cover[from + (column as i64 - left) as usize];
                let alpha = (u32::from(cover) * u32::from(opacity) + 127) / 255;
                if alpha > 0 {
                    let pixel = (row * *width + column) * 4;
                    blend(&mut pixels[pixel..pixel + 4], sprite.colour, alpha);
                }
            }
        }
        let span = Patch { x, y, right, bottom };
        *touched = Some(touched.map_or(span, |old| old.around(span)));
    }
}

/// Puts a colour over a pixel.
fn blend(pixel: &mut [u8], colour: Colour, alpha: u32) {
    let under = u32::from(pixel[3]) * (255 - alpha) / 255;
    let sum = alpha + under;
    for (channel, &value) in pixel.iter_mut().zip(&colour.0) {
        *channel = ((u32::from(value) * alpha + u32::from(*channel) * under) / sum) as u8;
    }
    pixel[3] = sum as u8;
}

impl Sprite {
    /// A picture of a shape, each pixel the share of 16 samples inside.
    fn new(radius: f64, colour: Colour, inside: impl Fn(f64, f64) -> bool) -> Sprite {
        let size = (radius.ceil() as usize + 1) * 2;
        let middle = size as f64 / 2.0;
        let mut cover = Vec::with_capacity(size * size);
        for y in 0..size {
            for x in 0..size {
                let samples = (0..16).filter(|sample| {
                    let (sx, sy) = (f64::from(sample % 4), f64::from(sample / 4));
                    let dx = x as f64 + (sx + 0.5) / 4.0 - middle;
                    let dy = y as f64 + (sy + 0.5) / 4.0 - middle;
                    inside(dx, dy)
                });
                cover.push((samples.count() * 255 / 16) as u8);
            }
        }
        Sprite { size, cover, colour }
    }
}

fn circle(radius: f64) -> impl Fn(f64, f64) -> bool {
    move |x, y| x * x + y * y <= radius * radius
}

fn ring(radius: f64) -> impl Fn(f64, f64) -> bool {
    let (outer, inner) = (circle(radius), circle(radius * 0.5));
    move |x, y| outer(x, y) && !inner(x, y)
}

fn cross(radius: f64) -> impl Fn(f64, f64) -> bool {
    let arm = radius * 0.36;
    move |x, y| {
        let (a, b) = ((x + y).abs() * 0.707, (x - y).abs() * 0.707);
        (a <= arm && b <= radius) || (b <= arm && a <= radius)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster() -> Raster {
        let mut raster = Raster::default();
        raster.resize(40, 30);
        let colour = |hex: &str| Colour::from_hex(hex).expect("a colour");
        raster.set_look(4.0, ["#0a84e0", "#065f5b", "#9b1208", "#667085"].map(colour));
        raster
    }

    fn opacity(raster: &Raster, x: usize, y: usize) -> u8 {
        raster.pixels()[(y * 40 + x) * 4 + 3]
    }

    #[test]
    fn marks_differ_in_shape_and_colour() {
        let mut raster = raster();
        raster.draw(Mark::Request, Point::new(10.0, 15.0), 255);
        raster.draw(Mark::Failure, Point::new(30.0, 15.0), 255);
        assert_eq!(raster.pixels()[(15 * 40 + 10) * 4..][..4], [0x0a, 0x84, 0xe0, 255]);
        // Left of the middle the circle is filled and the cross is open.
        assert_eq!((opacity(&raster, 6, 15), opacity(&raster, 26, 15)), (255, 0));
        // A check is open in the middle.
        raster.clear();
        raster.draw(Mark::Check, Point::new(20.0, 15.0), 255);
        assert_eq!(opacity(&raster, 20, 15), 0);
        assert!(opacity(&raster, 22, 15) > 200);
    }

    #[test]
    fn what_is_cleared_is_what_was_drawn() {
        let mut raster = raster();
        raster.draw(Mark::Request, Point::new(1.0, 1.0), 255);
        raster.draw(Mark::Answer, Point::new(39.5, 29.5), 128);
        raster.draw(Mark::Answer, Point::new(-50.0, 900.0), 255);
        assert_eq!(raster.touched(), Some(Patch { x: 0, y: 0, right: 40, bottom: 30 }));
        raster.clear();
        assert!(raster.pixels().iter().all(|&byte| byte == 0));
        assert_eq!(raster.clear(), None);
    }

    #[test]
    fn colours_are_read_from_the_style_sheet_form() {
        assert_eq!(Colour::from_hex(" #0a84e0 "), Some(Colour([0x0a, 0x84, 0xe0])));
        assert_eq!(Colour::from_hex("#fff"), None);
        assert_eq!(Colour::from_hex("blue"), None);
    }
}
