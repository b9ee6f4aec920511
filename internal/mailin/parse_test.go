package mailin

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/firstline/firstline/internal/chat"
)

// part is one of a multipart mail.
func part(headers, body string) string {
	if headers != "" {
		headers += "\n"
	}
	return "--b\n" + headers + "\n" + body + "\n"
}

func picture(t testing.TB, noise int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, noise, noise))
	for i := range img.Pix {
		img.Pix[i] = byte(uint32(i) * uint32(i) * 2654435761 >> 13)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encoded(data []byte) string {
	s := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

// What people's mail programs send, and what broken ones do.
func TestParse(t *testing.T) {
	t.Parallel()
	mixed := "Content-Type: multipart/mixed; boundary=b"
	for _, c := range []struct {
		name, headers, body string
		text                string
		files, left         []string
	}{
		{"plain", "", "Hello\nthere", "Hello\nthere", nil, nil},
		{"no type at all, Windows letters", "", "Gr\xfc\xdfe \x80 5", "Grüße € 5", nil, nil},
		{"latin1, quoted-printable", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable", "Gr=FC=DFe=\n!", "Grüße!", nil, nil},
		{"utf-8 in base64", "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte("مرحبا")), "مرحبا", nil, nil},
		{"arabic of Windows", "Content-Type: text/plain; charset=windows-1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا", nil, nil},
		{"koi8", "Content-Type: text/plain; charset=koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", nil, nil},
		{"utf-16", "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte("H\x00i\x00")), "Hi", nil, nil},
		{"an unknown charset", "Content-Type: text/plain; charset=x-klingon", "Hello", "Hello", nil, nil},
		{"a wrong charset", "Content-Type: text/plain; charset=utf-8", "Gr\xfc\xdfe", "Grüße", nil, nil},
		{"an unknown encoding", "Content-Transfer-Encoding: x-zip", "Hello", "Hello", nil, nil},
		{"broken base64", "Content-Transfer-Encoding: base64", "SGVsbG8g!!!!", "Hello ", nil, nil},
		{"zeros and escapes", "", "a\x00b\x1b[31mc", "ab[31mc", nil, nil},
		{"flowed", "Content-Type: text/plain; format=flowed", "This line goes \non.\n> quoted goes \n> on\n-- \nKim", "This line goes on.\n> quoted goes on\n-- \nKim", nil, nil},
		{"alternative", "Content-Type: multipart/alternative; boundary=b", part("Content-Type: text/plain", "plain") + part("Content-Type: text/html", "<b>rich</b>") + "--b--\n", "plain", nil, nil},
		{"alternative without text", "Content-Type: multipart/alternative; boundary=b", part("Content-Type: text/plain", " ") + part("Content-Type: text/html", "<b>rich</b>") + "--b--\n", "rich", nil, nil},
		{"a file", mixed, part("Content-Type: text/plain", "See") + part("Content-Type: application/pdf; name=\"=?utf-8?Q?Rechnung_=C3=BC?=.pdf\"\nContent-Disposition: attachment", "%PDF-1.4") + "--b--\n", "See", []string{"Rechnung ü.pdf"}, nil},
		{"a file without a type", mixed, part("", "See") + part("Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.txt", "x") + "--b--\n", "See", []string{"€.txt"}, nil},
		{"two texts around a file", mixed, part("Content-Type: text/plain", "before") + part("Content-Disposition: attachment; filename=a.txt", "x") + part("Content-Type: text/plain", "after") + "--b--\n", "before\nafter", []string{"a.txt"}, nil},
		{"winmail.dat", mixed, part("Content-Type: text/plain", "See") + part("Content-Type: application/ms-tnef; name=winmail.dat", "x\x9f>\"") + "--b--\n", "See", []string{"winmail.dat"}, nil},
		{"a signed one", "Content-Type: multipart/signed; boundary=b", part("Content-Type: text/plain", "signed") + part("Content-Type: application/pgp-signature; name=signature.asc", "-----BEGIN") + "--b--\n", "signed", nil, nil},
		{"a mail in a mail", mixed, part("Content-Type: text/plain", "look") + part("Content-Type: message/rfc822", "Subject: inner\n\ninner text") + "--b--\n", "look", []string{"message.eml"}, nil},
		{"an invitation", mixed, part("Content-Type: text/plain", "come") + part("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR") + "--b--\n", "come", nil, nil},
		{"no end", mixed, part("Content-Type: text/plain", "cut off"), "cut off", nil, nil},
		{"a boundary that is missing", "Content-Type: multipart/mixed", "text", "", nil, nil},
		{"a boundary that never comes", mixed, "nothing here", "", nil, nil},
		{"a type that is none", "Content-Type: ;;;=", "Hello", "Hello", nil, nil},
		{"an empty file", mixed, part("", "t") + part("Content-Disposition: attachment; filename=e.txt", "") + "--b--\n", "t", nil, []string{"e.txt"}},
		{"a name with a path and a break", mixed, part("Content-Disposition: attachment; filename=\"../../etc/passwd\"", "x") + "--b--\n", "", []string{"../../etc/passwd"}, nil},
		{"a logo and a screenshot in a text", "Content-Type: multipart/related; boundary=b", part("Content-Type: text/html", "<p>look</p><img src=cid:1>") +
			part("Content-Type: image/png; name=logo.png\nContent-ID: <1>\nContent-Transfer-Encoding: base64", encoded(picture(t, 8))) +
			part("Content-Type: image/png; name=shot.png\nContent-ID: <2>\nContent-Transfer-Encoding: base64", encoded(picture(t, 200))) + "--b--\n", "look", []string{"shot.png"}, nil},
	} {
		m, err := Parse(write(c.headers, c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var files []string
		for _, f := range m.Files {
			files = append(files, f.Name)
		}
		if got := strings.TrimRight(strings.ReplaceAll(m.Text, "\r\n", "\n"), "\n"); got != c.text || !slices.Equal(files, c.files) || !slices.Equal(m.Left, c.left) {
			t.Errorf("%s: %q, files %q, left %q", c.name, got, files, m.Left)
		}
	}
	if _, err := Parse([]byte("no header at all")); err == nil {
		t.Error("anything is a mail")
	}
	if _, err := Parse(nil); err == nil {
		t.Error("nothing is a mail")
	}
}

// What is meant to use up a reader ends soon and gives what can be had of it.
func TestBombs(t *testing.T) {
	t.Parallel()
	nested := strings.Builder{}
	for i := range 500 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	var parts strings.Builder
	for i := range 1000 {
		parts.WriteString(part("Content-Type: text/plain", fmt.Sprint("part ", i)))
	}
	var files strings.Builder
	for i := range 40 {
		files.WriteString(part(fmt.Sprintf("Content-Disposition: attachment; filename=f%d.txt", i), "x"))
	}
	for name, raw := range map[string][]byte{
		"nested":        write(strings.TrimSpace(nested.String()), "text"),
		"1000 parts":    write("Content-Type: multipart/mixed; boundary=b", parts.String()+"--b--\n"),
		"files":         write("Content-Type: multipart/mixed; boundary=b", files.String()+"--b--\n"),
		"long line":     write("", strings.Repeat("a", 3<<20)),
		"long header":   write("X-Long: "+strings.Repeat("a", 2<<20), "text"),
		"many headers":  write(strings.Repeat("X-More: a\n", 50_000), "text"),
		"deep html":     write("Content-Type: text/html", strings.Repeat("<div><blockquote type=cite>", 100_000)+"text"),
		"html entities": write("Content-Type: text/html", strings.Repeat("&CounterClockwiseContourIntegral;", 50_000)),
		"open tag":      write("Content-Type: text/html", "<a "+strings.Repeat("x=y ", 500_000)),
		"references":    write("References: "+strings.Repeat("<a@b> ", 10_000), "text"),
		"recipients":    write("Cc: "+strings.Repeat("a@example.com, ", 10_000)+"b@example.com", "text"),
		"escapes":       write("Content-Type: text/plain; charset=iso-2022-jp", strings.Repeat("\x1b$B\x1b(B", 200_000)),
		"hz":            write("Content-Type: text/plain; charset=hz-gb-2312", strings.Repeat("~{~}", 200_000)),
	} {
		m, err := Parse(raw)
		if err != nil {
			continue // refused is fine, too
		}
		if len(m.Text) > 4<<20 || !utf8.ValidString(m.Text) || len(m.Files) > chat.MaxMessageFiles || len(m.Refs) > 100 || len(m.To) > 200 || len(m.Left) > 20 {
			t.Errorf("%s: %d bytes of text, %d files, %d refs", name, len(m.Text), len(m.Files), len(m.Refs))
		}
		if Strip(m.Text, m.Subject); name == "1000 parts" && (!strings.Contains(m.Text, "part 199") || len(m.Left) == 0) {
			t.Errorf("of 1000 parts %d bytes, left %v", len(m.Text), m.Left)
		}
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, html, want string }{
		{"paragraphs", "<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"},
		{"outlook", `<html><head><style>p{color:red}</style><title>x</title></head><body><p class="MsoNormal">Hello,</p><p>text</p></body></html>`, "Hello,\n\ntext"},
		{"list and table", "<ul><li>a</li><li>b</li></ul><table><tr><td>1</td><td>2</td></tr></table>", "- a\n- b\n\n1 2"},
		{"script", "a<script>alert('<b>x</b>')</script>b<!-- c -->", "ab"},
		{"blanks", "a  \n b&nbsp;c <b>d</b> e", "a b\u00a0c d e"},
		{"gmail", `<div dir="ltr">Thanks</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, 23 Nov 2026 at 14:05, Larkpay &lt;<a href="mailto:s@larkpay.example">s@larkpay.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0"><div>Please restart.</div></blockquote></div>`, "Thanks"},
		{"apple", `<html><body>Yes.<br><div dir="ltr"><br><blockquote type="cite">On 23 Nov 2026, at 14:05, Larkpay &lt;s@larkpay.example&gt; wrote:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">Which one?</div></blockquote></body></html>`, "Yes."},
		{"thunderbird", `<p>It is empty.</p><div class="moz-cite-prefix">Am 23.11.26 um 14:05 schrieb Larkpay:<br></div><blockquote type="cite" cite="mid:1"><p>Settings</p></blockquote>`, "It is empty."},
		{"outlook reply", `<div>Bitte stornieren.</div><div id="appendonsend"></div><hr tabindex="-1"><div id="divRplyFwdMsg"><b>Von:</b> Larkpay &lt;s@larkpay.example&gt;<br><b>Gesendet:</b> Montag, 23. November 2026 14:05<br><b>An:</b> kim@example.com<br><b>Betreff:</b> Antwort</div><div>Auf Ihrem Konto.</div>`, "Bitte stornieren."},
		{"outlook paragraphs", `<p class=MsoNormal>Annulez.</p><div><div style='border:none'><p class=MsoNormal><b>De :</b> Larkpay<br><b>Envoyé :</b> lundi 23 novembre 2026 14:05<br><b>À :</b> z@example.org<br><b>Objet :</b> RE: x</p></div></div><p>Deux paiements.</p>`, "Annulez."},
		{"an indented paragraph of their own", `<p>The letter says:</p><blockquote style="margin-left:40px">You owe 12</blockquote><p>Is it true?</p>`, "The letter says:\n\nYou owe 12\n\nIs it true?"},
		{"answers between quotes", `<div class="gmail_attr">On Mon, 23 Nov 2026 at 14:05, Larkpay &lt;s@larkpay.example&gt; wrote:</div><blockquote class="gmail_quote">Number?</blockquote><div>88213</div><blockquote class="gmail_quote">Shop?</blockquote><div>Bluebird</div>`,
			"On Mon, 23 Nov 2026 at 14:05, Larkpay <s@larkpay.example> wrote:\n> Number?\n88213\n> Shop?\nBluebird"},
	} {
		if got, _ := Strip(htmlText(strings.NewReader(c.html)), ""); got != strings.ReplaceAll(c.want, "\u00a0", " ") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What a mail names itself gets into no header and no line of ours.
func TestInjection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want(t, "the answer", b.hand(inbox, write("Subject: =?utf-8?Q?Hello=0D=0ABcc:_eve@example.com?=\nMessage-ID: <a@example.com>", "x")), 250)
	var id [16]byte
	if err := b.pool.QueryRow(t.Context(), `SELECT id FROM conversations`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	b.answers(id, "Yes.")
	if _, err := b.Answer(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	m := b.out.mails()[0]
	if m.Subject != "Re: Hello Bcc: eve@example.com" || strings.ContainsAny(m.Subject+m.Answers+m.To+m.ID, "\r\n") {
		t.Errorf("mail %+v", m)
	}
	if _, err := b.Entries(t.Context(), "lost", time.Time{}, 10); err == nil {
		t.Error("any verdict will do")
	}
}

// Files of a mail pass the checks of uploads; what does not is named to the customer. A card's number is stored nowhere.
func TestFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("kim@example.com")
	card := "4111 1111 1111 1111"
	raw := write("Content-Type: multipart/mixed; boundary=b", part("Content-Type: text/plain", "My card "+card+"\n\n-- \nKim "+card)+
		part("Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64", encoded(picture(t, 20)))+
		part("Content-Type: image/png; name=page.png", "<html><script>alert(1)</script>")+
		part("Content-Disposition: attachment; filename=\"card "+card+".txt\"", "number "+card)+
		part("Content-Disposition: attachment; filename=run.exe", "MZ\x90\x00\x03")+"--b--\n")
	want(t, "the answer", b.hand(b.replyTo(c.ID), raw), 250)
	m := b.messages(c.ID)
	files := m[1].Files()
	if len(files) != 2 || files[0].Name != "a.png" || files[0].MediaType != "image/png" || files[1].MediaType != "text/plain" {
		t.Errorf("files %+v", files)
	}
	if len(m) != 3 || m[2].Author != chat.System || !strings.Contains(m[2].Text, "page.png, run.exe") {
		t.Errorf("messages %+v", m)
	}
	for _, sql := range []string{`SELECT count(*) FROM messages WHERE body LIKE '%4111%' OR attachments::text LIKE '%4111%'`, `SELECT count(*) FROM inbound_mail WHERE original LIKE '%4111%'`,
		`SELECT count(*) FROM attachments WHERE convert_from(CASE WHEN media_type = 'text/plain' THEN data ELSE '' END, 'UTF8') LIKE '%4111%' OR name LIKE '%4111%'`} {
		want(t, sql, b.count(sql), 0)
	}
	want(t, "again", b.hand(b.replyTo(c.ID), raw), 250)
	want(t, "messages", len(b.messages(c.ID)), 3)
	// One that only has a picture says enough, and one that has nothing is none.
	want(t, "a picture", b.hand(b.replyTo(c.ID), write("Content-Type: image/png; name=b.png\nContent-Transfer-Encoding: base64", encoded(picture(t, 30)))), 250)
	want(t, "nothing", b.hand(b.replyTo(c.ID), write("Subject: ", "\n\n")), 250)
	got := b.verdicts()
	want(t, "nothing", got[len(got)-1], "ignored empty")
}

// A long mail is as many messages as it takes, and what is behind those is in a file beside them.
func TestLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.conversation("kim@example.com")
	line := strings.Repeat("Word ", 150) + "end.\n\n"
	want(t, "long", b.hand(b.replyTo(c.ID), write("", strings.Repeat(line, 12))), 250)
	m := b.messages(c.ID)[1:]
	if len(m) != 3 {
		t.Fatalf("%d messages", len(m))
	}
	words := 0
	for _, x := range m {
		words += strings.Count(x.Text, "Word")
		if n := utf8.RuneCountInString(x.Text); n > maxMessage || len(x.Files()) > 0 || !strings.HasSuffix(x.Text, "end.") {
			t.Errorf("%d characters, ends %q", n, x.Text[len(x.Text)-10:])
		}
	}
	want(t, "words", words, 12*150)
	want(t, "longer", b.hand(b.replyTo(c.ID), write("", strings.Repeat("ü", 30_000))), 250)
	m = b.messages(c.ID)[4:]
	want(t, "messages", len(m), maxMessages)
	if f := m[0].Files(); len(f) != 1 || f[0].Name != "mail.txt" || f[0].Size != 60_000 {
		t.Errorf("files %+v", f)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(write("Content-Type: multipart/mixed; boundary=b", part("Content-Type: text/html", "<p>a<blockquote type=cite>b")+part("Content-Disposition: attachment; filename=a", "x")+"--b--"))
	f.Add(write("Content-Type: text/plain; format=flowed; delsp=yes\nFrom: a@b, c@d", "a \n> b \n>> c\n-- \nd"))
	f.Add(write("Authentication-Results: mx.larkpay.example; dmarc=pass\nIn-Reply-To: <a@b>", "On 1 Jan, x wrote:\n> a\n\n________________\nFrom: a\nSent: b\nTo: c\n\nd"))
	f.Add(write("Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=utf-16", "AAAA"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Parse(raw)
		if err != nil {
			return
		}
		if !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0) || strings.ContainsAny(m.Subject+m.From, "\r\n\x00") {
			t.Fatalf("not to be stored: %q %q", m.Text, m.Subject)
		}
		if a := m.Authentic("mx.larkpay.example"); a != "pass" && a != "fail" && a != "none" {
			t.Fatal(a)
		}
		kept, cut := Strip(m.Text, m.Subject)
		whole := join(split(m.Text))
		if kept == "" && whole != "" || len(kept) > len(whole) || !cut && kept != whole {
			t.Fatalf("kept %q of %q", kept, whole)
		}
		// Nothing is made up: every line that is kept is one of the mail's.
		lines := strings.Split(whole, "\n")
		for _, l := range strings.Split(kept, "\n") {
			if !slices.Contains(lines, l) {
				t.Fatalf("line %q is not in %q", l, whole)
			}
		}
		if all, _ := pieces(kept); utf8.RuneCountInString(all[0]) > maxMessage || len(all) > maxMessages {
			t.Fatalf("%d pieces", len(all))
		}
	})
}
