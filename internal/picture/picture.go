// Package picture makes pictures that people send harmless and small: it takes out what they say about their maker, and
// makes thumbnails. It works on bytes, keeps nothing, and never changes what a picture shows.
package picture

import (
	"errors"
	"fmt"
)

// MaxPixels bounds a picture: a small file can hold one that no browser has the memory to draw.
const MaxPixels = 64_000_000

// ErrDamaged is for a picture whose parts do not fit together, so that nothing can be said about what is in it.
var ErrDamaged = errors.New("picture: damaged")

// Info is what is known of a cleaned picture.
type Info struct {
	Width, Height int // as it is shown, that is turned upright
	Orientation   int // 1 to 8 as EXIF counts; 1 is upright
	cost          int // bytes that decoding takes at most
}

// Clean returns the picture without what it says beside the picture itself: EXIF with its place, time and camera, XMP,
// IPTC, comments, texts, pictures within, and whatever stands behind its end. Kept are colour profiles, animation, and, where it
// is not 1, the orientation, in an EXIF block that has nothing else: nothing is encoded again, so it shows what it showed.
// mediaType is image/jpeg, image/png, image/gif or image/webp.
func Clean(data []byte, mediaType string) ([]byte, Info, error) {
	var c cleaner
	c.orientation = 1
	var err error
	switch mediaType {
	case "image/jpeg":
		err = c.jpeg(data)
	case "image/png":
		err = c.png(data)
	case "image/gif":
		err = c.gif(data)
	case "image/webp":
		err = c.webp(data)
	default:
		return nil, Info{}, fmt.Errorf("picture: %s is not one", mediaType)
	}
	if err != nil {
		return nil, Info{}, err
	}
	if c.width <= 0 || c.height <= 0 || c.width > MaxPixels/c.height {
		return nil, Info{}, fmt.Errorf("%w: %d x %d pixels", ErrDamaged, c.width, c.height)
	}
	i := Info{Width: c.width, Height: c.height, Orientation: c.orientation, cost: c.cost()}
	if i.Orientation >= 5 {
		i.Width, i.Height = i.Height, i.Width
	}
	return c.out, i, nil
}

// cleaner is a picture on its way through Clean.
type cleaner struct {
	out           []byte
	width, height int
	orientation   int
	perPixel      float64 // bytes that decoding takes for each pixel
}

func (c *cleaner) cost() int { return int(float64(c.width) * float64(c.height) * c.perPixel) }

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }
