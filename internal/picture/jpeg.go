package picture

import (
	"bytes"
	"encoding/binary"
)

// Markers of JPEG (ITU T.81, table B.1).
const (
	soi, eoi, sos  = 0xd8, 0xd9, 0xda
	dht, jpg, dac  = 0xc4, 0xc8, 0xcc
	dqt, dri       = 0xdb, 0xdd
	dnl            = 0xdc
	app0, app1     = 0xe0, 0xe1
	app2, app14    = 0xe2, 0xee
	rst0, rst7     = 0xd0, 0xd7
	sof0, sof15    = 0xc0, 0xcf
	jfifSize       = 14 // of the block without its thumbnail
	adobeSize      = 12
	exifHeader     = "Exif\x00\x00"
	profileHeader  = "ICC_PROFILE\x00"
	standaloneTEM  = 0x01
	frameHeadSize  = 6 // of a frame header before its components
	componentBytes = 3
)

func isFrame(m byte) bool { return m >= sof0 && m <= sof15 && m != dht && m != jpg && m != dac }

func (c *cleaner) jpeg(in []byte) error {
	if len(in) < 4 || in[0] != 0xff || in[1] != soi {
		return damaged("no JPEG")
	}
	var jfif []byte
	body := make([]byte, 0, len(in)+64)
	keep := func(marker byte, payload []byte) []byte {
		body = append(body, 0xff, marker)
		body = binary.BigEndian.AppendUint16(body, uint16(len(payload)+2))
		body = append(body, payload...)
		return body
	}
	ended, scans := false, 0
	for i := 2; i < len(in) && !ended; {
		// Between segments there is nothing but fill bytes; decoders skip what else stands there, and so do we.
		if in[i] != 0xff {
			i++
			continue
		}
		for i < len(in) && in[i] == 0xff {
			i++
		}
		if i == len(in) {
			break
		}
		m := in[i]
		i++
		switch {
		case m == eoi:
			ended = true
			continue
		case m == 0 || m == standaloneTEM || m == soi || m >= rst0 && m <= rst7:
			continue
		}
		if i+2 > len(in) {
			break
		}
		size := int(binary.BigEndian.Uint16(in[i:]))
		if size < 2 || i+size > len(in) {
			if scans > 0 {
				break // cut off behind a scan: what is there can be shown
			}
			return damaged("a segment is cut off")
		}
		payload := in[i+2 : i+size]
		i += size
		switch {
		case m == app0 && bytes.HasPrefix(payload, []byte("JFIF\x00")) && len(payload) >= jfifSize && jfif == nil:
			jfif = append(bytes.Clone(payload[:jfifSize-2]), 0, 0)
		case m == app1 && bytes.HasPrefix(payload, []byte(exifHeader)):
			if o := readOrientation(payload[len(exifHeader):]); c.orientation == 1 {
				c.orientation = o
			}
		case m == app2 && bytes.HasPrefix(payload, []byte(profileHeader)):
			keep(m, payload)
		case m == app14 && bytes.HasPrefix(payload, []byte("Adobe")) && len(payload) >= adobeSize:
			keep(m, payload[:adobeSize]) // says how the colours are stored
		case isFrame(m):
			if err := c.frame(m, payload); err != nil {
				return err
			}
			keep(m, payload)
		case m == dht || m == dac || m == dqt || m == dri || m == dnl:
			keep(m, payload)
		case m == sos:
			if len(payload) < 1 || len(payload) != 4+2*int(payload[0]) {
				return damaged("a scan's header")
			}
			keep(m, payload)
			from := i
			for i < len(in) {
				n := bytes.IndexByte(in[i:], 0xff)
				if n < 0 || i+n+1 >= len(in) {
					i = len(in)
					break
				}
				i += n
				if next := in[i+1]; next == 0 || next >= rst0 && next <= rst7 {
					i += 2
				} else if next == 0xff {
					i++
				} else {
					break
				}
			}
			body = append(body, in[from:i]...)
			scans++
		}
	}
	if c.width == 0 || scans == 0 {
		return damaged("no picture in it")
	}
	c.out = append(make([]byte, 0, len(body)+64), 0xff, soi)
	segment := func(marker byte, payload []byte) {
		c.out = append(c.out, 0xff, marker)
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(payload)+2))
		c.out = append(c.out, payload...)
	}
	if jfif != nil {
		segment(app0, jfif)
	}
	if c.orientation != 1 {
		segment(app1, append([]byte(exifHeader), orientationOnly(c.orientation)...))
	}
	c.out = append(append(c.out, body...), 0xff, eoi)
	return nil
}

// frame reads the size, and what decoding takes: a byte for each sample, and where the picture comes in several scans, as
// progressive ones do, four more for its coefficient.
func (c *cleaner) frame(m byte, p []byte) error {
	if c.width != 0 {
		return damaged("two frames")
	}
	if len(p) < frameHeadSize || len(p) != frameHeadSize+componentBytes*int(p[5]) {
		return damaged("a frame's header")
	}
	c.height, c.width = int(binary.BigEndian.Uint16(p[1:])), int(binary.BigEndian.Uint16(p[3:]))
	if c.width == 0 || c.height == 0 {
		return damaged("no size")
	}
	samples, most := 0, 1
	for k := frameHeadSize; k < len(p); k += componentBytes {
		s := int(p[k+1]>>4) * int(p[k+1]&15)
		samples, most = samples+s, max(most, s)
	}
	c.perPixel = float64(samples) / float64(most)
	if m != sof0 && m != sof0+1 {
		c.perPixel *= 5
	}
	if p[5] == 4 {
		c.perPixel += 4
	}
	return nil
}
