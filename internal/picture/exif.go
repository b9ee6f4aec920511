package picture

import (
	"bytes"
	"encoding/binary"
)

// orientationTag of EXIF, and its type: a short number.
const (
	orientationTag = 0x0112
	short          = 3
)

// readOrientation finds the orientation in a TIFF block; 1 where there is none that makes sense.
func readOrientation(b []byte) int {
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00")) // some WebP files have it, too
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	count := uint64(order.Uint16(b[at:]))
	for i := range count {
		e := at + 2 + 12*i
		if e+12 > uint64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == orientationTag && order.Uint16(b[e+2:]) == short {
			if o := order.Uint16(b[e+8:]); o >= 1 && o <= 8 {
				return int(o)
			}
			return 1
		}
	}
	return 1
}

// orientationOnly is a TIFF block that says the orientation and nothing else.
func orientationOnly(o int) []byte {
	return []byte{'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, orientationTag >> 8, orientationTag & 0xff, 0, short, 0, 0, 0, 1, 0, byte(o), 0, 0, 0, 0, 0, 0}
}
