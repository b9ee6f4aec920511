package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

const pngHeader = "\x89PNG\r\n\x1a\n"

// kept are the chunks that say how the picture looks. The others are texts, times, EXIF, or unknown.
var kept = map[string]bool{
	"PLTE": true, "IDAT": true, "tRNS": true, "gAMA": true, "cHRM": true, "sRGB": true, "sBIT": true, "bKGD": true, "pHYs": true,
	"cICP": true, "mDCV": true, "cLLI": true, "acTL": true, "fcTL": true, "fdAT": true,
}

func appendChunk(b []byte, kind string, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	from := len(b)
	b = append(append(b, kind...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}

func (c *cleaner) png(in []byte) error {
	if !bytes.HasPrefix(in, []byte(pngHeader)) {
		return damaged("no PNG")
	}
	var head, body []byte
	data := false
	for i := len(pngHeader); ; {
		if i+12 > len(in) {
			return damaged("cut off")
		}
		size := int(binary.BigEndian.Uint32(in[i:]))
		if size > len(in)-i-12 {
			return damaged("a chunk is cut off")
		}
		kind, payload, whole := string(in[i+4:i+8]), in[i+8:i+8+size], in[i:i+12+size]
		if (head == nil) != (kind == "IHDR") {
			return damaged("the header is not the first chunk")
		}
		i += 12 + size
		switch {
		case kind == "IHDR":
			if size != 13 {
				return damaged("the header")
			}
			head = whole
			c.width, c.height = int(int32(binary.BigEndian.Uint32(payload))), int(int32(binary.BigEndian.Uint32(payload[4:])))
			c.perPixel = 4
			if payload[9]&1 == 1 || payload[9] == 0 { // a palette, or grey
				c.perPixel = 1
			}
			if payload[8] == 16 {
				c.perPixel *= 2
			}
			if payload[12] != 0 { // interlaced: each pass is a picture before it is part of the whole
				c.perPixel *= 1.5
			}
		case kind == "iCCP":
			// The profile's name is free text; what it does is not in it.
			if n := bytes.IndexByte(payload, 0); n >= 0 {
				body = appendChunk(body, kind, append([]byte("icc"), payload[n:]...))
			}
		case kind == "eXIf":
			c.orientation = readOrientation(payload)
		case kind == "IEND":
			if !data {
				return damaged("no picture in it")
			}
			c.out = append(make([]byte, 0, len(body)+128), pngHeader...)
			c.out = append(c.out, head...)
			if c.orientation != 1 {
				c.out = appendChunk(c.out, "eXIf", orientationOnly(c.orientation))
			}
			c.out = appendChunk(append(c.out, body...), "IEND", nil)
			return nil
		case kept[kind]:
			data = data || kind == "IDAT"
			if body == nil {
				body = make([]byte, 0, len(in))
			}
			body = append(body, whole...)
		}
	}
}
