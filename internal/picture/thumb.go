package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

// ThumbSide is the longer side of a thumbnail, in pixels.
const ThumbSide = 320

// memory bounds what all decoding at once may take, in bytes: the sum of what each picture needs. One that alone needs more gets
// no thumbnail: a progressive JPEG of more than 35 megapixels does, for one.
const memory = 256 << 20

var room = semaphore.NewWeighted(memory)

// ErrTooCostly is for a picture that would take too much memory to decode.
var ErrTooCostly = errors.New("picture: takes too much memory to decode")

// Thumbnail makes a small copy of a picture that Clean has cleaned, upright: JPEG, or PNG where one can look through it. Of an
// animation it is the first frame. It waits while others take the memory.
func Thumbnail(ctx context.Context, data []byte, mediaType string, i Info) ([]byte, error) {
	if i.cost > memory {
		return nil, ErrTooCostly
	}
	if err := room.Acquire(ctx, int64(i.cost)); err != nil {
		return nil, err
	}
	defer room.Release(int64(i.cost))
	src, err := decode(data, mediaType)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	small := turn(scale(halve(src)), i.Orientation)
	var b bytes.Buffer
	if small.Opaque() {
		err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 80})
	} else {
		err = png.Encode(&b, small)
	}
	return b.Bytes(), err
}

func decode(data []byte, mediaType string) (image.Image, error) {
	r := bytes.NewReader(data)
	switch mediaType {
	case "image/jpeg":
		return jpeg.Decode(r)
	case "image/png":
		return png.Decode(r)
	case "image/gif":
		return gif.Decode(r)
	}
	return webp.Decode(bytes.NewReader(still(data)))
}

// halve makes each square of pixels one, their mean, as long as at least two thumbnails' worth is left: it takes one strip of
// memory where a good filter takes a row of wide numbers for each of a large picture.
func halve(src image.Image) image.Image {
	b := src.Bounds()
	k := max(b.Dx(), b.Dy()) / (2 * ThumbSide)
	if k < 2 {
		return src
	}
	out := image.NewRGBA(image.Rect(0, 0, (b.Dx()+k-1)/k, (b.Dy()+k-1)/k))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), k))
	sums := make([][4]uint32, out.Rect.Dx())
	for y := range out.Rect.Dy() {
		rows := min(k, b.Dy()-y*k)
		draw.Draw(strip, image.Rect(0, 0, b.Dx(), rows), src, image.Pt(b.Min.X, b.Min.Y+y*k), draw.Src)
		clear(sums)
		for r := range rows {
			line := strip.Pix[r*strip.Stride : r*strip.Stride+4*b.Dx()]
			for x := range sums {
				s := &sums[x]
				for p := line[4*x*k : min(4*(x+1)*k, len(line))]; len(p) >= 4; p = p[4:] {
					s[0] += uint32(p[0])
					s[1] += uint32(p[1])
					s[2] += uint32(p[2])
					s[3] += uint32(p[3])
				}
			}
		}
		for x, s := range sums {
			n := uint32(rows * min(k, b.Dx()-x*k))
			for ch, v := range s {
				out.Pix[y*out.Stride+4*x+ch] = uint8((v + n/2) / n)
			}
		}
	}
	return out
}

// scale brings the longer side to the thumbnail's; a smaller picture stays as it is.
func scale(src image.Image) *image.RGBA {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > ThumbSide {
		w, h = max(1, w*ThumbSide/long), max(1, h*ThumbSide/long)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if w == b.Dx() && h == b.Dy() {
		draw.Draw(out, out.Rect, src, b.Min, draw.Src)
		return out
	}
	xdraw.CatmullRom.Scale(out, out.Rect, src, b, xdraw.Src, nil)
	return out
}

// turn makes the picture upright, as the orientation of EXIF says: 2 to 4 mirror it or stand it on its head, 5 to 8 lay it on
// a side.
func turn(src *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			copy(out.Pix[out.PixOffset(tx, ty):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return out
}
