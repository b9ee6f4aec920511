package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/webp"
)

// marker stands in everything that must not be left.
const marker = "MARK-51.5007N-0.1246W-Kims-phone"

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quadrants is a picture whose corners differ, so that turning it shows.
func quadrants(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	colours := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 0, 255}}
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, colours[2*(2*y/h)+2*x/w])
		}
	}
	return m
}

func segment(marker byte, payload string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(payload)+2))
	return append(b, payload...)
}

// exif is a TIFF block with an orientation, a maker, and a place in texts of its own.
func exif(order binary.AppendByteOrder, orientation uint16) string {
	b := []byte("II*\x00")
	if order.String() == binary.BigEndian.String() {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	entry := func(tag, kind uint16, count, value uint32) {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), kind), count)
		if kind == short {
			b = order.AppendUint16(order.AppendUint16(b, uint16(value)), 0)
		} else {
			b = order.AppendUint32(b, value)
		}
	}
	entry(0x010f, 2, uint32(len(marker)), 38)
	entry(orientationTag, short, 1, uint32(orientation))
	b = order.AppendUint32(b, 0)
	return string(b) + marker
}

// phoneJPEG is what a phone makes, and more: every kind of segment that says something about its maker.
func phoneJPEG(t testing.TB, m image.Image, orientation uint16) []byte {
	var b bytes.Buffer
	check(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	out := []byte{0xff, soi}
	for _, s := range [][]byte{
		segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x48\x00\x48\x0b\x01"+marker+" "),
		segment(0xe1, "Exif\x00\x00"+exif(binary.BigEndian, orientation)),
		segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>"+marker),
		segment(0xe2, "ICC_PROFILE\x00\x01\x01profile"),
		segment(0xe2, "MPF\x00"+marker),
		segment(0xed, "Photoshop 3.0\x00"+marker),
		segment(0xfe, marker),
		segment(0xef, marker),
		{0xff, 0xff}, // fill bytes
	} {
		out = append(out, s...)
	}
	out = append(out, b.Bytes()[2:]...)
	return append(out, "PK\x03\x04"+marker...) // a zip behind the end
}

func textPNG(t testing.TB, m image.Image) []byte {
	var b bytes.Buffer
	check(t, png.Encode(&b, m))
	in := b.Bytes()
	out := append([]byte{}, in[:33]...)
	for _, c := range [][2]string{{"tEXt", "Comment\x00" + marker}, {"iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00" + marker}, {"zTXt", "a\x00\x00" + marker},
		{"tIME", marker[:7]}, {"eXIf", exif(binary.LittleEndian, 6)}, {"iCCP", marker + "\x00\x00x"}, {"gAMA", "\x00\x00\xb1\x8f"}, {"prVt", marker}} {
		out = appendChunk(out, c[0], []byte(c[1]))
	}
	out = append(out, in[33:]...)
	return append(out, marker...)
}

func chattyGIF(t testing.TB) []byte {
	var b bytes.Buffer
	palette := color.Palette{color.Black, color.White, color.RGBA{255, 0, 0, 255}}
	g := &gif.GIF{LoopCount: 3}
	for i := range 3 {
		m := image.NewPaletted(image.Rect(0, 0, 40, 20), palette)
		for p := range m.Pix {
			m.Pix[p] = uint8(i)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 7)
	}
	check(t, gif.EncodeAll(&b, g))
	in := b.Bytes()
	at := gifScreenSize + gifPalette(in[10])
	comment := func(label byte, s string) []byte {
		return append(append([]byte{gifExtension, label, byte(len(s))}, s...), 0)
	}
	app := append(comment(gifApplication, "XMP DataXMP"), 0)
	app = append(app[:len(app)-2], byte(len(marker)))
	app = append(append(app, marker...), 0)
	out := append([]byte{}, in[:at]...)
	text := append(comment(0x01, marker[:12]), 0)
	text = append(append(text[:len(text)-2], byte(len(marker))), marker+"\x00"...)
	out = append(append(append(out, comment(0xfe, marker)...), app...), text...)
	out = append(out, in[at:]...)
	return append(out, "*/=1;alert(1)//"+marker...)
}

// solid is a lossless WebP picture of one colour: its codes have one symbol each, so that no pixel takes a bit.
func solid(w, h int, c color.NRGBA) []byte {
	var out []byte
	acc, n := uint64(0), 0
	put := func(v uint64, bits int) {
		acc |= v << n
		for n += bits; n >= 8; n -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	put(0x2f, 8)
	put(uint64(w-1), 14)
	put(uint64(h-1), 14)
	put(1, 1) // alpha
	put(0, 3+3)
	for _, s := range []uint8{c.G, c.R, c.B, c.A, 0} {
		put(0b101, 3)
		put(uint64(s), 8)
	}
	put(0, 7)
	return append(out, 0)
}

func webpOf(chunks ...[]byte) []byte {
	out := []byte("RIFF\x00\x00\x00\x00WEBP")
	for _, c := range chunks {
		out = append(out, c...)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func vp8x(flags byte, w, h int) []byte {
	return appendRIFF(nil, "VP8X", []byte{flags, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), 0, byte(h - 1), byte((h - 1) >> 8), 0})
}

func chattyWebP(orientation uint16) []byte {
	return append(webpOf(vp8x(webpAlpha|webpEXIF|webpXMP, 50, 30), appendRIFF(nil, "VP8L", solid(50, 30, color.NRGBA{200, 10, 20, 128})),
		appendRIFF(nil, "EXIF", []byte(exif(binary.LittleEndian, orientation))), appendRIFF(nil, "XMP ", []byte(marker)), appendRIFF(nil, "mine", []byte(marker))), marker...)
}

func animatedWebP() []byte {
	chunks := [][]byte{vp8x(webpAnimated|webpAlpha, 50, 30), appendRIFF(nil, "ANIM", make([]byte, 6))}
	for i := range 3 {
		frame := []byte{0, 0, 0, 0, 0, 0, 49, 0, 0, 29, 0, 0, 100, 0, 0, 0}
		frame = appendRIFF(frame, "VP8L", solid(50, 30, color.NRGBA{uint8(80 * i), 0, 255, 255}))
		chunks = append(chunks, appendRIFF(nil, "ANMF", appendRIFF(frame, "mine", []byte(marker))))
	}
	return webpOf(append(chunks, appendRIFF(nil, "XMP ", []byte(marker)))...)
}

func corpus(t testing.TB) map[string]struct {
	kind string
	data []byte
} {
	type one = struct {
		kind string
		data []byte
	}
	grey := image.NewGray16(image.Rect(0, 0, 33, 21))
	return map[string]one{
		"jpeg":          {"image/jpeg", phoneJPEG(t, quadrants(64, 48), 1)},
		"jpeg, turned":  {"image/jpeg", phoneJPEG(t, quadrants(64, 48), 6)},
		"grey jpeg":     {"image/jpeg", phoneJPEG(t, grey, 1)},
		"png":           {"image/png", textPNG(t, quadrants(64, 48))},
		"deep png":      {"image/png", textPNG(t, grey)},
		"gif":           {"image/gif", chattyGIF(t)},
		"webp":          {"image/webp", chattyWebP(1)},
		"webp, turned":  {"image/webp", chattyWebP(8)},
		"animated webp": {"image/webp", animatedWebP()},
		"plain webp":    {"image/webp", webpOf(appendRIFF(nil, "VP8L", solid(9, 9, color.NRGBA{1, 2, 3, 255})))},
	}
}

// What a picture says about its maker is gone, what it shows is the same, and cleaning it again changes nothing.
func TestClean(t *testing.T) {
	for name, p := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			out, info, err := Clean(p.data, p.kind)
			check(t, err)
			for _, s := range []string{marker, marker[:7], "Kim", "xmp", "Photoshop", "PK\x03\x04", "prVt", "mine"} {
				if bytes.Contains(out, []byte(s)) {
					t.Errorf("%q is still in it", s)
				}
			}
			before, err := decode(p.data, p.kind)
			check(t, err)
			after, err := decode(out, p.kind)
			check(t, err)
			if before.Bounds() != after.Bounds() {
				t.Fatalf("%v became %v", before.Bounds(), after.Bounds())
			}
			for y := range before.Bounds().Dy() {
				for x := range before.Bounds().Dx() {
					if before.At(x, y) != after.At(x, y) {
						t.Fatalf("pixel %d, %d: %v became %v", x, y, before.At(x, y), after.At(x, y))
					}
				}
			}
			again, info2, err := Clean(out, p.kind)
			if err != nil || !bytes.Equal(again, out) || info2 != info {
				t.Errorf("cleaned again: %v, %+v, was %+v", err, info2, info)
			}
		})
	}
	// What belongs to the picture stays: colours, and how an animation runs.
	out, _, err := Clean(phoneJPEG(t, quadrants(64, 48), 1), "image/jpeg")
	check(t, err)
	if !bytes.Contains(out, []byte("ICC_PROFILE\x00\x01\x01profile")) {
		t.Error("the colour profile of the JPEG is gone")
	}
	out, _, err = Clean(textPNG(t, quadrants(64, 48)), "image/png")
	check(t, err)
	if !bytes.Contains(out, []byte("iCCPicc\x00\x00x")) || !bytes.Contains(out, []byte("gAMA")) {
		t.Error("the colours of the PNG are gone")
	}
	out, _, err = Clean(chattyGIF(t), "image/gif")
	check(t, err)
	g, err := gif.DecodeAll(bytes.NewReader(out))
	check(t, err)
	if len(g.Image) != 3 || g.LoopCount != 3 || g.Delay[2] != 7 || g.Image[1].At(5, 5) != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("the animation: %d frames, %d times, %v", len(g.Image), g.LoopCount, g.Delay)
	}
	out, _, err = Clean(animatedWebP(), "image/webp")
	check(t, err)
	if n := bytes.Count(out, []byte("ANMF")); n != 3 {
		t.Errorf("%d frames", n)
	}
}

// The orientation is the one thing of EXIF that is kept, and thumbnails are upright.
func TestOrientation(t *testing.T) {
	red, green, blue, yellow := color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{255, 255, 0, 255}
	// By EXIF 2.32, table 6: which corner of the stored picture is shown at the top left, top right and bottom left.
	want := map[int][3]color.RGBA{1: {red, green, blue}, 2: {green, red, yellow}, 3: {yellow, blue, green}, 4: {blue, yellow, red},
		5: {red, blue, green}, 6: {blue, red, yellow}, 7: {yellow, green, blue}, 8: {green, yellow, red}}
	for o := 1; o <= 8; o++ {
		data, info, err := Clean(phoneJPEG(t, quadrants(800, 600), uint16(o)), "image/jpeg")
		check(t, err)
		if info.Orientation != o || (info.Width == 600) != (o >= 5) || (info.Height == 800) != (o >= 5) {
			t.Errorf("%d: %+v", o, info)
		}
		if i := bytes.Index(data, []byte(exifHeader)); (i < 0) != (o == 1) || i >= 0 && readOrientation(data[i+6:]) != o {
			t.Errorf("%d: kept at %d", o, i)
		}
		thumb, err := Thumbnail(t.Context(), data, "image/jpeg", info)
		check(t, err)
		m, err := jpeg.Decode(bytes.NewReader(thumb))
		check(t, err)
		b := m.Bounds()
		if max(b.Dx(), b.Dy()) != ThumbSide || (b.Dx() < b.Dy()) != (o >= 5) {
			t.Errorf("%d: the thumbnail is %v", o, b)
		}
		for i, at := range []image.Point{{10, 10}, {b.Dx() - 10, 10}, {10, b.Dy() - 10}} {
			if got := m.At(at.X, at.Y); far(got, want[o][i]) {
				t.Errorf("%d: corner %d is %v, want %v", o, i, got, want[o][i])
			}
		}
	}
	for _, s := range []string{"", "II*\x00", "II*\x00\xff\xff\xff\xff", "MM\x00*\x00\x00\x00\x08\xff\xff", "XX", exif(binary.LittleEndian, 9), exif(binary.BigEndian, 0)} {
		if o := readOrientation([]byte(s)); o != 1 {
			t.Errorf("%q: %d", s, o)
		}
	}
}

func far(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	d := func(x, y uint32) bool { return max(x, y)-min(x, y) > 40<<8 }
	return d(r, r2) || d(g, g2) || d(bl, bl2)
}

func TestThumbnails(t *testing.T) {
	for name, p := range corpus(t) {
		out, info, err := Clean(p.data, p.kind)
		check(t, err)
		thumb, err := Thumbnail(t.Context(), out, p.kind, info)
		check(t, err)
		m, kind, err := image.Decode(bytes.NewReader(thumb))
		check(t, err)
		if m.Bounds().Dx() != info.Width || m.Bounds().Dy() != info.Height {
			t.Errorf("%s: %v, want %d x %d: small pictures stay as they are", name, m.Bounds(), info.Width, info.Height)
		}
		if _, _, _, a := m.At(0, 0).RGBA(); (kind == "png") != (a < 0xffff) {
			t.Errorf("%s: %s with alpha %x", name, kind, a)
		}
	}
	// A large one that one can look through, of odd sides: every pixel counts once.
	m := image.NewNRGBA(image.Rect(0, 0, 2003, 1001))
	for i := range m.Pix {
		m.Pix[i] = 100
	}
	small := scale(halve(m))
	if small.Rect.Dx() != 320 || small.Rect.Dy() != 159 && small.Rect.Dy() != 160 {
		t.Errorf("%v", small.Rect)
	}
	for _, at := range []image.Point{{0, 0}, {319, 0}, {0, small.Rect.Dy() - 1}, {319, small.Rect.Dy() - 1}} {
		if c := small.RGBAAt(at.X, at.Y); c.A < 98 || c.A > 102 || c.R < 37 || c.R > 41 {
			t.Errorf("at %v: %v, want 39 of 100", at, c)
		}
	}
	if _, err := webp.Decode(bytes.NewReader(still(animatedWebP()))); err != nil {
		t.Error(err)
	}
}

// Pictures that would take more than there is, or that say one size and have another, are refused before they are decoded.
func TestBombs(t *testing.T) {
	small := textPNG(t, quadrants(8, 8))
	huge := bytes.Clone(small)
	binary.BigEndian.PutUint32(huge[16:], 60_000)
	binary.BigEndian.PutUint32(huge[20:], 60_000)
	frame := appendRIFF(make([]byte, frameHead), "VP8L", solid(16_000, 16_000, color.NRGBA{}))
	copy(frame[6:], []byte{9, 0, 0, 9, 0, 0})
	for name, p := range map[string]struct {
		kind string
		data []byte
	}{
		"a PNG of 3.6 gigapixels":             {"image/png", huge},
		"a WebP of 256 megapixels":            {"image/webp", webpOf(appendRIFF(nil, "VP8L", solid(16_000, 16_000, color.NRGBA{})))},
		"a WebP that says it is small":        {"image/webp", webpOf(vp8x(0, 10, 10), appendRIFF(nil, "VP8L", solid(16_000, 16_000, color.NRGBA{})))},
		"a frame that says it is small":       {"image/webp", webpOf(vp8x(webpAnimated, 10, 10), appendRIFF(nil, "ANMF", frame))},
		"a JPEG with two frames":              {"image/jpeg", twoFrames(t)},
		"a PNG without its end":               {"image/png", small[:len(small)-len(marker)-12]},
		"a PNG with a chunk before its head":  {"image/png", append([]byte(pngHeader), appendChunk(nil, "tEXt", []byte("x"))...)},
		"a JPEG that is cut off in its head":  {"image/jpeg", phoneJPEG(t, quadrants(8, 8), 1)[:500]},
		"a GIF that is cut off in its frame":  {"image/gif", cutGIF(t)},
		"a WebP that is cut off":              {"image/webp", chattyWebP(1)[:60]},
		"nothing":                             {"image/jpeg", nil},
		"a kind of file that is no picture":   {"text/plain", []byte("x")},
		"a GIF of no size":                    {"image/gif", append([]byte("GIF89a\x00\x00\x00\x00\x00\x00\x00"), cutGIF(t)[13:]...)},
		"a PNG whose chunk is longer than it": {"image/png", append(append([]byte{}, small[:33]...), 0x7f, 0xff, 0xff, 0xff, 'I', 'D', 'A', 'T', 0, 0, 0, 0)},
	} {
		if _, i, err := Clean(p.data, p.kind); err == nil {
			t.Errorf("%s: taken, %+v", name, i)
		}
	}
	// A file of 300 KB that inflates to 100 MB: what its pixels do not need is not inflated.
	var b bytes.Buffer
	check(t, png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 5000, 5000))))
	data, info, err := Clean(b.Bytes(), "image/png")
	check(t, err)
	if info.cost > memory {
		t.Errorf("%d bytes", info.cost)
	}
	info.cost = memory + 1
	if _, err := Thumbnail(t.Context(), data, "image/png", info); !errors.Is(err, ErrTooCostly) {
		t.Errorf("%v", err)
	}
	// Whoever waits for the memory can stop waiting.
	check(t, room.Acquire(t.Context(), memory))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	info.cost = 1000
	_, err = Thumbnail(ctx, data, "image/png", info)
	room.Release(memory)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := Thumbnail(t.Context(), data[:200], "image/png", info); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut off behind its head: %v", err)
	}
}

func twoFrames(t testing.TB) []byte {
	in := phoneJPEG(t, quadrants(8, 8), 1)
	at := bytes.Index(in, []byte{0xff, 0xc0})
	return append(append(append([]byte{}, in[:at]...), in[at:at+19]...), in[at:]...)
}

func cutGIF(t testing.TB) []byte {
	in := chattyGIF(t)
	at := bytes.IndexByte(in[100:], gifImage) + 100
	return in[:at+15]
}

// A photo that was cut off in its last lines is shown as far as it goes, and ends properly.
func TestCutPhoto(t *testing.T) {
	in := phoneJPEG(t, quadrants(64, 48), 1)
	out, _, err := Clean(in[:len(in)-len(marker)-4-40], "image/jpeg")
	check(t, err)
	if !bytes.HasSuffix(out, []byte{0xff, eoi}) {
		t.Errorf("ends with %x", out[len(out)-4:])
	}
}

// Whatever comes in, cleaning and decoding it ends without harm, and cleaning what was cleaned changes nothing.
func FuzzClean(f *testing.F) {
	kinds := []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
	for _, p := range corpus(f) {
		for i, k := range kinds {
			if k == p.kind {
				f.Add(uint8(i), p.data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		k := kinds[int(kind)%len(kinds)]
		out, info, err := Clean(data, k)
		if err != nil {
			return
		}
		if len(out) > len(data)+128 {
			t.Fatalf("%d bytes became %d", len(data), len(out))
		}
		again, info2, err := Clean(out, k)
		if err != nil || !bytes.Equal(again, out) || info2 != info {
			t.Fatalf("again: %v\n%x\n%x\n%+v\n%+v", err, out, again, info, info2)
		}
		if info.cost < 1<<20 {
			_, _ = Thumbnail(t.Context(), out, k, info)
		}
	})
}

// BenchmarkDevelop is what a photo costs: go test -bench Develop -benchmem.
func BenchmarkDevelop(b *testing.B) {
	for _, size := range []image.Point{{4000, 3000}, {8000, 6000}} {
		m := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
		for i := range m.Y {
			m.Y[i] = uint8(i*7 ^ i>>9)
		}
		data := phoneJPEG(b, m, 6)
		b.Run(fmt.Sprintf("%dMP", size.X*size.Y/1_000_000), func(b *testing.B) {
			b.ReportMetric(float64(len(data))/1e6, "MB")
			for b.Loop() {
				out, info, err := Clean(data, "image/jpeg")
				check(b, err)
				_, err = Thumbnail(b.Context(), out, "image/jpeg", info)
				check(b, err)
			}
		})
	}
}
