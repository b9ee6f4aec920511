package mailin

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // what mails are written in, beside UTF-8
	gomail "github.com/emersion/go-message/mail"
	"github.com/emersion/go-msgauth/authres"

	"github.com/firstline/firstline/internal/chat"
	ourmail "github.com/firstline/firstline/internal/mail"
)

// Bounds of a mail; what is behind them is left out and said so, or refused.
const (
	maxParts    = 200
	maxDepth    = 20
	maxReceived = 50
	maxTextPart = 1 << 20 // bytes
)

// File is a part of a mail that the sender attached.
type File struct {
	Name string
	Data []byte
}

// Mail is what is read of a message.
type Mail struct {
	MessageID string // without brackets; "" for none
	From      string // the one address, in lower case; "" where there is none or more than one
	Name      string // of the sender
	Subject   string
	To        []string // addresses in To and Cc, in lower case
	Refs      []string // Message-IDs that it answers, the nearest first
	Text      string   // what a person reads, quotes and all
	Files     []File
	Left      []string // names of parts that were not taken, for the sender to know
	Machine   string   // why no person wrote this, or ""
	Loop      string   // why this is one of our own, or ""

	auth []string // the Authentication-Results, newest first
}

var errNotMail = errors.New("this is not a mail")

// Parse reads a message. It fails only where there is no header at all; broken parts give what can be read of them.
func Parse(raw []byte) (*Mail, error) {
	e, err := message.Read(bytes.NewReader(raw))
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return nil, errNotMail
	}
	if e.Header.Len() == 0 {
		return nil, errNotMail
	}
	h := gomail.Header{Header: e.Header}
	m := &Mail{Subject: oneLine(headerText(h, "Subject"))}
	if id, err := h.MessageID(); err == nil {
		m.MessageID = clip(id, 500)
	}
	if from := h.Values("From"); len(from) == 1 {
		if list := addresses(h, "From"); len(list) == 1 {
			m.From, m.Name = strings.ToLower(list[0].Address), clip(oneLine(list[0].Name), 100)
		}
	}
	for _, key := range []string{"To", "Cc"} {
		for _, a := range addresses(h, key) {
			m.To = append(m.To, strings.ToLower(a.Address))
		}
	}
	for _, key := range []string{"In-Reply-To", "References"} {
		ids, _ := h.MsgIDList(key)
		slices.Reverse(ids)
		m.Refs = append(m.Refs, ids[:min(len(ids), 50)]...)
	}
	m.auth = h.Values("Authentication-Results")
	m.Machine, m.Loop = machine(h, m), loop(h)
	p := &parser{mail: m}
	m.Text = clean(p.read(e, 0, false))
	if p.parts >= maxParts {
		m.leave("…")
	}
	return m, nil
}

// addresses reads a list of addresses; what cannot be read is none.
func addresses(h gomail.Header, key string) []*gomail.Address {
	list, err := h.AddressList(key)
	if err != nil {
		return nil
	}
	return list[:min(len(list), 100)]
}

func headerText(h gomail.Header, key string) string {
	if s, err := h.Text(key); err == nil {
		return s
	}
	return h.Get(key)
}

// oneLine is a text without line breaks and other signs that are not seen.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))), " ")
}

// clean is a text that can be stored.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// clip shortens a text to n bytes without cutting a letter.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// automaticSubject is how programs begin the subject of what they answer on their own.
var automaticSubject = regexp.MustCompile(`(?i)^(?:automatic reply|auto(?:matic)?[- ]?reply|out of office|automatische antwort|abwesenheitsnotiz|respuesta automática|autosvar|automatiskt svar|réponse automatique|رد تلقائي|undeliverable|delivery status notification|mail delivery (?:failed|subsystem)|unzustellbar)\s?(?::|\(|$)`)

// machine says why no person wrote a mail (RFC 3834 and what came before it), or "".
func machine(h gomail.Header, m *Mail) string {
	word := func(key string) string {
		s, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(h.Get(key))), ";")
		return strings.TrimSpace(s)
	}
	kind, _, _ := h.ContentType()
	local, _, _ := strings.Cut(m.From, "@")
	switch {
	case h.Has("Auto-Submitted") && word("Auto-Submitted") != "no":
		return "auto_submitted"
	case kind == "multipart/report" || h.Has("X-Failed-Recipients") || word("Return-Path") == "<>":
		return "bounce"
	case local == "mailer-daemon" || local == "postmaster":
		return "bounce"
	case slices.Contains([]string{"bulk", "list", "junk", "auto_reply"}, word("Precedence")) || h.Has("List-Id"):
		return "list_or_bulk"
	case h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Autoresponder") || automaticSubject.MatchString(m.Subject):
		return "auto_reply"
	}
	return ""
}

func loop(h gomail.Header) string {
	switch {
	case h.Has(ourmail.LoopHeader):
		return "own_mail"
	case len(h.Values("Received")) > maxReceived:
		return "too_many_hops"
	}
	return ""
}

// Authentic tells what a mail server that is trusted says of the sender: "pass", "fail" or "none". Only results under its own
// name count; it must take away those that others put into a mail under that name (RFC 8601, section 5).
func (m *Mail) Authentic(server string) string {
	verdict := "none"
	if server == "" {
		return verdict
	}
	domain := m.From[strings.LastIndexByte(m.From, '@')+1:]
	for _, line := range m.auth[:min(len(m.auth), 20)] {
		id, results, err := authres.Parse(line)
		if name, _, _ := strings.Cut(strings.TrimSpace(id), " "); err != nil || !strings.EqualFold(name, server) {
			continue
		}
		for _, r := range results {
			d, ok := r.(*authres.DMARCResult)
			if !ok {
				continue
			}
			switch d.Value {
			case authres.ResultFail:
				return "fail"
			case authres.ResultPass:
				if d.From == "" || strings.EqualFold(d.From, domain) {
					verdict = "pass"
				}
			}
		}
	}
	return verdict
}

// parser walks through the parts of one mail.
type parser struct {
	mail  *Mail
	parts int
}

// leave notes a part that was not taken.
func (m *Mail) leave(name string) {
	if len(m.Left) < 20 && !slices.Contains(m.Left, name) {
		m.Left = append(m.Left, name)
	}
}

// read returns the text of an entity and takes its files. In a related one pictures belong to the text.
func (p *parser) read(e *message.Entity, depth int, related bool) string {
	kind, params, err := e.Header.ContentType()
	if kind = strings.ToLower(kind); err != nil || !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	mr := e.MultipartReader()
	if mr == nil || depth >= maxDepth {
		return p.leaf(e, kind, params, related)
	}
	var texts []string
	plain := ""
	for p.parts < maxParts {
		part, err := mr.NextPart()
		if part == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			break // the end, or broken: what was read stays
		}
		p.parts++
		text := p.read(part, depth+1, related || kind == "multipart/related")
		if strings.TrimSpace(text) == "" {
			continue
		}
		texts = append(texts, text)
		if t, _, _ := part.Header.ContentType(); strings.EqualFold(t, "text/plain") {
			plain = text
		}
	}
	if kind != "multipart/alternative" {
		return strings.Join(texts, "\n")
	}
	if plain != "" {
		return plain
	}
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1] // the last one is the richest
}

// smallPicture is the size up to which a picture in a text is taken for decoration, such as the logo of a signature.
const smallPicture = 8 << 10

func (p *parser) leaf(e *message.Entity, kind string, params map[string]string, related bool) string {
	disposition, dparams, _ := e.Header.ContentDisposition()
	name := oneLine(dparams["filename"])
	if name == "" {
		name = oneLine(params["name"])
	}
	attached := strings.EqualFold(disposition, "attachment") || name != ""
	switch {
	case kind == "application/pgp-signature" || kind == "application/pkcs7-signature" || kind == "application/x-pkcs7-signature":
		return ""
	case !attached && (kind == "" || kind == "text/plain"):
		text := readText(e.Body)
		if strings.EqualFold(params["format"], "flowed") {
			text = unflow(text, strings.EqualFold(params["delsp"], "yes"))
		}
		return text
	case !attached && kind == "text/html":
		return htmlText(strings.NewReader(readText(e.Body)))
	case strings.HasPrefix(kind, "multipart/"):
		return "" // one inside another too often, or without a boundary
	case kind == "text/calendar" && !attached:
		return ""
	}
	if name == "" {
		name = "file"
		if kind == "message/rfc822" {
			name = "message.eml"
		}
	}
	if len(p.mail.Files) >= chat.MaxMessageFiles {
		p.mail.leave(name)
		return ""
	}
	data, err := io.ReadAll(io.LimitReader(e.Body, chat.MaxFile+1))
	picture := strings.HasPrefix(kind, "image/")
	switch {
	case related && picture && len(data) <= smallPicture && !strings.EqualFold(disposition, "attachment"):
		return ""
	case err != nil && !message.IsUnknownCharset(err), len(data) == 0, len(data) > chat.MaxFile:
		p.mail.leave(name)
		return ""
	}
	p.mail.Files = append(p.mail.Files, File{Name: name, Data: data})
	return ""
}

// readText reads a part as text. What does not decode gives what came before.
func readText(r io.Reader) string {
	data, _ := io.ReadAll(io.LimitReader(r, maxTextPart))
	if !utf8.Valid(data) && len(data) < maxTextPart { // said nothing of its letters, or something wrong: most such mail is Windows-1252
		return latin(data)
	}
	return string(data)
}

// latin reads bytes as Windows-1252.
func latin(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c >= 0x80 && c < 0xa0:
			b.WriteRune(windows1252[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

var windows1252 = [32]rune{'€', '\ufffd', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\ufffd', 'Ž', '\ufffd', '\ufffd', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\ufffd', 'ž', 'Ÿ'}

// unflow joins lines that were broken for transport (RFC 3676); quotes stay lines of their own depth.
func unflow(text string, delsp bool) string {
	var out []string
	open, was := false, 0
	for _, l := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		depth := 0
		for depth < len(l) && l[depth] == '>' {
			depth++
		}
		body := strings.TrimPrefix(l[depth:], " ") // stuffed
		signature := body == "-- "
		if open && depth == was && !signature {
			out[len(out)-1] += body
		} else if depth > 0 {
			out = append(out, strings.Repeat(">", depth)+" "+body)
		} else {
			out = append(out, body)
		}
		open, was = strings.HasSuffix(body, " ") && !signature, depth
		if open && delsp {
			out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], " ")
		}
	}
	return strings.Join(out, "\n")
}

// address reads one address as it stands in an envelope.
func address(s string) (local, domain string, ok bool) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return "", "", false
	}
	at := strings.LastIndexByte(a.Address, '@')
	return strings.ToLower(a.Address[:at]), strings.ToLower(a.Address[at+1:]), at > 0
}
