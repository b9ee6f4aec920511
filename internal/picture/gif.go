package picture

import "encoding/binary"

// Blocks of GIF89a.
const (
	gifExtension, gifImage, gifEnd   = 0x21, 0x2c, 0x3b
	gifControl, gifApplication       = 0xf9, 0xff
	gifScreenSize, gifDescriptorSize = 13, 10
)

func (c *cleaner) gif(in []byte) error {
	if len(in) < gifScreenSize || string(in[:4]) != "GIF8" {
		return damaged("no GIF")
	}
	c.width, c.height = int(binary.LittleEndian.Uint16(in[6:])), int(binary.LittleEndian.Uint16(in[8:]))
	c.perPixel = 1
	i := gifScreenSize + gifPalette(in[10])
	if i > len(in) {
		return damaged("the palette is cut off")
	}
	out := append(make([]byte, 0, len(in)+1), in[:i]...)
	// blocks is where the chain of sub-blocks at from ends, behind its terminator.
	blocks := func(from int) int {
		for from < len(in) {
			n := int(in[from])
			from += 1 + n
			if n == 0 {
				return from
			}
		}
		return len(in) + 1
	}
	frames := 0
	for i < len(in) {
		switch in[i] {
		case gifExtension:
			if i+2 >= len(in) {
				i = len(in)
				continue
			}
			end := blocks(i + 2)
			if end > len(in) {
				if frames == 0 {
					return damaged("an extension is cut off")
				}
				i = len(in)
				continue
			}
			switch block := in[i:end]; {
			case in[i+1] == gifControl && len(block) >= 8 && block[2] == 4:
				out = append(append(out, block[:7]...), 0)
			case in[i+1] == gifApplication && len(block) >= 19 && block[2] == 11 && block[14] == 3 && block[15] == 1 &&
				(string(block[3:14]) == "NETSCAPE2.0" || string(block[3:14]) == "ANIMEXTS1.0"): // how often it repeats
				out = append(append(out, block[:18]...), 0)
			}
			i = end
		case gifImage:
			if i+gifDescriptorSize > len(in) {
				i = len(in)
				continue
			}
			end := i + gifDescriptorSize + gifPalette(in[i+9]) + 1
			if end < len(in) {
				end = blocks(end)
			} else {
				end = len(in) + 1
			}
			if end > len(in) {
				if frames == 0 {
					return damaged("the picture is cut off")
				}
				i = len(in)
				continue
			}
			out = append(out, in[i:end]...)
			frames++
			i = end
		case 0: // padding that some programs leave
			i++
		default: // the end, or nothing that a reader would read on from
			i = len(in)
		}
	}
	if frames == 0 {
		return damaged("no picture in it")
	}
	c.out = append(out, gifEnd)
	return nil
}

// gifPalette is the size of the palette that flags announce.
func gifPalette(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
