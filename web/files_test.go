package web

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
)

const secretPlace = "PLACE-51.5007N-0.1246W"

// phonePhoto is a JPEG with a place in its EXIF block, one in a comment, and a file behind its end; it lies on a side.
func phonePhoto(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(i >> 6)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00" + secretPlace
	segment := func(marker byte, s string) string { return "\xff" + string([]byte{marker, 0, byte(len(s) + 2)}) + s }
	return []byte("\xff\xd8" + segment(0xe1, exif) + segment(0xfe, secretPlace) + b.String()[2:] + "PK\x03\x04" + secretPlace)
}

// sent uploads a file and sends it in a message.
func (b *bundle) sent(id, bearer, name string, data []byte) chat.Attachment {
	b.t.Helper()
	a := b.upload("/v1/attachments?conversation="+id, name, data, "Authorization", bearer)
	var file chat.Attachment
	if a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &file) != nil {
		b.t.Fatalf("%s: %d %s", name, a.status, a.body)
	}
	m := b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"`+name+`","text":"","attachments":["`+file.ID.String()+`"]}`, "Authorization", bearer)
	if m.status >= 300 {
		b.t.Fatalf("%s: %d %s", name, m.status, m.body)
	}
	return file
}

// A photo loses its place and keeps its looks, and its small copy opens to whom the photo opens and to nobody else.
func TestPhotos(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, token := b.conversation("gb", "en")
	otherID, otherToken := b.conversation("gb", "en")
	bearer, other := "Bearer "+token, "Bearer "+otherToken
	photo := b.sent(id, bearer, "photo.jpg", phonePhoto(t, 800, 600))
	if photo.Width != 600 || photo.Height != 800 || !photo.Thumbnail {
		t.Errorf("%+v: turned upright it is 600 wide and 800 high", photo)
	}
	path := "/v1/conversations/" + id + "/attachments/" + photo.ID.String()
	small := path + "/thumbnail"
	headers := map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "private, max-age=86400, immutable", "Vary": "Authorization, Cookie"}
	b.run([]scenario{
		{name: "the photo", path: path, headers: []string{"Authorization", bearer}, status: 200, want: []string{"\xff\xd8"}, never: []string{secretPlace, "PK\x03\x04"}, wantHeader: headers},
		{name: "its small copy", path: small, headers: []string{"Authorization", bearer}, status: 200, want: []string{"\xff\xd8"}, never: []string{secretPlace}, wantHeader: headers},
		{name: "the record", path: "/v1/conversations/" + id + "/messages", headers: []string{"Authorization", bearer}, status: 200, want: []string{`"width":600`, `"height":800`, `"thumbnail":true`}},
		{name: "another conversation's token", path: small, headers: []string{"Authorization", other}, status: 401, never: []string{"\xff\xd8"}},
		{name: "no token", path: small, status: 401},
		{name: "by way of another conversation", path: "/v1/conversations/" + otherID + "/attachments/" + photo.ID.String() + "/thumbnail", headers: []string{"Authorization", other}, status: 404},
	})
	a := b.do("GET", small, "", "Authorization", bearer)
	m, err := jpeg.Decode(strings.NewReader(a.body))
	if err != nil || m.Bounds().Dx() != 240 || m.Bounds().Dy() != 320 {
		t.Errorf("the small copy: %v, %v", m, err)
	}
	// An agent's file has one, too, and a note's stays inside.
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, "Authorization", bearer); a.status != http.StatusAccepted {
		t.Fatalf("no handoff: %d %s", a.status, a.body)
	}
	mine := "Bearer " + b.person("ada@larkpay.example", "agent", "token", "general")
	foreign := "Bearer " + b.person("bob@larkpay.example", "agent", "token", "fraud")
	desk := "/v1/agent/conversations/" + id
	if a := b.do("POST", desk+"/pull", `{}`, "Authorization", mine); a.status != http.StatusOK {
		t.Fatalf("not taken: %d %s", a.status, a.body)
	}
	see := image.NewNRGBA(image.Rect(0, 0, 10, 10))
	see.Set(1, 1, color.White)
	var through bytes.Buffer
	if err := png.Encode(&through, see); err != nil {
		t.Fatal(err)
	}
	noted, _ := b.upload(desk+"/attachments", "note.png", through.Bytes(), "Authorization", mine).json(t)["id"].(string)
	if a := b.do("POST", desk+"/messages", `{"client_id":"a","text":"","visibility":"internal","attachments":["`+noted+`"]}`, "Authorization", mine); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b.run([]scenario{
		{name: "an agent sees the small copy", path: desk + "/attachments/" + photo.ID.String() + "/thumbnail", headers: []string{"Authorization", mine}, status: 200, wantHeader: headers},
		{name: "an agent of another team does not", path: desk + "/attachments/" + photo.ID.String() + "/thumbnail", headers: []string{"Authorization", foreign}, status: 404},
		{name: "the note's picture", path: desk + "/attachments/" + noted + "/thumbnail", headers: []string{"Authorization", mine}, status: 200, wantHeader: map[string]string{"Content-Type": "image/png"}},
		{name: "is not the customer's", path: "/v1/conversations/" + id + "/attachments/" + noted + "/thumbnail", headers: []string{"Authorization", bearer}, status: 404},
	})
	// What is no whole picture is refused with what to do.
	cut := phonePhoto(t, 80, 60)[:300]
	if a := b.upload("/v1/attachments?conversation="+id, "cut.jpg", cut, "Authorization", bearer); a.status != 422 {
		t.Errorf("a photo that is cut off: %d %s", a.status, a.body)
	}
}

// Files that are two things at once are refused, or come as the one that runs nowhere, without the other.
func TestPolyglots(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, token := b.conversation("gb", "en")
	bearer := "Bearer " + token
	const script = "<script>alert(1)</script>"
	gif := "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
	for name, sc := range map[string]struct {
		data string
		kind string // "" for refused
	}{
		"a GIF that is a script, too":       {gif + "\x3b*/=1;" + script, "image/gif"},
		"a GIF with a page in a comment":    {strings.Replace(gif, "\x2c\x00\x00", "\x21\xfe"+string(rune(len(script)))+script+"\x00\x2c\x00\x00", 1) + "\x3b", "image/gif"},
		"a photo that is a zip, too":        {string(phonePhoto(t, 20, 20)) + script, "image/jpeg"},
		"a PDF that is a page, too":         {"%PDF-1.7\n" + script, "application/pdf"},
		"a page that is a PDF, too":         {script + "\n%PDF-1.7\n", ""},
		"a drawing that is called a PNG":    {"<svg xmlns='http://www.w3.org/2000/svg'>" + script + "</svg>", ""},
		"a page in UTF-16":                  {"\xff\xfe<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00", ""},
		"a page in UTF-16, the other way":   {"\xfe\xff\x00<\x00s\x00c\x00r\x00i\x00p\x00t\x00>", ""},
		"a page behind a byte order mark":   {"\xef\xbb\xbf" + script, ""},
		"a page in UTF-7":                   {"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain"},
		"a JavaScript":                      {"alert(document.domain)", "text/plain"},
		"a page far down in a text":         {strings.Repeat("a line\n", 2000) + script, "text/plain"},
		"a MIME archive":                    {"From: x\nContent-Type: multipart/related\n\n" + script, ""},
		"a stylesheet that a page would be": {"<?xml-stylesheet href='x'?>", ""},
	} {
		a := b.upload("/v1/attachments?conversation="+id, "x.html", []byte(sc.data), "Authorization", bearer)
		if sc.kind == "" {
			if a.status != 422 || !strings.Contains(a.body, "unsupported_type") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			continue
		}
		file, _ := a.json(t)["id"].(string)
		got := b.do("GET", "/v1/conversations/"+id+"/attachments/"+file, "", "Authorization", bearer)
		kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
		how, _, _ := strings.Cut(got.header.Get("Content-Disposition"), ";")
		shown := chat.IsPicture(sc.kind)
		if a.status != 201 || kind != sc.kind || (how == "inline") != shown || shown && strings.Contains(got.body, "<script>") ||
			got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s: %d, comes as %s, %s: %.200q", name, a.status, kind, how, got.body)
		}
	}
}
