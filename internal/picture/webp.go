package picture

import (
	"encoding/binary"
	"slices"
)

// Flags of the chunk VP8X.
const (
	webpAnimated, webpXMP, webpEXIF, webpAlpha = 0x02, 0x04, 0x08, 0x10
	frameHead                                  = 16 // of an animation's frame
)

// riff goes through the chunks of b; each gets the chunk's kind and its content without padding.
func riff(b []byte, each func(kind string, payload []byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return damaged("a chunk is cut off")
		}
		size := uint64(binary.LittleEndian.Uint32(b[4:]))
		if size > uint64(len(b)-8) {
			return damaged("a chunk is cut off")
		}
		if err := each(string(b[:4]), b[8:8+size]); err != nil {
			return err
		}
		b = b[min(uint64(len(b)), 8+size+size&1):]
	}
	return nil
}

func appendRIFF(b []byte, kind string, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, kind...), uint32(len(payload)))
	b = append(b, payload...)
	if len(payload)&1 == 1 {
		b = append(b, 0)
	}
	return b
}

func (c *cleaner) webp(in []byte) error {
	if len(in) < 12 || string(in[:4]) != "RIFF" || string(in[8:12]) != "WEBP" {
		return damaged("no WebP")
	}
	size := uint64(binary.LittleEndian.Uint32(in[4:]))
	if size < 4 || size+8 > uint64(len(in)) {
		return damaged("cut off")
	}
	var extended, rest []byte
	pictures := 0
	c.perPixel = 3
	err := riff(in[12:8+size], func(kind string, p []byte) error {
		switch kind {
		case "VP8X":
			if extended != nil || pictures > 0 || len(p) < 10 {
				return damaged("the header")
			}
			extended = slices.Clone(p[:10])
			c.width, c.height = 1+int(uint24(p[4:])), 1+int(uint24(p[7:]))
		case "VP8 ", "VP8L":
			w, h, err := c.bitmap(kind, p)
			if err != nil {
				return err
			}
			if extended == nil {
				c.width, c.height = w, h
			} else if w != c.width || h != c.height {
				return damaged("the picture has another size than it says")
			}
			pictures++
			rest = appendRIFF(rest, kind, p)
		case "ANMF":
			frame, err := c.frameOf(p)
			if err != nil {
				return err
			}
			pictures++
			rest = appendRIFF(rest, kind, frame)
		case "ALPH", "ANIM", "ICCP":
			rest = appendRIFF(rest, kind, p)
		case "EXIF":
			if c.orientation == 1 {
				c.orientation = readOrientation(p)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if pictures == 0 {
		return damaged("no picture in it")
	}
	out := append(make([]byte, 0, len(rest)+80), "RIFF\x00\x00\x00\x00WEBP"...)
	if extended == nil {
		c.orientation = 1 // without the extended header nobody reads it
	} else {
		extended[0] &^= webpXMP | webpEXIF
		if c.orientation != 1 {
			extended[0] |= webpEXIF
		}
		out = appendRIFF(out, "VP8X", extended)
	}
	out = append(out, rest...)
	if c.orientation != 1 {
		out = appendRIFF(out, "EXIF", orientationOnly(c.orientation))
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	c.out = out
	return nil
}

// frameOf cleans an animation's frame.
func (c *cleaner) frameOf(p []byte) ([]byte, error) {
	if len(p) < frameHead {
		return nil, damaged("a frame")
	}
	width, height := 1+int(uint24(p[6:])), 1+int(uint24(p[9:]))
	if width > c.width || height > c.height {
		return nil, damaged("a frame is larger than the picture")
	}
	out := slices.Clone(p[:frameHead])
	pictures := 0
	err := riff(p[frameHead:], func(kind string, p []byte) error {
		switch kind {
		case "VP8 ", "VP8L":
			w, h, err := c.bitmap(kind, p)
			if err != nil {
				return err
			}
			if w != width || h != height {
				return damaged("a frame has another size than it says")
			}
			pictures++
			out = appendRIFF(out, kind, p)
		case "ALPH":
			out = appendRIFF(out, kind, p)
		}
		return nil
	})
	if err == nil && pictures != 1 {
		err = damaged("a frame without its picture")
	}
	return out, err
}

// bitmap reads the size of a compressed picture (RFC 6386, section 9.1; WebP lossless, section 3).
func (c *cleaner) bitmap(kind string, p []byte) (width, height int, err error) {
	if kind == "VP8 " {
		if len(p) < 10 || p[0]&1 != 0 || p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a {
			return 0, 0, damaged("the picture's header")
		}
		return int(binary.LittleEndian.Uint16(p[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(p[8:]) & 0x3fff), nil
	}
	if len(p) < 5 || p[0] != 0x2f {
		return 0, 0, damaged("the picture's header")
	}
	c.perPixel = 8
	bits := binary.LittleEndian.Uint32(p[1:])
	return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff), nil
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// still makes a picture of an animation's first frame, for a decoder that knows no animation; others stay as they are.
func still(data []byte) []byte {
	if len(data) < 30 || string(data[12:16]) != "VP8X" || data[20]&webpAnimated == 0 {
		return data
	}
	var out []byte
	_ = riff(data[12:], func(kind string, p []byte) error {
		if kind != "ANMF" || out != nil || len(p) < frameHead {
			return nil
		}
		head := make([]byte, 10)
		copy(head[4:], p[6:12])
		body := p[frameHead:]
		if len(body) >= 4 && string(body[:4]) == "ALPH" {
			head[0] = webpAlpha
		}
		out = append(out, "RIFF\x00\x00\x00\x00WEBP"...)
		out = append(appendRIFF(out, "VP8X", head), body...)
		binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
		return nil
	})
	return out
}
