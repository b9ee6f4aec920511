package web

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/firstline/firstline/internal/chat"
)

// form is a multipart body with one file, and its content type.
func form(t *testing.T, name string, data []byte) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func (b *bundle) upload(path, name string, data []byte, headers ...string) answer {
	b.t.Helper()
	body, kind := form(b.t, name, data)
	return b.do("POST", path, body, append(headers, "Content-Type", kind)...)
}

func pngPicture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, token := b.conversation("gb", "en")
	otherID, otherToken := b.conversation("gb", "en")
	bearer, other := "Bearer "+token, "Bearer "+otherToken
	here := "/v1/attachments?conversation=" + id
	files := "/v1/conversations/" + id + "/attachments/"

	a := b.upload(here, "shot.exe", pngPicture(t), "Authorization", bearer)
	var shot chat.Attachment
	if a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &shot) != nil || shot.MediaType != "image/png" || shot.Name != "shot.exe.png" {
		t.Fatalf("the picture: %d %s", a.status, a.body)
	}
	a = b.upload(here, "nöte.txt", []byte("my card is 4111 1111 1111 1111"), "Authorization", bearer)
	var note chat.Attachment
	if a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &note) != nil {
		t.Fatalf("the text: %d %s", a.status, a.body)
	}

	for name, sc := range map[string]struct {
		data   []byte
		status int
		want   string
	}{
		"svg":       {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), 422, "unsupported_type"},
		"page.html": {[]byte("<!doctype html><script>alert(1)</script>"), 422, "unsupported_type"},
		"a.png":     {[]byte("PK\x03\x04zip"), 422, "unsupported_type"},
		"empty.txt": {nil, 422, "required"},
		"big.txt":   {bytes.Repeat([]byte("a"), chat.MaxFile+1), 422, "too_large"},
		"huge.txt":  {bytes.Repeat([]byte("a"), chat.MaxFile+1<<20), 422, "too_large"},
	} {
		if a := b.upload(here, name, sc.data, "Authorization", bearer); a.status != sc.status || !strings.Contains(a.body, sc.want) {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
		}
	}
	if a := b.upload(here, "a.txt", []byte("x"), "Authorization", other); a.status != http.StatusUnauthorized {
		t.Errorf("another conversation's token: %d", a.status)
	}
	if a := b.upload("/v1/attachments", "a.txt", []byte("x"), "Authorization", bearer); a.status != http.StatusUnauthorized {
		t.Errorf("no conversation: %d", a.status)
	}

	// A picture without a word: it is stored, and a person is offered.
	a = b.do("POST", "/v1/conversations/"+id+"/messages", `{"client_id":"1","text":"","attachments":["`+shot.ID.String()+`","`+note.ID.String()+`"]}`,
		"Authorization", bearer, "Accept", "text/event-stream")
	if a.status != http.StatusOK || !strings.Contains(a.body, "offered_human") || !strings.Contains(a.body, "can't look at pictures") {
		t.Errorf("the picture's turn: %d %s", a.status, a.body)
	}
	b.run([]scenario{
		{name: "neither a word nor a file", method: "POST", path: "/v1/conversations/" + id + "/messages", body: `{"client_id":"2","text":" ","attachments":[]}`,
			headers: []string{"Authorization", bearer}, status: 422, want: []string{`"field":"text"`}},
		{name: "a file of another conversation", method: "POST", path: "/v1/conversations/" + otherID + "/messages",
			body: `{"client_id":"3","text":"mine","attachments":["` + shot.ID.String() + `"]}`, headers: []string{"Authorization", other}, status: 422, want: []string{`"field":"attachments"`}},
		{name: "the picture is shown", path: files + shot.ID.String(), headers: []string{"Authorization", bearer}, status: 200,
			wantHeader: map[string]string{"Content-Type": "image/png", "Content-Disposition": `inline; filename=shot.exe.png`, "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "same-origin"}},
		{name: "the text is saved, masked", path: files + note.ID.String(), headers: []string{"Authorization", bearer}, status: 200,
			want: []string{"[card ending 1111]"}, never: []string{"4111"},
			wantHeader: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": `attachment; filename=n_te.txt; filename*=UTF-8''n%C3%B6te.txt`}},
		{name: "another conversation's token", path: files + shot.ID.String(), headers: []string{"Authorization", other}, status: 401},
		{name: "by way of another conversation", path: "/v1/conversations/" + otherID + "/attachments/" + shot.ID.String(), headers: []string{"Authorization", other}, status: 404},
		{name: "in the transcript", path: "/v1/conversations/" + id + "/transcript?format=text", headers: []string{"Authorization", bearer}, status: 200,
			want: []string{"[shot.exe.png, 1 KB]"}},
		{name: "in the record", path: "/v1/conversations/" + id + "/messages", headers: []string{"Authorization", bearer}, status: 200,
			want: []string{`"attachments":[{"id":"` + shot.ID.String()}},
	})

	// The package has them; agents of the team open them and send their own, others know nothing of it.
	if a := b.do("POST", "/v1/conversations/"+id+"/handoff", `{}`, "Authorization", bearer); a.status != http.StatusAccepted {
		t.Fatalf("no handoff: %d %s", a.status, a.body)
	}
	mine := "Bearer " + b.person("ada@larkpay.example", "agent", "token", "general")
	foreign := "Bearer " + b.person("bob@larkpay.example", "agent", "token", "fraud")
	desk := "/v1/agent/conversations/" + id
	if a := b.do("POST", desk+"/pull", `{}`, "Authorization", mine); a.status != http.StatusOK {
		t.Fatalf("not taken: %d %s", a.status, a.body)
	}
	secret := b.upload(desk+"/attachments", "internal.txt", []byte("for us only"), "Authorization", mine)
	public := b.upload(desk+"/attachments", "answer.pdf", []byte("%PDF-1.7\nanswer"), "Authorization", mine)
	secretID, _ := secret.json(t)["id"].(string)
	publicID, _ := public.json(t)["id"].(string)
	for _, m := range []string{`{"client_id":"a","text":"","visibility":"internal","attachments":["` + secretID + `"]}`, `{"client_id":"b","text":"See the file.","attachments":["` + publicID + `"]}`} {
		if a := b.do("POST", desk+"/messages", m, "Authorization", mine); a.status != http.StatusCreated || !strings.Contains(a.body, `"attachments":[{`) {
			t.Errorf("%s: %d %s", m, a.status, a.body)
		}
	}
	loose := b.upload(desk+"/attachments", "later.txt", []byte("not sent"), "Authorization", mine)
	looseID, _ := loose.json(t)["id"].(string)
	b.run([]scenario{
		{name: "the package", path: desk, headers: []string{"Authorization", mine}, status: 200, want: []string{`"attachments":[{"id":"` + shot.ID.String()}},
		{name: "an agent opens the picture", path: desk + "/attachments/" + shot.ID.String(), headers: []string{"Authorization", mine}, status: 200},
		{name: "an agent of another team", path: desk + "/attachments/" + shot.ID.String(), headers: []string{"Authorization", foreign}, status: 404},
		{name: "the customer opens the answer's file", path: files + publicID, headers: []string{"Authorization", bearer}, status: 200, want: []string{"%PDF"}},
		{name: "the customer does not open the note's", path: files + secretID, headers: []string{"Authorization", bearer}, status: 404, never: []string{"for us only"}},
		{name: "nor what is not sent yet", path: files + looseID, headers: []string{"Authorization", bearer}, status: 404, never: []string{"not sent"}},
		{name: "the customer's file in an agent's message", method: "POST", path: desk + "/messages", body: `{"client_id":"c","text":"x","attachments":["` + shot.ID.String() + `"]}`,
			headers: []string{"Authorization", mine}, status: 422, want: []string{`"field":"attachments"`}},
	})
	if a := b.upload(desk+"/attachments", "x.txt", []byte("x"), "Authorization", foreign); a.status != http.StatusNotFound {
		t.Errorf("an agent of another team uploads: %d", a.status)
	}
	// Two files, or a field beside the file, are refused rather than half taken.
	var two bytes.Buffer
	w := multipart.NewWriter(&two)
	for range 2 {
		part, _ := w.CreateFormFile("file", "a.txt")
		_, _ = part.Write([]byte("abc"))
	}
	_ = w.Close()
	if a := b.do("POST", here, two.String(), "Authorization", bearer, "Content-Type", w.FormDataContentType()); a.status != 422 || !strings.Contains(a.body, "one_at_a_time") {
		t.Errorf("two files: %d %s", a.status, a.body)
	}
	if a := b.do("POST", here, `{}`, "Authorization", bearer); a.status != 422 || !strings.Contains(a.body, "not_a_form") {
		t.Errorf("no form: %d %s", a.status, a.body)
	}
}
