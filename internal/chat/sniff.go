package chat

import (
	"bytes"
	"image"
	_ "image/gif"  // sizes are read before a browser draws them
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	_ "golang.org/x/image/webp" // the same

	"github.com/firstline/firstline/internal/mask"
	"github.com/firstline/firstline/internal/picture"
)

// suffixes are the endings that names of each accepted type may have; the first is added to a name that has none of them.
var suffixes = map[string][]string{
	"image/png":       {".png"},
	"image/jpeg":      {".jpg", ".jpeg"},
	"image/gif":       {".gif"},
	"image/webp":      {".webp"},
	"application/pdf": {".pdf"},
	"text/plain":      {".txt", ".csv", ".log", ".md", ".json"},
}

// Sniff returns the type of a file by its content, and false for one that is not taken: pictures (PNG, JPEG, GIF, WebP),
// PDF and plain text are. What could run as a page, such as HTML and SVG, is not plain text.
func Sniff(data []byte) (mediaType string, ok bool) {
	switch t, _, _ := strings.Cut(http.DetectContentType(data), ";"); t {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		c, _, err := image.DecodeConfig(bytes.NewReader(data))
		return t, err == nil && c.Width > 0 && c.Height > 0 && c.Width <= picture.MaxPixels/c.Height
	case "application/pdf":
		return t, true
	case "text/plain":
		return t, plain(data)
	}
	return "", false
}

// plain reports whether the content is text that no program takes for a page.
func plain(data []byte) bool {
	if !utf8.Valid(data) || bytes.ContainsFunc(data, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\f", r) }) {
		return false
	}
	head := strings.ToLower(string(data[:min(len(data), 4096)]))
	return !slices.ContainsFunc([]string{"<svg", "<html", "<!doctype", "<script", "<?xml", "<body", "<iframe"}, func(s string) bool { return strings.Contains(head, s) })
}

// IsPicture reports whether a browser may show files of the type in a page.
func IsPicture(mediaType string) bool { return strings.HasPrefix(mediaType, "image/") }

// maxName is the longest name of a file, in characters.
const maxName = 100

// FileName makes a file's name harmless: no folders, no signs that are not seen or turn the text around, the ending of its
// type, and nothing that must not be stored.
func FileName(name, mediaType string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`"<>|:*?/`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	name, _ = mask.Mask(name)
	endings := suffixes[mediaType]
	ending := strings.ToLower(path.Ext(name))
	if !slices.Contains(endings, ending) {
		ending = ""
		if len(endings) > 0 {
			ending = endings[0]
		}
	} else {
		name = name[:len(name)-len(ending)]
	}
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	if name == "" {
		name = "file"
	}
	return name + ending
}
